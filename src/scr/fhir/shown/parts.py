"""Which entries are shown as a part of another one: the results of a report, the medicine of a prescription.

Each entry is a part of one other at most, and nothing of itself: whatever refers to whatever, each entry
stands on exactly one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from scr.fhir.entry import Entry, Resource
from scr.fhir.shown.reading import dict_of, text_of, walk

_MEDICINE = frozenset({"Medication"})
_OF_HEAD: dict[str, frozenset[str]] = {
    "DiagnosticReport": frozenset({"Observation", "Specimen", "Media", "ImagingStudy"}),
    "MedicationRequest": _MEDICINE,
    "MedicationStatement": _MEDICINE,
    "MedicationDispense": _MEDICINE,
    "MedicationAdministration": _MEDICINE,
    "CarePlan": frozenset({"Goal"}),
    "DeviceUseStatement": frozenset({"Device"}),
    "DeviceRequest": frozenset({"Device"}),
}
"""By type those types of which all that it refers to are parts of it."""
_OF_BODY: dict[str, tuple[str, ...]] = {
    "Observation": ("hasMember", "specimen"),
    "DocumentReference": ("content.attachment",),
    "Communication": ("payload.contentAttachment",),
    "Consent": ("sourceAttachment",),
    "DiagnosticReport": ("presentedForm",),
    "Media": ("content",),
}
"""By type the elements whose references or addresses lead to its parts."""
_FIRST = {"DiagnosticReport": 0, "DocumentReference": 0}
_CHILDREN = frozenset({"Observation", "Specimen", "Binary"})


def parts_of(
    entries: Sequence[Entry], parsed: Callable[[Entry], Resource]
) -> tuple[dict[str, list[Entry]], frozenset[str]]:
    """For each entry that has some its parts, by its reference; and the references of all parts.

    ``parsed`` gives the resource of an entry. Reports take their parts before single results take theirs.
    """
    there = {entry.reference: entry for entry in entries}
    parents: dict[str, str] = {}
    found: dict[str, list[Entry]] = {}
    ordered = sorted(
        (one for one in entries if one.type in _OF_HEAD or one.type in _OF_BODY),
        key=lambda one: (_FIRST.get(one.type, 1), -(one.when or (0, 0))[0], one.reference),
    )
    binaries = any(entry.type == "Binary" for entry in entries)
    for entry in ordered:
        for name in _named(entry, parsed, binaries):
            child = there.get(name)
            if child is None or name in parents or _is_above(name, entry.reference, parents):
                continue
            parents[name] = entry.reference
            found.setdefault(entry.reference, []).append(child)
    return found, frozenset(parents)


def binary_named(value: object) -> str:
    """``Binary/[id]`` where an address or a reference leads to a Binary; else empty."""
    parts = text_of(value).split("/")
    if "_history" in parts:
        parts = parts[: parts.index("_history")]
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-2] == "Binary" else ""


def _named(entry: Entry, parsed: Callable[[Entry], Resource], binaries: bool) -> Iterable[str]:
    """The references of an entry to what may be its parts, in their order."""
    kinds = _OF_HEAD.get(entry.type, frozenset())
    wanted = kinds | _CHILDREN
    paths = _OF_BODY.get(entry.type, ())
    refers = any(name.partition("/")[0] in wanted for name in entry.references)
    if not refers and not (binaries and paths and b"Binary/" in entry.body):
        return []
    resource = parsed(entry)
    named: dict[str, None] = {}
    if entry.type == "DiagnosticReport":  # the results in the order in which the report has them
        named.update(
            dict.fromkeys(text_of(one.get("reference")) for one in walk(resource, "result") if dict_of(one))
        )
    named.update(dict.fromkeys(one for one in entry.references if one.partition("/")[0] in kinds))
    for path in paths:
        for one in map(dict_of, walk(resource, path)):
            named[text_of(one.get("reference")) or binary_named(one.get("url"))] = None
    return named


def _is_above(name: str, reference: str, parents: Mapping[str, str]) -> bool:
    """Whether an entry is another one, or something that this one is a part of."""
    at: str | None = reference
    while at is not None:
        if at == name:
            return True
        at = parents.get(at)
    return False
