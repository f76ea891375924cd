"""Whose a unit is by its own words (``claim``), read by its adapter's expressions. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from scr.decode.tree import Unit
from scr.fhir.demographics import Demographics, demographics_of
from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.mapping.adapter import Adapter, Refusal
from scr.mapping.closures import Frame
from scr.mapping.functions import MappingFunctions
from scr.mapping.repeats import Repeats
from scr.mapping.template import MappingError
from scr.mapping.times import Unreadable
from scr.mapping.values import as_text, is_true, iterate

_NO_PRACTICE = frozenset({"V81997", "V81998", "V81999"})
"""The NHS Data Dictionary's codes for no practice, not applicable and not known."""


@dataclass(frozen=True, slots=True)
class Other:
    """The other patient of a message that merges two records of its sender, or says that they are two.

    ``event`` is the trigger event. ``problem`` is empty where a number is named, or none.
    """

    event: str
    nhs_number: NHSNumber | None
    problem: str
    local_ids: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a unit says it is.

    ``problem`` is empty, ``no-nhs-number`` or ``bad-nhs-number``. ``declined`` is the code of the
    adapter's quarantine rule that holds for the unit, ``reason`` its sentence. ``nothing`` is the code of
    the rule by which there is nothing to file in it. ``relationships`` are kinds and organisations
    (``registration``, the practice). ``also`` are the codes of further quarantine rules that hold, and
    ``other`` the other patient, where the unit was declined and speaks of one. ``number_at`` names the
    fields that the NHS Number is looked for in.
    """

    nhs_number: NHSNumber | None
    problem: str
    demographics: Demographics
    local_ids: tuple[tuple[str, str], ...] = ()
    declined: str = ""
    reason: str = ""
    relationships: tuple[tuple[str, OdsCode], ...] = ()
    nothing: str = ""
    also: tuple[str, ...] = ()
    other: Other | None = None
    number_at: str = ""


class Whose(NamedTuple):
    """What is read of whose a unit is, whatever the adapter's rules say of what to do with it."""

    number: NHSNumber | None
    problem: str
    demographics: Demographics
    local_ids: tuple[tuple[str, str], ...]
    relationships: tuple[tuple[str, OdsCode], ...]


def claim(adapter: Adapter, unit: Unit, repeats: Repeats | None = None) -> Claim:
    """Whose the unit is, by its own words. Raises MappingError where an expression cannot be run."""
    frame = Frame(unit.tree, MappingFunctions(adapter.maps))
    if passed := _holding(adapter.passed, frame):
        return Claim(None, "", Demographics(), reason=passed.reason, nothing=passed.code)
    whose = whose_again(adapter, unit, frame, repeats)
    refusal = _holding(adapter.refusals, frame)
    further = () if refusal is None else (r for r in adapter.refusals if r is not refusal)
    return Claim(
        nhs_number=whose.number,
        problem=whose.problem,
        demographics=whose.demographics,
        local_ids=whose.local_ids,
        declined=refusal.code if refusal else "",
        reason=refusal.reason if refusal else "",
        relationships=whose.relationships,
        also=tuple(rule.code for rule in further if _holds(rule, frame)),
        other=None if refusal is None else _other(adapter, frame),
        number_at=adapter.number_at,
    )


def whose_again(adapter: Adapter, unit: Unit, frame: Frame, repeats: Repeats | None) -> Whose:
    """What is read of whose a unit is; of rows that say the same it is read once."""
    if repeats is None or adapter.columns is None:
        return _whose(adapter, unit, frame)
    whose: Whose = repeats.whose(adapter.columns.whose(unit.tree), partial(_whose, adapter, unit, frame))
    return whose


def _whose(adapter: Adapter, unit: Unit, frame: Frame) -> Whose:
    try:
        number, problem = number_of(adapter, frame)
        demographics, local_ids = _demographics(adapter, frame), _local_ids(adapter, frame)
    except (AttributeError, KeyError, TypeError) as error:
        raise misshapen("Patient", unit.place, error) from None
    return Whose(number, problem, demographics, local_ids, tuple(_relationships(adapter, frame)))


def _other(adapter: Adapter, frame: Frame) -> Other | None:
    """The other patient of a merge, read by the same expressions as any."""
    tree = frame.root.get("other_patient") if adapter.decode.format == "hl7v2" else None
    if tree is None:
        return None
    there = Frame(tree, MappingFunctions(adapter.maps))
    number, problem = number_of(adapter, there)
    named = "" if problem == "no-nhs-number" else problem
    return Other(str(frame.root.get("event")), number, named, _local_ids(adapter, there))


def _holds(rule: Refusal, frame: Frame) -> bool:
    return is_true(rule.when(frame.root, frame))


def _holding(rules: tuple[Refusal, ...], frame: Frame) -> Refusal | None:
    """The first rule that holds for the unit."""
    return next((rule for rule in rules if _holds(rule, frame)), None)


def number_of(adapter: Adapter, frame: Frame) -> tuple[NHSNumber | None, str]:
    """The NHS Number that a unit names, or why there is none: ``no-nhs-number``, ``bad-nhs-number``."""
    if adapter.nhs_number is None:
        value: Any = [
            identifier.get("value")
            for identifier in (frame.root.get("patient") or {}).get("identifier", ())
            if identifier.get("system") == NHS_NUMBER_SYSTEM
        ]
    else:
        value = adapter.nhs_number(frame.root, frame)
    texts = {text for text in map(_scalar, iterate(value)) if text is not None}
    if not texts:
        return None, "no-nhs-number"
    try:
        numbers = {NHSNumber.parse(text) for text in texts}
    except ValueError:
        return None, "bad-nhs-number"
    return (numbers.pop(), "") if len(numbers) == 1 else (None, "bad-nhs-number")


def _demographics(adapter: Adapter, frame: Frame) -> Demographics:
    if not adapter.demographics:
        return demographics_of(frame.root.get("patient") or {})
    found = {name: run(frame.root, frame) for name, run in adapter.demographics.items()}
    given = tuple(text for text in map(_scalar, iterate(found.pop("given", None))) if text is not None)
    return Demographics(given=given, **{name: _scalar(value) for name, value in found.items()})


def _scalar(value: Any) -> str | None:
    """A text; the first of several; None for what is not text."""
    if isinstance(value, list):
        return next((text for text in map(_scalar, value) if text is not None), None)
    try:
        return as_text(value)
    except Unreadable:
        return None


def _local_ids(adapter: Adapter, frame: Frame) -> tuple[tuple[str, str], ...]:
    if adapter.local_ids is None:
        return tuple(_patient_ids(frame.root.get("patient") or {})) if adapter.rules is None else ()
    found = adapter.local_ids.run(frame.root, frame) or []
    return tuple((str(i["system"]), str(i["value"])) for i in found if i.get("system") and i.get("value"))


def _patient_ids(patient: Resource) -> Iterator[tuple[str, str]]:
    """The identifiers of a FHIR Patient other than the NHS Number."""
    for identifier in patient.get("identifier", ()):
        system, value = identifier.get("system"), identifier.get("value")
        if system and value and system != NHS_NUMBER_SYSTEM:
            yield str(system), str(value)


def _relationships(adapter: Adapter, frame: Frame) -> Iterator[tuple[str, OdsCode]]:
    """What is no ODS code is no relationship: nobody gains access by a slip of the keyboard."""
    for kind, run in adapter.relationships:
        for text in map(_scalar, iterate(run(frame.root, frame))):
            with contextlib.suppress(ValueError):
                organisation = OdsCode.parse(text or "")
                if organisation.value not in _NO_PRACTICE:
                    yield kind, organisation


def misshapen(kind: str, place: str, error: Exception) -> MappingError:
    """FHIR's elements are objects, lists and texts where the specification says so; a source may send
    anything. Only the sort of error is told: its message could hold a value."""
    return MappingError(
        f"a {kind} is not shaped as FHIR R4 has it ({type(error).__name__}): nothing of the payload is taken",
        code="misshapen",
        where=place,
    )
