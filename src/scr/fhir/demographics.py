"""Who a payload says that it is about: the few facts that identity is checked by."""

from __future__ import annotations

import msgspec
import orjson

from scr.fhir.entry import Entry, Resource


class Demographics(msgspec.Struct, frozen=True, array_like=True):
    """Names in the source's own spelling; ``birth_date`` ``YYYY-MM-DD``; ``sex`` a FHIR gender code."""

    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: str | None = None
    sex: str | None = None
    postcode: str | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing there to check by."""
        return self == Demographics()


class ToldOtherwise(msgspec.Struct, frozen=True, array_like=True):
    """What a source that is asked live tells of somebody, who is not certainly the person known here.

    ``source`` is its ODS code, ``since`` ms UTC. ``contradicts``: it cannot be the person. ``refused``: a
    reviewer said that it is somebody else.
    """

    source: str
    demographics: Demographics
    since: int
    contradicts: bool = False
    refused: bool = False


def demographics_of(patient: Resource) -> Demographics:
    """The demographics of a FHIR Patient (STU3 or R4): its official or first name, its home address."""
    names = [n for n in patient.get("name", ()) if isinstance(n, dict)]
    name = next((n for n in names if n.get("use") in {"official", "usual"}), names[0] if names else {})
    family = name.get("family")
    addresses = [a for a in patient.get("address", ()) if isinstance(a, dict)]
    home = next((a for a in addresses if a.get("use") == "home"), addresses[0] if addresses else {})
    return Demographics(
        family=family[0] if isinstance(family, list) and family else family or None,
        given=tuple(g for g in name.get("given", ()) if isinstance(g, str)),
        birth_date=patient.get("birthDate"),
        sex=patient.get("gender"),
        postcode=home.get("postalCode"),
    )


def demographics_in(patient: Entry) -> Demographics:
    """The same, of a Patient's entry."""
    return demographics_of(orjson.loads(patient.body))
