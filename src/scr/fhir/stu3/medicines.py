"""Medicines: what was prescribed, what is taken, and how."""

from __future__ import annotations

from typing import Any

from scr.fhir.stu3.rules import (
    Node,
    Place,
    TypeRules,
    each,
    extend,
    first_of,
    keep_as_extension,
    nodes,
    rename,
    requester,
)

_DOSE_AND_RATE = ("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")


def _dosage(name: str) -> Any:
    """Dose and rate have a node of their own in R4."""

    def rule(node: Node, value: Any, place: Place) -> None:
        for dosage in nodes(value):
            found = {key: dosage.pop(key) for key in _DOSE_AND_RATE if key in dosage}
            if found:
                dosage["doseAndRate"] = [found]
        node[name] = value

    return rule


def _taken(node: Node, value: Any, place: Place) -> None:
    """R4 has no ``taken``. ``n`` is a status of its own there; ``unk`` (always, in GP data) says nothing."""
    if value == "unk":
        place.lose()
        return
    extend(node, place.path, "Code", value)
    if value == "n" and str(node.get("status")) in {"active", "completed"}:
        node["status"] = "not-taken"


def _package(node: Node, value: Any, place: Place) -> None:
    """Of a package R4 keeps the batch; what is in it is another Medication there."""
    batches = value.pop("batch", None) if isinstance(value, dict) else None
    if batches:
        first_of("batch")(node, batches, place.at("batch"))
    if value:
        place.lose()


def _substitution(node: Node, value: Any, place: Place) -> None:
    if isinstance(value, dict) and "allowed" in value:
        value["allowedBoolean"] = value.pop("allowed")
    node["substitution"] = value


MEDICINES: dict[str, TypeRules] = {
    "Medication": TypeRules(
        "Medication",
        {
            "isBrand": keep_as_extension("Boolean"),
            "isOverTheCounter": keep_as_extension("Boolean"),
            "ingredient": each("ingredient", {"amount": rename("strength")}),
            "package": _package,
        },
    ),
    "MedicationRequest": TypeRules(
        "MedicationRequest",
        {
            "context": rename("encounter"),
            "definition": keep_as_extension("Reference"),
            "requester": requester,
            "dosageInstruction": _dosage("dosageInstruction"),
            "substitution": _substitution,
        },
    ),
    "MedicationStatement": TypeRules(
        "MedicationStatement",
        {
            "taken": _taken,
            "reasonNotTaken": rename("statusReason"),
            "dosage": _dosage("dosage"),
        },
    ),
}
