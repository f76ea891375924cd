"""Who may be meant by demographics: found by a birth date with one other fact, and ranked."""

from __future__ import annotations

from msgspec import structs
from sqlalchemy import Connection

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.fhir.standing import Standing
from scr.identity import index
from scr.identity.matching import shipped_matching
from scr.identity.traced import traced
from scr.identity.tracing import blocks, candidates
from scr.store.engine import Database
from scr.store.keys import KeyRing

JANE = Demographics("Finch", ("Jane",), "1980-05-17", "female", "ZZ1 1ZZ")
NUMBER, OTHER = NHSNumber("9995100002"), NHSNumber("9995200007")
NOBODY = Demographics("Heron", ("Rose",), "1980-05-17", "male", "ZZ9 9ZZ")


def found(conn: Connection, keys: KeyRing, told: Demographics) -> list[str]:
    """The numbers of those who may be meant."""
    return [one.nhs_number.value for one in candidates(conn, keys, told)]


def test_one_of_three_facts_is_enough(database: Database, keys: KeyRing) -> None:
    """Family name, given name or postcode, with the whole birth date; nothing without that."""
    database.write_now(lambda conn: index.register(conn, keys, NUMBER, JANE, 0))

    def check(conn: Connection) -> None:
        for field in ("family", "given", "postcode"):
            told = structs.replace(NOBODY, **{field: getattr(JANE, field)})
            assert found(conn, keys, told) == [NUMBER.value]
            assert found(conn, keys, structs.replace(told, birth_date="1980-05-18")) == []
            assert found(conn, keys, structs.replace(told, birth_date="1980")) == []
        assert found(conn, keys, structs.replace(JANE, family="FINCH ", given=("JANE",))) == [NUMBER.value]
        assert found(conn, keys, NOBODY) == []

    database.read_now(check)
    assert blocks(Demographics("Finch", ("Jane",))) == frozenset()


def test_what_is_learnt_is_found_by_and_what_is_given_up_is_not(database: Database, keys: KeyRing) -> None:
    """A new name leads to somebody; where they live does not, once that is restricted."""

    def work(conn: Connection) -> None:
        person = index.register(conn, keys, NUMBER, structs.replace(JANE, family=None, postcode=None), 0)
        by_postcode = structs.replace(NOBODY, postcode=JANE.postcode)
        assert found(conn, keys, by_postcode) == []
        assert index.learn_demographics(conn, keys, person, JANE)
        assert found(conn, keys, by_postcode) == [NUMBER.value]
        moved = structs.replace(JANE, postcode="ZZ2 2ZZ", family="Wren")
        index.learn_also(conn, keys, person, moved)
        by_other = structs.replace(NOBODY, family=None, postcode="ZZ2 2ZZ")
        assert found(conn, keys, by_other) == [NUMBER.value]
        index.learn_standing(conn, keys, person, Standing("01", restricted=True, checked=1))
        assert found(conn, keys, by_postcode) == found(conn, keys, by_other) == []
        assert found(conn, keys, JANE) == [NUMBER.value]

    database.write_now(work)


def test_too_many_are_nobody(database: Database, keys: KeyRing) -> None:
    """What fits more than fifty people tells too little to look at any of them."""

    def work(conn: Connection) -> None:
        numbers = (
            NHSNumber(f"9991{n:05d}{check}") for n in range(70) for check in range(10) if _valid(n, check)
        )
        for count, number in zip(range(51), numbers, strict=False):
            index.register(conn, keys, number, structs.replace(JANE, given=(f"N{count}",)), 0)
        assert found(conn, keys, JANE) == []
        assert len(found(conn, keys, structs.replace(NOBODY, given=("N7",)))) == 1

    database.write_now(work)


def _valid(number: int, check: int) -> bool:
    try:
        NHSNumber.parse(f"9991{number:05d}{check}")
    except ValueError:
        return False
    return True


def test_another_number_is_never_more_than_possible(database: Database, keys: KeyRing) -> None:
    """However alike they are; and the number with other demographics is not the person either."""
    person = database.write_now(lambda conn: index.register(conn, keys, NUMBER, JANE, 0))
    policy = shipped_matching()

    def grade(told: Demographics, number: NHSNumber | None) -> str:
        return next((one.grade for one in traced([person], told, number, policy)), "none")

    assert grade(JANE, NUMBER) == grade(JANE, None) == "certain"
    assert grade(JANE, OTHER) == "possible"
    assert grade(structs.replace(JANE, postcode=None), None) == "probable"
    assert grade(structs.replace(JANE, given=("Rose",)), NUMBER) == "possible"
    assert grade(Demographics("Heron", ("Rose",), "1951-02-03", "female"), NUMBER) == "none"
