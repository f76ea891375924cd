"""Whose the ids of a payload are."""

from __future__ import annotations

from scr.fhir.identifiers import UNNAMED
from scr.mapping.references import References


def test_what_has_no_id_of_its_own_is_each_persons_own() -> None:
    """The same words about two people, without an id, are two resources; what the source names is one."""

    def served(subject: str, local: str) -> str:
        return References("Z99001", b"k" * 32, subject, frozenset()).id_of("List", local)

    assert served("ada", f"{UNNAMED}0f") != served("bert", f"{UNNAMED}0f")
    assert served("ada", f"{UNNAMED}0f") == served("ada", f"{UNNAMED}0f")
    assert served("ada", "L1") == served("bert", "L1")
