"""The council's adapter against the published field list and value lists of Client Level Data."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.mapping.adapter import load_adapter
from scr.mapping.formats import CsvFormat

pytestmark = pytest.mark.corpus

MAPS = {
    "Event_Type": "cld-event-type",
    "Primary_Support_Reason": "cld-support-reason",
    "Event_Outcome": "cld-event-outcome",
    "Gender": "sex",
}


def test_every_published_field_is_a_column(corpus: Path) -> None:
    """No field of the release is unknown to the adapter, and it asks for no other."""
    with (corpus / "social-care" / "CLD_R1_FIELDS.tsv").open(encoding="utf-8") as file:
        published = {row["field"] for row in csv.DictReader(file, delimiter="\t")}
    decode = load_adapter(DataFiles(), "client-level-data").decode
    assert isinstance(decode, CsvFormat)
    assert set(decode.columns) == published


@pytest.mark.parametrize(("field", "name"), MAPS.items())
def test_every_published_value_is_in_its_map(corpus: Path, field: str, name: str) -> None:
    """Each value that the release lists has a row, also in capitals and without its punctuation."""
    values = json.loads((corpus / "social-care" / "CLD_R1_VALUES.json").read_text(encoding="utf-8"))[field]
    maps = load_adapter(DataFiles(), "client-level-data").maps
    spellings = [spelling for value in values for spelling in (value, value.upper(), value.replace("-", " "))]
    assert [spelling for spelling in spellings if maps.translate(name, spelling) is None] == []
