"""SMART scopes: what each says, and that they only ever narrow."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fhir.entries import entries, entry

from scr.consent.actor import ActorKind
from scr.consent.scopes import allows, by_search, granted, held_by, narrowed, parse, reached
from scr.fhir.entry import Entry

LETTERS = "cruds"

READ: list[tuple[str, str]] = [
    ("user/Observation.rs", "user/Observation.rs"),
    ("user/*.cruds", "user/*.cruds"),
    ("patient/Patient.r", "patient/Patient.r"),
    ("system/*.s", "system/*.s"),
    ("user/Observation.read", "user/Observation.rs"),
    ("user/Observation.write", "user/Observation.cud"),
    ("user/*.*", "user/*.cruds"),
    ("user/Observation.rs?category=laboratory", "user/Observation.rs?category=laboratory"),
    ("user/Observation.rs?status=final&category=a|b", "user/Observation.rs?category=a|b&status=final"),
]

UNREAD = [
    "", "user", "user/", "user/Observation", "user/Observation.", "user/*.", "user/Observation.sr",
    "user/Observation.rr", "user/Observation.RS", "user/Observation.rsx", "user/Observation.r s",
    "User/Observation.rs", "users/Observation.rs", "user/observation.rs", "user/Observ*.rs", "user/**.rs",
    "user/Observation.readwrite", "user/Observation.read.", "user//Observation.rs", "/Observation.rs",
    " user/Observation.rs", "user/Observation.rs\n", "user/Observation.rs?", "user/Observation.rs?category",
    "user/Observation.rs?=x", "user/Observation.rs?category=", "user/Observation.rs?a=1&",
    "user/*.rs?a=1&&b=2",
    "user/Observation.rs?a=1?b=2", "user/Observation.rs?a=1=2", "user/Observation.?a=1", "launch/patient",
    "openid", "fhirUser", "offline_access", "*/*.*", "*", "user/*.*.*", "user/Observation/x.rs",
    "user/Ωbs.rs",
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), READ)
def test_both_syntaxes_are_read(text: str, said: str) -> None:
    """The older one is the newer one in other letters; search parameters stand in no order."""
    assert str(parse(text)) == said
    assert str(parse(said)) == said


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_scope_on_resources_grants_nothing(text: str) -> None:
    """Letters out of order, twice, in capitals, none; half a search; another grammar."""
    assert parse(text) is None
    assert granted(frozenset({text})) == frozenset()


LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("user/Observation.rs?category=laboratory", {"lab"}),
        (f"user/Observation.s?category={LAB}", {"lab"}),
        (f"user/Observation.s?category={quote(LAB)}", {"lab"}),
        ("user/Observation.rs?category=laboratory&status=amended", set()),
        ("user/Observation.rs?category:not=laboratory", {"vital"}),
        ("user/*.rs?category=laboratory", {"lab", "report"}),
        ("user/*.rs?_id=vital", {"vital"}),
        ("user/Observation.r?category=laboratory", set()),
        ("user/Observation.rs?encounter=e1", set()),
        ("user/Observation.rs?encounter.status=finished", set()),
        ("user/Observation.rs?colour=red", set()),
        ("user/Observation.rs?patient=p1", set()),
        ("user/Observation.rs?_has:Provenance:target:agent=x", set()),
        ("user/Observation.rs?_include=*", set()),
    ],
)  # fmt: skip
def test_a_scope_with_a_search_grants_what_it_finds(scope: str, found: set[str]) -> None:
    """And nothing of the rest of its type; one that may not be asked grants nothing at all."""
    record = [
        entry("lab", categories=(LAB,), status="final"),
        entry("vital", categories=("|vital-signs",), status="final"),
        entry("report", "DiagnosticReport", categories=(LAB,)),
    ]
    test = by_search(frozenset({scope}), "s")
    assert {one.id for one in record if test is not None and test(one)} == found
    assert not allows(frozenset({scope}), "Observation", "s")
    assert granted(frozenset({scope})) == frozenset()
    assert any(letter == "s" for _, letter in reached(frozenset({scope}))) is bool(
        found or "&status" in scope
    )


SCOPES = [
    "user/Observation.rs?status=final",
    "user/*.s?code=1",
    "user/Condition.rs",
    "user/Condition.s?code=2",
]


@given(scopes=st.frozensets(st.sampled_from(SCOPES), max_size=3), one=entries)
def test_another_scope_never_takes_away(scopes: frozenset[str], one: Entry) -> None:
    """Several scopes grant what any of them does, and no scope with a search more than the one without."""

    def passes(held: frozenset[str]) -> bool:
        test = by_search(held, "s")
        return allows(held, one.type, "s") or (test is not None and test(one))

    each = [passes(frozenset({scope})) for scope in scopes]
    assert passes(scopes) is any(each)
    for scope in scopes:
        sign = "&" if "?" in scope else "?"
        if passes(frozenset({f"{scope}{sign}category=1"})):
            assert passes(frozenset({scope}))


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (ActorKind.PROFESSIONAL, {"user/*.rs", "openid"}),
        (ActorKind.SYSTEM, {"system/*.rs", "openid"}),
        (ActorKind.CITIZEN, {"user/*.rs", "patient/*.rs", "openid"}),
        (ActorKind.CARER, {"user/*.rs", "patient/*.rs", "openid"}),
    ],
)
def test_a_scope_is_held_by_those_that_it_speaks_of(kind: ActorKind, held: set[str]) -> None:
    """A system's gives a person nothing, a person's a system; one patient's no professional."""
    assert held_by(kind, ["user/*.rs", "patient/*.rs", "system/*.rs", "openid"]) == held


NARROWED: list[tuple[str, str, str]] = [
    ("system/*.rs", "system/*.rs", "system/*.rs"),
    ("system/*.read", "system/*.rs", "system/*.read"),
    ("system/*.cruds", "system/*.rs", "system/*.rs"),
    ("system/*.*", "system/Observation.rs", "system/Observation.rs"),
    ("system/Observation.rs", "system/*.read", "system/Observation.rs"),
    ("system/*.rs", "system/Observation.r system/Condition.s", "system/Condition.s system/Observation.r"),
    ("system/Observation.rs", "system/Condition.rs", ""),
    ("system/Observation.c", "system/Observation.rs", ""),
    ("user/Observation.rs", "system/*.rs", ""),
    ("system/Observation.rs", "system/Observation.rs?status=final", "system/Observation.rs?status=final"),
    (
        "system/Observation.rs?category=a", "system/Observation.r?status=final",
        "system/Observation.r?category=a&status=final",
    ),
    ("openid", "openid system/*.rs", "openid"),
    ("openid nonsense", "system/*.rs", ""),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "most", "given_"), NARROWED)
def test_what_is_given_lies_within_what_may_be(asked: str, most: str, given_: str) -> None:
    """Type, letters and search each at their narrowest."""
    assert " ".join(sorted(narrowed(asked.split(), most.split()))) == given_


_scopes = st.builds(
    lambda context, kind, letters, search: f"{context}/{kind}.{letters}{search}",
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Observation", "Condition"]),
    st.one_of(
        st.sets(st.sampled_from(LETTERS), min_size=1).map(
            lambda some: "".join(c for c in LETTERS if c in some)
        ),
        st.sampled_from(["read", "write", "*"]),
    ),
    st.sampled_from(["", "", "?a=1", "?b=2"]),
)
_some = st.frozensets(_scopes, max_size=4)


@given(asked=_some, most=_some, context=st.sampled_from(["patient", "user", "system"]))
def test_narrowing_never_widens(asked: frozenset[str], most: frozenset[str], context: str) -> None:
    """What is given is within both, for each context by itself; once narrowed, it stays as it is."""
    found = narrowed(asked, most)

    def of(scopes: frozenset[str]) -> frozenset[str]:
        return frozenset(scope for scope in scopes if scope.startswith(f"{context}/"))

    for kind in ("Observation", "Condition", "Patient"):
        for letter in LETTERS:
            if allows(of(found), kind, letter):
                assert allows(of(asked), kind, letter)
                assert allows(of(most), kind, letter)
            elif allows(of(asked), kind, letter):
                assert not allows(of(most), kind, letter)
    assert narrowed(found, most) == found


@given(scopes=_some, more=_some)
def test_a_scope_more_never_takes_away(scopes: frozenset[str], more: frozenset[str]) -> None:
    """What a set of scopes grants, a larger one grants too."""
    assert granted(scopes) <= granted(scopes | more)
