"""What was found, done and written down."""

from __future__ import annotations

from typing import Any

from scr.fhir.stu3.rules import (
    TERMINOLOGY,
    Node,
    Place,
    Rule,
    TypeRules,
    concept,
    each,
    extend,
    first_of,
    keep_as_extension,
    nodes,
    note,
    parts,
    rename,
    translate,
)

UNKNOWN = "unknown"
"""What stands in a text element that R4 requires and the source does not have."""

_RELATED = {"has-member": "hasMember", "derived-from": "derivedFrom"}
_AMBULATORY = {"system": TERMINOLOGY + "v3-ActCode", "code": "AMB", "display": "ambulatory"}


def _related(node: Node, value: Any, place: Place) -> None:
    """Members and sources have an element each in R4; other relations have none."""
    found: dict[str, list[Any]] = {}
    for relation in parts(value):
        name = _RELATED.get(str(relation.get("type"))) if isinstance(relation, dict) else None
        if name is None or "target" not in relation:
            place.lose()
        else:
            found.setdefault(name, []).append(relation["target"])
    node.update(found)


def _not_done(node: Node, value: Any, place: Place) -> None:
    """``notGiven`` and ``notDone`` are a status in R4."""
    if value is True:
        node["status"] = "not-done"


def _performer_actors(node: Node, value: Any, place: Place) -> None:
    """A report's performer is the actor itself in R4, which has no place for the role."""
    actors = []
    for performer in parts(value):
        if isinstance(performer, dict) and "actor" in performer:
            actors.append(performer["actor"])
            if "role" in performer:
                place.at("role").lose()
        elif isinstance(performer, dict) and "reference" in performer:
            actors.append(performer)
        else:
            place.lose()
    node["performer"] = actors


def _explanation(node: Node, value: Any, place: Place) -> None:
    """Why a vaccine was given, or was not. Suppliers write ``notGivenReason`` for ``reasonNotGiven``."""
    if not isinstance(value, dict):
        place.lose()
        return
    if "reason" in value:
        node["reasonCode"] = value.pop("reason")
    for name in ("reasonNotGiven", "notGivenReason"):
        if name in value:
            first_of("statusReason")(node, value.pop(name), place.at(name))
    for name in value:
        place.at(name).lose()


def _protocol(node: Node, value: Any, place: Place) -> None:
    """R4 requires the number of the dose, as a number or as a text."""
    each("protocolApplied", _PROTOCOL)(node, value, place)
    for protocol in nodes(value):
        if "doseNumberPositiveInt" not in protocol:
            protocol["doseNumberString"] = UNKNOWN


_PROTOCOL: dict[str, Rule] = {
    "doseSequence": rename("doseNumberPositiveInt"),
    "seriesDoses": rename("seriesDosesPositiveInt"),
    "description": keep_as_extension("String"),
    "doseStatus": keep_as_extension("CodeableConcept"),
    "doseStatusReason": keep_as_extension("CodeableConcept"),
}


def _immunization_occurred(node: Node) -> None:
    """R4 requires when it was. The text is the way FHIR has for a time that is not known."""
    if "occurrenceDateTime" not in node:
        node["occurrenceString"] = UNKNOWN


def _encounter_class(node: Node) -> None:
    """R4 requires a class and GP systems send none: a contact with a practice is ambulatory care."""
    node.setdefault("class", dict(_AMBULATORY))


def _document_times(node: Node) -> None:
    """``indexed`` is R4's ``date``; ``created`` speaks of the document, so of each attachment.

    Where nothing was indexed, ``created`` is the ``date`` too if it is exact enough for an instant.
    """
    created = node.pop("created", None)
    indexed = node.pop("indexed", None)
    if indexed is None and isinstance(created, str) and "T" in created:
        indexed = created
    if indexed is not None:
        node["date"] = indexed
    if created is None:
        return
    attachments = [
        part["attachment"] for part in nodes(node.get("content")) if isinstance(part.get("attachment"), dict)
    ]
    for attachment in attachments:
        attachment.setdefault("creation", created)
    if not all(attachment["creation"] == created for attachment in attachments) or not attachments:
        extend(node, "DocumentReference.created", "DateTime", created)


def _related_documents(node: Node, value: Any, place: Place) -> None:
    """What a document relates to is a Reference in R4, which may hold the identifier."""
    for related in nodes(value):
        reference = related.pop("ref", None)
        if isinstance(reference, dict):
            related.update(reference)
    node["related"] = value


def _canonical(node: Node, value: Any, place: Place) -> None:
    """A Reference to a questionnaire is its address in R4."""
    address = value.get("reference") if isinstance(value, dict) else value
    if isinstance(address, str):
        node["questionnaire"] = address
    else:
        place.lose()


def _link_ids(node: Node, above: str = "") -> None:
    """R4 requires every item's link id, which some suppliers leave out: its position, ``1.2``, serves."""
    for number, item in enumerate(nodes(node.get("item")), start=1):
        item.setdefault("linkId", f"{above}{number}")
        _link_ids(item, f"{item['linkId']}.")


CLINICAL: dict[str, TypeRules] = {
    "AllergyIntolerance": TypeRules(
        "AllergyIntolerance",
        {
            "clinicalStatus": concept(
                "clinicalStatus",
                "allergyintolerance-clinical",
                frozenset({"active", "inactive", "resolved"}),
            ),
            "verificationStatus": concept(
                "verificationStatus",
                "allergyintolerance-verification",
                frozenset({"unconfirmed", "confirmed", "refuted", "entered-in-error"}),
            ),
            "assertedDate": rename("recordedDate"),
        },
    ),
    "Condition": TypeRules(
        "Condition",
        {
            "clinicalStatus": concept(
                "clinicalStatus",
                "condition-clinical",
                frozenset({"active", "recurrence", "inactive", "remission", "resolved"}),
            ),
            "verificationStatus": concept(
                "verificationStatus",
                "condition-ver-status",
                frozenset({"provisional", "differential", "confirmed", "refuted", "entered-in-error"}),
            ),
            "assertedDate": rename("recordedDate"),
            "context": rename("encounter"),
            "abatementBoolean": keep_as_extension("Boolean"),
        },
    ),
    "Observation": TypeRules(
        "Observation",
        {"comment": note, "context": rename("encounter"), "related": _related},
    ),
    "Immunization": TypeRules(
        "Immunization",
        {
            "notGiven": _not_done,
            "date": rename("occurrenceDateTime"),
            "practitioner": each("performer", {"role": rename("function")}),
            "explanation": _explanation,
            "vaccinationProtocol": _protocol,
        },
        _immunization_occurred,
    ),
    "Procedure": TypeRules(
        "Procedure",
        {
            "status": translate("status", {"suspended": "on-hold", "aborted": "stopped"}),
            "notDone": _not_done,
            "notDoneReason": rename("statusReason"),
            "context": rename("encounter"),
            "definition": keep_as_extension("Reference"),
            "performer": each("performer", {"role": rename("function")}),
        },
    ),
    "Encounter": TypeRules(
        "Encounter",
        {
            "reason": rename("reasonCode"),
            "incomingReferral": rename("basedOn"),
            "diagnosis": each("diagnosis", {"role": rename("use")}),
        },
        _encounter_class,
    ),
    "List": TypeRules("List"),
    "DiagnosticReport": TypeRules(
        "DiagnosticReport",
        {
            "context": rename("encounter"),
            "performer": _performer_actors,
            "codedDiagnosis": rename("conclusionCode"),
            "image": rename("media"),
        },
    ),
    "Specimen": TypeRules("Specimen"),
    "DocumentReference": TypeRules(
        "DocumentReference",
        {"class": rename("category"), "context": each("context", {"related": _related_documents})},
        _document_times,
    ),
    "QuestionnaireResponse": TypeRules(
        "QuestionnaireResponse",
        {"parent": rename("partOf"), "context": rename("encounter"), "questionnaire": _canonical},
        _link_ids,
    ),
}
