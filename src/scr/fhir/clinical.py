"""What an entry says, as far as two entries can be compared by it: the facts that reconciliation reads.

A body is decoded once, into the elements that are asked for and no others. What is not shaped as FHIR has
it gives no fact: an entry that cannot be read is compared with nothing, and stays in the record as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from scr.fhir.dates import interval
from scr.fhir.dosage import Dose, dose_of, stem_of
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

_NO_KNOWN_ALLERGY = frozenset(
    f"http://snomed.info/sct|{code}"
    for code in ("716186003", "409137002", "429625007", "428607008", "428197003", "160244002")
)
"""SNOMED CT: no known allergy; and those of drugs, foods, the environment, insects; the retired concept."""
_LEFT = frozenset({"7771000", "419161000"})
_RIGHT = frozenset({"24028007", "419465000"})
_BOTH = frozenset({"51440002"})
"""SNOMED CT laterality."""
_SIDES = (
    ("both", re.compile(r"\bbilateral\b|\bboth\b")),
    ("left", re.compile(r"\bleft\b")),
    ("right", re.compile(r"\bright\b")),
)
MEDICINES = frozenset(
    {"MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"}
)
_WRONG = frozenset({"entered-in-error", "refuted"})


class _Coding(msgspec.Struct, gc=False):
    system: str = ""
    code: str = ""
    display: str = ""


class _Concept(msgspec.Struct, gc=False):
    coding: tuple[_Coding, ...] = ()
    text: str = ""


class _Quantity(msgspec.Struct, gc=False):
    value: float | None = None
    unit: str = ""
    code: str = ""


class _Identifier(msgspec.Struct, gc=False):
    system: str = ""
    value: str = ""


class _Reference(msgspec.Struct, gc=False):
    reference: str = ""


class _DoseAndRate(msgspec.Struct, gc=False, rename="camel"):
    dose_quantity: _Quantity | None = None


class _Repeat(msgspec.Struct, gc=False, rename="camel"):
    frequency: float | None = None
    period: float | None = None
    period_unit: str = ""


class _Timing(msgspec.Struct, gc=False):
    repeat: _Repeat | None = None


class _Dosage(msgspec.Struct, gc=False, rename="camel"):
    text: str = ""
    dose_and_rate: tuple[_DoseAndRate, ...] = ()
    timing: _Timing | None = None


class _Period(msgspec.Struct, gc=False):
    end: str = ""


class _Address(msgspec.Struct, gc=False, rename="camel"):
    use: str = ""
    postal_code: str = ""


class _Body(msgspec.Struct, gc=False, rename="camel"):
    """The elements of a resource that two of a kind are compared by."""

    identifier: tuple[_Identifier, ...] = ()
    code: msgspec.Raw = msgspec.Raw()
    vaccine_code: _Concept | None = None
    medication_codeable_concept: _Concept | None = None
    medication_reference: _Reference | None = None
    verification_status: _Concept | None = None
    value_quantity: _Quantity | None = None
    value_codeable_concept: _Concept | None = None
    value_string: str | None = None
    dosage_instruction: tuple[_Dosage, ...] = ()
    dosage: msgspec.Raw = msgspec.Raw()
    body_site: msgspec.Raw = msgspec.Raw()
    based_on: msgspec.Raw = msgspec.Raw()
    effective_period: _Period | None = None
    address: msgspec.Raw = msgspec.Raw()
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    lot_number: str = ""
    intent: str = ""


_NO_DOSE = Dose()
_decode = msgspec.json.Decoder(_Body, strict=False).decode
_concept = msgspec.json.Decoder(_Concept, strict=False).decode
_concepts = msgspec.json.Decoder(tuple[_Concept, ...], strict=False).decode
_dosages = msgspec.json.Decoder(tuple[_Dosage, ...], strict=False).decode
_references = msgspec.json.Decoder(tuple[_Reference, ...], strict=False).decode
_addresses = msgspec.json.Decoder(tuple[_Address, ...], strict=False).decode


class Facts(msgspec.Struct, frozen=True, gc=False):
    """One entry, and what it says.

    ``concept`` are the codes ``system|code`` of what it is about and, behind ``name``, the words of it, for
    comparison (lower case, single spaces); ``medicine`` the same of a medicine, without its strength.
    ``identifiers`` are business identifiers ``system|value``, never an NHS Number. ``value`` is a result with
    its unit, ``side`` left, right or both; each is empty where nothing is said. ``based_on`` are the entries
    that it carries out, ``ends`` the end (ms UTC) of the time that it speaks of. ``wrong``: entered in error,
    or refuted. ``denies``: says that there is no allergy. ``dead``: what a Patient says of a death.
    """

    entry: Entry
    concept: tuple[str, ...]
    identifiers: tuple[str, ...]
    wrong: bool
    value: str = ""
    medicine: tuple[str, ...] = ()
    dose: Dose = _NO_DOSE
    ends: int | None = None
    intent: str = ""
    based_on: tuple[str, ...] = ()
    side: str = ""
    lot: str = ""
    denies: bool = False
    postcode: str = ""
    dead: bool | None = None


def facts_of(entries: Iterable[Entry], kinds: frozenset[str]) -> list[Facts]:
    """The facts of the entries of these types, in their order. One that cannot be read is left out."""
    listed = [entry for entry in entries if entry.type in kinds or entry.type == "Medication"]
    medicines = {entry.reference: entry for entry in listed if entry.type == "Medication"}
    found = []
    for entry in listed:
        if entry.type in kinds:
            try:
                found.append(_facts(entry, _decode(entry.body), medicines))
            except (msgspec.DecodeError, ValueError):
                continue
    return found


def _facts(entry: Entry, body: _Body, medicines: Mapping[str, Entry]) -> Facts:
    name = _words(_concept_of(entry, body))
    wrong = entry.status in _WRONG or _code(body.verification_status) in _WRONG
    concept = (*entry.codes, f"name {name}") if name else entry.codes
    identifiers = _identified(body)
    if entry.type == "Observation":
        return Facts(entry, concept, identifiers, wrong, _value(body))
    if entry.type in MEDICINES:
        return _medicine(entry, body, medicines, name, wrong)
    if entry.type == "Patient":
        dead = body.deceased_boolean if body.deceased_date_time is None else True
        return Facts(entry, concept, (), wrong, postcode=_postcode(body), dead=dead)
    return Facts(
        entry,
        concept,
        identifiers,
        wrong,
        side=_side(body, name),
        lot=_normal(body.lot_number),
        denies=entry.type == "AllergyIntolerance" and not _NO_KNOWN_ALLERGY.isdisjoint(entry.codes),
    )


def _medicine(entry: Entry, body: _Body, medicines: Mapping[str, Entry], name: str, wrong: bool) -> Facts:
    codes = entry.codes
    if body.medication_reference is not None:
        medicine = medicines.get(body.medication_reference.reference)
        if medicine is not None:
            codes, name = medicine.codes, _words(_coded(_decode(medicine.body)))
    stem = stem_of(name)
    return Facts(
        entry,
        (*codes, f"name {name}") if name else codes,
        _identified(body),
        wrong,
        medicine=(*codes, f"stem {stem}") if stem else codes,
        dose=_dose(body, name),
        ends=_end(body),
        intent=body.intent,
        based_on=_named(body),
    )


def _concept_of(entry: Entry, body: _Body) -> _Concept | None:
    if entry.type == "Immunization":
        return body.vaccine_code
    return body.medication_codeable_concept or _coded(body)


def _coded(body: _Body) -> _Concept | None:
    return _concept(body.code) if bytes(body.code).startswith(b"{") else None


def _code(concept: _Concept | None) -> str:
    return next((coding.code for coding in concept.coding if coding.code), "") if concept else ""


def _words(concept: _Concept | None) -> str:
    if concept is None:
        return ""
    return _normal(concept.text or next((coding.display for coding in concept.coding if coding.display), ""))


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()


def _identified(body: _Body) -> tuple[str, ...]:
    return tuple(
        f"{one.system}|{one.value}"
        for one in body.identifier
        if one.system and one.value and one.system != NHS_NUMBER_SYSTEM
    )


def _value(body: _Body) -> str:
    quantity = body.value_quantity
    if quantity is not None and quantity.value is not None:
        return f"{quantity.value:g} {_normal(quantity.code or quantity.unit)}"
    if body.value_codeable_concept is not None:
        return _words(body.value_codeable_concept)
    return _normal(body.value_string or "")


_DAYS = {"h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0}


def _dose(body: _Body, medicine: str) -> Dose:
    """The dosage, where there is one line of it: several are a scheme, and are not read."""
    raw = bytes(body.dosage)
    doses = body.dosage_instruction or (_dosages(raw) if raw.startswith(b"[") else ())
    if len(doses) != 1:
        return _NO_DOSE
    amounts = [
        (one.value, one.code or one.unit)
        for rate in doses[0].dose_and_rate
        if (one := rate.dose_quantity) is not None and one.value is not None
    ]
    return dose_of(_normal(doses[0].text), medicine, amounts, _per_day(doses[0].timing))


def _per_day(timing: _Timing | None) -> float | None:
    repeat = None if timing is None else timing.repeat
    if repeat is None or not repeat.period or repeat.period_unit not in _DAYS:
        return None
    return (repeat.frequency or 1) / (repeat.period * _DAYS[repeat.period_unit])


def _side(body: _Body, name: str) -> str:
    raw = bytes(body.body_site)
    sites = _concepts(raw) if raw.startswith(b"[") else (_concept(raw),) if raw.startswith(b"{") else ()
    codes = {coding.code for site in sites for coding in site.coding}
    for side, known in (("both", _BOTH), ("left", _LEFT), ("right", _RIGHT)):
        if not codes.isdisjoint(known):
            return side
    told = " ".join([*map(_words, sites), name])
    return next((side for side, word in _SIDES if word.search(told)), "")


def _postcode(body: _Body) -> str:
    """The postcode of where the person lives now, as their first address that is not an old one has it."""
    raw = bytes(body.address)
    if not raw.startswith(b"["):
        return ""
    current = [
        one for one in _addresses(raw) if one.use not in {"old", "temp", "billing"} and one.postal_code
    ]
    home = [one for one in current if one.use == "home"] or current
    return home[0].postal_code.replace(" ", "").upper() if home else ""


def _end(body: _Body) -> int | None:
    told = interval(body.effective_period.end) if body.effective_period is not None else None
    return None if told is None else told[1]


def _named(body: _Body) -> tuple[str, ...]:
    raw = bytes(body.based_on)
    return tuple(one.reference for one in _references(raw)) if raw.startswith(b"[") else ()
