"""What an entry says, as far as two entries can be compared by it: the facts that reconciliation reads.

A body is decoded once, into the elements that are asked for and no others. What is not shaped as FHIR has
it gives no fact: an entry that cannot be read is compared with nothing, and stays in the record as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from scr.fhir.clinical_shape import (
    Body,
    Concept,
    Timing,
    read_addresses,
    read_body,
    read_concept,
    read_concepts,
    read_dosages,
    read_extensions,
    read_names,
    read_references,
    read_telecoms,
)
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
_SAYS_NOTHING = frozenset({"unknown", "unk", "not known", "n/a", "other", "see text"})
_NO_CODE = "NullFlavor|"


_NO_DOSE = Dose()


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
                found.append(_facts(entry, read_body(entry.body), medicines))
            except (msgspec.DecodeError, ValueError):
                continue
    return found


def _facts(entry: Entry, body: Body, medicines: Mapping[str, Entry]) -> Facts:
    name = _words(_concept_of(entry, body))
    wrong = entry.status in _WRONG or _code(body.verification_status) in _WRONG
    codes = entry.codes if entry.type != "Immunization" else _vaccine_codes(entry, body)
    concept = (*codes, f"name {name}") if name else codes
    identifiers = _identified(body)
    if entry.type == "Observation":
        return Facts(entry, concept, identifiers, wrong, _value(body))
    if entry.type in MEDICINES:
        return _medicine(entry, body, medicines, name, wrong)
    if entry.type == "Patient":
        dead = body.deceased_boolean if body.deceased_date_time is None else True
        return Facts(entry, concept, (), wrong, postcode=_postcode(body), dead=dead)
    if entry.type == "RelatedPerson":
        return Facts(entry, _contact(body), identifiers, wrong)
    return Facts(
        entry,
        concept,
        identifiers,
        wrong,
        side=_side(body, name),
        lot=_normal(body.lot_number),
        denies=entry.type == "AllergyIntolerance" and not _NO_KNOWN_ALLERGY.isdisjoint(entry.codes),
    )


def _medicine(entry: Entry, body: Body, medicines: Mapping[str, Entry], name: str, wrong: bool) -> Facts:
    codes = entry.codes
    if body.medication_reference is not None:
        medicine = medicines.get(body.medication_reference.reference)
        if medicine is not None:
            codes, name = medicine.codes, _words(_coded(read_body(medicine.body)))
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


def _concept_of(entry: Entry, body: Body) -> Concept | None:
    if entry.type == "Immunization":
        return _procedure(body) or body.vaccine_code
    return body.medication_codeable_concept or _coded(body)


def _coded(body: Body) -> Concept | None:
    return read_concept(body.code) if bytes(body.code).startswith(b"{") else None


def _code(concept: Concept | None) -> str:
    return next((coding.code for coding in concept.coding if coding.code), "") if concept else ""


def _procedure(body: Body) -> Concept | None:
    """What was given, as GP systems tell it (CareConnect): in an extension, while the vaccine is unknown."""
    raw = bytes(body.extension)
    told = read_extensions(raw) if b"VaccinationProcedure" in raw else ()
    return next((one.value_codeable_concept for one in told if "VaccinationProcedure" in one.url), None)


def _vaccine_codes(entry: Entry, body: Body) -> tuple[str, ...]:
    procedure = _procedure(body)
    told = () if procedure is None else tuple(f"{one.system}|{one.code}" for one in procedure.coding)
    return (*(token for token in entry.codes if _NO_CODE not in token), *told)


def _contact(body: Body) -> tuple[str, ...]:
    """Who a contact is: the name with how they are related, and the name with each telephone number."""
    names, related, phones = bytes(body.name), bytes(body.relationship), bytes(body.telecom)
    told = read_names(names)[:1] if names.startswith(b"[") else ()
    name = "".join(_normal(one.text or " ".join([*one.given, one.family])) for one in told)
    if not name:
        return ()
    kinds = [_words(one) for one in read_concepts(related)] if related.startswith(b"[") else [""]
    numbers = [
        "".join(filter(str.isdigit, one.value))[-10:]
        for one in (read_telecoms(phones) if phones.startswith(b"[") else ())
        if one.system in {"phone", "sms"}
    ]
    return tuple(f"contact {name} {one}" for one in (*kinds, *numbers))


def _words(concept: Concept | None) -> str:
    if concept is None:
        return ""
    told = _normal(concept.text or next((coding.display for coding in concept.coding if coding.display), ""))
    return "" if told in _SAYS_NOTHING else told


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()


def _identified(body: Body) -> tuple[str, ...]:
    return tuple(
        f"{one.system}|{one.value}"
        for one in body.identifier
        if one.system and one.value and one.system != NHS_NUMBER_SYSTEM
    )


def _value(body: Body) -> str:
    quantity = body.value_quantity
    if quantity is not None and quantity.value is not None:
        return f"{quantity.value:g} {_unit(quantity.code or quantity.unit)}"
    if body.value_codeable_concept is not None:
        return _words(body.value_codeable_concept)
    return _normal(body.value_string or "")


@lru_cache(maxsize=512)
def _unit(text: str) -> str:
    """A unit, for comparison: laboratories and practices write one in many ways."""
    return _normal(text).translate(_UNIT_SIGNS).removeprefix("x").removeprefix("*").replace(" ", "")


_UNIT_SIGNS = str.maketrans({"µ": "u", "μ": "u", "^": "*", "×": "x"})
_DAYS = {"h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0}


def _dose(body: Body, medicine: str) -> Dose:
    """The dosage, where there is one line of it: several are a scheme, and are not read."""
    raw = bytes(body.dosage)
    doses = body.dosage_instruction or (read_dosages(raw) if raw.startswith(b"[") else ())
    if len(doses) != 1:
        return _NO_DOSE
    amounts = [
        (one.value, one.code or one.unit)
        for rate in doses[0].dose_and_rate
        if (one := rate.dose_quantity) is not None and one.value is not None
    ]
    return dose_of(_normal(doses[0].text), medicine, amounts, _per_day(doses[0].timing))


def _per_day(timing: Timing | None) -> float | None:
    repeat = None if timing is None else timing.repeat
    if repeat is None or not repeat.period or repeat.period_unit not in _DAYS:
        return None
    return (repeat.frequency or 1) / (repeat.period * _DAYS[repeat.period_unit])


def _side(body: Body, name: str) -> str:
    raw = bytes(body.body_site)
    sites = (
        read_concepts(raw) if raw.startswith(b"[") else (read_concept(raw),) if raw.startswith(b"{") else ()
    )
    codes = {coding.code for site in sites for coding in site.coding}
    for side, known in (("both", _BOTH), ("left", _LEFT), ("right", _RIGHT)):
        if not codes.isdisjoint(known):
            return side
    told = " ".join([*map(_words, sites), name])
    return next((side for side, word in _SIDES if word.search(told)), "")


def _postcode(body: Body) -> str:
    """The postcode of where the person lives now, as their first address that is not an old one has it."""
    raw = bytes(body.address)
    if not raw.startswith(b"["):
        return ""
    current = [
        one for one in read_addresses(raw) if one.use not in {"old", "temp", "billing"} and one.postal_code
    ]
    home = [one for one in current if one.use == "home"] or current
    return home[0].postal_code.replace(" ", "").upper() if home else ""


def _end(body: Body) -> int | None:
    told = interval(body.effective_period.end) if body.effective_period is not None else None
    return None if told is None else told[1]


def _named(body: Body) -> tuple[str, ...]:
    raw = bytes(body.based_on)
    return tuple(one.reference for one in read_references(raw)) if raw.startswith(b"[") else ()
