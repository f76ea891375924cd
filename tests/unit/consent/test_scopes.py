"""SMART scopes: what each says, and that they only ever narrow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import ActorKind
from scr.consent.scopes import allows, granted, held_by, narrowed, parse

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


def test_a_scope_with_a_search_grants_nothing_here() -> None:
    """Nobody would hold an answer to it, so that all of the type would go out."""
    scopes = frozenset({"user/Observation.rs?category=laboratory", "user/Condition.rs"})
    assert granted(scopes) == {("Condition", "r"), ("Condition", "s")}
    assert not allows(scopes, "Observation", "r")


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
