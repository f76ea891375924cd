"""Expressions over releases: held to a slow and plain reading, and to limits."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.small_release import Small, SmallMap, SmallRelease
from tests.unit.terminology.ecl.model import Model, spell

from scr.errors import Invalid, TooCostly, UnknownCode
from scr.terminology.ecl.evaluate import evaluate, matcher
from scr.terminology.ecl.ids import Limits
from scr.terminology.ecl.parse import parse
from scr.terminology.ecl.tree import (
    Attribute,
    Cardinality,
    Compound,
    Concept,
    ConceptFilter,
    Criterion,
    DescriptionFilter,
    Dotted,
    Everything,
    Expression,
    Filtered,
    Group,
    History,
    Joined,
    Members,
    Refined,
    Refinement,
    Related,
    SearchTerm,
)
from scr.terminology.release.reader import Release
from scr.terminology.systems import ICD_10, SNOMED_CT

CODES = [str(100_000_000 + number) for number in range(1, 15)]
NAMES = CODES[-3:]
REFSETS = CODES[-5:-3]
concepts = st.sampled_from(CODES).map(Concept)
names = st.one_of(st.sampled_from(NAMES).map(Concept), st.just(Everything()))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A hierarchy without rings, attributes in groups, concrete values, two reference sets."""
    parents = {
        code: draw(st.sets(st.sampled_from(CODES[:place]), max_size=2)) if place else set()
        for place, code in enumerate(CODES)
    }
    inactive = draw(st.sets(st.sampled_from(CODES[5:9]), max_size=1))
    for gone in inactive:
        parents = {code: above - {gone} if code != gone else set() for code, above in parents.items()}
    to = st.one_of(st.sampled_from(CODES), st.sampled_from(["#1", "#2.5", '"a"']))
    row = st.tuples(st.integers(0, 2), st.sampled_from(NAMES), to)
    attributes = {code: sorted(draw(st.sets(row, max_size=4))) for code in CODES[:9] if code not in inactive}
    refsets = {name: sorted(draw(st.sets(st.sampled_from(CODES), max_size=5))) for name in REFSETS}
    became = {gone: draw(st.sampled_from(CODES[:5])) for gone in inactive}
    return Model(parents, attributes, refsets, inactive, became)


def filters() -> st.SearchStrategy[DescriptionFilter | ConceptFilter]:
    """Of descriptions and of concepts; the terms are those of the model."""
    texts = st.sampled_from(["c1000", "TEST", "meant what", "c100000003", "test c100000004", "zzz"])
    wild = st.sampled_from(["*3", "C1000*", "*(test)", "c*0*4", "*"])
    term = st.one_of(st.builds(SearchTerm, texts), st.builds(SearchTerm, wild, st.just(True)))
    several = st.lists(term, min_size=1, max_size=2).map(tuple)
    same = st.sampled_from(["=", "!="])
    criterion = st.one_of(
        st.builds(Criterion, st.just("term"), several, same),
        st.builds(Criterion, st.just("type"), st.sampled_from([("syn",), ("fsn", "def")]), same),
        st.builds(Criterion, st.just("language"), st.sampled_from([("en",), ("de", "fr")]), same),
    )
    dates = st.lists(st.sampled_from(["20251231", "20260101", "20260102"]), min_size=1, max_size=2).map(tuple)
    compared = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    dated = st.lists(st.builds(Criterion, st.just("effectivetime"), dates, compared), max_size=1).map(tuple)
    criteria = st.lists(criterion, min_size=1, max_size=2).map(tuple)
    states = st.sampled_from(["0", "1", "*"])
    return st.one_of(st.builds(DescriptionFilter, criteria), st.builds(ConceptFilter, dated, states))


def expressions(depth: int = 2) -> st.SearchStrategy[Expression]:
    """Any expression, up to a depth."""
    if depth == 0:
        return st.one_of(concepts, st.just(Everything()))
    inner = expressions(depth - 1)
    operators = st.sampled_from(["<", "<<", "<!", "<<!", ">", ">>", ">!", ">>!", "!!>", "!!<"])
    return st.one_of(
        inner,
        st.builds(Related, operators, inner),
        st.builds(Members, st.one_of(st.sampled_from(REFSETS).map(Concept), inner)),
        st.builds(
            Compound, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
        ),
        st.builds(Compound, st.just("MINUS"), st.tuples(inner, inner)),
        st.builds(Refined, inner, refinements(depth - 1)),
        st.builds(Dotted, inner, names),
        st.builds(Filtered, inner, filters()),
        st.builds(History, inner, st.sampled_from(["min", "mod", "max"])),
    )


def cardinalities() -> st.SearchStrategy[Cardinality]:
    """The usual one, and others."""
    few = st.builds(
        lambda least, more: Cardinality(least, None if more is None else least + more),
        st.integers(0, 2), st.one_of(st.none(), st.integers(0, 2)),
    )  # fmt: skip
    return st.one_of(st.just(Cardinality()), few)


def refinements(depth: int, *, in_group: bool = False) -> st.SearchStrategy[Refinement]:
    """Attributes of all kinds; groups and junctions of them."""
    reverse = st.just(False) if in_group else st.booleans()
    same = st.sampled_from(["=", "!="])
    numbers = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    attribute = st.one_of(
        st.builds(Attribute, names, same, expressions(depth), reverse, cardinalities()),
        st.builds(Attribute, names, numbers, st.sampled_from([Decimal(1), Decimal(2)]), st.just(False)),
        st.builds(Attribute, names, same, st.sampled_from(["a", "b"]), st.just(False)),
    )
    if depth == 0:
        return attribute
    inner = refinements(depth - 1, in_group=in_group)
    joined = st.builds(Joined, st.sampled_from(["AND", "OR"]), st.tuples(inner, inner))
    if in_group:
        return st.one_of(attribute, joined)
    return st.one_of(attribute, joined, st.builds(Group, refinements(depth, in_group=True), cardinalities()))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(models(), st.lists(expressions(), min_size=8, max_size=8))
def test_any_expression_means_what_it_says(model: Model, asked: list[Expression]) -> None:
    """The set, and the test of each concept alone, are those of the slow reading, for any release."""
    with tempfile.TemporaryDirectory() as folder:
        release = Release(model.release().write(Path(folder) / "release-x.sqlite"))
        for expression in asked:
            text = spell(expression)
            expected = model.answer(expression)
            assert evaluate(release, text) == expected, text
            inside = matcher(release, text)
            assert {code for code in CODES if inside(code)} == expected, text
        release.close()


@given(expressions(3))
def test_what_is_written_is_read_again(expression: Expression) -> None:
    """An expression that is spelled out and read gives an expression that is spelled the same."""
    assert spell(parse(spell(expression))) == spell(expression)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A chain of concepts, wide at its end."""
    wide = {str(200_000_000 + number): {CODES[0]} for number in range(300)}
    model = Model({CODES[0]: set(), CODES[1]: {CODES[0]}, **wide})
    return Release(model.release().write(tmp_path_factory.mktemp("ecl") / "release-x.sqlite"))


@pytest.mark.parametrize("text", [f"< {CODES[0]}", "*", f"> (< {CODES[0]})", f"*: [0..0] {CODES[1]} = *"])
def test_what_costs_too_much_is_refused(release: Release, text: str) -> None:
    """More rows than allowed, or more time, is an error and never a part of the answer."""
    for limits in (Limits(rows=100), Limits(seconds=-1)):
        with pytest.raises(TooCostly, match="make it narrower"):
            evaluate(release, text, limits)
    assert release.concept("http://snomed.info/sct", CODES[0]) is not None


def test_a_statement_that_runs_on_is_broken_off(tmp_path: Path) -> None:
    """Time is looked at within a statement too, and the connection serves the next question."""
    wide = {str(200_000_000 + number): set[str]() for number in range(30_000)}
    release = Release(Model(wide).release().write(tmp_path / "release-x.sqlite"))
    with pytest.raises(TooCostly):
        evaluate(release, "*", Limits(seconds=0.0))
    assert len(evaluate(release, "*")) == 30_000


def test_a_concept_that_is_not_there_is_named_with_its_place(release: Release) -> None:
    """No empty set for a concept that the release lacks: its writer would take it for an answer."""
    with pytest.raises(UnknownCode, match="character 5: 999999999 is not in the release"):
        evaluate(release, "  < 999999999")
    with pytest.raises(Invalid, match="write <! for the children"):
        evaluate(release, f"*: 116680003 = {CODES[0]}")


@pytest.mark.parametrize("code", ["", "x", "0100000002", "١٠٠", "9" * 40, f"{CODES[1]} "])
def test_no_code_that_is_no_identifier_is_among_them(release: Release, code: str) -> None:
    """What cannot be an identifier is in no set."""
    assert not matcher(release, "*")(code)


MAP, ASSOCIATION, EMPTY, LANGUAGE = (
    "999002271000000101",
    "900000000000526001",
    "100000021",
    "900000000000508004",
)


@pytest.fixture(scope="module")
def with_refsets(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Reference sets of several kinds; the simple ones, one of which is empty, are below 446609009."""
    every = {"900000000000455006": Small("Sets"), "446609009": Small("Simple", ["900000000000455006"])}
    others = {code: Small(f"Set {code}", ["900000000000455006"]) for code in (MAP, ASSOCIATION, LANGUAGE)}
    simple = {code: Small(f"Set {code}", ["446609009"]) for code in (EMPTY, "100000022")}
    old = {"100000002": Small("Old", active=False, replaced_by="100000001"), "100000003": Small("Mapped")}
    rows = {"100000003": ["A010"], "100000001": []}
    return Release(
        SmallRelease(
            {SNOMED_CT: {**every, **others, **simple, "100000001": Small("New"), **old}},
            refsets={"100000022": ["100000001"]},
            maps=[SmallMap(f"{SNOMED_CT}?fhir_cm={MAP}", SNOMED_CT, ICD_10, rows)],
        ).write(tmp_path_factory.mktemp("refsets") / "release-x.sqlite")
    )


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("^ 100000022", {"100000001"}),
        (f"^ {MAP}", {"100000001", "100000003"}),
        (f"^ {ASSOCIATION}", {"100000002"}),
        (f"^ {EMPTY}", set()),
        ("^ 100000001", set()),
        (f"^ ({MAP} OR {ASSOCIATION})", {"100000001", "100000002", "100000003"}),
        ("^ *", {"100000001", "100000002", "100000003"}),
    ],
)
def test_members_are_those_of_every_kind(with_refsets: Release, text: str, codes: set[str]) -> None:
    """Of a map those it has rows for, of an association those that became something."""
    assert evaluate(with_refsets, text) == codes
    inside = matcher(with_refsets, text)
    assert {f"10000000{n}" for n in range(1, 4) if inside(f"10000000{n}")} == codes


def test_what_a_release_does_not_keep_is_not_taken_for_empty(with_refsets: Release) -> None:
    """A language's reference set has members, which nobody here knows."""
    for ask in (evaluate, matcher):
        with pytest.raises(Invalid, match="character 3: the members of 900000000000508004 are not kept"):
            ask(with_refsets, f"^ {LANGUAGE}")
