"""Search within one person: parameters, order, and what is refused."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.fhir.entries import LOINC, SNOMED, entries, entry, intervals, records

from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.search import MAX_COUNT, Pairs, Search, parse_search, sort_entries

BASE = "https://record.example/fhir"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parsed(*pairs: tuple[str, str], kind: str = "Observation") -> Search:
    """A search on a type within person p1."""
    return parse_search(kind, [("patient", "p1"), *pairs], base_url=BASE)


def matches(one: Entry, *pairs: tuple[str, str]) -> bool:
    """Whether an entry is found."""
    return parsed(*pairs, kind=one.type).run([one]) == [one]


def refusal(*pairs: tuple[str, str], kind: str = "Observation", patient: bool = True) -> str:
    """The code with which a search is refused."""
    given_pairs = [("patient", "p1"), *pairs] if patient else list(pairs)
    with pytest.raises(Invalid) as caught:
        parse_search(kind, given_pairs, base_url=BASE)
    return caught.value.code


# Dates: the slow way, with datetimes and the wording of the specification.


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


@st.composite
def asked_dates(draw: st.DrawFn) -> tuple[str, int, int]:
    """A date as a search writes it (year, month, day, or second in UTC), and the range that it means."""
    day = draw(st.dates(date(1999, 6, 1), date(2001, 6, 1)))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    match draw(st.sampled_from(["year", "month", "day", "second"])):
        case "year":
            text = f"{day.year}-01-01T00:00:00Z"  # a plain year is London time: the same in winter
            first, after = datetime(day.year, 1, 1, tzinfo=UTC), datetime(day.year + 1, 1, 1, tzinfo=UTC)
            return text[:4], _ms(first), _ms(after)
        case "month":
            assume(day.month in {1, 2, 11, 12})  # London is on UTC at both ends
            days = monthrange(day.year, day.month)[1]
            first = start.replace(day=1)
            return f"{day:%Y-%m}", _ms(first), _ms(first + timedelta(days=days))
        case "day":
            assume(day.month in {1, 2, 11, 12})
            return day.isoformat(), _ms(start), _ms(start + timedelta(days=1))
        case _:
            at = start + timedelta(seconds=draw(st.integers(0, 86_399)))
            return f"{at:%Y-%m-%dT%H:%M:%SZ}", _ms(at), _ms(at + timedelta(seconds=1))


def by_the_book(prefix: str, resource: tuple[int, int], search: tuple[int, int]) -> bool:
    """The rules of https://hl7.org/fhir/R4/search.html#prefix, on the first and last millisecond."""
    first, last = resource[0], resource[1] - 1
    low, high = search[0], search[1] - 1
    fully_contained = low <= first and last <= high
    above, below = last > high, first < low
    return {
        "": fully_contained,
        "eq": fully_contained,
        "ne": not fully_contained,
        "gt": above,
        "lt": below,
        "ge": above or fully_contained,
        "le": below or fully_contained,
        "sa": first > high,
        "eb": last < low,
    }[prefix]


@given(
    prefix=st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]),
    resource=intervals,
    asked=asked_dates(),
)
def test_a_date_prefix_means_what_the_specification_says(
    prefix: str, resource: tuple[int, int], asked: tuple[str, int, int]
) -> None:
    """Each prefix agrees with a plain reading of the specification, for every precision."""
    text, low, high = asked
    assert matches(entry(when=resource), ("date", prefix + text)) == by_the_book(
        prefix, resource, (low, high)
    )


@given(resource=intervals, asked=asked_dates())
def test_approximately_holds_wherever_the_ranges_meet(
    resource: tuple[int, int], asked: tuple[str, int, int]
) -> None:
    """``ap`` finds what overlaps, and nothing further off than the length of the range and a day."""
    text, low, high = asked
    found = matches(entry(when=resource), ("date", "ap" + text))
    if resource[0] < high and low < resource[1]:
        assert found
    slack = (high - low) + 86_400_000
    if resource[0] > high + slack or resource[1] < low - slack:
        assert not found


def test_a_date_in_summer_is_london_time() -> None:
    """A day without a zone starts at London's midnight: an hour before UTC's in summer."""
    just_after_midnight = _ms(datetime(2024, 6, 30, 23, 30, tzinfo=UTC))
    one = entry(when=(just_after_midnight, just_after_midnight + 1))
    assert matches(one, ("date", "2024-07-01"))
    assert not matches(one, ("date", "2024-06-30"))


def test_a_plus_that_became_a_space_is_still_a_zone() -> None:
    """``+01:00`` in an address arrives as a space and is read as what was meant."""
    noon = _ms(datetime(2024, 7, 1, 11, 0, tzinfo=UTC))
    assert matches(entry(when=(noon, noon + 1000)), ("date", "2024-07-01T12:00:00 01:00"))


@given(one=entries, prefix=st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]))
def test_what_has_no_date_is_found_by_no_date(one: Entry, prefix: str) -> None:
    """Without a clinical date an entry matches no date parameter, ``ne`` included."""
    assume(one.when is None)
    assert not matches(one, ("date", prefix + "2000"))


@given(one=entries, first=asked_dates(), second=asked_dates())
def test_a_comma_means_or_and_a_repeat_means_and(
    one: Entry, first: tuple[str, int, int], second: tuple[str, int, int]
) -> None:
    """``date=a,b`` is either; ``date=a&date=b`` is both."""
    a, b = "ge" + first[0], "lt" + second[0]
    alone = matches(one, ("date", a)), matches(one, ("date", b))
    assert matches(one, ("date", f"{a},{b}")) == any(alone)
    assert matches(one, ("date", a), ("date", b)) == all(alone)


# Tokens.

CODED = entry(
    codes=(f"{SNOMED}|22", f"{LOINC}|a-b", "|plain"),
    categories=("http://terminology.hl7.org/CodeSystem/observation-category|laboratory",),
    status="final",
    labels=("http://terminology.hl7.org/CodeSystem/v3-Confidentiality|N",),
)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code", "22", True),
        ("code", "2", False),
        ("code", f"{SNOMED}|22", True),
        ("code", f"{LOINC}|22", False),
        ("code", f"{SNOMED}|", True),
        ("code", "http://snomed.info|", False),
        ("code", "|plain", True),
        ("code", "|22", False),
        ("code", "plain", True),
        ("code", "PLAIN", False),
        ("code", f"nothing,{LOINC}|a-b", True),
        ("code", "nothing,nowhere", False),
        ("code:not", "22", False),
        ("code:not", "nothing", True),
        ("code:not", f"nothing,{SNOMED}|22", False),
        ("category", "laboratory", True),
        ("category", "vital-signs", False),
        ("status", "final", True),
        ("status", "|final", True),
        ("status", "amended,final", True),
        ("status:not", "final", False),
        ("_security", "N", True),
        ("_security:not", "R", True),
        ("_id", "e1", True),
        ("_id", "e2", False),
    ],
)
def test_a_token_finds_what_it_names(name: str, value: str, found: bool) -> None:
    """The forms of a token: code, system|code, |code, system|, several, and not."""
    assert matches(CODED, (name, value)) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("active", True),
        (f"{CLINICAL}|active", True),
        (f"{CLINICAL}|", True),
        (f"{CLINICAL}|resolved", False),
        ("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical|active", False),
        ("|active", False),
    ],
)
def test_a_clinical_status_is_found_with_and_without_its_system(value: str, found: bool) -> None:
    """A client that gives the code's system finds the same: an empty answer would hide a problem."""
    assert matches(entry(kind="Condition", status="active"), ("clinical-status", value)) is found


# The whole search.

_PARAMETERS: st.SearchStrategy[tuple[str, str]] = st.one_of(
    st.tuples(
        st.sampled_from(["code", "category", "_security", "code:not", "category:not"]),
        st.sampled_from(["1", "2", f"{SNOMED}|1", f"{SNOMED}|", "22,a-b"]),
    ),
    st.tuples(st.just("status"), st.sampled_from(["final", "active", "final,amended"])),
    st.tuples(st.just("_id"), st.sampled_from(["a", "b", "a,b,c"])),
    st.tuples(
        st.sampled_from(["date", "_lastUpdated"]),
        st.builds(
            "{}{}".format, st.sampled_from(["", "ge", "lt", "ne"]), st.sampled_from(["2000", "2000-01"])
        ),
    ),
)


@given(record=records, pairs=st.lists(_PARAMETERS, max_size=3), more=_PARAMETERS)
def test_another_parameter_never_finds_more(
    record: list[Entry], pairs: list[tuple[str, str]], more: tuple[str, str]
) -> None:
    """Adding a parameter leaves a part of what was found, in the same order."""
    before = parsed(*pairs).run(record)
    after = parsed(*pairs, more).run(record)
    assert after == [one for one in before if one in after]
    assert all(one.type == "Observation" for one in before)


_SORTS = st.lists(
    st.tuples(st.sampled_from(["date", "_lastUpdated", "_id", "code", "status", "category"]), st.booleans()),
    max_size=3,
)


@given(record=records, sort=_SORTS, order=st.randoms(use_true_random=False))
def test_the_order_is_total(record: list[Entry], sort: list[tuple[str, bool]], order: object) -> None:
    """However the entries came, they stand in one order: pages rely on it."""
    shuffled = list(record)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sort_entries(shuffled, tuple(sort)) == sort_entries(record, tuple(sort))


@given(record=records, descending=st.booleans(), name=st.sampled_from(["date", "status"]))
def test_the_first_key_leads_and_what_lacks_it_comes_last(
    record: list[Entry], descending: bool, name: str
) -> None:
    """Either way round, what has no value stands at the end; ties go by type and id."""
    ordered = sort_entries(record, ((name, descending),))
    keys = [(e.when[0] if e.when else None) if name == "date" else e.status for e in ordered]
    present = [key for key in keys if key is not None]
    assert keys == present + [None] * (len(keys) - len(present))
    assert present == sorted(present, reverse=descending)
    for one, other, key, following in zip(ordered, ordered[1:], keys, keys[1:], strict=False):
        if key == following:
            assert (one.type, one.id) < (other.type, other.id)


def test_a_second_key_decides_among_equals() -> None:
    """``_sort=status,-date`` goes by status first and by the newest within it."""
    made = [
        entry("a", status="final", when=(1, 2)),
        entry("b", status="active", when=(5, 6)),
        entry("c", status="final", when=(9, 10)),
    ]
    assert [e.id for e in parsed(("_sort", "status,-date")).run(made)] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("patient", "p2")], "several-persons"),
        ([("subject", "Patient/p2")], "several-persons"),
        ([("patient:identifier", "https://fhir.nhs.uk/Id/nhs-number|9990000018")], "bad-parameter"),
        ([("patient:missing", "true")], "bad-parameter"),
        ([("code:below", "1")], "bad-parameter"),
        ([("date:not", "2020")], "bad-parameter"),
        ([("code", "")], "bad-parameter"),
        ([("code", ",")], "bad-parameter"),
        ([("code:not", "1,")], "bad-parameter"),
        ([("code", "|")], "bad-parameter"),
        ([("status", "http://hl7.org/fhir/observation-status|final")], "bad-parameter"),
        ([("_id", "Observation|e1")], "bad-parameter"),
        ([("date", "")], "bad-parameter"),
        ([("date", "yesterday")], "bad-parameter"),
        ([("date", "2020-13")], "bad-parameter"),
        ([("date", "2020-02-30")], "bad-parameter"),
        ([("date", "xx2020")], "bad-parameter"),
        ([("date", "2020,")], "bad-parameter"),
        ([("_has:Condition:subject:code", "1")], "bad-parameter"),
        ([("_page", "abc")], "unknown-parameter"),
        ([("clinical-status", "active")], "unknown-parameter"),
        ([("_count", "ten")], "bad-parameter"),
        ([("_count", "-1")], "bad-parameter"),
        ([("_count", "")], "bad-parameter"),
        ([("_count", "٣")], "bad-parameter"),
        ([("_count", "5"), ("_count", "6")], "bad-parameter"),
        ([("_sort", "date"), ("_sort", "-date")], "bad-parameter"),
        ([("_sort", "colour")], "bad-parameter"),
        ([("_sort", "")], "bad-parameter"),
    ],
)
def test_what_is_not_understood_is_refused(pairs: Pairs, code: str) -> None:
    """A parameter that narrows is never ignored: unknown, empty, contradicting and repeated ones are told."""
    assert refusal(*pairs) == code


@pytest.mark.parametrize("kind", ["Condition", "AllergyIntolerance"])
def test_what_has_a_clinical_status_has_no_status(kind: str) -> None:
    """``status`` of a problem or allergy is refused, with the name that it has there."""
    assert refusal(("status", "active"), kind=kind) == "unknown-parameter"


@pytest.mark.parametrize("value", ["", "a/b", "Practitioner/p1", "p1,p2", "p 1", "p" * 65])
def test_a_person_is_one_logical_id(value: str) -> None:
    """Anything but one logical id of a Patient is refused."""
    assert refusal(("patient", value), patient=False) == "bad-parameter"


def test_a_search_without_a_person_is_refused() -> None:
    """Nobody searches across people here."""
    assert refusal(("code", "1"), patient=False) == "patient-needed"


@pytest.mark.parametrize(
    "pairs",
    [
        [("patient", "p1")],
        [("subject", "Patient/p1")],
        [("subject:Patient", "p1")],
        [("patient", f"{BASE}/Patient/p1")],
        [("patient", "p1"), ("subject", "Patient/p1")],
    ],
)
def test_a_person_may_be_named_in_every_way_of_the_specification(pairs: Pairs) -> None:
    """By id, by relative or absolute reference, as patient or subject, and twice if it is the same."""
    assert parse_search("Observation", pairs, base_url=BASE).patient == "p1"


@given(count=st.integers(0, 10**12))
def test_a_count_is_capped(count: int) -> None:
    """A page is never larger than the cap; a number without end is refused."""
    if count < 10**9:
        assert parsed(("_count", str(count))).count == min(count, MAX_COUNT)
    else:
        assert refusal(("_count", str(count))) == "bad-parameter"


def test_an_error_quotes_no_more_than_it_must() -> None:
    """What is quoted of a request in an error is cut short."""
    long = "x" * 5000
    for pairs in ([(long, "1")], [("_sort", long)], [(f"code:{long}", "1")]):
        with pytest.raises(Invalid) as caught:
            parsed(*pairs)
        assert len(str(caught.value)) < 300
