"""The synthetic population: the same people from the same seed, in every process.

NHS Numbers are of the 999 range, which the NHS never issues. Each person is drawn from a generator of
his own, so that one more person changes none of the others.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import lru_cache

from scr.demo import clinical, happenings, history, names, social_care
from scr.demo.history import AS_OF, Life
from scr.demo.person import COUNCIL, GP, HOSPITAL, NEIGHBOUR, SOURCES, Holders, Person
from scr.demo.personas import PERSONAS, Persona
from scr.demo.places import PRACTICES, STREETS, TOWNS, Address
from scr.errors import Invalid
from scr.fhir.identifiers import is_nhs_number

DEMO_SEED = 20260105
DEMO_SIZE = 300
LARGEST = 5000
_SHARES = ((GP, 0.97), (HOSPITAL, 0.5), (COUNCIL, 0.25), (NEIGHBOUR, 0.15))
_STRIDE = 199  # apart enough that skipping a number without a check digit never meets the next one


@lru_cache(maxsize=4)
def population(seed: int = DEMO_SEED, size: int = DEMO_SIZE) -> tuple[Person, ...]:
    """Everybody, the personas first.

    Raises Invalid unless ``size`` is between the number of personas and five thousand.
    """
    if not len(PERSONAS) <= size <= LARGEST:
        raise Invalid(f"a population has {len(PERSONAS)} to {LARGEST} people, not {size}", code="bad-size")
    return tuple(_person(seed, index) for index in range(size))


def known_to(source: str, seed: int = DEMO_SEED, size: int = DEMO_SIZE) -> dict[str, Person]:
    """The people that a source knows, by NHS Number."""
    return {person.nhs_number: person for person in population(seed, size) if source in person.sources}


def nhs_number(seed: int, index: int) -> str:
    """The number of the person at a place of the population: 999, six digits, and the right check digit."""
    body = (seed * 7919 + index * _STRIDE) % 1_000_000
    while True:
        for check in "0123456789":
            if is_nhs_number(digits := f"999{body:06d}{check}"):
                return digits
        body = (body + 1) % 1_000_000


def _person(seed: int, index: int) -> Person:
    rng = random.Random(f"{seed}:{index}")  # noqa: S311 - synthetic people, not secrets
    persona = PERSONAS[index] if index < len(PERSONAS) else None
    key = f"{seed}:{index}"
    born = persona.birth_date if persona else _birth_date(rng)
    age = (AS_OF - born).days // 365
    female = persona.female if persona else rng.random() < 0.51
    given, family = _name(rng, female=female)
    sources = frozenset(SOURCES) if persona else _sources(rng, age)
    diseases = persona.diseases if persona else _diseases(rng, age)
    moved, married = rng.random() < 0.15, female and age >= 25 and rng.random() < 0.12
    address, old = _address(rng), _address(rng)
    old_family = persona.old_family if persona else (_name(rng, female=female)[1] if married else "")
    behind = persona.behind if persona else (rng.choice(sorted(sources)) if moved or married else "")
    allergy = (
        persona.allergy if persona else (rng.choice(sorted(clinical.ALLERGIES)) if rng.random() < 0.3 else "")
    )
    denies = persona.hospital_denies_allergy if persona else bool(allergy) and rng.random() < 0.12
    life = Life(rng, key, sources, (AS_OF - born).days)
    problems = history.problems(life, diseases)
    years = 4 if persona else rng.randint(1, 3)
    visits = happenings.visits(life, rng.randint(4, 6) if persona else rng.randint(0, 3))
    return Person(
        nhs_number=nhs_number(seed, index),
        family=persona.family if persona else family,
        given=persona.given if persona else given,
        prefix=persona.prefix if persona else _prefix(rng, age, female=female),
        female=female,
        birth_date=born,
        phone=f"01632 9609{rng.randint(10, 99)}",
        address=address,
        practice=persona.practice if persona else rng.choice(PRACTICES),
        registered=_registered(life, persona),
        sources=sources,
        persona=persona.name if persona else "",
        old_address=old if persona or moved else None,
        old_family=old_family,
        behind=behind,
        died=_died(rng, age) if persona is None else None,
        dissents=persona is None and rng.random() < 0.012,
        list_warning=persona.list_warning if persona else "",
        carer=rng.choice(("daughter", "son", "husband", "")) if COUNCIL in sources else "",
        support_reason=persona.support_reason if persona else rng.choice(social_care.REASONS),
        problems=problems,
        medicines=history.medicines(life, diseases, persona.changed_dose if persona else "", allergy),
        allergies=history.allergies(life, allergy, hospital_denies=denies),
        immunisations=happenings.immunisations(life),
        reports=happenings.reports(life, diseases, years),
        measurements=happenings.measurements(life, years),
        visits=visits,
        consultations=happenings.consultations(
            life, problems, rng.randint(14, 20) if persona else rng.randint(1, 7)
        ),
        care=social_care.care(rng, key) if COUNCIL in sources else (),
    )


def _birth_date(rng: random.Random) -> date:
    """Older than the country, as the users of care are."""
    age = rng.triangular(1, 99, 68)
    return AS_OF - timedelta(days=int(age * 365.25) + rng.randint(0, 364))


def _name(rng: random.Random, *, female: bool) -> tuple[str, str]:
    pool = rng.choices(names.POOLS, [pool.share for pool in names.POOLS])[0]
    family_pool = pool if rng.random() > 0.08 else rng.choice(names.POOLS)
    return rng.choice(pool.women if female else pool.men), rng.choice(family_pool.families)


def _prefix(rng: random.Random, age: int, *, female: bool) -> str:
    if age < 18:
        return "Miss" if female else "Master"
    return rng.choice(("Mrs", "Ms", "Miss")) if female else "Mr"


def _sources(rng: random.Random, age: int) -> Holders:
    """Somebody is always known to at least one of them; councils know few children."""
    chosen = {name for name, share in _SHARES if rng.random() < share}
    if age < 18:
        chosen.discard(COUNCIL)
    return frozenset(chosen or {GP})


def _diseases(rng: random.Random, age: int) -> tuple[str, ...]:
    return tuple(
        name
        for name, disease in clinical.DISEASES.items()
        if disease.chance and age >= disease.from_age and rng.random() * 100 < disease.chance
    )


def _address(rng: random.Random) -> Address:
    town, figure = rng.choice(TOWNS)
    postcode = f"ZZ99 {figure}{rng.choice('ABDEFGHJ')}{rng.choice('LNPQRSTU')}"
    return Address(f"{rng.randint(1, 140)} {rng.choice(STREETS)}", town, postcode)


def _registered(life: Life, persona: Persona | None) -> date:
    recent = persona is not None and persona.list_warning == "data-in-transit"
    return history.days_ago(20) if recent else life.ago(200, 9000)


def _died(rng: random.Random, age: int) -> date | None:
    return history.days_ago(rng.randint(1, 4)) if age > 75 and rng.random() < 0.03 else None
