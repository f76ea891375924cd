"""FHIR JSON, STU3 or R4: a Bundle or a single resource, as one unit of R4 resources.

https://hl7.org/fhir/R4/json.html. The tree of the unit is

- ``resources``: every resource of the payload as R4, with the id that its source gave it;
- ``patient``: the Patient among them, or ``{}``;
- ``outcomes``: the OperationOutcomes, which are about the answer and not about a person;
- ``lost``: the paths of what the conversion from STU3 could not carry, each once.

References among the resources are made relative (``Type/id``), whatever form the Bundle had them in.
A resource without an id is given one (see ``_missing_id``). A resource that stands twice, word for
word, is taken once; where two differ and share their id, the second gets an id of its own and its
``id`` is named as lost, for references can only mean the first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import orjson

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, UNNAMED
from scr.fhir.stu3 import Converted, convert

Version = Literal["STU3", "R4"]

MAX_DEPTH = 64
"""How deep objects and lists may be nested. FHIR itself needs about 20."""

_BOM = b"\xef\xbb\xbf"
_ID_SIZE = 13  # bytes of a hash; twice as many characters


class Found(NamedTuple):
    """A resource as it stands in the payload: the number of its entry, from 1, and its ``fullUrl`` or ""."""

    number: int
    resource: Resource
    url: str


def decode(raw: bytes, version: Version) -> Iterator[Unit | BadUnit]:
    """One Unit for the payload, after a BadUnit for each entry of the Bundle that is no resource.

    Raises DecodeError where the payload as a whole cannot be taken: not UTF-8, not JSON, not FHIR, too
    deeply nested, or about several persons (``several-persons``). The message tells the line, the
    column and the byte, and nothing of the content.
    """
    return units_of_payload(_parse(raw), raw, version)


def units_of_payload(payload: Resource, raw: bytes, version: Version) -> Iterator[Unit | BadUnit]:
    """The units of a payload that was read already, from JSON or from XML; ``raw`` is its bytes."""
    single = payload["resourceType"] != "Bundle"
    entries = [{"resource": payload}] if single else _entries(payload)
    found, bad = _found(entries)
    _refuse_several_persons(each.resource for each in found)
    _give_ids(found)
    resources, lost, unsupported = _convert_all(found, version)
    if single and unsupported:
        raise DecodeError("a resource of this type is not taken", code="unsupported-type")
    urls = {each.url: f"{each.resource['resourceType']}/{each.resource['id']}" for each in found if each.url}
    if urls:
        _point_to(resources, urls)
    resources = _distinct(resources, lost)
    about = [r for r in resources if r["resourceType"] != "OperationOutcome"]
    tree = {
        "resources": about,
        "patient": _patient(about),
        "outcomes": [r for r in resources if r["resourceType"] == "OperationOutcome"],
        "lost": lost,
    }
    return iter([*bad, *unsupported, Unit(tree, "resource" if single else "bundle", raw)])


def _found(entries: list[Any]) -> tuple[list[Found], list[BadUnit]]:
    """The resources of the entries, and the entries that have none."""
    found: list[Found] = []
    bad: list[BadUnit] = []
    for number, entry in enumerate(entries, start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            url = entry.get("fullUrl")
            found.append(Found(number, resource, url if isinstance(url, str) else ""))
        else:
            bad.append(_bad_entry(number, entry, "has no resource", "no-resource"))
    return found, bad


def _parse(raw: bytes) -> Resource:
    """The object in the bytes, if it is FHIR's; DecodeError tells where it stops being that."""
    body = raw.removeprefix(_BOM)
    opening = body[:256].lstrip()
    if not opening:
        raise DecodeError("the payload is empty: FHIR JSON is expected", code="empty", where="byte 0")
    if opening.startswith(b"<"):
        raise DecodeError(
            "the payload is HTML or XML: FHIR JSON is expected. Look at what answered in the source's place",
            code="not-json",
            where="byte 0",
        )
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _not_json(body, error, len(raw) - len(body)) from None
    if not isinstance(payload, dict) or not isinstance(payload.get("resourceType"), str):
        raise DecodeError(
            "the payload is JSON and not FHIR: an object with a resourceType is expected", code="not-fhir"
        )
    if _may_be_deeper(payload, MAX_DEPTH) and _is_deeper_than(payload, MAX_DEPTH):
        raise DecodeError(f"the payload is nested deeper than {MAX_DEPTH} levels", code="too-deep")
    return payload


def _not_json(body: bytes, error: json.JSONDecodeError, skipped: int) -> DecodeError:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return DecodeError(
            "the payload is not UTF-8, which FHIR JSON has to be", code="not-utf8",
            where=f"byte {wrong.start + skipped}",
        )  # fmt: skip
    at = len(text[: error.pos].encode()) + skipped
    return DecodeError(
        "the payload is not well-formed JSON, or was cut short", code="not-json",
        where=f"line {error.lineno}, column {error.colno} (byte {at} of {len(body) + skipped})",
    )  # fmt: skip


def _may_be_deeper(payload: object, limit: int) -> bool:
    """Whether it is worth to look: written out with two spaces a level, which costs a fifth of the looking,
    what is deeper has a line that begins so far to the right. Inside a text there is no line break."""
    try:
        written = orjson.dumps(payload, option=orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:  # deeper than it writes at all
        return True
    return b"\n" + b"  " * limit in written


def _is_deeper_than(payload: object, limit: int) -> bool:
    level = [payload]
    for _ in range(limit):
        if not level:
            return False
        level = [
            part
            for node in level
            for part in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(part, (dict, list))
        ]
    return bool(level)


def _entries(bundle: Resource) -> list[Any]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise DecodeError("Bundle.entry is not a list", code="not-fhir", where="Bundle.entry")
    return entries


def _bad_entry(number: int, entry: object, what: str, code: str) -> BadUnit:
    place = f"entry {number}"
    error = DecodeError(f"the entry {what}; the others are taken", code=code, where=place)
    return BadUnit(place, orjson.dumps(entry), error)


def _refuse_several_persons(resources: Iterable[Resource]) -> None:
    """A unit is about one person: two NHS Numbers on its Patients cannot be filed under either."""
    numbers = {
        "".join(filter(str.isdigit, str(identifier.get("value"))))
        for resource in resources
        if resource["resourceType"] == "Patient"
        for identifier in _dicts(resource.get("identifier"))
        if identifier.get("system") == NHS_NUMBER_SYSTEM and identifier.get("use") != "old"
    }
    if len(numbers - {""}) > 1:
        raise DecodeError(
            "the payload holds Patients with different NHS Numbers: send one person at a time",
            code="several-persons",
        )


def _give_ids(found: list[Found]) -> None:
    """Give an id to each resource without one, and part those that will share one in R4.

    ProcedureRequest and ReferralRequest are both ServiceRequest in R4: where two have the same id, the
    ReferralRequest's is lengthened, and references to it with it.
    """
    taken: Counter[str] = Counter()
    for each in found:
        if not isinstance(each.resource.get("id"), str) or not each.resource["id"]:
            each.resource["id"] = _missing_id(each, taken)
    procedures = {r.resource["id"] for r in found if r.resource["resourceType"] == "ProcedureRequest"}
    parted: dict[str, str] = {}
    for _, resource, _ in found:
        if resource["resourceType"] == "ReferralRequest" and resource["id"] in procedures:
            longer = f"{resource['id'][:50]}-referral"
            parted[f"ReferralRequest/{resource['id']}"] = f"ReferralRequest/{longer}"
            resource["id"] = longer
    if parted:
        _point_to([each.resource for each in found], parted)


def _missing_id(found: Found, taken: Counter[str]) -> str:
    """An id that is the same whenever the same thing is sent.

    The UUID of its ``fullUrl``; else a hash of its identifiers; else, for a List (the primary lists of
    GP Connect have no id), of what it is a list of, for its entries change from day to day; else of
    all of it (``UNNAMED``). Where two come out alike, the second is told from the first by its position among
    them.
    """
    if found.url.startswith("urn:uuid:"):
        return found.url.removeprefix("urn:uuid:")
    resource = found.resource
    telling: object = resource.get("identifier")
    if not telling and resource["resourceType"] == "List" and ("code" in resource or "title" in resource):
        telling = [resource.get(name) for name in ("code", "title", "encounter")]
    digest = _hash([resource["resourceType"], telling or resource])
    if not resource.get("identifier"):
        digest = UNNAMED + digest
    taken[digest] += 1
    return digest if taken[digest] == 1 else f"{digest}-{taken[digest]}"


def _hash(content: object) -> str:
    whole = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(whole, digest_size=_ID_SIZE).hexdigest()


def _convert_all(found: list[Found], version: Version) -> tuple[list[Resource], list[str], list[BadUnit]]:
    """Everything as R4, what is lost of it, and the entries whose type is not taken."""
    bad: list[BadUnit] = []
    lost: dict[str, None] = {}
    resources: list[Resource] = []
    for each in found:
        converted = convert(each.resource) if version == "STU3" else _as_it_is(each.resource)
        if not converted.resources:
            what = "is of a type that is not taken"
            bad.append(_bad_entry(each.number, each.resource, what, "unsupported-type"))
            continue
        lost.update(dict.fromkeys(converted.lost))
        resources.extend(converted.resources)
    return resources, list(lost), bad


def _as_it_is(resource: Resource) -> Converted:
    """What is R4 already; but for what holds resources and is none that a record has."""
    carried = resource["resourceType"] not in {"Bundle", "Parameters"}
    return Converted((resource,) if carried else (), ())


def _distinct(resources: list[Resource], lost: list[str]) -> list[Resource]:
    """Each resource once; of two that differ and share an id, the second with one of its own."""
    kept: dict[tuple[str, str], Resource] = {}
    for resource in resources:
        if not isinstance(resource.get("id"), str):  # one that was lifted out of another
            resource["id"] = _hash(resource)
        key = (resource["resourceType"], resource["id"])
        if key in kept and kept[key] != resource:
            resource["id"] = f"{key[1][:50]}-{_hash(resource)[:8]}"
            key = (key[0], resource["id"])
            if f"{key[0]}.id" not in lost:
                lost.append(f"{key[0]}.id")
        kept.setdefault(key, resource)
    return list(kept.values())


def _patient(resources: list[Resource]) -> Resource:
    """The Patient; of several without different numbers, the first with an NHS Number."""
    patients = [r for r in resources if r["resourceType"] == "Patient"]
    numbered = (p for p in patients if any(
        i.get("system") == NHS_NUMBER_SYSTEM for i in _dicts(p.get("identifier"))
    ))  # fmt: skip
    return next(numbered, patients[0] if patients else {})


def _point_to(nodes: list[Resource], targets: dict[str, str]) -> None:
    """Replace each reference that is a key of ``targets``, wherever it stands."""
    stack: list[Any] = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(part for part in node if isinstance(part, (dict, list)))
            continue
        reference = node.get("reference")
        if isinstance(reference, str) and reference in targets:
            node["reference"] = targets[reference]
        stack.extend(part for part in node.values() if isinstance(part, (dict, list)))


def _dicts(value: object) -> list[Resource]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
