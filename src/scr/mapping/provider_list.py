"""A provider list: hundreds of providers that differ in a few columns, as one CSV file and one template.

``providers/gp-practices.csv`` has a header and a row for each provider;
``providers/gp-practices.template.yaml`` is a provider file in which ``{column}`` stands for a cell. A
value that is one ``{column}`` alone, whose cell is empty, is left out, as if its key were not written.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from scr.data import Document, load_yaml
from scr.errors import Invalid

TEMPLATE = ".template.yaml"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_LEFT_OUT = object()

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[str | int, ...]


class ListedProvider(NamedTuple):
    """One row of a list: the template with its cells put in. ``number`` is as a spreadsheet shows it."""

    template: Document
    columns: dict[Keys, tuple[str, ...]]
    path: Path
    number: int
    document: Document

    @property
    def where(self) -> str:
        """``FILE, row N``."""
        return f"{self.path}, row {self.number}"

    def parse(self, model: type[Model]) -> Model:
        """The row as a model. Raises Invalid at the first thing wrong, naming file, row and column."""
        try:
            return model.model_validate(self.document.value)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                if (keys := self._written(each["loc"])) in self.columns:
                    raise self.error(each["msg"], *keys) from None
            self.document.parse(model)  # nothing that the row says: a mistake of the template, told as one
            raise

    def error(self, message: str, *keys: str | int) -> Invalid:
        """An error at a key of the template: it names the row's column where a cell stands there."""
        columns = self.columns.get(keys)
        at = ".".join(map(str, keys))
        if columns is None:
            return self.template.error(message, *keys, code="bad-provider")
        word = "column" if len(columns) == 1 else "columns"
        where = f"{self.where}, {word} {', '.join(columns)}"
        return Invalid(f"{at}: {message}", code="bad-provider", where=where)

    def _written(self, loc: tuple[str | int, ...]) -> Keys:
        """The key path of an error, without the names of alternatives that are no keys of the file."""
        written: Keys = ()
        for part in loc:
            if (*written, part) in self.template.lines:
                written = (*written, part)
        return written


def read_list(path: Path, template_path: Path) -> Iterator[ListedProvider]:
    """Each row of a list. Raises Invalid naming file and row or line."""
    template = load_yaml(template_path)
    columns = {keys: names for keys, text in _texts(template.value) if (names := _named(text))}
    header, rows = _read(path)
    for keys, names in columns.items():
        for name in names:
            if name not in header:
                near = difflib.get_close_matches(name, header, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"its columns: {', '.join(header)}"
                message = f"{path.name} has no column {name!r}; {hint}"
                raise template.error(message, *keys, code="bad-provider")
    for number, cells in rows:
        row = dict(zip(header, cells, strict=True))
        value = _filled(template.value, row)
        document = Document(template.path, value, template.lines)
        yield ListedProvider(template, columns, path, number, document)


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows with their numbers, cells stripped, blank rows left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("not UTF-8: save the file as UTF-8", code="bad-provider", where=str(path)) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows = [
            (number, [cell.strip() for cell in cells])
            for number, cells in enumerate(reader, start=1)
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        where = f"{path}, line {reader.line_num}"
        raise Invalid(f"not a CSV file: {error}", code="bad-provider", where=where) from None
    if not rows:
        raise Invalid("it is empty: write a header row", code="bad-provider", where=str(path))
    (first, header), body = rows[0], rows[1:]
    for name in header:
        if header.count(name) > 1:
            where = f"{path}, row {first}"
            raise Invalid(f"the column {name!r} stands twice", code="bad-provider", where=where)
    for number, cells in body:
        if len(cells) != len(header):
            raise Invalid(
                f"{len(cells)} cells where the header has {len(header)}: quote a cell that holds a comma",
                code="bad-provider",
                where=f"{path}, row {number}",
            )
    return header, body


def _texts(node: object, at: Keys = ()) -> Iterator[tuple[Keys, str]]:
    if isinstance(node, str):
        yield at, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(value, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*at, index))


def _named(text: str) -> tuple[str, ...]:
    """The columns that a text of the template names."""
    return tuple(dict.fromkeys(name.strip() for name in _PLACEHOLDER.findall(text)))


def _filled(node: object, row: dict[str, str]) -> object:
    """The template with a row's cells in it."""
    if isinstance(node, str):
        filled = _PLACEHOLDER.sub(lambda match: row[match[1].strip()], node)
        return _LEFT_OUT if not filled and _PLACEHOLDER.fullmatch(node.strip()) else filled
    if isinstance(node, dict):
        made = {key: _filled(value, row) for key, value in node.items()}
        return {key: value for key, value in made.items() if value is not _LEFT_OUT}
    if isinstance(node, list):
        return [value for value in (_filled(each, row) for each in node) if value is not _LEFT_OUT]
    return node
