"""What the demonstration's Personal Demographics Service holds: the people, and some numbers of interest.

The shapes are those of the PDS FHIR R4 API. One number gave way to another, one was taken out of use, and
one person is restricted: where they live is told to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scr.demo.history import AS_OF
from scr.demo.people import LARGEST, nhs_number, population
from scr.demo.person import Person, identifier
from scr.demo.personas import PERSONAS
from scr.demo.suppliers.process import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM

_HL7 = "https://fhir.hl7.org.uk"
_EXTENSION = f"{_HL7}/StructureDefinition/Extension-UKCore-"
_LEVELS = {"U": "unrestricted", "R": "restricted"}
_RETAINED = 3
"""The place in the population of the one whose former number gave way; a documented person."""
_RESTRICTED = len(PERSONAS) + 1


@dataclass(frozen=True, slots=True)
class Held:
    """A person as the register has them."""

    person: Person
    restricted: bool

    @property
    def former_names(self) -> tuple[str, ...]:
        """Family names of before."""
        return (self.person.old_family,) if self.person.old_family else ()


class Register:
    """The people of a population, by number."""

    def __init__(self, seed: int, size: int) -> None:
        """Everybody, the numbers that gave way, and those out of use."""
        people = population(seed, size)
        self.people = {
            person.nhs_number: Held(person, index == _RESTRICTED) for index, person in enumerate(people)
        }
        self.superseded = {nhs_number(seed, LARGEST): people[_RETAINED].nhs_number}
        self.invalidated = frozenset({nhs_number(seed, LARGEST + 1)})

    def find(self, number: str) -> Held | None:
        """Whoever has the number, or the one that it gave way to."""
        return self.people.get(self.superseded.get(number, number))

    def __iter__(self) -> Iterator[Held]:
        return iter(self.people.values())


def patient(held: Held, *, searched: bool = False) -> Resource:
    """A person as a Patient; ``searched``: with what comes of a search, which is less."""
    person = held.person
    made: Resource = {
        "resourceType": "Patient",
        "id": person.nhs_number,
        "identifier": [_nhs_identifier(person)],
        "meta": {"versionId": "1", "security": [_level("R" if held.restricted else "U")]},
        "name": _names(held, searched=searched),
        "gender": "female" if person.female else "male",
        "birthDate": person.birth_date.isoformat(),
    }
    if person.died:
        made["deceasedDateTime"] = f"{person.died.isoformat()}T00:00:00+00:00"
        made["extension"] = [_death(person.died.isoformat())]
    if not held.restricted:
        made |= _whereabouts(person)
    return made


def related(person: Person) -> list[Resource]:
    """The carer of those who have one; PDS knows them by their details."""
    if not person.carer:
        return []
    return [
        {
            "resourceType": "RelatedPerson",
            "id": identifier(person.nhs_number, "carer")[:8].upper(),
            "patient": {},
            "active": True,
            "relationship": [
                {
                    "coding": [
                        {
                            "system": "https://fhir.nhs.uk/R4/CodeSystem/UKCore-AdditionalRelatedPersonRole",
                            "code": "Agent",
                            "display": person.carer,
                        }
                    ]
                }
            ],
        }
    ]


def searchset(resources: Sequence[tuple[Resource, float]], base: str) -> Resource:
    """A Bundle of what was found, each with how well it matches."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": f"{AS_OF.isoformat()}T12:00:00+00:00",
        "total": len(resources),
        "entry": [
            {
                "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
                "search": {"score": score},
                "resource": resource,
            }
            for resource, score in resources
        ],
    }


def _nhs_identifier(person: Person) -> Resource:
    status = {
        "system": f"{_HL7}/CodeSystem/UKCore-NHSNumberVerificationStatus",
        "version": "1.0.0",
        "code": "01",
        "display": "Number present and verified",
    }
    return {
        "system": NHS_NUMBER_SYSTEM,
        "value": person.nhs_number,
        "extension": [
            {
                "url": f"{_EXTENSION}NHSNumberVerificationStatus",
                "valueCodeableConcept": {"coding": [status]},
            }
        ],
    }


def _level(code: str) -> Resource:
    return {
        "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "code": code,
        "display": _LEVELS[code],
    }


def _names(held: Held, *, searched: bool) -> list[Resource]:
    person = held.person
    usual: Resource = {
        "use": "usual",
        "family": person.family,
        "given": [person.given],
        "prefix": [person.prefix],
        "period": {"start": person.registered.isoformat()},
    }
    if searched:
        return [usual]
    return [usual, *(_former(name, person.given) for name in held.former_names)]


def _former(family: str, given: str) -> Resource:
    return {"use": "old", "family": family, "given": [given]}


def _whereabouts(person: Person) -> Resource:
    since = {"start": person.registered.isoformat()}
    practice = {"system": ODS_SYSTEM, "value": person.practice, "period": since}
    lines = [person.address.line, person.address.city]
    return {
        "address": [{"use": "home", "period": since, "line": lines, "postalCode": person.address.postcode}],
        "telecom": [{"system": "phone", "use": "home", "period": since, "value": person.phone}],
        "generalPractitioner": [{"type": "Organization", "identifier": practice}],
    }


def _death(on: str) -> Resource:
    status = {
        "system": f"{_HL7}/CodeSystem/UKCore-DeathNotificationStatus",
        "version": "1.0.0",
        "code": "2",
        "display": "Formal - death notice received from Registrar of Deaths",
    }
    return {
        "url": f"{_EXTENSION}DeathNotificationStatus",
        "extension": [
            {"url": "deathNotificationStatus", "valueCodeableConcept": {"coding": [status]}},
            {"url": "systemEffectiveDate", "valueDateTime": f"{on}T00:00:00+00:00"},
        ],
    }
