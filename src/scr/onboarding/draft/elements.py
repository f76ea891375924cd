"""The elements that resources of events have in common, made of the columns that speak of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from scr.onboarding.draft.kinds import CODED, Confidence, Kind
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.writing import Leaf, Writer, joined
from scr.terminology import systems

Body = dict[str, object]


@dataclass(slots=True)
class Slots:
    """The columns of one event, by what they say of it."""

    found: dict[str, list[Finding]] = field(default_factory=dict)

    def add(self, slot: str, finding: Finding) -> None:
        """Put a column into a slot."""
        self.found.setdefault(slot, []).append(finding)

    def one(self, slot: str) -> Finding | None:
        """The first column of a slot, which is then taken."""
        return next(iter(self.found.get(slot, ())), None)

    def all(self, *slots: str) -> list[Finding]:
        """Every column of some slots."""
        return [finding for slot in slots for finding in self.found.get(slot, ())]

    @property
    def everything(self) -> list[Finding]:
        """Every column, in order."""
        return [finding for found in self.found.values() for finding in found]


def reading(value: Finding, unit: Finding | None, write: Writer, question: str = "") -> Body:
    """An Observation's value: a quantity, a truth value, or the words. A question makes it unsure."""
    sure: Confidence = "low" if question else "high"
    path = write.path(value)
    if value.kind is Kind.YES_NO:
        return {
            "valueBoolean": write.leaf(value, "Observation.valueBoolean", f"boolean({path})", question, sure)
        }
    if value.kind is Kind.PRESSURE:
        return {"component": [_half(value, write, place, question, sure) for place in (0, 1)]}
    if value.kind not in {Kind.NUMBER, Kind.QUANTITY} or (value.kind is Kind.QUANTITY and not value.unit):
        return {"valueString": write.text(value, "Observation.valueString", question, sure)}
    number = (
        f"number(replace({path}, '{value.unit}', ''))" if value.kind is Kind.QUANTITY else f"number({path})"
    )
    quantity: Body = {"value": write.leaf(value, "Observation.valueQuantity", number, question, sure)}
    if unit is not None:
        quantity["unit"] = write.text(unit, "Observation.valueQuantity.unit")
    elif value.unit:
        quantity["unit"] = value.unit
    return {"valueQuantity": quantity}


def _half(value: Finding, write: Writer, place: int, question: str, sure: Confidence) -> Body:
    """The systolic or diastolic part of ``120/80``."""
    name, loinc = (("Systolic", "8480-6"), ("Diastolic", "8462-4"))[place]
    part = f"number(replace(lower(split({write.path(value)}, '/')[{place}]), 'mmhg', ''))"
    made = write.leaf(value, "Observation.component.valueQuantity", part, question, sure)
    unit = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    coding = {"system": systems.LOINC, "code": loinc}
    text = f"{name} blood pressure"
    return {"code": {"coding": [coding], "text": text}, "valueQuantity": {"value": made, **unit}}


def identified(slots: Slots, write: Writer, kind: str) -> Body:
    """The identifiers of the event itself."""
    found = slots.all("id")
    return {"identifier": [write.identifier(f, f"{kind}.identifier") for f in found]} if found else {}


def ended(write: Writer, end: Finding | None, after: str, otherwise: str) -> str:
    """A status by whether there is an end."""
    if end is None:
        return otherwise
    return f"{{{{ if({write.date_of(end)}, '{after}', '{otherwise}') }}}}"


def code(slots: Slots, write: Writer, target: str, otherwise: str) -> Body:
    """One concept of everything that names the thing: codings of some columns, the words of others."""
    codings: list[object] = []
    texts: list[Finding] = []
    for finding in slots.all("item", "type", "description"):
        made = write.concept(finding, target) if finding.kind in CODED else {}
        found = made.get("coding")
        if isinstance(found, list):
            codings += found
        else:
            texts.append(finding)
    body: Body = {"coding": codings} if codings else {}
    if texts:
        paths = [write.text_of(f) for f in texts]
        body["text"] = write.leaf(texts[0], f"{target}.text", f"{joined(paths, ', ')} || '{otherwise}'")
        for other in texts[1:]:
            write.text(other, f"{target}.text")
    elif codings and target.partition(".")[0] in _NEEDING_CODE:
        coded = next(f for f in slots.all("item", "type", "description") if f not in texts)
        body["text"] = Leaf(f"{{{{ if(trim({write.path(coded)}), `null`, '{otherwise}') }}}}")
    elif not codings:
        body["text"] = otherwise
    return body


_NEEDING_CODE = frozenset(
    {"AllergyIntolerance", "DeviceRequest", "Immunization", "MedicationStatement", "Observation"}
)
"""Types that R4 or UK Core do not have without a code: a missing one is said in words."""


def named(element: str, slots: Slots, slot: str, kind: str, write: Writer) -> Body:
    """A reference by name to the first of those in a slot."""
    found = people(Slots({k: v[:1] for k, v in slots.found.items()}), write, f"{kind}.{element}", slot)
    return {element: found[0]} if found else {}


def people(slots: Slots, write: Writer, target: str, *named: str) -> list[Body]:
    """References by name to those who take part; the first of the staff with their number."""
    found: list[Body] = [{"display": write.text(f, target)} for f in slots.all(*named)]
    number = slots.one("staff-id") if "staff" in named else None
    if number is not None:
        identifier: Body = {"system": _STAFF[number.kind], "value": write.text(number, target)}
        found[:1] = [{"identifier": identifier} | (found[0] if found else {})]
    return found


_STAFF = {
    Kind.GMC: "https://fhir.hl7.org.uk/Id/gmc-number",
    Kind.GMP: "https://fhir.hl7.org.uk/Id/gmp-number",
}


def reason(slots: Slots, write: Writer, target: str, *, many: bool, beside: tuple[str, ...] = ()) -> Body:
    """Why it was done: coded or in words."""
    reasons = slots.all("reason", *beside)
    found = [write.concept(f, target) for f in (reasons if many else reasons[:1])]
    if not found:
        return {}
    return {target.rpartition(".")[2]: found if many else found[0]}


def notes(slots: Slots, write: Writer, kind: str, *beside: str) -> Body:
    """Notes, one for each column of free text."""
    found = slots.all("note", *beside)
    return {"note": [{"text": write.text(f, f"{kind}.note")} for f in found]} if found else {}
