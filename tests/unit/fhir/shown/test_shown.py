"""A record as lines: nothing vanishes, nothing raises, and what a supplier writes stays text."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode import fhir_json, fhir_xml
from scr.decode.tree import Unit
from scr.fhir.canonical import CONTRIBUTION_SYSTEM, PATIENT_CONTRIBUTED
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.headings import HEADINGS, placed_types
from scr.fhir.patient_made.adding import own_code
from scr.fhir.patient_made.challenge import STATUS, Dispute
from scr.fhir.shown.chart import chart_svg
from scr.fhir.shown.line import Beside, Line, Told
from scr.fhir.shown.ours import in_our_words
from scr.fhir.shown.plain import Language, PlainWords, load_plain_words
from scr.fhir.shown.series import series_of
from scr.fhir.shown.sheet import Sheet
from scr.fhir.shown.statuses import status_words
from scr.fhir.shown.teller import Teller
from scr.fhir.shown.timeline import by_year, events_of
from scr.fhir.shown.words import heading_title, kind_words

SOURCE = "ZZG01"
NOW = 1_774_000_000_000
PLAIN = load_plain_words(DataFiles())
HOSTILE = "<script>alert(1)</script>\"'&\u202e<img src=x onerror=alert(1)>"


def record(resources: list[Resource]) -> list[Entry]:
    """The entries of one record, each once."""
    packed = [pack(one, source=SOURCE, now=NOW) for one in resources]
    return list({one.reference: one for one in packed}.values())


def told(entries: list[Entry], language: Language = "en", **more: Any) -> list[Line]:
    """All lines of a record."""
    teller = Teller(entries, PLAIN, language, now=NOW, **more)
    return list(Sheet(entries, teller).lines())


def whole(entries: list[Entry]) -> None:
    """Every entry stands on exactly one line, in both languages; and charts can be drawn of what is there."""
    for language in ("en", "cy"):
        lines = told(entries, language)
        standing = [reference for line in lines for reference in line.entries]
        assert sorted(standing) == sorted(one.reference for one in entries)
        assert all(line.term for line in lines)
        teller = Teller(entries, PLAIN, language)
        for series in series_of(entries, teller.parsed, PLAIN, language, least=1):
            assert chart_svg(series, series.title).endswith("</svg>")
    assert sum(len(year.events) for year in by_year(events_of(entries))) == len(events_of(entries))


@cache
def goldens() -> tuple[tuple[str, tuple[Resource, ...]], ...]:
    """What the shipped adapters make of their samples, record by record."""
    found = []
    for path in sorted((packaged_root() / "adapters").glob("*/samples/*.expected.json")):
        given = orjson.loads(path.read_bytes())
        for number, one in enumerate(given if isinstance(given, list) else [given]):
            if isinstance(one, dict) and one.get("resources"):
                found.append((f"{path.parts[-3]} {path.stem} {number}", tuple(one["resources"])))
    return tuple(found)


def test_every_entry_of_every_adapter_stands_on_one_line() -> None:
    """Of all that the shipped adapters make."""
    assert len(goldens()) > 100
    for _, resources in goldens():
        whole(record(list(resources)))


@pytest.mark.corpus
def test_every_entry_of_the_corpus_stands_on_one_line(corpus: Path) -> None:
    """Of responses of GP systems, published examples and laboratory reports."""
    for path in sorted((corpus / "gp").glob("structured-*/*.json"))[::5]:
        units = [one for one in fhir_json.decode(path.read_bytes(), "STU3") if isinstance(one, Unit)]
        whole(record([one for unit in units for one in unit.tree["resources"]]))
    examples = []
    for path in sorted((corpus / "ukcore" / "examples").glob("*.xml")):
        units = [one for one in fhir_xml.decode(path.read_bytes(), "R4") if isinstance(one, Unit)]
        examples += [one for unit in units for one in unit.tree["resources"] if one.get("id")]
    whole(record(examples))
    for path in sorted((corpus / "labs").glob("*.fhir.json")):
        bundle = orjson.loads(path.read_bytes())
        whole(record([one["resource"] for one in bundle["entry"] if one["resource"].get("id")]))


_ODD: list[Any] = [None, True, 0, -1, 1e300, "", "2026", "9999-12-31T23:59:59-12:00", HOSTILE, "Binary/x"]
_SHAPES: list[Any] = [[], {}, [[]], [None], {"reference": 1}, {"reference": "Observation/x"}]
_PARTS: list[Any] = [{"coding": [None]}, {"value": "x"}, {"start": 3}, {"system": [], "code": {}}]
_ANYTHING = st.sampled_from([*_ODD, *_SHAPES, *_PARTS])


def places(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value below the type and the id."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in parts:
        if at or key not in {"resourceType", "id", "meta"}:
            yield (*at, key)
            yield from places(value, (*at, key))


@settings(max_examples=100)
@given(which=st.integers(0, 500), changes=st.lists(st.tuples(st.integers(0, 5000), _ANYTHING), max_size=12))
def test_whatever_is_in_an_entry_it_has_its_line(which: int, changes: list[tuple[int, Any]]) -> None:
    """What is not shaped as FHIR has it says nothing, and stops nothing."""
    clean = record(list(goldens()[which % len(goldens())][1]))
    resources = [orjson.loads(entry.body) for entry in clean]
    for number, value in changes:
        one = resources[number % len(resources)]
        ways = list(places(one))
        if not ways:
            continue
        *above, last = ways[number % len(ways)]
        node: Any = one
        for key in above:
            node = node[key]
        node[last] = copy.deepcopy(value)
    # The heads stay those of what was filed: the bodies are what a page reads.
    whole([_with_body(entry, one) for entry, one in zip(clean, resources, strict=True)])


def _with_body(entry: Entry, resource: Resource) -> Entry:
    head = {
        name: getattr(entry, name) for name in ("type", "id", "source", "heading", "when", "status", "codes")
    }
    return Entry(**head, body=orjson.dumps(resource), references=entry.references)


def observation(logical: str, **more: Any) -> Resource:
    """A laboratory result."""
    code = {
        "coding": [{"system": "http://snomed.info/sct", "code": "1000661000000107"}],
        "text": "Serum sodium",
    }
    return {"resourceType": "Observation", "id": logical, "status": "final", "code": code, **more}


def test_a_result_has_its_value_its_range_and_what_it_means() -> None:
    """Plain words stand beside the term; what the laboratory says of it goes before what the range says."""
    quantity = {"value": 128, "unit": "mmol/L"}
    ranges = [{"low": {"value": 133, "unit": "mmol/L"}, "high": {"value": 146, "unit": "mmol/L"}}]
    flag = [{"coding": [{"system": "x", "code": "LL"}]}]
    entries = record(
        [
            observation(
                "a", valueQuantity=quantity, referenceRange=ranges, effectiveDateTime="2026-03-05T09:30:00Z"
            ),
            observation("b", valueQuantity=quantity, referenceRange=ranges, interpretation=flag),
            observation(
                "c", valueQuantity=quantity, referenceRange=[{**ranges[0], "appliesTo": [{"text": "men"}]}]
            ),
        ]
    )
    first, second, third = told(entries)
    assert (first.term, first.plain) == ("Serum sodium", "Salt (sodium) in the blood")
    assert first.when == "5 March 2026, 09:30"
    assert first.value is not None
    assert second.value is not None
    assert third.value is not None
    assert (first.value.text, first.value.range) == ("128 mmol/L", "133 to 146 mmol/L")
    assert (first.value.reading, first.value.flag) == ("Below the range given", "low")
    assert second.value.reading == "Very low"
    assert third.value.reading == ""
    welsh = told(entries, "cy")[0]
    assert (welsh.plain, welsh.when) == ("Halen (sodiwm) yn y gwaed", "5 Mawrth 2026, 09:30")


@pytest.mark.parametrize(
    ("source", "age"),
    [
        (Told("The practice", asked=NOW - 60_000), "asked today 09:45"),
        (Told("The practice", kept=3 * 86_400_000), "kept copy of 3 days ago"),
        (Told("The practice"), "received 20 March 2026"),
    ],
)
def test_a_line_says_where_it_is_from_and_how_old_that_is(source: Told, age: str) -> None:
    """Asked just now, a kept copy, or sent; of a record whose sources must not be named nothing is said."""
    entries = record([observation("a")])
    [line] = told(entries, beside=Beside({SOURCE: source}))
    assert (line.source, line.age) == ("The practice", age)
    [line] = told(entries, beside=Beside({SOURCE: source}, nameless=True))
    assert (line.source, line.age) == ("", "")


def test_what_the_person_wrote_is_marked_and_stands_apart() -> None:
    """Under its own heading, and in no chart of what professionals measured."""
    mark = {"tag": [{"system": CONTRIBUTION_SYSTEM, "code": PATIENT_CONTRIBUTED}]}
    value = {"valueQuantity": {"value": 130, "unit": "mmol/L"}}
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    entries = record(
        [
            observation("a", effectiveDateTime=days[0], **value),
            observation("b", effectiveDateTime=days[1], **value),
            observation("c", effectiveDateTime=days[2], meta=mark, **value),
        ]
    )
    lines = {line.reference: line for line in told(entries)}
    assert [name for name, line in lines.items() if line.own] == ["Observation/c"]
    assert lines["Observation/c"].heading != lines["Observation/a"].heading
    charts = series_of(entries, Teller(entries, PLAIN).parsed, PLAIN, least=1)
    assert sorted((one.own, len(one.traces[0].points)) for one in charts) == [(False, 2), (True, 1)]


def test_a_dispute_stands_on_the_line() -> None:
    """What is said against an entry is told with it."""
    [line] = told(record([observation("a")]), beside=Beside(disputed={"Observation/a": "Not mine"}))
    assert line.disputed == "Not mine"


def test_units_that_differ_by_more_than_a_power_of_ten_are_two_charts() -> None:
    """Grams per decilitre and per litre are one; percent and mmol/mol are not."""
    at = [f"2026-01-0{day}" for day in range(1, 5)]
    entries = record(
        [
            observation("a", valueQuantity={"value": 13.2, "unit": "g/dL"}, effectiveDateTime=at[0]),
            observation("b", valueQuantity={"value": 128, "unit": "g/L"}, effectiveDateTime=at[1]),
            observation("c", valueQuantity={"value": 7, "unit": "%"}, effectiveDateTime=at[2]),
            observation(
                "d", valueQuantity={"value": 1, "unit": "g/L", "comparator": "<"}, effectiveDateTime=at[3]
            ),
        ]
    )
    [one, other] = series_of(entries, Teller(entries, PLAIN).parsed, PLAIN, least=1)
    assert (one.unit, [point.text for point in one.traces[0].points]) == ("%", ["7"])
    assert (other.unit, [point.text for point in other.traces[0].points]) == ("g/L", ["132", "128"])


def test_what_a_supplier_writes_stays_text() -> None:
    """What looks like markup is words, letters that turn text about are left out, and a chart escapes."""
    entries = record(
        [
            observation(
                "a",
                code={"text": HOSTILE},
                valueQuantity={"value": 1, "unit": HOSTILE},
                effectiveDateTime="2026-01-01",
                note=[{"text": HOSTILE}],
                text={"status": "generated", "div": "<div>never shown</div>"},
            )
        ]
    )
    [line] = told(entries)
    assert "<script>" in line.term
    assert "\u202e" not in line.term
    assert "never shown" not in repr(line)
    [series] = series_of(entries, Teller(entries, PLAIN).parsed, PLAIN, least=1)
    drawn = chart_svg(series, HOSTILE, start=HOSTILE)
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert set(re.findall(r"<([a-z]+)", drawn)) == {
        "svg",
        "line",
        "text",
        "path",
        "polyline",
        "circle",
        "title",
    }


def test_parts_are_shown_with_what_names_them_whatever_refers_to_whatever() -> None:
    """A panel takes its results; two that name each other do not vanish, and none that names itself."""
    member = [{"reference": "Observation/b"}]
    back = [{"reference": "Observation/a"}, {"reference": "Observation/b"}]
    entries = record([observation("a", hasMember=member), observation("b", hasMember=back), observation("c")])
    lines = told(entries)
    assert sorted(len(list(line.entries)) for line in lines) == [1, 2]


def test_long_headings_are_paged_and_nothing_is_left_out() -> None:
    """The pages of a heading together are all of it, and none is longer than asked but by one line."""
    entries = record([observation(f"o{number}") for number in range(137)])
    sheet = Sheet(entries, Teller(entries, PLAIN))
    [section] = sheet.sections
    seen: list[str] = []
    start: int | None = 0
    while start is not None:
        page = sheet.page(section, start, 25)
        assert 0 < len(page.lines) <= 25
        seen += [line.reference for line in page.lines]
        start = page.next
    assert sorted(seen) == sorted(entry.reference for entry in entries)


@pytest.mark.parametrize("language", ["en", "cy"])
def test_every_heading_and_type_has_words(language: Language) -> None:
    """In both languages; and what is entered by mistake says so."""
    assert all(heading_title(one, language, plain=True) != one for one in HEADINGS)
    assert all(kind_words(one, "cy") != one for one in placed_types())
    assert status_words("Condition", "entered-in-error", language) != "entered-in-error"
    assert status_words("Condition", "something-new", language) == "something-new"


def test_plain_words_are_of_codes_that_the_project_uses() -> None:
    """Each row is of a code that a shipped adapter, map, code system or the demonstration has."""
    root = packaged_root()
    folders = [root / "adapters", root / "terminology" / "maps", root / "terminology" / "systems"]
    folders.append(Path(__file__).parents[4] / "src" / "scr" / "demo")
    used: set[str] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix in {".csv", ".yaml", ".json", ".py"}:
                used.update(re.findall(r"[\w.-]+", path.read_text(encoding="latin-1")))
    unused = [token for token in PLAIN.words if token.rpartition("|")[2] not in used]
    assert unused == []
    assert len(PLAIN.words) > 150
    assert PlainWords().of(["x|y"], "en") == ""


def test_how_far_a_challenge_has_come_is_said_in_welsh() -> None:
    """Each state has words of its own in either language, whichever the page is in."""
    english = {state: Dispute("", "", state, "", "").words for state in STATUS}
    welsh = {in_our_words(own_code(state, words), "cy") for state, words in english.items()}
    assert len(welsh) == len(set(english.values())) == len(STATUS)
    assert not welsh & set(english.values())
