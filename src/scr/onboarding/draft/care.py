"""The care that a person is given, as FHIR R4: one function a topic, from its slots to a template.

The targets follow what shared care records in England use: a service is an EpisodeOfCare, an assessment a
Task, a contact or referral a ServiceRequest, equipment a DeviceRequest.
"""

from __future__ import annotations

from scr.onboarding.draft.elements import (
    Body,
    Slots,
    code,
    ended,
    identified,
    named,
    notes,
    people,
    reason,
)
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.writing import Writer

_CODES = "http://hl7.org/fhir/"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REQUEST_STATUS = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown")
EPISODE_STATUS = ("planned", "waitlist", "active", "onhold", "finished", "cancelled", "entered-in-error")
TASK_STATUS = ("requested", "accepted", "ready", "in-progress", "on-hold", "completed", "cancelled", "failed")
ENCOUNTER_STATUS = (
    "planned",
    "arrived",
    "triaged",
    "in-progress",
    "onleave",
    "finished",
    "cancelled",
    "unknown",
)
APPOINTMENT_STATUS = (
    "proposed",
    "pending",
    "booked",
    "arrived",
    "fulfilled",
    "cancelled",
    "noshow",
    "waitlist",
)


def service(slots: Slots, write: Writer, setting: str) -> Body:
    """EpisodeOfCare: care that goes on for a while."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "EpisodeOfCare")
    body["status"] = write.status(
        slots.one("status"), "EpisodeOfCare.status", _CODES + "episode-of-care-status", EPISODE_STATUS,
        ended(write, end, "finished", "active"),
    )  # fmt: skip
    body["type"] = [
        write.concept(f, "EpisodeOfCare.type") for f in slots.all("item", "type", "description", "reason")
    ] or [{"text": "Care"}]
    body |= named("managingOrganization", slots, "provider", "EpisodeOfCare", write)
    body |= named("careManager", slots, "staff", "EpisodeOfCare", write)
    body["period"] = write.period(start, end, "EpisodeOfCare.period")
    return body


def assessment(slots: Slots, write: Writer, setting: str) -> Body:
    """Task: an assessment or review that is asked for, done, and has an outcome."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "Task")
    body["status"] = write.status(
        slots.one("status"), "Task.status", _CODES + "task-status", TASK_STATUS,
        ended(write, end, "completed", "in-progress"),
    )  # fmt: skip
    outcome = slots.one("outcome")
    if outcome is not None:
        body["businessStatus"] = write.concept(outcome, "Task.businessStatus")
    body["intent"] = "order"
    body["code"] = code(slots, write, "Task.code", "Assessment")
    body["executionPeriod"] = write.period(start, end, "Task.executionPeriod")
    if start is not None:
        body["authoredOn"] = write.when(start, "Task.authoredOn")
    body |= named("owner", slots, "staff", "Task", write)
    body |= reason(slots, write, "Task.reasonCode", many=False)
    return body | notes(slots, write, "Task")


def request(slots: Slots, write: Writer, setting: str) -> Body:
    """ServiceRequest: a contact, request or referral."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "ServiceRequest")
    body["status"] = write.status(
        slots.one("status"), "ServiceRequest.status", _CODES + "request-status", REQUEST_STATUS,
        ended(write, end, "completed", "active" if end is not None else "unknown"),
    )  # fmt: skip
    body["intent"] = "order"
    body["code"] = code(slots, write, "ServiceRequest.code", "Request or referral")
    if start is not None:
        body["authoredOn"] = write.when(start, "ServiceRequest.authoredOn")
    if end is not None:
        body["occurrencePeriod"] = write.period(None, end, "ServiceRequest.occurrencePeriod")
    body |= named("requester", slots, "staff", "ServiceRequest", write)
    body |= reason(slots, write, "ServiceRequest.reasonCode", many=True)
    return body | notes(slots, write, "ServiceRequest", "outcome")


def equipment(slots: Slots, write: Writer, setting: str) -> Body:
    """DeviceRequest: something lent or fitted."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "DeviceRequest")
    body["status"] = write.status(
        slots.one("status"), "DeviceRequest.status", _CODES + "request-status", REQUEST_STATUS,
        ended(write, end, "completed", "active"),
    )  # fmt: skip
    body["intent"] = "order"
    body["codeCodeableConcept"] = code(slots, write, "DeviceRequest.code", "Equipment")
    quantity = slots.one("quantity")
    if quantity is not None and quantity.kind is Kind.NUMBER:
        value = write.leaf(quantity, "DeviceRequest.parameter", f"number({write.path(quantity)})")
        body["parameter"] = [{"code": {"text": "Quantity"}, "valueQuantity": {"value": value}}]
    body["occurrencePeriod"] = write.period(start, end, "DeviceRequest.occurrencePeriod")
    if start is not None:
        body["authoredOn"] = write.when(
            start,
            "DeviceRequest.authoredOn",
            "" if "deliver" in start.words else "Asked for on that day, or lent?",
        )
    body |= named("requester", slots, "staff", "DeviceRequest", write)
    body |= named("performer", slots, "provider", "DeviceRequest", write)
    body |= reason(slots, write, "DeviceRequest.reasonCode", many=True)
    return body | notes(slots, write, "DeviceRequest", "outcome")


def appointment(slots: Slots, write: Writer, setting: str) -> Body:
    """Appointment: a booked time. Its start is an instant, so a day alone is a period that was asked for."""
    start, end, time = slots.one("start"), slots.one("end"), slots.one("time")
    body = identified(slots, write, "Appointment")
    body["status"] = write.status(
        slots.one("status") or slots.one("outcome"), "Appointment.status", _CODES + "appointmentstatus",
        APPOINTMENT_STATUS, "booked",
    )  # fmt: skip
    for slot, name in (("place", "serviceType"), ("type", "serviceType"), ("item", "serviceType")):
        if slots.all(slot):
            held = body.setdefault(name, [])
            assert isinstance(held, list)
            held += [write.concept(f, f"Appointment.{name}") for f in slots.all(slot)]
    body |= reason(slots, write, "Appointment.reasonCode", many=True)
    described = slots.all("description")
    if described:
        body["description"] = write.text(described[0], "Appointment.description")
    body |= _instants(start, end, time, write)
    length = slots.one("duration")
    if length is not None and length.kind is Kind.NUMBER:
        body["minutesDuration"] = write.leaf(
            length,
            "Appointment.minutesDuration",
            _positive(write.path(length)),
            "Are these minutes?",
            "medium",
        )
    comments = slots.all("note")
    if comments:
        body["comment"] = write.text(comments[0], "Appointment.comment")
    found = people(slots, write, "Appointment.participant", "staff", "provider")
    staff = [{"actor": person, "status": "accepted"} for person in found]
    return body | ({"participant": staff} if staff else {})


def _instants(start: Finding | None, end: Finding | None, time: Finding | None, write: Writer) -> Body:
    body: Body = {}
    if start is None:
        return body
    if start.kind is Kind.DATETIME:
        body["start"] = write.when(start, "Appointment.start")
        if end is not None and end.kind is Kind.DATETIME:
            body["end"] = write.when(end, "Appointment.end")
    elif time is not None and start.times is not None:
        formats = [f"'{day} {clock}'" for day in start.times.formats for clock in ("%H:%M", "%H:%M:%S")]
        both = f"datetime(join(' ', [{write.path(start)}, {write.path(time)}]), {', '.join(formats)})"
        body["start"] = write.leaf(start, "Appointment.start", both)
        write.leaf(time, "Appointment.start", both)
    else:
        body["requestedPeriod"] = [write.period(start, end, "Appointment.requestedPeriod")]
    return body


def _positive(path: str) -> str:
    number = f"number({path})"
    whole = f"{number} > `0` && {number} < `10000` && !contains(text({path}), '.')"
    return f"if({whole}, {number}, `null`)"


def encounter(slots: Slots, write: Writer, setting: str) -> Body:
    """Encounter: a visit, stay or call."""
    start, end = slots.one("start"), slots.one("end")
    stay = bool(slots.one("end")) and setting == "acute"
    body = identified(slots, write, "Encounter")
    body["status"] = write.status(
        slots.one("status"), "Encounter.status", _CODES + "encounter-status", ENCOUNTER_STATUS,
        ended(write, end, "finished", "unknown"),
    )  # fmt: skip
    body["class"] = {"system": _ACT_CODE, "code": "IMP" if stay else "AMB"}
    kinds = [write.concept(f, "Encounter.type") for f in slots.all("item", "type", "description")]
    body |= {"type": kinds} if kinds else {}
    body |= reason(slots, write, "Encounter.reasonCode", many=True, beside=("note", "outcome"))
    staff = [{"individual": person} for person in people(slots, write, "Encounter.participant", "staff")]
    body |= {"participant": staff} if staff else {}
    places = [{"location": {"display": write.text(f, "Encounter.location")}} for f in slots.all("place")]
    body |= {"location": places} if places else {}
    body |= named("serviceProvider", slots, "provider", "Encounter", write)
    body["period"] = write.period(start, end, "Encounter.period")
    return body


def plan(slots: Slots, write: Writer, setting: str) -> Body:
    """CarePlan: what is planned or wished for."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "CarePlan")
    body["status"] = write.status(
        slots.one("status"), "CarePlan.status", _CODES + "request-status", REQUEST_STATUS,
        ended(write, end, "completed", "unknown"),
    )  # fmt: skip
    body["intent"] = "plan"
    items = slots.all("item", "type")
    body["title"] = write.text(items[0], "CarePlan.title") if items else "Care plan"
    if items[1:]:
        body["category"] = [write.concept(f, "CarePlan.category") for f in items[1:]]
    described = slots.all("description")
    if described:
        body["description"] = write.text(described[0], "CarePlan.description")
    body["period"] = write.period(start, end, "CarePlan.period")
    body |= named("author", slots, "staff", "CarePlan", write)
    return body | notes(slots, write, "CarePlan", "outcome", "reason")
