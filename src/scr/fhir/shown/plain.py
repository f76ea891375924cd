"""Plain words beside a clinical term: ``terminology/plain-words.csv``, in English and in Welsh.

The columns are ``system``, ``code``, ``english`` and ``welsh``. A deployment's own file stands in the place
of the packaged one. A code without a row has no plain words, and its term stands alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from scr.data import DataFiles
from scr.errors import Invalid

Language = Literal["en", "cy"]
"""English or Welsh."""

COLUMNS = ("system", "code", "english", "welsh")


@dataclass(frozen=True, slots=True)
class PlainWords:
    """The words by token ``system|code``: English, Welsh."""

    words: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def of(self, codes: Iterable[str], language: Language) -> str:
        """What the first of some codes that has words means; empty where none has."""
        for code in codes:
            found = self.words.get(code)
            if found is not None:
                return found[language == "cy"]
        return ""


def load_plain_words(files: DataFiles) -> PlainWords:
    """The words in force. Raises Invalid with file and line."""
    path = files.find("terminology", "plain-words.csv")
    found: dict[str, tuple[str, str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise Invalid(f"the columns are {', '.join(COLUMNS)}", code="bad-configuration", where=str(path))
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if len(row) != len(COLUMNS) or not all(cell.strip() for cell in row):
                raise Invalid(
                    "each of the four columns has to say something", code="bad-configuration", where=where
                )
            token = f"{row[0]}|{row[1]}"
            if token in found:
                raise Invalid("the code stands twice", code="bad-configuration", where=where)
            found[token] = (row[2], row[3])
    return PlainWords(found)
