"""Value sets: expanded, filtered, paged, validated; and the two ways of asking agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.terminology.operations.small import (
    ASTHMA,
    CHILDHOOD,
    FINDING,
    GONE,
    LOCAL,
    LUNG,
    REFSET,
    SITE,
    SMALL,
    VALUE_SET,
    valid,
)  # fmt: skip

from scr.errors import Invalid, NotFound, TooCostly, UnknownCode
from scr.terminology.operations.chosen import choose, find_definition
from scr.terminology.operations.definition import Definition, Include, read_definition
from scr.terminology.operations.expand import Page, expand, validate_in
from scr.terminology.operations.library import Coded, Library
from scr.terminology.operations.resources import expansion_resource
from scr.terminology.operations.typed import Bounds
from scr.terminology.systems import SNOMED_CT

SCT = SNOMED_CT + "?fhir_vs"
GENDER = "http://hl7.org/fhir/administrative-gender"
URLS = [SCT, f"{SCT}=isa/{FINDING}", f"{SCT}=refset/{REFSET}", VALUE_SET + "clinics",
        "http://hl7.org/fhir/ValueSet/issue-type"]  # fmt: skip
EVERY = {*SMALL.concepts[SNOMED_CT]}


def compose(*include: dict[str, Any], exclude: tuple[dict[str, Any], ...] = (), **more: object) -> Definition:
    """A value set as a client writes it."""
    written = {"include": list(include), "exclude": list(exclude), **more}
    return read_definition({"resourceType": "ValueSet", "compose": written})


def codes(library: Library, definition: Definition, **page: Any) -> list[str]:
    """The codes of a page, from an answer that is valid R4."""
    found = expand(library, definition, Page(**page))
    valid(expansion_resource(found, "2026-01-31T09:30:00Z", ["said beside it"]))
    return [one.code for one in found.codes]


BELOW_A = {"property": "concept", "op": "descendent-of", "value": "a"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (SCT, EVERY),
        (f"{SCT}=isa/{ASTHMA}", {ASTHMA, CHILDHOOD}),
        (f"{SCT}=refset/{REFSET}", {ASTHMA, GONE}),
        (f"{SCT}=refset", {REFSET}),
        (f"{SCT}=ecl/%3C%20{FINDING}", {ASTHMA, CHILDHOOD}),
        (f"{SCT}=ecl/<{FINDING}:{SITE}={LUNG}", {ASTHMA, CHILDHOOD}),
        (VALUE_SET + "clinics", {"a", "c"}),
        ("http://hl7.org/fhir/ValueSet/administrative-gender", {"male", "female", "other", "unknown"}),
        ("http://terminology.hl7.org/ValueSet/v2-0136", {"Y", "N"}),
    ],
)
def test_a_value_set_is_expanded_by_its_address(library: Library, url: str, expected: set[str]) -> None:
    """Implicit ones of SNOMED CT, those of the release, those of the small systems."""
    assert set(codes(library, find_definition(library, url))) == expected


@pytest.mark.parametrize(
    ("property_", "op", "value", "expected"),
    [
        ("concept", "is-a", ASTHMA, {ASTHMA, CHILDHOOD}),
        ("concept", "descendent-of", ASTHMA, {CHILDHOOD}),
        ("concept", "child-of", FINDING, {ASTHMA}),
        ("concept", "generalizes", ASTHMA, {ASTHMA, FINDING, "138875005"}),
        ("concept", "is-not-a", FINDING, EVERY - {FINDING, ASTHMA, CHILDHOOD, GONE}),
        ("concept", "in", REFSET, {ASTHMA, GONE}),
        ("concept", "=", ASTHMA, {ASTHMA}),
        ("constraint", "=", f"<<{ASTHMA} MINUS {ASTHMA}", {CHILDHOOD}),
        ("expression", "=", f"^{REFSET}", {ASTHMA, GONE}),
    ],
)
def test_a_filter_of_snomed_ct_is_read(
    library: Library, property_: str, op: str, value: str, expected: set[str]
) -> None:
    """Each filter of the specification's page on SNOMED CT, and constraints."""
    include = {"system": SNOMED_CT, "filter": [{"property": property_, "op": op, "value": value}]}
    assert set(codes(library, compose(include))) == expected


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (compose({"system": LOCAL}), ["a", "b", "c"]),
        (compose({"system": LOCAL, "concept": [{"code": "c"}, {"code": "a"}]}), ["c", "a"]),
        (compose({"system": LOCAL}, exclude=({"valueSet": [VALUE_SET + "clinics"]},)), ["b"]),
        (compose({"system": LOCAL, "valueSet": [VALUE_SET + "clinics"]}), ["a", "c"]),
        (compose({"valueSet": [VALUE_SET + "clinics"]}, {"system": LOCAL}), ["a", "c", "b"]),
        (
            compose({"system": LOCAL, "filter": [BELOW_A]}),
            ["b", "c"],
        ),
        (
            read_definition({
                "resourceType": "ValueSet",
                "expansion": {"contains": [{"system": LOCAL, "code": "b", "contains": [
                    {"system": LOCAL, "code": "c"}, {"abstract": True}]}]},
            }),
            ["b", "c"],
        ),
    ],
)  # fmt: skip
def test_a_value_set_is_what_it_includes_and_does_not_exclude(
    library: Library, definition: Definition, expected: list[str]
) -> None:
    """Lists in their order, imports, exclusions, one that comes expanded."""
    assert sorted(codes(library, definition)) == sorted(expected)


def test_inactive_codes_are_marked_and_can_be_left_out(library: Library) -> None:
    """`activeOnly`, and `compose.inactive = false`; validation says so too."""
    members = find_definition(library, f"{SCT}=refset/{REFSET}")
    body = expansion_resource(expand(library, members), "2026-01-31T09:30:00Z")
    assert {one["code"]: one.get("inactive") for one in body["expansion"]["contains"]} == {
        ASTHMA: None,
        GONE: True,
    }
    assert codes(library, members, active_only=True) == [ASTHMA]
    used = compose({"system": SNOMED_CT, "concept": [{"code": GONE}, {"code": ASTHMA}]}, inactive=False)
    assert codes(library, used) == [ASTHMA]
    assert validate_in(library, used, Coded(SNOMED_CT, GONE)).result is False
    assert validate_in(library, members, Coded(SNOMED_CT, GONE)).result is True


def test_a_code_that_nobody_knows_is_left_out_and_told(library: Library) -> None:
    """Neither an entry without a display nor silence."""
    found = expand(library, compose({"system": LOCAL, "concept": [{"code": "a"}, {"code": "x"}]}))
    assert [one.code for one in found.codes] == ["a"]
    body = valid(expansion_resource(found, "2026-01-31T09:30:00Z"))
    assert body["expansion"]["total"] == 1
    assert [one["valueString"] for one in body["expansion"]["parameter"] if one["name"] == "warning"] == [
        f"left out, because nobody here knows it: {LOCAL}|x"
    ]


@pytest.mark.parametrize(
    ("url", "typed", "expected"),
    [
        (SCT, "asth", [ASTHMA, CHILDHOOD, GONE]),
        (SCT, "ASTH child", [CHILDHOOD]),
        (SCT, "bronch", [ASTHMA]),
        (f"{SCT}=isa/{CHILDHOOD}", "asth", [CHILDHOOD]),
        (f"{SCT}=ecl/{FINDING}", "asth", []),
        (VALUE_SET + "clinics", "clin", ["c", "a"]),
        ("http://hl7.org/fhir/ValueSet/administrative-gender", "ma", ["male"]),
        (SCT, "***", []),
    ],
)
def test_typing_finds_terms(library: Library, url: str, typed: str, expected: list[str]) -> None:
    """Beginnings of words in any order, of any term, the shortest first, of what the value set holds."""
    assert codes(library, find_definition(library, url), filter=typed) == expected


@given(st.sampled_from(URLS), st.sampled_from(["asth", "a", "c", "ch a", "clin"]), st.booleans())
def test_a_thin_value_set_is_looked_through(
    library: Library, url: str, typed: str, active_only: bool
) -> None:
    """Where many terms match that the value set does not hold, the answer and its order are the same."""
    definition, page = find_definition(library, url), Page(filter=typed, active_only=active_only)
    usual = expand(library, definition, page).codes
    for bounds in (Bounds(misses=0), Bounds(misses=0, scanned=0)):
        if not choose(library, definition).short:
            assert expand(library, definition, page, bounds).codes == usual


def test_an_expansion_speaks_a_language_and_shows_terms(library: Library) -> None:
    """Designations where they are asked for; a language that there is none of falls back."""
    asthma = compose({"system": SNOMED_CT, "concept": [{"code": ASTHMA}]})
    for language in ("en", "en-GB, cy", "cy"):
        found = expand(library, asthma, Page(designations=True, language=language))
        assert found.codes[0].display == "Asthma"
        assert "Bronchial asthma" in {one.term for one in found.codes[0].designations}
        valid(expansion_resource(found, "2026-01-31T09:30:00Z"))


@given(st.sampled_from(URLS), st.sampled_from(["", "a", "c"]), st.integers(1, 7), st.booleans())
def test_pages_neither_repeat_nor_skip(
    library: Library, url: str, typed: str, count: int, active_only: bool
) -> None:
    """The pages of any size together are the whole, in its order; every code in it is valid in it."""
    definition = find_definition(library, url)
    whole = codes(library, definition, filter=typed, active_only=active_only)
    paged: list[str] = []
    while part := codes(
        library, definition, filter=typed, active_only=active_only, offset=len(paged), count=count
    ):
        paged += part
    assert paged == whole
    assert len(set(whole)) == len(whole)
    assert all(validate_in(library, definition, Coded("", code)).result for code in whole)


@given(st.sampled_from(URLS), st.sampled_from([*EVERY, "a", "b", "c", "exception", "x"]))
def test_a_code_is_valid_where_the_expansion_has_it(library: Library, url: str, code: str) -> None:
    """Asking about one code and listing all of them never disagree."""
    definition = find_definition(library, url)
    expected = code in {one.code for one in expand(library, definition).codes}
    assert validate_in(library, definition, Coded("", code)).result is expected


def test_an_answer_is_never_without_end(library: Library) -> None:
    """More codes than an answer holds are refused; a page of them is not."""
    few = Bounds(codes=3, scanned=0)
    definition = find_definition(library, SCT)
    for page in (Page(), Page(count=4)):
        with pytest.raises(TooCostly, match="pages"):
            expand(library, definition, page, few)
    assert len(expand(library, definition, Page(count=3), few).codes) == 3
    with pytest.raises(TooCostly, match="type more letters"):
        expand(library, compose({"system": LOCAL, "concept": [{"code": "a"}]}), Page(filter="a"), few)


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("urn:nowhere", NotFound, "value set is not known"),
        (f"{SCT}=isa/1234567", UnknownCode, "1234567 is not in the release"),
        (f"{SCT}=isa/asthma", Invalid, "character 1"),
        (f"{SCT}=ecl/<", Invalid, "character 2: the expression ends"),
        (f"{SCT}=what/1", Invalid, "after fhir_vs= comes"),
        (
            f"{SNOMED_CT}/999000041000000102?fhir_vs",
            NotFound,
            "another edition or version is loaded: 20260101",
        ),
        (VALUE_SET + "ring", Invalid, "in a ring"),
    ],
)
def test_an_address_that_leads_nowhere_says_why(
    library: Library, url: str, error: type[Exception], says: str
) -> None:
    """Unknown, unreadable, of another edition, importing itself."""
    with pytest.raises(error, match=says):
        expand(library, find_definition(library, url))


def test_without_a_release_snomed_ct_is_not_known(shelf: Library) -> None:
    """No empty expansion for a system that nobody loaded."""
    with pytest.raises(NotFound, match="scr terminology load"):
        find_definition(shelf, SCT)
    with pytest.raises(NotFound, match="scr terminology load"):
        expand(shelf, Definition(include=(Include(SNOMED_CT),)))
    assert codes(shelf, compose({"system": GENDER, "concept": [{"code": "male"}]})) == ["male"]


def _including(**more: object) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "compose": {"include": [{"system": LOCAL, **more}]}}


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        ([], "an object is needed"),
        ({"resourceType": "CodeSystem"}, "a ValueSet is needed"),
        ({"resourceType": "ValueSet"}, "includes nothing"),
        ({"resourceType": "ValueSet", "compose": []}, "an object is needed"),
        ({"resourceType": "ValueSet", "compose": {"include": {}}}, "include must be a list"),
        ({"resourceType": "ValueSet", "compose": {"include": [{}]}}, "neither a system nor a value set"),
        (_including(concept=[{}]), "code is missing"),
        (_including(filter=[{"property": "x"}]), "op is missing"),
        (_including(colour=1), "'colour' is not read"),
        ({"resourceType": "ValueSet", "compose": {"include": [{"system": LOCAL}] * 501}}, "more than 500"),
    ],
)  # fmt: skip
def test_a_value_set_that_cannot_be_read_is_refused(resource: object, says: str) -> None:
    """With the element, and never by passing it over."""
    with pytest.raises(Invalid, match=says) as caught:
        read_definition(resource)
    assert caught.value.where is not None


@pytest.mark.parametrize(
    ("system", "op", "value"),
    [(SNOMED_CT, "regex", ".*"), (LOCAL, "exists", "true"), (SNOMED_CT, "is-a", f"<{ASTHMA}")],
)
def test_a_filter_that_is_not_read_is_refused(library: Library, system: str, op: str, value: str) -> None:
    """A filter narrows: it is never passed over."""
    include = {"system": system, "filter": [{"property": "concept", "op": op, "value": value}]}
    with pytest.raises(Invalid, match=r"is not (read|one concept)"):
        expand(library, compose(include))
