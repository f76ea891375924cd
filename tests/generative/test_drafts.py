"""Whatever a supplier calls its columns and writes in them: the draft loads, runs, and makes valid R4."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scr.data import DataFiles
from scr.fhir.identifiers import is_nhs_number
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.trial import Outcome, outcomes
from scr.onboarding.draft.place import plan
from scr.onboarding.draft.pseudonyms import Pseudonyms
from scr.onboarding.draft.render import adapter_yaml, map_csv, readme
from scr.onboarding.draft.sample import read_samples
from scr.terminology.conceptmap import ConceptMaps

SETTINGS = ("social-care", "care-home", "acute", "primary-care", "mental-health", "community", "labs")


@cache
def numbers() -> tuple[str, ...]:
    """Some NHS Numbers of the 999 range."""
    bodies = (f"999{n:06d}" for n in range(0, 400_000, 997))
    return tuple(b + d for b in bodies for d in "0123456789" if is_nhs_number(b + d))


def dates(pattern: str) -> st.SearchStrategy[str]:
    """Dates of the last century and this, written in one way."""
    return st.dates(date(1930, 1, 1), date(2026, 1, 1)).map(lambda day: day.strftime(pattern))


WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCXYZ äé'-,;\"0123456789{}#:|&\u00a0", max_size=30)
KINDS: dict[str, st.SearchStrategy[str]] = {
    "iso": dates("%Y-%m-%d"),
    "day first": dates("%d/%m/%Y"),
    "short": dates("%d/%m/%y"),
    "month name": dates("%d-%b-%Y"),
    "time stamp": dates("%Y-%m-%dT10:05:00"),
    "time stamp with zone": dates("%Y-%m-%dT10:05:00+01:00"),
    "british time stamp": dates("%d/%m/%Y 23:59"),
    "clock": st.sampled_from(["09:00", "23:59", "7:15"]),
    "snomed": st.sampled_from(["73211009", "22298006", "716186003", "999000041000000102"]),
    "read": st.sampled_from(["C10F.", "H33..", "XaBVJ", "9Oq..00"]),
    "icd": st.sampled_from(["I50.0", "S525", "E11.9"]),
    "ods": st.sampled_from(["Z99001", "A99999", "RZZ01"]),
    "gmc": st.sampled_from(["C9999999", "9999998", "G9999981"]),
    "name": st.sampled_from(["Edith", "O'Hara-Lunt", "LUNT, Doris", "Mr Alan Pike", "Zoë"]),
    "postcode": st.sampled_from(["ZZ99 3AB", "zz993ab"]),
    "phone": st.sampled_from(["01632 960123", "+44 7700 900123", "ext 5"]),
    "e-mail": st.sampled_from(["someone@example.org"]),
    "sex": st.sampled_from(["M", "F", "Female", "1", "9", "X", "not known"]),
    "yes or no": st.sampled_from(["Y", "N", "yes", "No", "TRUE", "unknown"]),
    "status": st.sampled_from(["Active", "Ended", "On hold", "closed - other"]),
    "identifier": st.from_regex(r"[A-Z]{2}-?[0-9]{3,6}/?[A-Z]?", fullmatch=True),
    "quantity": st.sampled_from(["72.5 kg", "70kg", "<5 mg/L", "120/80"]),
    "number": st.sampled_from(["0", "1", "-4", "3.5", "99999", "007"]),
    "allergy": st.sampled_from(["NKDA", "Penicillin", "none known", "n/a"]),
    "text": WORDS,
}
_TOLD = """
Start Date|EndDate|DOB|Status|Notes|Allergies|Type|Ref|Item|Equipment|Weight (kg)|NOK Name
GP Code|Surname|forename|Key Worker|appt_time|APPT_DATE|Clinic|Diagnosis|Drug|Dose|Vaccine|Batch
Review date|DNACPR|Qty|Postcode|Sex|Outcome|Reason for referral|Unit|Result|Test|Provider|Room
Patient Name|Date of Death|Event Type|Procedure|Consultant GMC|duration|Email|Tel|Ethnicity
Language|Title|Client ID|Care plan|root|item|index
"""
TOLD = st.sampled_from(_TOLD.strip().replace("\n", "|").split("|"))
NAMES = TOLD | st.text(alphabet="abcXYZ _.-\"'`{}[]()#&*!|>%@,;:é0123456789", min_size=1, max_size=20)
COLUMN = st.tuples(NAMES, st.sampled_from(sorted(KINDS)))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], int]:
    """A header, rows, and which column holds the NHS Numbers."""
    columns = draw(st.lists(COLUMN, max_size=9, unique_by=lambda each: each[0].strip()))
    columns = [(name, kind) for name, kind in columns if name.strip() and name.strip() != "NHS No"]
    at = draw(st.integers(0, len(columns)))
    size = draw(st.integers(1, 8))
    people = draw(st.lists(st.sampled_from(numbers()), min_size=size, max_size=size))
    rows = []
    for person in people:
        cells = [draw(KINDS[kind] | st.just("")) for _, kind in columns]
        cells.insert(at, person)
        rows.append(cells)
    header = [name for name, _ in columns]
    header.insert(at, "NHS No")
    return header, rows, at


def drafted(home: Path, name: str, payload: bytes, setting: str) -> tuple[Adapter, str]:
    """The adapter of a draft, and everything that was written for it."""
    file = home / name
    file.write_bytes(payload)
    made = plan(read_samples([file]), "a-draft", setting)
    folder = home / "adapters" / "a-draft"
    folder.mkdir(parents=True)
    text = adapter_yaml(made)
    (folder / "adapter.yaml").write_text(text, encoding="utf-8")
    (home / "terminology" / "maps").mkdir(parents=True)
    for each in made.maps:
        (home / "terminology" / "maps" / f"{each.name}.csv").write_text(map_csv(each), encoding="utf-8")
    files = DataFiles(home)
    adapter = load_adapter(files, "a-draft", ConceptMaps.load(files))
    return adapter, text + readme(made, [name], pseudonymised=True)


def hold(found: Sequence[Outcome], people: Sequence[str], text: str) -> None:
    """Each unit is claimed by its number, and what it gives is valid R4; nobody's number is written down."""
    assert len(found) == len(people)
    for outcome, person in zip(found, people, strict=True):
        assert outcome.refused == "", text
        assert outcome.claim is not None
        assert outcome.claim.nhs_number is not None
        assert outcome.claim.nhs_number.value == person
        for body in outcome.bodies:
            assert validate(body) == (), text
            get_fhir_model_class(body["resourceType"]).model_validate(body)
        assert person not in text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), setting=st.sampled_from(SETTINGS), delimiter=st.sampled_from(",;"))
def test_a_draft_of_any_table_loads_and_runs(
    table: tuple[list[str], list[list[str]], int], setting: str, delimiter: str
) -> None:
    """Any columns of these kinds, under names that tell, mislead or mean nothing."""
    header, rows, at = table
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    with tempfile.TemporaryDirectory() as home:
        adapter, written = drafted(Path(home), "sample.csv", text.getvalue().encode(), setting)
        hold(list(outcomes(adapter, text.getvalue().encode())), [row[at] for row in rows], written)


SCALARS = st.sampled_from([None, True, False, 0, 7, 3.5, -1])
VALUES: st.SearchStrategy[Any] = SCALARS | st.sampled_from(sorted(KINDS)).flatmap(lambda kind: KINDS[kind])
KEYS = TOLD | st.text(alphabet="abcXYZ_ \"'{}", min_size=1, max_size=8)
RECORD = st.dictionaries(
    KEYS,
    VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(KEYS, VALUES, max_size=4)
    | st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=3),
    max_size=7,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RECORD, min_size=1, max_size=5), st.sampled_from(SETTINGS), st.booleans())
def test_a_draft_of_any_records_loads_and_runs(
    records: list[dict[str, Any]], setting: str, lines: bool
) -> None:
    """The same of JSON and JSON Lines, with lists and objects in the records."""
    people = numbers()[: len(records)]
    made = [{**record, "nhsNumber": person} for record, person in zip(records, people, strict=True)]
    one = orjson.dumps({"people": made})
    payload = b"\n".join(map(orjson.dumps, made)) if lines and len(made) > 1 else one
    with tempfile.TemporaryDirectory() as home:
        adapter, written = drafted(Path(home), "sample.json", payload, setting)
        hold(list(outcomes(adapter, payload)), people, written)


@given(st.lists(st.sampled_from(numbers()), unique=True, min_size=1), st.binary(min_size=16, max_size=16))
def test_pseudonyms_of_numbers_are_other_numbers_and_never_meet(people: list[str], key: bytes) -> None:
    """Each person becomes one other of the test range, two never the same, however the digits are spaced."""
    names = Pseudonyms(key)
    made = [names.number(person) for person in people]
    assert len(set(made)) == len(people)
    assert all(is_nhs_number(number) and number.startswith("999") for number in made)
    spaced = [names.number(f"{p[:3]} {p[3:6]} {p[6:]}").replace(" ", "") for p in people]
    assert spaced == made
    assert json.dumps(made) == json.dumps([names.number(person) for person in people])
    assert not any(person == number for person, number in zip(people, made, strict=True))
