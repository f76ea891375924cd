"""The segment groups of a MEDRPT message as a tree that JMESPath walks, named for people.

    interchange   sender, recipient, reference, date, time, application, test (of UNB)
    message       reference, type, version, release, agency, association (NHS003), document, sent
    report        id, status, issued, action, request_id, comments[]; service, which is radiology, screening
                  or laboratory
    requester, recipient, performer, others
                  each people[], organisations[], departments[] of code, code_list, name, reference, and
                  key, which is the first of them that there is
    patient       key, nhs_number, other_id, local_id, family, given[], title, sex, birth_date,
                  address {lines[], city, postcode}; ``patients`` has all of the message
    clinical_information[]
    specimens[]   key, id, requester_id, type, type_code, type_code_list, fasting, fasting_text,
                  quantity, quantity_unit, collected, received, comments[]
    investigations[]
                  key, code, code_list, text, status, action, texts[], comments[], specimen,
                  result {value, comparator, value_to, unit, unit_code, code, code_list, text, flags[]},
                  ranges[] {low, high, unit, text[], population[]}, group (key), members[] (keys)
    segments      all in order: tag, elements (lists of components)
    fields        every element that has a value by its group, segment and place, ``S07.DTM+329.1.2``, and
                  the path that it went to: ``patient.birth_date``, or ``""`` where the tree has no place

Dates and numbers are text as they were sent.
A text that stands in several components is one text: components that are full (35 characters of a
name, 70 of a free text) run on in the next, others are lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scr.decode.edifact import tables
from scr.decode.edifact.groups import Group, groups
from scr.decode.edifact.slots import covered, path_of, placed
from scr.decode.edifact.syntax import Segment
from scr.decode.edifact.values import dated, limited, measured, text_at


def message_tree(segments: list[Segment], interchange: dict[str, str], decimal: str = ".") -> dict[str, Any]:
    """The tree of one message, UNH first. Reads whatever stands there: nothing in it can be wrong.

    ``decimal`` is UNA's decimal mark.
    """
    header = {key: value for key, place in tables.UNH.items() if (value := segments[0].get(*place))}
    tree = _Tree(interchange, header, decimal)
    for group in groups(segments[1:]):
        tree.read(group)
    return tree.finished(segments)


class _Tree:
    """The tree as it grows, with the account of what went where."""

    def __init__(self, interchange: dict[str, str], header: dict[str, str], decimal: str) -> None:
        self.decimal = decimal
        self.fields: dict[str, str] = {}
        self.label = ""
        self.specimens: list[dict[str, Any]] = []
        self.investigations: list[dict[str, Any]] = []
        self.patients: list[dict[str, Any]] = []
        self.tree: dict[str, Any] = {
            "interchange": interchange,
            "message": header,
            "report": {},
            "clinical_information": [],
        }
        for role in tables.ROLES:
            self.tree[role] = {"people": [], "organisations": [], "departments": []}

    def read(self, group: Group) -> None:
        """Put one section where it belongs."""
        self.label = group.label
        handler = _HANDLERS.get(group.section)
        if handler is not None:
            handler(self, group)
        else:
            target, path = self._target(group.section)
            for segment in group.segments:
                self.put(segment, target, path, group.section)

    def finished(self, segments: list[Segment]) -> dict[str, Any]:
        """The whole tree, test groups and specimens bound to each other."""
        _bind(self)
        self.tree["report"]["service"] = _service(self.tree)
        return {
            **self.tree,
            "patient": self.patients[0] if self.patients else {},
            "patients": self.patients,
            "specimens": self.specimens,
            "investigations": self.investigations,
            "segments": [{"tag": segment.tag, "elements": segment.elements} for segment in segments],
            "fields": self.fields,
        }

    def note(self, name: str, path: str) -> None:
        """Note that an element of the current group went to a path; ``""`` is nowhere."""
        full = f"{self.label}.{name}" if self.label else name
        if path or full not in self.fields:
            self.fields[full] = path
        elif self.fields[full]:
            self.fields[f"{full} (only the first value is read)"] = ""

    def put(self, segment: Segment, target: dict[str, Any], path: str, section: str) -> None:
        """Put a segment's values into the target, by the section's table."""
        segment = dated(segment)
        qualified = tables.SLOTS[section].get(f"{segment.tag}+{segment.qualifier}")
        slots = qualified if qualified is not None else tables.SLOTS[section].get(segment.tag, {})
        used = {(1, 1)} if qualified is not None else set()
        used.update(at for at, key in slots.items() if not key)
        for (element, component), key in slots.items():
            value = text_at(segment, element, component) if key else ""
            if value and placed(target, key, value):
                used.update(covered(segment, element, component))
                if key not in tables.STRUCTURE:
                    self.note(segment.name(element, component), path_of(path, key))
        self.unplaced(segment, used)

    def unplaced(self, segment: Segment, used: set[tuple[int, int]]) -> None:
        """Note the values of a segment that went nowhere."""
        for at in segment.places():
            if at not in used:
                self.note(segment.name(*at), "")

    def _target(self, section: str) -> tuple[dict[str, Any], str]:
        """What a section without a handler of its own goes into, and its path."""
        if section in {"header", "report"}:
            key = {"header": "message"}.get(section, section)
            return self.tree[key], key
        return self.tree, ""


def _service(tree: dict[str, Any]) -> str:
    """Whose report it is. Radiology uses the laboratory's message, and is told by the department that made
    it or by the application that the interchange is for (UNB-7); screening has a variant of its own."""
    makers = [
        party.get("name", "")
        for kind in ("departments", "organisations")
        for party in tree["performer"][kind]
    ]
    if tree["interchange"].get("application", "").upper().startswith("RAD") or any(
        map(_RADIOLOGY.search, makers)
    ):
        return "radiology"
    return "screening" if tree["message"].get("association") == "NHS004" else "laboratory"


_RADIOLOGY = re.compile(r"radiolog|\bimaging\b|\bx-?rays?\b|\bultrasound\b", re.IGNORECASE)


def _party(tree: _Tree, group: Group) -> None:
    """S01: someone who asked, who is told, or who examined; a person, an organisation or a department."""
    named, sort = group.find("NAD"), group.find("SPR").get(1)
    role = tables.ROLE_CODES.get(named.get(1), "others")
    listed = "people" if named.get(2, 2) in tables.PEOPLE else "organisations"
    kind = tables.KINDS.get(sort, listed)
    target: dict[str, Any] = {}
    tree.label = "+".join(part for part in ("S01", named.code(1), group.find("SPR").code(1)) if part)
    for segment in group.segments:
        tree.put(segment, target, f"{role}.{kind}", "party")
    if target:
        target["key"] = target.get("code") or target.get("name") or target.get("reference")
        tree.tree[role][kind].append(target)


def _patient(tree: _Tree, group: Group) -> None:
    """S06 (where the person lives) and S07 (who it is): one object, unless a second person is named."""
    second = group.has("PNA") and tree.patients and tree.patients[-1].get("_named")
    if second or not tree.patients:
        tree.patients.append({})
    patient = tree.patients[-1]
    path = "patient" if len(tree.patients) == 1 else "patients"
    for segment in group.segments:
        if segment.tag == "PNA":
            patient["_named"] = True
            _name(tree, segment, patient, path)
        elif segment.tag == "ADR":
            tree.put(segment, patient.setdefault("address", {}), f"{path}.address", "address")
        else:
            tree.put(segment, patient, path, "patient")


def _name(tree: _Tree, segment: Segment, patient: dict[str, Any], path: str) -> None:
    """PNA: the number, and the parts of the name as ``SU:…``, ``FO:…`` in any order."""
    kind = segment.get(2, 2)
    key = "nhs_number" if kind in {"", "OPI"} else "other_id"
    used = {(1, 1), (2, 2)}
    if (number := segment.get(2, 1)) and placed(patient, key, number):
        used.add((2, 1))
        tree.note(f"PNA.2.1 ({key})", f"{path}.{key}")
    for place, part in enumerate(segment.elements, 1):
        slot = tables.NAME_PARTS.get(part[0].strip()) if place > 2 else None
        if slot is None:
            continue
        used.add((place, 1))
        for component in range(2, len(part) + 1):
            value = segment.get(place, component)
            if value and placed(patient, slot, value):
                used.add((place, component))
                tree.note(f"PNA+{part[0].strip()}.{component}", path_of(path, slot))
    tree.unplaced(segment, used)


def _specimen(tree: _Tree, group: Group) -> None:
    """S16."""
    target: dict[str, Any] = {}
    tree.specimens.append(target)
    for segment in group.segments:
        tree.put(segment, target, "specimens", "specimen")


def _investigation(tree: _Tree, group: Group) -> None:
    """S18, or GIS and INV where S18 is left out; ``continued``: what comes after its ranges."""
    if group.section != "continued" or not tree.investigations:
        if not group.segments:
            return
        tree.investigations.append({"ranges": []})
    target = tree.investigations[-1]
    for segment in group.segments:
        if segment.tag == "RSL":
            result = target.setdefault("result", {})
            tree.put(measured(segment, tree.decimal), result, "investigations.result", "result")
        elif segment.tag == "FTX" and segment.qualifier == "CRR":
            made: dict[str, Any] = {}
            target["ranges"].append(made)
            tree.put(segment, made, "investigations.ranges", "range")
        else:
            tree.put(segment, target, "investigations", "investigation")


def _range(tree: _Tree, group: Group) -> None:
    """S20."""
    target: dict[str, Any] = {}
    if tree.investigations:
        tree.investigations[-1]["ranges"].append(target)
    for segment in group.segments:
        tree.put(limited(segment, tree.decimal), target, "investigations.ranges", "range")


_HANDLERS: dict[str, Callable[[_Tree, Group], None]] = {
    "party": _party,
    "patient": _patient,
    "specimen": _specimen,
    "investigation": _investigation,
    "continued": _investigation,
    "range": _range,
}


def _bind(tree: _Tree) -> None:
    """Keys for specimens and investigations, and who belongs to whom (RFF+ASL, RFF+ARL)."""
    specimens: dict[str, dict[str, Any]] = {}
    for number, specimen in enumerate(tree.specimens, 1):
        specimen["key"] = specimen.pop("sequence", "") or f"place {number}"
        specimens.setdefault(specimen["key"], specimen)
    heads: dict[str, dict[str, Any]] = {}
    counted: dict[str, int] = {}
    for made in tree.investigations:
        what = made.get("code") or made.get("text") or "unnamed"
        counted[what] = counted.get(what, 0) + 1
        made |= {"key": f"{what} {counted[what]}", "members": []}
        if sequence := made.pop("sequence", ""):
            heads.setdefault(sequence, made)
    for made in tree.investigations:
        _join(tree, made, heads, specimens)
    for made in tree.investigations:
        made.pop("group_reference", "")
        made.pop("specimen_reference", "")
    for patient in tree.patients:
        patient.pop("_named", None)
        known = patient.get("nhs_number") or patient.get("local_id") or patient.get("other_id")
        patient["key"] = known or f"{patient.get('family', '')} {patient.get('birth_date', '')}"


def _join(
    tree: _Tree, made: dict[str, Any], heads: dict[str, dict[str, Any]], specimens: dict[str, dict[str, Any]]
) -> None:
    """Bind one investigation to its test group and to its specimen: the group's, where it names none."""
    sequence = made.get("group_reference", "")
    head = heads.get(sequence, made)
    if head is not made:
        head["members"].append(made["key"])
        made["group"] = head["key"]
    elif sequence:
        tree.fields["S18.RFF+ARL.1.2 (no such test group)"] = ""
    asked = made.get("specimen_reference") or head.get("specimen_reference")
    if asked in specimens:
        made["specimen"] = specimens[asked]
    elif asked:
        tree.fields["S18.RFF+ASL.1.2 (no such specimen)"] = ""
    elif len(tree.specimens) == 1:
        made["specimen"] = tree.specimens[0]
