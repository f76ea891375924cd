"""A dissent that a provider tells, and the consent that lifts it: the last word said, in any order."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.store.samples import NOW, nhs_number

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.identity import index, objections
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import add_person

WARD, PRACTICE = OdsCode("ZZH01"), OdsCode("ZZG01")
WORDS = st.lists(st.tuples(st.sampled_from(["dissent", "consent"]), st.integers(1, 5)), max_size=6)
_settings = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""The database is shared by the examples: each has a person of its own."""


def after(database: Database, keys: KeyRing, words: list[tuple[OdsCode, str, int]]) -> set[str]:
    """Whose part is withheld of somebody of whom this was said."""

    def write(conn: Connection) -> set[str]:
        person = add_person(conn, keys, nhs_number(0), Demographics(), NOW)
        for provider, word, at in words:
            say = objections.dissent if word == "dissent" else objections.consent
            say(conn, person, provider, provider, NOW + at)
        told = index.relationships(conn, person)
        assert all(r.kind == "objection" and r.tie() is None for r in told)
        return {r.organisation.value for r in told if r.until is None}

    return database.write_now(write)


@_settings
@given(words=WORDS, order=st.randoms(use_true_random=False))
def test_the_last_word_holds_in_whatever_order_it_comes(
    database: Database, keys: KeyRing, words: list[tuple[str, int]], order: object
) -> None:
    """By when it was said; of one moment the dissent. Unless a dissent was said, nothing is withheld."""
    dissents = [at for word, at in words if word == "dissent"]
    consents = [at for word, at in words if word == "consent"]
    withheld = bool(dissents) and max(dissents) >= max(consents, default=0)
    shuffled = [(WARD, word, at) for word, at in words]
    order.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis gives a Random
    assert after(database, keys, shuffled) == ({"ZZH01"} if withheld else set())


def test_nobody_lifts_what_another_was_told(database: Database, keys: KeyRing) -> None:
    """The hospital's consent is not the practice's, and the other way round."""
    said = [(WARD, "dissent", 1), (PRACTICE, "dissent", 1), (WARD, "consent", 2)]
    assert after(database, keys, said) == {"ZZG01"}
    assert after(database, keys, [(PRACTICE, "dissent", 1), (WARD, "consent", 2)]) == {"ZZG01"}
