"""``Entry``: a resource as it travels: its JSON bytes, and the few fields that others ask for.

A payload is parsed once, where it comes in. After that consent, search, the ledger and the audit
read the typed fields here, and the bytes are joined into the answer as they are: nothing on the
read path parses or dumps a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson

from scr.fhir.dates import instant_text, interval
from scr.fhir.headings import heading_of

Resource = dict[str, Any]
"""A FHIR resource as parsed JSON. Subscripted in ``fhir`` and ``mapping`` only."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One resource version, typed head and bytes.

    ``body`` begins with ``{"resourceType":"T","id":"I","meta":{`` (see ``pack``). ``source`` is the
    ODS code of the provider that it came from. ``when`` is the half-open interval of its clinical
    date, in milliseconds since 1970-01-01 UTC; None where it has none. ``codes`` and ``categories``
    are tokens ``system|code``; ``labels`` the same of ``meta.security``; ``references`` the relative
    references in it (``Type/id``). ``last_updated`` is milliseconds UTC.
    """

    type: str
    id: str
    source: str
    heading: str
    body: bytes
    version: str = "1"
    last_updated: int = 0
    when: tuple[int, int] | None = None
    status: str | None = None
    codes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"


_DATE_FIELDS = (
    "effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant", "onsetDateTime",
    "onsetPeriod", "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod",
    "occurrenceTiming", "period",
    "authoredOn", "recordedDate", "date", "start", "dateAsserted", "issued", "authored", "created", "sent",
)  # fmt: skip
_ANY_DATE = frozenset(_DATE_FIELDS)
CODE_FIELDS = {
    "DocumentReference": ("type",),
    "Encounter": ("type",),
    "EpisodeOfCare": ("type",),
    "HealthcareService": ("type",),
    "Immunization": ("vaccineCode",),
    "MedicationAdministration": ("medicationCodeableConcept",),
    "MedicationDispense": ("medicationCodeableConcept",),
    "MedicationRequest": ("medicationCodeableConcept",),
    "MedicationStatement": ("medicationCodeableConcept",),
}
"""What the search parameter ``code`` (or ``type``, for want of it) looks at, where that is not ``code``."""

_DATES_BY_TYPE = {
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Patient": (),
}


def pack(resource: Resource, *, source: str, now: int, references: Iterable[str] | None = None) -> Entry:
    """Make the Entry of an R4 resource that has its final ``id`` (and ``meta`` without version).

    The resource's own ``meta.lastUpdated`` is kept as ``last_updated`` if it has one, else ``now``
    (milliseconds UTC). ``references`` are those in the resource, where they are known already. Raises
    ValueError where ``resourceType`` or ``id`` is not there.
    """
    kind, logical = resource.get("resourceType"), resource.get("id")
    if not isinstance(kind, str) or not isinstance(logical, str):
        raise ValueError("a resource needs resourceType and id")
    meta, updated = resource.get("meta") or {}, None
    if "versionId" in meta or "lastUpdated" in meta:
        meta = dict(meta)
        meta.pop("versionId", None)
        updated = interval(meta.pop("lastUpdated", None))
    ordered = {"resourceType": kind, "id": logical, "meta": meta} | resource
    ordered["meta"] = meta
    body = orjson.dumps(ordered)
    references = _references(ordered | {"meta": None}) if references is None else list(references)
    return Entry(
        type=kind,
        id=logical,
        source=source,
        heading=heading_of(resource),
        body=body,
        last_updated=updated[0] if updated else now,
        when=_when(resource, kind),
        status=_status(resource),
        codes=_tokens(resource, CODE_FIELDS.get(kind, ("code",))),
        categories=_tokens(resource, ("category",)),
        labels=tuple([_coding_token(c) for c in meta.get("security", ())]),
        references=tuple(references) if len(references) < 2 else tuple(sorted(set(references))),
    )


def stamp(entry: Entry, version: str, last_updated: int) -> Entry:
    """The same entry with ``meta.versionId`` and ``meta.lastUpdated`` written into its bytes.

    The entry must be fresh from ``pack``: bytes that were stamped before are not looked for.
    """
    opening = _opening(entry)
    return _stamped(entry, opening, entry.body[len(opening) :], version, last_updated)


def _stamped(entry: Entry, opening: bytes, rest: bytes, version: str, last_updated: int) -> Entry:
    comma = b"" if rest.startswith(b"}") else b","
    return msgspec.structs.replace(
        entry,
        body=opening + _mark(version, last_updated) + comma + rest,
        version=version,
        last_updated=last_updated,
    )


def unstamped(entry: Entry) -> Entry:
    """A stamped entry without its mark, as ``pack`` made it: to be stamped anew, or compared.

    Raises ValueError where the bytes are not those that ``stamp`` wrote.
    """
    opening, mark = _opening(entry), _mark(entry.version, entry.last_updated)
    if not entry.body.startswith(mark, len(opening)):
        raise ValueError(f"the bytes of a {entry.type} are not stamped as the entry says")
    rest = entry.body[len(opening) + len(mark) :]
    return msgspec.structs.replace(entry, body=opening + rest.removeprefix(b","))


def about(entry: Entry, before: str, after: str) -> Entry:
    """The entry with Patient ``after`` wherever it refers to Patient ``before``.

    Both are logical ids of persons' Patients, random and of one length, so that replacing bytes is exact.
    """
    old, new = f"Patient/{before}", f"Patient/{after}"
    body = entry.body.replace(old.encode(), new.encode())
    if body == entry.body:
        return entry
    return msgspec.structs.replace(
        entry,
        body=body,
        references=tuple(sorted({new if named == old else named for named in entry.references})),
    )


CONTENT_VERSION = 16
"""Characters of a version that is a hash of the content. Numbers of the store are never so long."""
_TIME = len(',"lastUpdated":"2026-01-31T09:30:00.000Z"')


def stamp_by_content(entry: Entry) -> Entry:
    """The same for an entry that is not held: its version is a hash of its content, in hexadecimal.

    The date of a snapshot List is no content: a system that prepares its lists as it is asked (GP Connect)
    gives another one each time, of a list that has not changed.
    """
    opening = _opening(entry)
    rest = entry.body[len(opening) :]
    version = _hash_of(entry.type, opening, rest if rest.startswith(b"}") else b"," + rest)
    return _stamped(entry, opening, rest, version, entry.last_updated)


def _hash_of(kind: str, opening: bytes, rest: bytes) -> str:
    """The hash of what ``pack`` wrote; ``rest`` begins with the comma or brace behind the mark."""
    if kind == "List" and b'"date":' in rest:
        made: Resource = orjson.loads(opening + rest.removeprefix(b","))
        if made.get("mode") == "snapshot" and made.pop("date", None) is not None:
            opening, rest = orjson.dumps(made), b""
    said = hashlib.blake2b(opening, digest_size=CONTENT_VERSION // 2)
    said.update(rest)
    return said.hexdigest()


def versioned_by_content(entry: Entry) -> Entry:
    """A stamped entry whose version is the hash that ``stamp_by_content`` would give it; its time stays.

    The store counts versions, and how often something was sent anew tells of what it was sent anew for.
    Raises ValueError where the bytes are not those that ``stamp`` wrote.
    """
    version = b'"versionId":"%b"' % entry.version.encode()
    opening, found, rest = entry.body.partition(version)
    if not found or not opening.endswith(b'"meta":{'):
        raise ValueError(f"the bytes of a {entry.type} are not stamped as the entry says")
    made = _hash_of(entry.type, opening, rest[_TIME:])
    return msgspec.structs.replace(
        entry, version=made, body=b'%b"versionId":"%b"%b' % (opening, made.encode(), rest)
    )


def stamp_as(entry: Entry, before: Entry) -> Entry:
    """The same for an entry that was made of another by leaving something out.

    A hash of the content is one of what is left: else it would tell of the rest. A number stays.
    """
    if len(before.version) == CONTENT_VERSION:
        return stamp_by_content(entry)
    return stamp(entry, before.version, before.last_updated)


def _opening(entry: Entry) -> bytes:
    """How ``pack`` begins the bytes of an entry, up to where its mark goes."""
    opening = b'{"resourceType":"%b","id":"%b","meta":{' % (entry.type.encode(), entry.id.encode())
    if not entry.body.startswith(opening):
        raise ValueError(f"the bytes of a {entry.type} do not begin as pack writes them")
    return opening


def _mark(version: str, last_updated: int) -> bytes:
    return b'"versionId":"%b","lastUpdated":"%b"' % (version.encode(), instant_text(last_updated).encode())


def date_fields(kind: str) -> tuple[str, ...]:
    """The elements of a type in which its clinical date is looked for; the first that has one is taken."""
    return _DATES_BY_TYPE.get(kind, _DATE_FIELDS)


def _when(resource: Resource, kind: str) -> tuple[int, int] | None:
    names = date_fields(kind)
    if names is _DATE_FIELDS and _ANY_DATE.isdisjoint(resource):
        return None
    for name in names:
        found = interval(resource[name]) if name in resource else None
        if found is not None:
            return found
    return None


def _status(resource: Resource) -> str | None:
    status = resource.get("status")
    if isinstance(status, str):
        return status
    clinical = resource.get("clinicalStatus")
    if isinstance(clinical, dict):
        for coding in clinical.get("coding", ()):
            if isinstance(coding.get("code"), str):
                return str(coding["code"])
    return None


def _tokens(resource: Resource, names: tuple[str, ...]) -> tuple[str, ...]:
    tokens: list[str] = []
    for name in names:
        concepts = resource.get(name)
        if concepts is None:
            continue
        for concept in concepts if isinstance(concepts, list) else [concepts]:
            if isinstance(concept, dict):
                tokens += [_coding_token(c) for c in concept.get("coding", ())]
            elif isinstance(concept, str):
                tokens.append(f"|{concept}")
    return tuple(dict.fromkeys(tokens)) if len(tokens) > 1 else tuple(tokens)


def _coding_token(coding: Resource) -> str:
    return f"{coding.get('system', '')}|{coding.get('code', '')}"


def _references(node: object) -> list[str]:
    """Every relative reference below a node, not those to a contained resource."""
    found: list[str] = []
    stack = [node]
    while stack:
        at = stack.pop()
        if type(at) is dict:
            reference = at.get("reference")
            if type(reference) is str and not reference.startswith("#"):
                found.append(reference)
            values: Iterable[object] = at.values()
        else:
            values = at if type(at) is list else ()
        stack.extend(value for value in values if type(value) is dict or type(value) is list)
    return found
