"""Two deployments that differ in what is withheld, and in nothing else.

Each person here has something that is kept back in a way of its own from those who ask for them. In the
first world it is there, in the second it never was. Keys, the rows of persons, what users claimed and
whatever was filed before are the same in both, so that what is asked of one can be asked of the other.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlencode

import httpx
import orjson
import yaml
from sqlalchemy import Connection
from tests.functional.asgi import call
from tests.functional.deployment import (
    BASE,
    KEY,
    SERVER,
    Deployment,
    Tree,
    csv_of,
    make_home,
    taking_up,
)
from tests.support import consents
from tests.unit.api.issuing import TestIssuer

from scr.api.app import create_app, mount
from scr.api.services import Services, now_ms, open_services
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.data import packaged_root
from scr.fhir.canonical import LABEL_SYSTEM
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode, opaque_id
from scr.fhir.standing import Standing
from scr.identity import index, links
from scr.onboarding.register import declare_live
from scr.settings import Settings
from scr.store import sharing
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.terminology.systems import V3_CONFIDENTIALITY

SURGERY, HELD, LIVE, DARK = "A81001", "HXX", "QXX", "NXX"
"""Whose practice asks, who sends bundles, who is asked, and who sends but is not live."""

_BUNDLES: Tree = {"name": "wardnote", "adapter": "fhir-r4-hospital"}
_MORE: dict[str, Tree] = {
    HELD: {
        "organisation": {"ods": HELD, "name": "Sample Ward", "type": "nhs-trust"},
        "feeds": [{**_BUNDLES, "connection": {"kind": "http-post", "client": "ward"}}],
    },
    DARK: {
        "organisation": {"ods": DARK, "name": "Sample Newcomer", "type": "nhs-trust"},
        "feeds": [{**_BUNDLES, "connection": {"kind": "http-post", "client": "newcomer"}}],
    },
}


def tree(kind: str, logical: str, **more: object) -> Tree:
    """A resource about whoever the bundle is about."""
    about = {"AllergyIntolerance": "patient", "RelatedPerson": "patient"}.get(kind, "subject")
    nobody = {"Binary", "Medication", "Practitioner", "Provenance"}
    subject = {} if kind in nobody else {about: to("Patient/p")}
    return {"resourceType": kind, "id": logical, **subject, **more}


def to(*references: str, **more: str) -> Any:
    """A reference; a list of them where there are several, or a * stands before the first."""
    made = [{"reference": one.removeprefix("*"), **more} for one in references]
    return made if len(made) > 1 or references[0].startswith("*") else made[0]


def code(value: str, system: str = "http://snomed.info/sct") -> Tree:
    """A concept."""
    return {"coding": [{"system": system, "code": value}]}


def observation(logical: str, value: str = "27113001", category: str = "vital-signs", **more: object) -> Tree:
    """An Observation."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return tree(
        "Observation", logical, status="final", code=code(value), category=[code(category, system)],
        **{"effectiveDateTime": "2025-01-10", **more},
    )  # fmt: skip


def condition(logical: str, value: str = "38341003", **more: object) -> Tree:
    """A problem."""
    return tree("Condition", logical, code=code(value), onsetDateTime="2011", **more)


def encounter(logical: str, **more: object) -> Tree:
    """A contact."""
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    return tree(
        "Encounter", logical, status="finished", **{"class": {"system": system, "code": "AMB"}, **more}
    )


def evidence(*details: str) -> list[Tree]:
    """What a problem rests on."""
    return [{"detail": to(f"*{details[0]}", *details[1:])}]


def report(logical: str, *results: str) -> Tree:
    """A report of results."""
    return tree("DiagnosticReport", logical, status="final", code=code("1"), result=to(*results))


def listed(logical: str, *items: str, **more: object) -> Tree:
    """A list."""
    entries = [{"item": to(item)} for item in items]
    return tree("List", logical, status="current", mode="working", entry=entries, **more)


def provenance(logical: str, *targets: str) -> Tree:
    """Who wrote something."""
    return tree(
        "Provenance", logical, target=to(f"*{targets[0]}", *targets[1:]), recorded="2025-01-01T00:00:00Z",
        agent=[{"who": to("Practitioner/pr")}],
    )  # fmt: skip


def prescribed(logical: str, **more: object) -> Tree:
    """A prescription."""
    return tree("MedicationRequest", logical, status="active", intent="order", **more)


def letter(logical: str, contents: str = "", **more: object) -> Tree:
    """A document; its contents may stand elsewhere."""
    attachment = {"title": "A letter", **({"url": contents} if contents else {})}
    content = [{"attachment": attachment}]
    return tree("DocumentReference", logical, status="current", type=code("4"), content=content, **more)


def contents(logical: str) -> Tree:
    """What stands in a document."""
    return tree("Binary", logical, contentType="text/plain", data="QSBsZXR0ZXI=")


def labelled(*codes: tuple[str, str]) -> Tree:
    """``meta`` with security labels."""
    return {"security": [{"system": system, "code": value} for system, value in codes]}


R = labelled((V3_CONFIDENTIALITY, "R"))
TOLD_AT = {"lastUpdated": "2024-05-05T05:05:05Z"}

MARKED = [
    encounter("es", meta=R),
    observation("hf", encounter=to("Encounter/es")),
    observation("hs", "86406008", effectiveDateTime="2025-02-02"),
    observation("hv", meta=labelled((V3_CONFIDENTIALITY, "V"), (LABEL_SYSTEM, "hfe-act"))),
    report("hr", "*Observation/hs"),
    tree("Medication", "hmd", code=code("2"), meta=R),
    tree(
        "MedicationRequest", "hm", status="active", intent="order", medicationReference=to("Medication/hmd")
    ),
    tree("Practitioner", "hp", name=[{"text": "Dr Hidden"}], meta=R),
    letter("hd", "Binary/hb", meta=R),
    contents("hb"),
]
"""What is restricted by its source, by its codes, by the law, and by what it belongs with."""

BESIDE_MARKED = [
    condition("c1", encounter=to("Encounter/e1"), recorder=to("Practitioner/pr")),
    condition("c2", "195967001", evidence=evidence("Observation/hf", "Observation/o1"), meta=TOLD_AT),
    condition("c3", evidence=evidence("Observation/hf"), asserter=to("Practitioner/hp")),
    encounter("e1", participant=[{"individual": to("Practitioner/pr")}]),
    observation("o1", encounter=to("Encounter/e1"), meta=TOLD_AT),
    observation("o2", effectiveDateTime="2025-06-10", derivedFrom=to("Observation/hf", "Observation/o1")),
    observation("o3", "55284-4", "laboratory"),
    observation("panel", "85354-9", hasMember=to("*Observation/hf")),
    report("r1", "Observation/hf", "Observation/o3"),
    report("r2", "*Observation/hf"),
    listed("l1", "Observation/hf", "Condition/c1"),
    listed("l2", "Observation/hf"),
    tree("Practitioner", "pr", name=[{"text": "Dr Shown"}]),
    provenance("pv", "Observation/hs", "Observation/o1"),
    provenance("pw", "Encounter/es"),
    letter("dc", "Binary/bc"),
    contents("bc"),
]  # fmt: skip
"""What names some of that and takes nothing from it."""

OTHER_HEADINGS = [
    observation("f1"),
    observation("f2", "55284-4", "laboratory", performer=to("*Practitioner/pr")),
    report("dr", "*Observation/f2"),
    tree("Procedure", "pd", status="completed", code=code("3")),
    letter("dc", "Binary/bc"),
    contents("bc"),
]  # fmt: skip
"""What stands under findings, results, procedures and documents."""

BESIDE_HEADINGS = [
    condition("c1", evidence=evidence("Observation/f1")),
    condition("c2", "195967001", stage=[{"assessment": to("*Observation/f2", "Condition/c1")}]),
    encounter(
        "e1",
        reasonReference=to("Observation/f1", "Condition/c1"),
        diagnosis=[{"condition": to("Procedure/pd")}],
    ),
    tree("AllergyIntolerance", "a1", code=code("91936005")),
    prescribed("m1", medicationCodeableConcept=code("6"), reasonReference=to("*Observation/f1")),
    listed("l1", "Observation/f1", "Condition/c1", code=code("717711000000103")),
    provenance("pv", "Procedure/pd"),
    tree("Practitioner", "pr", name=[{"text": "Dr Shown"}]),
]  # fmt: skip

WHEREABOUTS = [
    encounter("e1", location=[{"location": {"display": "The Refuge"}}]),
    tree("RelatedPerson", "rp", name=[{"text": "A sister"}]),
    letter("dc"),
    tree("Practitioner", "pr", name=[{"text": "Dr Refuge"}]),
]  # fmt: skip

BESIDE_WHEREABOUTS = [
    condition("c1", encounter=to("Encounter/e1"), asserter=to("RelatedPerson/rp")),
    observation("o1", encounter=to("Encounter/e1"), note=[{"text": "At the refuge"}]),
    tree("AllergyIntolerance", "a1", code=code("91936005")),
]  # fmt: skip

ORDINARY = [condition("c1", encounter=to("Encounter/e1")), encounter("e1"), observation("o1")]

VERY = [
    encounter("ev", meta=labelled((V3_CONFIDENTIALITY, "V"))),
    observation("vf", encounter=to("Encounter/ev")),
    observation("vs", effectiveDateTime="2025-02-02", meta=labelled((V3_CONFIDENTIALITY, "V"))),
    observation("vv", meta=labelled((V3_CONFIDENTIALITY, "V"), (LABEL_SYSTEM, "hfe-act"))),
    report("vr", "*Observation/vs"),
]
"""What no clearance opens, and no broken glass."""

BESIDE_VERY = [
    condition("w1", evidence=evidence("Observation/vf", "Observation/o1")),
    observation("w2", derivedFrom=to("Observation/vf", "Observation/o1")),
    report("w3", "Observation/vf", "Observation/o3"),
    listed("w4", "Observation/vf", "Condition/c1"),
    provenance("w5", "Observation/vs", "Observation/o1"),
]  # fmt: skip

Place = Literal["HXX", "QXX", "NXX"]


class Who(NamedTuple):
    """Somebody who asks: a job role at an organisation."""

    role: str
    at: str


ROLES = ("R8000", "R8014", "R1460", "R8009", "R9999")
"""A clinician, a social worker, somebody who sees a summary, a receptionist, and a role that nobody knows."""
USUAL = (
    *(
        Who(role, SURGERY)
        for role in ("R8000", "R8000", "R8000", "R8000", "R8014", "R8014", "R1460", "R1460")
    ),
    *(
        Who(role, at)
        for role, at in (("R8009", SURGERY), ("R9999", SURGERY), ("R8000", "RZZ"), ("R8014", "RZZ"))
    ),
)
"""Those who ask for most: at the practice, and at a place that has nothing to do with anybody."""
CLEARED_ROLE = "R8001"
"""In the policy of these worlds it is cleared for what is restricted."""
ELSEWHERE = "RXX"
"""A hospital that knows nobody here, but by what its users claim."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person: what is there in both worlds, and what in the first only, by the place that has it.

    ``closed``: the headings of what is hidden, where only a role that opens none of them is not to see it.
    ``askers`` are those from whom it is kept, as far as ``closed`` does not say otherwise.
    """

    number: NHSNumber
    name: str
    common: Mapping[Place, Sequence[Tree]] = field(default_factory=dict, repr=False)
    hidden: Mapping[Place, Sequence[Tree]] = field(default_factory=dict, repr=False)
    closed: frozenset[str] = frozenset()
    askers: tuple[Who, ...] = USUAL

    def kept_from(self, policy: Policy, role: str) -> bool:
        """Whether what is hidden may not be seen in a role."""
        found = policy.roles.get(role)
        return found is None or not (self.closed & found.headings)


def _both(resources: Sequence[Tree]) -> dict[Place, Sequence[Tree]]:
    return {"HXX": resources, "QXX": resources}


LABELS = Somebody(NHSNumber("9995100002"), "Ada", _both(BESIDE_MARKED), _both(MARKED))
CLOSED = Somebody(
    NHSNumber("9995200007"), "Bert", _both(BESIDE_HEADINGS), _both(OTHER_HEADINGS),
    frozenset({"findings", "results", "procedures", "documents"}),
)  # fmt: skip
OBJECTS = Somebody(NHSNumber("9995300001"), "Cleo", hidden=_both(ORDINARY))
HIDES = Somebody(NHSNumber("9995400006"), "Dora", _both(BESIDE_WHEREABOUTS), _both(WHEREABOUTS))
NOT_LIVE = Somebody(NHSNumber("9995500000"), "Eve", {"HXX": ORDINARY}, {"NXX": ORDINARY})
LINKED = Somebody(NHSNumber("9995600005"), "Fay", {"QXX": ORDINARY}, {"HXX": ORDINARY})
FORMER = Somebody(NHSNumber("9995700018"), "Fay", {}, {"HXX": BESIDE_HEADINGS + OTHER_HEADINGS})
SAYS = Somebody(NHSNumber("9995800004"), "Gwen", _both(BESIDE_HEADINGS), _both(OTHER_HEADINGS))
NAMES = Somebody(
    NHSNumber("9995900009"), "Hope",
    _both([*BESIDE_HEADINGS, *OTHER_HEADINGS[2:]]), _both(OTHER_HEADINGS[:2]),
)  # fmt: skip
_MILDER = [one for one in MARKED if one["id"] != "hv"]
CLEARED = Somebody(
    NHSNumber("9996100006"), "Ivy", _both(BESIDE_MARKED + _MILDER + BESIDE_VERY), _both(VERY),
    askers=(Who(CLEARED_ROLE, SURGERY),),
)  # fmt: skip
GLASSED = Somebody(
    NHSNumber("9996200000"), "Jane", _both(BESIDE_MARKED + _MILDER + BESIDE_VERY), _both(VERY),
    askers=(Who("R8000", ELSEWHERE),),
)  # fmt: skip
CLAIMED = Somebody(
    NHSNumber("9996300005"), "Kate", _both(BESIDE_MARKED), _both(MARKED), askers=(Who("R8000", ELSEWHERE),)
)
SAYS_TO_OTHERS = Somebody(NHSNumber("9996400018"), "Lucy", _both(ORDINARY))
SENT_ANEW = Somebody(
    NHSNumber("9996500004"), "Mia", {"HXX": [*ORDINARY, observation("o2")]},
    {"HXX": [
        encounter("es", meta=R),
        observation("hf", encounter=to("Encounter/es")),
        condition("c1", encounter=to("Encounter/e1"), evidence=evidence("Observation/hf")),
        observation("o2", derivedFrom=to("*Observation/hf")),
    ]},
)  # fmt: skip
"""In the first world, what is shown was sent once more, because of what is not. The time tells, no more."""
PEOPLE = (
    LABELS, CLOSED, OBJECTS, HIDES, NOT_LIVE, LINKED, FORMER, SAYS, NAMES, CLEARED, GLASSED, CLAIMED,
    SAYS_TO_OTHERS, SENT_ANEW,
)  # fmt: skip
"""Labels, headings, an objection to sources, a hidden whereabouts, a provider that is not live, two numbers
of which one objects, a Consent about headings, one about entries, what even a clearance or a broken glass
does not open, what a claimed relationship does not, and a Consent that binds somebody else."""


def _told(somebody: Somebody, resources: Sequence[Tree]) -> list[Tree]:
    """A person's Patient and resources, with ids that nobody else's have."""
    own = str(PEOPLE.index(somebody))
    text = orjson.dumps([_patient(somebody), *resources]).decode()
    text = re.sub(r'("reference":"[A-Za-z]+/)', rf"\g<1>n{own}-", text)
    made: list[Tree] = orjson.loads(text)
    return [{**one, "id": f"n{own}-{one['id']}"} for one in made]


def _patient(somebody: Somebody) -> Tree:
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": somebody.number.value}],
        "name": [{"family": "Sample", "given": [somebody.name]}],
        "gender": "female",
        "birthDate": "1941-07-05",
    }


def _bundle(somebody: Somebody, resources: Sequence[Tree]) -> bytes:
    entries = [{"resource": one} for one in _told(somebody, resources)]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


_ROW = {
    "NHS_Number": "", "Family_Name": "Sample", "Given_Name": "", "Date_of_Birth": "1941-07-05", "Sex": "F",
    "Postcode": "ZZ99 1AA", "Practice_Code": SURGERY, "Registered_On": "1999-03-02",
}  # fmt: skip
_REGISTRATIONS = csv_of(
    list(_ROW), *({**_ROW, "NHS_Number": p.number.value, "Given_Name": p.name} for p in PEOPLE)
)


class Neighbour:
    """A FHIR server that has what it has in one of the worlds. ``down`` makes it fail."""

    def __init__(self, *, hidden: bool) -> None:
        self.down = False
        self._holds: dict[str, list[Tree]] = {}
        for somebody in PEOPLE:
            theirs = [*somebody.common.get("QXX", ()), *(somebody.hidden.get("QXX", ()) if hidden else ())]
            if theirs:
                self._holds[somebody.number.value] = _told(somebody, theirs)
        self._by_path = {told[0]["id"]: told for told in self._holds.values()}

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Search by number, and everything."""
        if self.down:
            return httpx.Response(500)
        if request.url.path.endswith("/Patient/_search"):
            asked = parse_qs(request.content.decode())["identifier"][0].rpartition("|")[2]
            found = self._holds.get(asked, [])[:1]
        else:
            named = request.url.path.split("/")
            found = next((told for logical, told in self._by_path.items() if logical in named), [])
        entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": entries})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and by whom. ``form`` is the body of a POST; ``path`` may be a whole address."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    role: str = "R8000"
    at: str = SURGERY
    form: tuple[tuple[str, str], ...] | None = None
    scope: str | None = None
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    @property
    def target(self) -> str:
        """The request line's: path and query."""
        path = self.path.removeprefix(SERVER) if self.path.startswith("http") else f"/fhir/{self.path}"
        return f"{path}?{urlencode(self.query)}" if self.query else path


_TOKEN_SECONDS = 200.0
_PATIENCE_SECONDS = 60


@dataclass
class World:
    """One of the two, running."""

    services: Services
    deployment: Deployment
    neighbour: Neighbour
    _tokens: dict[tuple[str, str, str | None], tuple[float, str]] = field(default_factory=dict)

    async def ask(self, request: Request) -> httpx.Response:
        """The answer as it went out."""
        headers = [("authorization", self._bearer(request)), *request.headers]
        method, body = request.method, request.content
        if request.form is not None:
            method, body = "POST", urlencode(request.form).encode()
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        return await call(self.deployment.app, method, request.target, headers, body)

    def _bearer(self, request: Request) -> str:
        """A token of whoever asks; one serves them for some minutes."""
        key, now = (request.role, request.at, request.scope), time.monotonic()
        known = self._tokens.get(key)
        if known is None or known[0] < now:
            claims = {} if request.scope is None else {"scope": request.scope}
            bearer = self.deployment.bearer(request.role, request.at, **claims)
            known = self._tokens[key] = (now + _TOKEN_SECONDS, bearer)
        return known[1]

    def person(self, somebody: Somebody) -> Person:
        """The row of a person."""
        keys = self.services.keys
        found = self.services.database.read_now(lambda conn: index.find(conn, keys, somebody.number))
        assert found is not None
        return found

    async def everything(self, somebody: Somebody) -> list[str]:
        """What the sources hold about a person, before any decision: references."""
        actor = Actor(ActorKind.PROFESSIONAL, "tests", role="R8000", organisation=OdsCode(SURGERY))
        known = await self.services.broker.by_number(somebody.number, actor)
        assert known is not None
        record = await self.services.broker.record(known, actor, trace_id="t")
        return [entry.reference for entry in record.entries]

    def consents(self, somebody: Somebody) -> list[str]:
        """The Consents of this deployment's own about a person: references."""
        person = self.person(somebody)
        found = self.services.database.read_now(lambda conn: sharing.consents_of(conn, [person]))
        return [entry.reference for entry in found]

    async def file(self, ods: Place, body: bytes) -> None:
        """A bundle that a provider sends."""
        receipt = await self.deployment.receive(ods, body)
        assert receipt.problems == (), receipt.problems


@asynccontextmanager
async def world(home: Path, *, hidden: bool) -> AsyncIterator[World]:
    """Open a deployment over what a folder has, with the neighbour of one of the worlds."""
    issuer, neighbour = TestIssuer(KEY, audience=BASE), Neighbour(hidden=hidden)

    def network(request: httpx.Request) -> httpx.Response:
        return neighbour.respond(request) if request.url.host == "neighbour.test" else issuer.respond(request)

    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home}/scr.db",
        base_url=BASE,
        issuers=(issuer.settings(),),
        deadline_seconds=_PATIENCE_SECONDS,
    )
    async with open_services(settings, transport=httpx.MockTransport(network)) as services:
        app = create_app(settings, listen=False)
        mount(app, services)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client, taking_up(app):
            deployment = Deployment(services, app, issuer, None, client)  # type: ignore[arg-type]
            yield World(services, deployment, neighbour)


async def _begin(home: Path, template: Path) -> None:
    """What is the same in both worlds."""
    make_home(home)
    for ods, provider in _MORE.items():
        path = home / "adapters" / "providers" / f"{ods}.yaml"
        path.write_text(yaml.safe_dump(provider, sort_keys=False), encoding="utf-8")
    _clear(home)
    _wait(home)
    shutil.copy(template, home / "scr.db")
    async with world(home, hidden=False) as made:
        live = [ods for ods in made.services.providers if ods.value != DARK]
        await made.services.database.write(
            lambda conn: declare_live(conn, live, by="tests", evidence="a test", now=now_ms())
        )
        receipt = await made.deployment.receive(SURGERY, _REGISTRATIONS)
        assert receipt.problems == (), receipt.problems
        for somebody in PEOPLE:
            if "HXX" in somebody.common:
                await made.file("HXX", _bundle(somebody, somebody.common["HXX"]))
        await made.services.database.write(lambda conn: _say(conn, made))
        await _claim(made, GLASSED, "$break-glass", "BTG")
        await _claim(made, CLAIMED, "$claim-relationship", "TREAT")


def _wait(home: Path) -> None:
    """Let the live source be as slow as it likes: on a busy machine it is slower in one of the worlds."""
    path = home / "adapters" / "providers" / f"{LIVE}.yaml"
    provider = yaml.safe_load(path.read_text(encoding="utf-8"))
    for feed in provider["feeds"]:
        feed["connection"]["timeout_seconds"] = _PATIENCE_SECONDS
    path.write_text(yaml.safe_dump(provider, sort_keys=False), encoding="utf-8")


def _clear(home: Path) -> None:
    """Give a role the clearance that no role has as shipped."""
    roles = yaml.safe_load((packaged_root() / "consent" / "roles.yaml").read_text(encoding="utf-8"))
    roles["roles"][CLEARED_ROLE]["activities"].append("sensitive-record")
    (home / "consent").mkdir()
    (home / "consent" / "roles.yaml").write_text(yaml.safe_dump(roles), encoding="utf-8")


async def _claim(made: World, somebody: Somebody, operation: str, purpose: str) -> None:
    """Whoever asks for a person says why they must look at them."""
    [who] = somebody.askers
    number = {"system": NHS_NUMBER_SYSTEM, "value": somebody.number.value}
    parts = [
        {"name": "identifier", "valueIdentifier": number},
        {"name": "reason", "valueString": "Found with nobody to ask"},
        {"name": "purpose", "valueCoding": {"system": ACT_REASON, "code": purpose}},
        {"name": "hours", "valueInteger": 12},
    ]
    body = orjson.dumps({"resourceType": "Parameters", "parameter": parts})
    request = Request(f"Patient/{operation}", role=who.role, at=who.at, method="POST", content=body)
    said = await made.ask(request)
    assert said.status_code == 200, said.text


def _object(conn: Connection, keys: KeyRing, now: int) -> None:
    """Consents, of which each would withhold what is hidden of its person."""
    headings = [consents.heading(name) for name in ("findings", "results", "procedures", "documents")]
    own = PEOPLE.index(NAMES)
    things = [
        consents.thing(f"Observation/{opaque_id(keys.id_key, place, 'Observation', f'n{own}-{logical}')}")
        for place in (HELD, LIVE)
        for logical in ("f1", "f2")
    ]
    for somebody, narrowed in ((SAYS, {"class": headings}), (NAMES, {"data": things})):
        person = index.find(conn, keys, somebody.number)
        assert person is not None
        said = consents.consent({"type": "deny", **narrowed}, person.patient_id)
        sharing.create(conn, keys, person, said, now)


def _say(conn: Connection, made: World) -> None:
    """Objections, a restriction and a link."""
    keys, now = made.services.keys, now_ms()
    _object(conn, keys, now)
    for somebody, sources in ((OBJECTS, (HELD, LIVE)), (FORMER, (HELD,))):
        person = index.find(conn, keys, somebody.number)
        assert person is not None
        for source in sources:
            index.relate(conn, person, OdsCode(source), "objection", OdsCode(SURGERY), now)
    hides = index.find(conn, keys, HIDES.number)
    assert hides is not None
    index.learn_standing(conn, keys, hides, Standing("01", restricted=True, checked=1))
    one, other = (index.find(conn, keys, somebody.number) for somebody in (FORMER, LINKED))
    assert one is not None
    assert other is not None
    links.link(
        conn,
        keys,
        one,
        other,
        kind="reviewed",
        reasons=["test"],
        evidence={"seen": "it"},
        by="tests",
        now=now,
    )


STRANGER = NHSNumber("9995111004")
"""Somebody whom only the first world knows, and there only an organisation that nobody here asks from."""


def _meet(conn: Connection, keys: KeyRing) -> None:
    """Know the stranger."""
    told = Demographics("Sample", ("Ina",), "1941-07-05", "female", "ZZ99 1AA")
    person = index.register(conn, keys, STRANGER, told, now_ms())
    index.relate(conn, person, OdsCode("RXX"), "encounter", OdsCode("RXX"), now_ms())


def _bind(conn: Connection, keys: KeyRing) -> None:
    """A Consent of which nobody who asks here is to learn."""
    person = index.find(conn, keys, SAYS_TO_OTHERS.number)
    assert person is not None
    said = consents.consent({"type": "deny", "actor": [consents.asker("RYY")]}, person.patient_id)
    sharing.create(conn, keys, person, said, now_ms())


@dataclass
class Pair:
    """Both worlds: the first with what is hidden, the second without."""

    withheld: World
    without: World


@asynccontextmanager
async def two_worlds(folder: Path, template: Path) -> AsyncIterator[Pair]:
    """Build both in a folder."""
    first, second = folder / "withheld", folder / "without"
    await _begin(first, template)
    shutil.copytree(first, second)
    async with world(first, hidden=True) as withheld, world(second, hidden=False) as without:
        for somebody in PEOPLE:
            for place in ("HXX", "NXX"):
                if place in somebody.hidden:
                    await withheld.file(place, _bundle(somebody, somebody.hidden[place]))
        await withheld.services.database.write(lambda conn: _meet(conn, withheld.services.keys))
        await withheld.services.database.write(lambda conn: _bind(conn, withheld.services.keys))
        yield Pair(withheld, without)
