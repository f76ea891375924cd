"""Persons as the Personal Demographics Service tells of them. ``pds_answers`` reads them.

https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir

What does not bear on identity (languages, contact preferences, nominated pharmacies) is left out.
"""

from __future__ import annotations

import msgspec

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.standing import Death, Standing


class Period(msgspec.Struct, frozen=True):
    """From when until when, as FHIR dates; empty where it is open."""

    start: str = ""
    end: str = ""


class PdsName(msgspec.Struct, frozen=True):
    """A name. ``use``: usual, and of former or other names temp, nickname, old, maiden."""

    use: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    period: Period = Period()


class PdsAddress(msgspec.Struct, frozen=True, rename="camel"):
    """An address. ``use``: home, temp, billing (for correspondence), old; ``text`` says what it is."""

    use: str = ""
    line: tuple[str, ...] = ()
    postal_code: str = ""
    text: str = ""
    period: Period = Period()


class PdsTelecom(msgspec.Struct, frozen=True):
    """A number or address to reach the person by."""

    system: str = ""
    value: str = ""
    use: str = ""
    period: Period = Period()


class PdsPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person, as PDS knows them.

    ``number`` is the one that PDS uses for them now. ``verification`` is a code from 01 to 08.
    ``confidentiality`` is U (unrestricted), R (restricted: no address, contact or GP comes with it), V or
    REDACTED (nothing but the number comes). ``gender`` is a FHIR code, ``birth_date`` and ``deceased_on``
    FHIR dates. ``version`` is that of the record, as ``W/"…"`` names it.
    """

    number: NHSNumber
    verification: str = ""
    version: str = ""
    confidentiality: str = ""
    names: tuple[PdsName, ...] = ()
    birth_date: str = ""
    gender: str = ""
    addresses: tuple[PdsAddress, ...] = ()
    telecoms: tuple[PdsTelecom, ...] = ()
    practice: OdsCode | None = None
    deceased: Death = ""
    deceased_on: str = ""

    def __repr__(self) -> str:
        return f"PdsPerson(confidentiality={self.confidentiality!r}, and nobody's data)"

    @property
    def restricted(self) -> bool:
        """Whether their whereabouts are kept back: with anything but a plain U they are."""
        return self.confidentiality != "U"

    @property
    def withheld(self) -> bool:
        """Whether PDS keeps everything but the number back: then there is nothing to check anyone by."""
        return self.confidentiality in {"V", "REDACTED"}

    @property
    def name(self) -> PdsName:
        """The usual name: of several the latest; of none that is usual the first."""
        usual = [name for name in self.names if name.use == "usual"]
        return max(usual or self.names[:1], key=lambda name: name.period.start, default=PdsName())

    @property
    def home(self) -> PdsAddress:
        """The home address; of several the latest."""
        homes = [address for address in self.addresses if address.use == "home"]
        return max(homes, key=lambda address: address.period.start, default=PdsAddress())

    @property
    def demographics(self) -> Demographics:
        """What a payload is compared with, by the usual name."""
        return self._demographics(self.name)

    @property
    def every_demographics(self) -> tuple[Demographics, ...]:
        """The same for each name that PDS holds, the usual one first: a source may know a former one."""
        others = [name for name in self.names if name is not self.name]
        return tuple(self._demographics(name) for name in (self.name, *others))

    def standing(self, now: int, former: tuple[NHSNumber, ...] = ()) -> Standing:
        """What is kept of it with the person; ``former`` are numbers that are superseded by this one."""
        return Standing(
            verification=self.verification,
            restricted=self.restricted,
            deceased=self.deceased,
            deceased_on=self.deceased_on,
            former=tuple(number.value for number in former),
            checked=now,
        )

    def _demographics(self, name: PdsName) -> Demographics:
        return Demographics(
            family=name.family or None,
            given=name.given,
            birth_date=self.birth_date or None,
            sex=self.gender or None,
            postcode=self.home.postal_code or None,
        )


class PdsMatch(msgspec.Struct, frozen=True):
    """One person that a search found, and how sure PDS is: 1 is an exact match."""

    person: PdsPerson
    score: float


class PdsRelated(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody related to a person. ``number`` where PDS knows them as a patient, else their details."""

    id: str
    relationships: tuple[str, ...] = ()
    number: NHSNumber | None = None
    active: bool = True
    period: Period = Period()
    names: tuple[PdsName, ...] = ()
    addresses: tuple[PdsAddress, ...] = ()
    telecoms: tuple[PdsTelecom, ...] = ()

    def __repr__(self) -> str:
        return f"PdsRelated(relationships={self.relationships!r}, and nobody's data)"
