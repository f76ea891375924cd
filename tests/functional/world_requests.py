"""Requests drawn by chance: reads, searches with every parameter, operations, writes, and what is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from urllib.parse import urlencode

import orjson
from tests.functional.worlds import Request, Who

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.fhir.search import parameters_of

Pairs = tuple[tuple[str, str], ...]

SCOPES = (
    *([None] * 16), "user/*.rs", "user/*.rs", "user/Observation.rs user/Patient.rs", "user/Condition.read",
    "user/*.cruds", "user/Observation.rs?code=27113001", "patient/*.rs", "launch",
    "user/Consent.cruds user/*.rs",
)  # fmt: skip
TYPES = (
    "Observation", "Observation", "Condition", "Encounter", "DiagnosticReport", "List", "Provenance",
    "MedicationRequest", "DocumentReference", "Procedure", "Practitioner", "AllergyIntolerance",
    "RelatedPerson", "Medication", "Patient", "Immunization", "Account", "Consent", "Binary", "Binary",
    "Composition",
    "nothing",
)  # fmt: skip
_CODES = (
    "86406008", "http://snomed.info/sct|27113001", "38341003", "1", "http://snomed.info/sct|", "|", "R", "N",
    "HIV", "hfe-act", "V", "active", "finished",
)  # fmt: skip
_DATES = ("2025-01-10", "2025-02-02", "2024", "2011", "2024-05-05T05:05:05Z", "2025", "x")
_PREFIXES = ("", "", "eq", "ge", "le", "gt", "lt", "ne", "sa", "eb", "ap")
_STATUSES = ("final", "finished", "active", "current", "completed", "entered-in-error")
_COUNTS = ("0", "1", "1", "2", "3", "100", "-1")
_SORTS = (
    "date", "-date", "_lastUpdated", "-_lastUpdated", "_id", "-_id", "code", "-status", "category",
    "_security",
)  # fmt: skip
_FIXED = {
    "_format": ("json", "xml"),
    "_include": (
        "*", "Observation:encounter", "DiagnosticReport:result", "Condition:evidence-detail", "List:item",
        "Encounter:diagnosis", "MedicationRequest:medication", "Observation:derived-from",
    ),
    "_include:iterate": ("*", "Observation:has-member"),
    "_revinclude": (
        "*", "Provenance:target", "List:item", "DiagnosticReport:result", "Observation:has-member",
        "Observation:encounter", "Condition:encounter",
    ),
    "_has:DiagnosticReport:result:status": _STATUSES,
    "_has:Provenance:target:agent": ("x",),
    "_elements": ("id", "code", "encounter,subject"),
    "_summary": ("true", "text", "data", "count", "false"),
    "_total": ("none", "estimate", "accurate"),
    "_contained": ("true", "both"),
    "_tag": _CODES,
    "_profile": ("http://x.test/p",),
    "_source": ("urn:ods:HXX", "QXX"),
    "_text": ("zz",),
    "_content": ("zz",),
    "_filter": ("code eq 1",),
    "_list": ("$current-problems",),
    "encounter.status": _STATUSES,
    "encounter.date": _DATES,
    "encounter:missing": ("true", "false"),
    "result.code": _CODES,
    "item:missing": ("true", "false"),
    "value-quantity": ("gt1",),
    "identifier": ("x",),
    "onset-date": _DATES,
    "class": ("AMB",),
    "intent": ("order",),
}  # fmt: skip
_SINCE = ("2024-05-05T05:05:05Z", "2025-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "x")
_STREAMS = (("accept", "application/fhir+ndjson"), ("accept", "text/event-stream"))
_SYNONYMS = ("patient", "patient", "patient", "subject", "patient:Patient", "subject:Patient")
_HEADERS = (
    ("if-none-match", "*"), ("if-none-match", 'W/"1"'), ("if-none-match", 'W/"2"'), ("if-match", 'W/"1"'),
    ("if-modified-since", "Sat, 01 Jan 2050 00:00:00 GMT"), ("range", "bytes=0-1"),
    ("prefer", "handling=lenient"),
    ("prefer", "respond-async"), ("prefer", "respond-async"), ("prefer", "wait=30"),
    ("prefer", "return=minimal"), ("accept", "application/fhir+xml"), ("accept-encoding", "gzip"),
    ("accept", "*/*"), ("accept", "application/pdf"), ("if-none-exist", "code=x"),
    ("x-http-method-override", "DELETE"), ("x-forwarded-host", "other.test"), ("x-provenance", "{}"),
)  # fmt: skip
_ANY = "y" * 26


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody about whom is asked: number, the id of the Patient, what there is, and who asks."""

    number: str
    subject: str
    known: tuple[str, ...]
    askers: tuple[Who, ...]


def draw(rng: Random, people: list[Asked]) -> Request:
    """The request that a source of chance gives, about one of these people."""
    asked = rng.choice(people)
    who = rng.choice(asked.askers)
    make = rng.choices(_KINDS, _WEIGHTS)[0]
    made = replace(make(rng, asked), role=who.role, at=who.at, scope=rng.choice(SCOPES))
    if rng.random() < 0.1:
        made = replace(made, headers=(*made.headers, rng.choice(_HEADERS)))
    return made


def _thing(rng: Random, asked: Asked) -> str:
    """An address of something: one that there is, one that there is not, one of another type."""
    if not asked.known or rng.random() < 0.1:
        return f"{rng.choice(TYPES)}/{_ANY}"
    reference = rng.choice(asked.known)
    chance = rng.random()
    if chance < 0.1:
        return f"{rng.choice(TYPES)}/{reference.partition('/')[2]}"
    return f"Patient/{asked.subject}" if chance < 0.2 else reference


def _read(rng: Random, asked: Asked) -> Request:
    return Request(_thing(rng, asked), (("_format", "json"),) if rng.random() < 0.1 else ())


def _history(rng: Random, asked: Asked) -> Request:
    rest = rng.choice(["/_history", "/_history/1", "/_history/2", "/$validate", "/$meta", "/*", "/_search"])
    query = (("_since", rng.choice(_SINCE)),) if rest == "/_history" and rng.random() < 0.3 else ()
    return Request(_thing(rng, asked) + rest, query)


def _patient(rng: Random, asked: Asked) -> Request:
    token = rng.choice([f"{NHS_NUMBER_SYSTEM}|{asked.number}", asked.number])
    pair = rng.choice([("identifier", token), ("_id", asked.subject)])
    more = (
        ((rng.choice(["_count", "_elements", "family", "_revinclude"]), "1"),) if rng.random() < 0.2 else ()
    )
    if rng.random() < 0.5:
        return Request("Patient/_search", form=(pair, *more))
    return Request("Patient", (pair, *more))


def _everything(rng: Random, asked: Asked) -> Request:
    parts = {
        "_type": ("Observation", "Encounter,List", "Patient", "Provenance,Condition", "nothing", "Consent"),
        "_since": _SINCE,
        "_count": _COUNTS,
        "start": ("2025",),
        "end": ("2025-01-31",),
        "_elements": ("id",),
    }
    names = rng.sample(sorted(parts), rng.choice([0, 1, 1, 2, 3]))
    operation = rng.choices(
        ["$everything", "$since-last-look", "$summary", "$document", "$export"], [12, 2, 1, 1, 1]
    )[0]
    query = tuple((name, rng.choice(parts[name])) for name in names)
    headers = (rng.choice(_STREAMS),) if operation == "$everything" and rng.random() < 0.2 else ()
    return Request(f"Patient/{asked.subject}/{operation}", query, headers=headers)


def _search(rng: Random, asked: Asked) -> Request:
    kind = rng.choice(TYPES)
    query = _searched(rng, asked, kind)
    chance = rng.random()
    if chance < 0.05:
        return Request("", (*query, ("_type", ",".join(rng.sample(_WHOLE, 2)))))
    if chance < 0.1:
        return Request(f"{kind}/_search", form=query)
    return Request(kind, query)


def _searched(rng: Random, asked: Asked, kind: str) -> Pairs:
    name = rng.choice(_SYNONYMS)
    who = asked.subject if rng.random() < 0.95 else _ANY
    whole = f"Patient/{who}" if name.startswith("subject") or rng.random() < 0.2 else who
    count = rng.choice([0, 1, 1, 2, 3])
    return (
        (name, whole),
        *(_of_type(rng, asked, kind) if rng.random() < 0.5 else _parameter(rng, asked) for _ in range(count)),
    )


def _of_type(rng: Random, asked: Asked, kind: str) -> tuple[str, str]:
    """A parameter that the type has, with some modifier and value; or what refers to it, or goes with it."""
    known = parameters_of(kind)
    name = rng.choice(sorted(known))
    found, chance = known[name], rng.random()
    if found.type == "reference" and chance < 0.25:
        return f"{name}.{rng.choice(_THERE)}", rng.choice((*_CODES, *_DATES, *_STATUSES))
    if found.type == "reference" and chance < 0.5:
        return rng.choice(["_include", "_include", "_include:iterate", "_revinclude"]), f"{kind}:{name}"
    if chance < 0.6:
        other = rng.choice(_WHOLE)
        ways = [one for one, what in sorted(parameters_of(other).items()) if what.type == "reference"]
        way = rng.choice(ways or ["subject"])
        if chance < 0.55:
            return f"_has:{other}:{way}:{rng.choice(_THERE)}", rng.choice((*_CODES, *_STATUSES))
        return "_revinclude", f"{other}:{way}"
    modifier = rng.choice(_MODIFIERS.get(found.type, ("",)))
    return name + modifier, _value(rng, asked, found.type, modifier)


def _value(rng: Random, asked: Asked, kind: str, modifier: str) -> str:
    if modifier == ":missing":
        return rng.choice(["true", "false"])
    if kind == "reference":
        return rng.choice([*(asked.known or (_ANY,)), _ANY, asked.subject])
    if kind == "date":
        return rng.choice(_PREFIXES) + rng.choice(_DATES)
    return rng.choice(_CODES if kind == "token" else _TEXTS)


_WHOLE = (
    "Observation", "Condition", "Encounter", "DiagnosticReport", "List", "Provenance", "Procedure",
    "DocumentReference", "MedicationRequest", "AllergyIntolerance",
)  # fmt: skip
_THERE = ("code", "status", "date", "_id", "_security", "category", "encounter", "_lastUpdated", "identifier")
_TEXTS = ("Dr", "Hidden", "letter", "a", "1", "gt0", "http://x.test", "Sample", "8480-6$120", "27113001$gt1")
_MODIFIERS = {
    "token": ("", "", "", ":not", ":text", ":missing", ":of-type", ":in", ":below"),
    "string": ("", ":exact", ":contains", ":missing", ":text"),
    "reference": ("", "", ":Encounter", ":Patient", ":missing", ":identifier"),
    "date": ("", "", ":missing"),
    "quantity": ("", ":missing"),
    "uri": ("", ":below", ":above", ":missing"),
    "composite": ("",),
}


def _parameter(rng: Random, asked: Asked) -> tuple[str, str]:
    ids = [one.partition("/")[2] for one in asked.known] or [_ANY]
    chance = rng.random()
    if chance < 0.3:
        name = rng.choice(["code", "code:not", "category", "_security", "_security:not", "clinical-status"])
        return name, ",".join(rng.sample(_CODES, rng.choice([1, 1, 2])))
    if chance < 0.45:
        return rng.choice(["date", "_lastUpdated", "date"]), rng.choice(_PREFIXES) + rng.choice(_DATES)
    if chance < 0.55:
        return rng.choice(["status", "status:not"]), rng.choice(_STATUSES)
    if chance < 0.65:
        return rng.choice(["_id", "_id", "_id:not"]), ",".join(
            rng.sample(ids, min(len(ids), rng.choice([1, 2])))
        )
    if chance < 0.75:
        name = rng.choice(["encounter", "result", "item", "target", "derived-from", "has-member", "focus"])
        return name, rng.choice([rng.choice(asked.known or (_ANY,)), rng.choice(ids)])
    if chance < 0.85:
        return rng.choice(
            [("_sort", ",".join(rng.sample(_SORTS, rng.choice([1, 2])))), ("_count", rng.choice(_COUNTS))]
        )
    name = rng.choice(sorted(_FIXED))
    return name, rng.choice(_FIXED[name])


def _method(rng: Random, asked: Asked) -> Request:
    method = rng.choice(["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST", "TRACE", "QUERY"])
    path = _thing(rng, asked) if rng.random() < 0.7 else rng.choice(TYPES)
    body = {"resourceType": path.partition("/")[0], "id": path.partition("/")[2]}
    return Request(path, method=method, content=orjson.dumps(body))


def _claim(rng: Random, asked: Asked) -> Request:
    """One that cannot be granted: it says too little, or is for a purpose that it is not for."""
    number = {"system": NHS_NUMBER_SYSTEM, "value": asked.number}
    reason = rng.choice(["because", "because nobody else is there"])
    parts = [
        {"name": "identifier", "valueIdentifier": number},
        {"name": "reason", "valueString": reason},
        {"name": "hours", "valueInteger": 9999},
    ]
    body = orjson.dumps({"resourceType": "Parameters", "parameter": parts})
    operation = rng.choice(["$break-glass", "$claim-relationship"])
    return Request(f"Patient/{operation}", method="POST", content=body)


def _consent(rng: Random, asked: Asked) -> Request:
    """What is read and written of Consents; nothing is, since whoever asks here records nobody's choices."""
    one = rng.choice([one for one in asked.known if one.startswith("Consent/")] or [f"Consent/{_ANY}"])
    which = rng.randrange(5)
    if which == 0:
        return Request("Consent", (("patient", asked.subject),))
    if which == 1:
        return Request(one + rng.choice(["", "/_history", "/_history/1"]))
    body = {
        "resourceType": "Consent",
        "id": one.partition("/")[2],
        "patient": {"reference": f"Patient/{asked.subject}"},
    }
    if which == 2:
        return Request("Consent", method="POST", content=orjson.dumps(body))
    return Request(one, method="PUT", content=orjson.dumps(body), headers=(("if-match", 'W/"1"'),))


def _other(rng: Random, asked: Asked) -> Request:
    """What is about nobody, or no address at all."""
    paths = [
        "metadata", "", "_history", "Observation/", "/Observation", f"Patient/{asked.subject}/Observation",
        f"Patient/{asked.subject}/", f"Patient/{asked.subject}%2f$everything", "CodeSystem/$lookup",
        "ConceptMap/$translate", "ValueSet/$expand", "ValueSet", "Group", "$graphql", "?_page=AAAA",
        ".well-known/smart-configuration", f"Observation/{asked.subject}",
    ]  # fmt: skip
    query = rng.choice(
        [(), (), (("code", "38341003"), ("system", "http://snomed.info/sct")), (("patient", asked.subject),)]
    )
    return Request(rng.choice(paths), query)


def _operation(rng: Random, asked: Asked) -> Request:
    """An operation of the table, by GET or POST."""
    about = ("patient", asked.subject)
    some = rng.choice(
        [one for one in asked.known if one.startswith("Composition/")] or [f"Composition/{_ANY}"]
    )
    path, query = rng.choice(
        [
            (f"Patient/{asked.subject}/$summary", ()),
            (f"Patient/{asked.subject}/$record-document", ()),
            ("Patient/$summary", (("identifier", f"{NHS_NUMBER_SYSTEM}|{asked.number}"),)),
            (f"{some}/$document", rng.choice([(), (("persist", "true"),)])),
            ("DocumentReference/$docref", (about, ("start", "2024"))),
            ("DocumentReference/$docref", (about, ("type", rng.choice(_CODES)))),
            ("Observation/$lastn", (about, ("category", "vital-signs"))),
            ("Observation/$lastn", (about, ("code", rng.choice(_CODES)), ("max", rng.choice(_COUNTS)))),
            ("Observation/$lastn", (about, ("category", "vital-signs,laboratory"), ("_count", "1"))),
        ]
    )
    if rng.random() < 0.1:
        kind, other = rng.choice(TYPES), rng.choice(asked.known or (_ANY,))
        body = {"resourceType": kind, "id": other.partition("/")[2], "subject": {"reference": other}}
        return Request(f"{kind}/$validate", method="POST", content=orjson.dumps(body))
    if rng.random() < 0.1:
        return _match(rng)
    return Request(path, query) if rng.random() < 0.7 else Request(path, form=query)


def _match(rng: Random) -> Request:
    """Somebody by demographics: one of the people, whoever that is, or nobody."""
    names = ("Ada", "Bert", "Cleo", "Dora", "Fay", "Hope", "Ina", "Nobody")  # fmt: skip
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Sample", "given": [rng.choice(names)]}],
        "birthDate": rng.choice(["1941-07-05", "1941-07-05", "1941-05-07", "1941"]),
    }
    parts: list[dict[str, object]] = [{"name": "resource", "resource": patient}]
    if rng.random() < 0.3:
        parts.append({"name": "onlyCertainMatches", "valueBoolean": True})
    body = {"resourceType": "Parameters", "parameter": parts}
    return Request("Patient/$match", method="POST", content=orjson.dumps(body))


def _conditional(rng: Random, asked: Asked) -> Request:
    """What is known already, by tag or time: whatever may not be seen is not known to anybody."""
    return Request(_thing(rng, asked), headers=(rng.choice(_CONDITIONS),))


def _batch(rng: Random, asked: Asked) -> Request:
    """Reads of all kinds in one, and what is no entry."""
    entries: list[object] = [{"request": {"method": "DELETE", "url": _thing(rng, asked)}}]
    for _ in range(rng.choice([0, 1, 2, 3])):
        one = rng.choice((_read, _search, _everything, _history, _conditional))(rng, asked)
        if one.form is None:
            url = f"{one.path}?{urlencode(one.query)}" if one.query else one.path
            entries.append({"request": {"method": "GET", "url": url, "ifNoneMatch": rng.choice(["x", "*"])}})
    body = {"resourceType": "Bundle", "type": rng.choice(["batch"] * 9 + ["collection"]), "entry": entries}
    return Request("", method="POST", content=orjson.dumps(body))


def _contribution(rng: Random, asked: Asked) -> Request:
    """One that is not taken: it names what is not there, or not for whoever asks, or changes what is not
    theirs. Which of these, nobody can tell."""
    named = rng.choice([one for one in asked.known if not one.startswith("Patient/")] or [f"Task/{_ANY}"])
    there = [{"reference": named}, {"reference": f"Observation/{_ANY}"}]
    kind = rng.choice(["Task", "Communication", "Flag"])
    logical = named.partition("/")[2] if rng.random() < 0.5 else f"c-{_ANY}"
    body = {
        "resourceType": kind,
        "id": logical,
        **({"status": "active", "code": {"text": "x"}} if kind == "Flag" else {}),
        **({"status": "requested", "intent": "order", "basedOn": there} if kind == "Task" else {}),
        **({"status": "completed", "about": there} if kind == "Communication" else {}),
        ("for" if kind == "Task" else "subject"): {"reference": f"Patient/{asked.subject}"},
    }
    if kind == "Flag" or rng.random() < 0.3:
        headers = (("if-match", 'W/"1"'),)
        return Request(f"{kind}/{logical}", method="PUT", content=orjson.dumps(body), headers=headers)
    return Request(kind, method="POST", content=orjson.dumps(body))


_CONDITIONS = (
    ("if-none-match", "*"), ("if-none-match", 'W/"1"'), ("if-none-match", 'W/"x", *'),
    ("if-modified-since", "Sat, 01 Jan 2050 00:00:00 GMT"),
    ("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT"),
)  # fmt: skip
_KINDS = (
    _read, _search, _everything, _patient, _history, _method, _claim, _consent, _other, _operation,
    _conditional, _batch, _contribution,
)  # fmt: skip
_WEIGHTS = (20, 45, 12, 8, 6, 3, 2, 3, 3, 8, 3, 4, 4)
