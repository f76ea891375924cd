"""Whose a unit is: its number leads, its demographics and the register's confirm, and a doubt is nobody's."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest
from msgspec.structs import replace
from tests.unit.store.samples import NOW, nhs_number

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.pds import PdsAddress, PdsName, PdsPerson
from scr.fhir.standing import Standing
from scr.identity import index, links
from scr.identity.matching import shipped_matching
from scr.identity.pds.facts import Facts, Found, Invalidated, NotKnown, Superseded
from scr.identity.resolve import Resolver, Unresolved
from scr.mapping.run import Claim
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person

HOSPITAL = OdsCode("RXX01")
FINCH = Demographics("Finch", ("Jane",), "1980-05-17", "female", "ZZ1 1ZZ")
MARRIED = replace(FINCH, family="Heron")
TWIN = replace(FINCH, given=("Emma",))
STRANGER = Demographics("Wren", ("Oswald",), "1951-02-03", "male", "ZZ9 9ZZ")
ONE, TWO = nhs_number(0), nhs_number(1)


def _told(number: NHSNumber, who: Demographics = FINCH, **more: object) -> PdsPerson:
    return PdsPerson(
        number=number,
        verification="01",
        confidentiality=str(more.get("confidentiality", "U")),
        names=(PdsName("usual", who.family or "", who.given), PdsName("maiden", "Partridge", who.given)),
        birth_date=who.birth_date or "",
        gender=who.sex or "",
        addresses=(PdsAddress("home", postal_code=who.postcode or ""),),
    )


@dataclass(frozen=True)
class Case:
    """Who is held under the number, what a unit states, what the register says, and what comes of it."""

    name: str
    stated: Demographics
    then: str
    held: Demographics | None = FINCH
    facts: Facts = field(default_factory=dict)


KNOWN: Facts = {ONE: Found(_told(ONE))}
SUCCEEDED: Facts = {ONE: Superseded(ONE, _told(TWO))}
BARE: Facts = {ONE: Found(PdsPerson(number=ONE, confidentiality="V"))}
DOUBT, CONTRADICT = "demographics-doubt", "demographics-contradict"

CASES = [
    Case("a new person", FINCH, "new", held=None),
    Case("a known person", FINCH, "held"),
    Case("a name taken on marriage", MARRIED, "held"),
    Case("a twin", TWIN, DOUBT),
    Case("somebody else", STRANGER, CONTRADICT),
    Case("nothing to check by", Demographics(given=("Jane",)), "no-demographics"),
    Case("new, and the register agrees", FINCH, "new", None, KNOWN),
    Case("new, and the register knows a twin", TWIN, DOUBT, None, KNOWN),
    Case("new, and another's number", STRANGER, CONTRADICT, None, KNOWN),
    Case("known by a maiden name", replace(FINCH, family="Partridge"), "held", facts=KNOWN),
    Case("held wrongly, as the register says", STRANGER, CONTRADICT, STRANGER, KNOWN),
    Case("invalidated", FINCH, "nhs-number-invalidated", facts={ONE: Invalidated(ONE)}),
    Case("nobody's number", FINCH, "nhs-number-not-known", None, {ONE: NotKnown()}),
    Case("superseded, held under the former", FINCH, "held", facts=SUCCEEDED),
    Case("superseded, not held", FINCH, "new", None, SUCCEEDED),
    Case("superseded by another's", STRANGER, CONTRADICT, None, SUCCEEDED),
    Case("nothing but the number is told", FINCH, "new", None, BARE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whose_it_is(case: Case, database: Database, keys: KeyRing) -> None:
    """A person, or the code of the doubt; nobody new where there is one."""
    held = case.held and database.write_now(lambda c: index.register(c, keys, ONE, case.held, NOW))  # type: ignore[arg-type]
    stated = Claim(ONE, "", case.stated)
    outcome = _resolve(database, keys, stated, case.facts)
    if isinstance(outcome, Unresolved):
        assert outcome.code == case.then
        assert case.held or database.read_now(lambda c: index.find(c, keys, ONE)) is None
    elif isinstance(held, Person):
        assert (case.then, outcome.key) == ("held", held.key)
    else:
        assert case.then == "new"


def test_a_superseded_number_and_its_successor_find_one_person(database: Database, keys: KeyRing) -> None:
    """Whoever was held under the former has the retained one now, and is found by both."""
    held = database.write_now(lambda c: index.register(c, keys, ONE, FINCH, NOW))
    found = _resolve(database, keys, Claim(ONE, "", FINCH), {ONE: Superseded(ONE, _told(TWO))})
    assert isinstance(found, Person)
    by_both = [database.read_now(partial(index.find, keys=keys, nhs_number=n)) for n in (ONE, TWO)]
    assert [person and (person.key, person.nhs_number) for person in by_both] == [(held.key, TWO)] * 2
    assert by_both[0] is not None
    assert by_both[0].standing == Standing("01", former=(ONE.value,), checked=NOW)


def test_two_rows_of_which_one_number_gave_way_are_read_as_one(database: Database, keys: KeyRing) -> None:
    """What names the former number stays in its row, so that the link can be undone; a bar wins."""
    rows = [database.write_now(lambda c, n=n: index.register(c, keys, n, FINCH, NOW)) for n in (ONE, TWO)]  # type: ignore[misc]
    found = _resolve(database, keys, Claim(ONE, "", FINCH), {ONE: Superseded(ONE, _told(TWO))})
    assert isinstance(found, Person)
    assert (found.key, found.view) == (rows[0].key, rows[1].key)
    view = database.read_now(lambda c: links.view_of(c, keys, found))
    assert [person.key for person in view] == [rows[1].key, rows[0].key]
    database.write_now(lambda c: links.bar(c, keys, [ONE, TWO], reason="x", by="y", now=NOW))
    barred = _resolve(database, keys, Claim(ONE, "", FINCH), {ONE: Superseded(ONE, _told(TWO))})
    assert isinstance(barred, Unresolved)
    assert barred.code == "nhs-number-disputed"
    alone = database.read_now(lambda c: index.find(c, keys, ONE))
    assert alone is not None
    assert alone.view is None


def test_where_a_restricted_person_lives_is_not_kept(database: Database, keys: KeyRing) -> None:
    """The register's R takes the postcode away, also one that a source tells later."""
    restricted = {ONE: Found(_told(ONE, confidentiality="R"))}
    person = _resolve(database, keys, Claim(ONE, "", FINCH), restricted)
    assert isinstance(person, Person)
    database.write_now(lambda c: index.learn_demographics(c, keys, person, MARRIED))
    known = database.read_now(lambda c: index.find(c, keys, ONE))
    assert known is not None
    assert (known.standing.restricted, known.demographics.postcode) == (True, None)
    assert known.demographics.family == "Heron"


LOCAL = ("urn:mrn", "12345")


@pytest.mark.parametrize(
    ("stated", "local_ids", "then"),
    [
        (FINCH, (LOCAL,), "held"),
        (MARRIED, (("urn:other", "1"), LOCAL), "held"),
        (TWIN, (LOCAL,), "demographics-doubt"),
        (Demographics(), (LOCAL,), "demographics-unknown"),
        (FINCH, (("urn:mrn", "99999"),), "no-nhs-number"),
        (FINCH, (), "no-nhs-number"),
        (FINCH, (LOCAL, ("urn:mrn", "777")), "local-ids-differ"),
    ],
)
def test_a_unit_without_a_number(
    stated: Demographics, local_ids: tuple[tuple[str, str], ...], then: str, database: Database, keys: KeyRing
) -> None:
    """Its sender's own identifier names the person where the demographics agree, and never a new one."""
    held = database.write_now(lambda c: index.register(c, keys, ONE, FINCH, NOW))
    other = database.write_now(lambda c: index.register(c, keys, TWO, STRANGER, NOW))
    for person, value in ((held, "12345"), (other, "777")):
        learn = partial(
            index.learn_local, keys=keys, person=person, system=f"{HOSPITAL}|urn:mrn", value=value
        )
        database.write_now(learn)
    outcome = _resolve(database, keys, Claim(None, "no-nhs-number", stated, local_ids), {})
    assert ("held" if outcome == held else getattr(outcome, "code", "")) == then


def test_a_wrong_number_is_not_made_good_by_a_local_identifier(database: Database, keys: KeyRing) -> None:
    """A number that fails the check is a mistake about somebody: who, only a person can find out."""
    held = database.write_now(lambda c: index.register(c, keys, ONE, FINCH, NOW))
    database.write_now(lambda c: index.learn_local(c, keys, held, f"{HOSPITAL}|urn:mrn", "12345"))
    outcome = _resolve(database, keys, Claim(None, "bad-nhs-number", FINCH, (LOCAL,)), {})
    assert isinstance(outcome, Unresolved)
    assert outcome.code == "bad-nhs-number"


def _resolve(database: Database, keys: KeyRing, stated: Claim, facts: Facts) -> Person | Unresolved:
    resolver = Resolver(keys, shipped_matching())
    return database.write_now(lambda c: resolver.whose(c, HOSPITAL, stated, NOW, facts))


def test_what_a_reviewer_said_is_theirs_is_a_doubt_no_more(database: Database, keys: KeyRing) -> None:
    """Her nickname with her new name at another address: once somebody has said so, and for nobody else."""
    known = replace(FINCH, given=("Susan",))
    told = Demographics("Heron", ("Sue",), "1980-05-17", "female", "ZZ9 9ZZ")
    held = database.write_now(lambda c: index.register(c, keys, ONE, known, NOW))
    assert isinstance(_resolve(database, keys, Claim(ONE, "", told), {}), Unresolved)
    database.write_now(lambda c: index.learn_also(c, keys, held, told))
    found = _resolve(database, keys, Claim(ONE, "", told), {})
    assert isinstance(found, Person)
    assert found.key == held.key
    assert isinstance(_resolve(database, keys, Claim(ONE, "", STRANGER), {}), Unresolved)
