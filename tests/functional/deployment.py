"""A deployment in one process: a hospital, a council and a practice that send, a neighbour that is asked.

The database, the adapters, the keys and the tokens are real; only the network to the neighbour and to the
token issuer is a handler in this process.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import yaml
from fastapi import FastAPI
from fhir.resources.R4B import get_fhir_model_class
from joserfc.jwk import ECKey
from sqlalchemy import Connection
from tests.unit.api.issuing import TestIssuer
from tests.unit.api.issuing import role as nrbac_role

from scr.api.app import create_app, mount
from scr.api.fhir.carrying import Carrier
from scr.api.oauth.signing import create_signing_key
from scr.api.services import Services, now_ms, open_services
from scr.consent.actor import Actor, ActorKind
from scr.data import packaged_root
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.identity import index
from scr.intake.receive import Receipt
from scr.settings import Settings
from scr.store.audit.signing import create_sealing_key
from scr.store.keys import create_keys
from scr.store.trail import AuditRow, recent

Tree = dict[str, Any]
BASE = "https://record.test/fhir"
SERVER = "https://record.test"
ADA = NHSNumber("9995100002")
BERT = NHSNumber("9995200007")
CLEO = NHSNumber("9995300001")
NOBODY = NHSNumber("9995400006")
SECRETS = tuple(number.value for number in (ADA, BERT, CLEO, NOBODY))
KEY = ECKey.generate_key("P-256", {"kid": "ec-1"})
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}

_PROVIDERS: dict[str, Tree] = {
    "A81001": {
        "organisation": {"ods": "A81001", "name": "Sample Surgery", "type": "gp-practice"},
        "feeds": [
            {
                "name": "registrations",
                "adapter": "gp-registrations",
                "connection": {"kind": "drop-folder", "pattern": "*.csv"},
            }
        ],
    },
    "RXX": {
        "organisation": {"ods": "RXX", "name": "Sample Hospital", "type": "nhs-trust"},
        "feeds": [
            {"name": "adt", "adapter": "pas-adt", "connection": {"kind": "http-post", "client": "pas"}}
        ],
    },
    "C99": {
        "organisation": {"ods": "C99", "name": "Sample Council", "type": "local-authority"},
        "feeds": [
            {
                "name": "social-care",
                "adapter": "client-level-data",
                "connection": {"kind": "drop-folder", "pattern": "*.csv"},
            }
        ],
    },
    "QXX": {
        "organisation": {"ods": "QXX", "name": "Sample Neighbour", "type": "shared-care-record"},
        "feeds": [
            {
                "name": "record",
                "adapter": "fhir-r4-record",
                "connection": {"kind": "fhir-r4", "url": "https://neighbour.test/r4"},
            }
        ],
    },
}


def url_of(path: str) -> str:
    """An address below the base; a whole address stays as it is."""
    if path.startswith("http"):
        return path
    return f"{BASE}{'' if path.startswith('?') or not path else '/'}{path}"


def make_home(home: Path, base_url: str = BASE) -> None:
    """A deployment's folder: keys and provider files."""
    create_keys(home / "keys")
    create_signing_key(home / "keys" / "signing.json")
    create_sealing_key(home / "keys" / "audit.key")
    folder = home / "adapters" / "providers"
    folder.mkdir(parents=True)
    for ods, provider in _PROVIDERS.items():
        (folder / f"{ods}.yaml").write_text(yaml.safe_dump(provider, sort_keys=False), encoding="utf-8")


def patient_of(number: NHSNumber, logical: str, **more: object) -> Tree:
    """The neighbour's Patient."""
    return {
        "resourceType": "Patient",
        "id": logical,
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": number.value}],
        "name": [{"family": "O'Sample", "given": ["Ada", "Mary"]}],
        "gender": "female",
        "birthDate": "1941-07-05",
        **more,
    }


def coded(kind: str, logical: str, code: str, **more: object) -> Tree:
    """A resource about the neighbour's Ada with a SNOMED code."""
    concept = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    about = "patient" if kind == "AllergyIntolerance" else "subject"
    return {
        "resourceType": kind,
        "id": logical,
        "code": concept,
        about: {"reference": "Patient/n-ada"},
        **more,
    }


def observation(logical: str, code: str, date: str, *, category: str = "vital-signs", **more: object) -> Tree:
    """An Observation of a day."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return coded(
        "Observation", logical, code, status="final", effectiveDateTime=date,
        category=[{"coding": [{"system": system, "code": category}]}], **more,
    )  # fmt: skip


def condition(logical: str, code: str, onset: str, status: str = "active") -> Tree:
    """A problem."""
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return coded(
        "Condition", logical, code, onsetDateTime=onset,
        clinicalStatus={"coding": [{"system": system, "code": status}]},
    )  # fmt: skip


@dataclass
class Neighbour:
    """A FHIR server that holds Ada. ``status`` other than 200 makes it fail."""

    patient: Tree = field(default_factory=lambda: patient_of(ADA, "n-ada"))
    resources: list[Tree] = field(
        default_factory=lambda: [
            observation("o1", "27113001", "2025-01-10"),
            observation("o2", "27113001", "2025-06-10"),
            observation("o3", "55284-4", "2025-03-10", category="laboratory"),
            condition("c1", "38341003", "2011"),
            condition("c2", "195967001", "2015", "resolved"),
        ]
    )
    status: int = 200

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Search by number, and everything."""
        if self.status != 200:
            return httpx.Response(self.status)
        if request.url.path.endswith("/Patient/_search"):
            asked = parse_qs(request.content.decode())["identifier"][0]
            found = [self.patient] if asked.endswith(f"|{ADA.value}") else []
        else:
            found = [self.patient, *self.resources]
        entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": entries})


@dataclass
class Said:
    """An answer: valid FHIR R4, told to no cache, and with nobody's number in a header or link."""

    status: int
    body: Tree
    raw: bytes
    headers: Mapping[str, str]

    @property
    def matches(self) -> list[Tree]:
        """The resources that were found, in order."""
        entries = self.body.get("entry", [])
        return [e["resource"] for e in entries if e["search"]["mode"] == "match"]

    @property
    def versions(self) -> dict[str, str]:
        """The version of each, by id: a live one's time is that of the answer."""
        return {one["id"]: one["meta"]["versionId"] for one in self.matches}

    @property
    def ids(self) -> list[str]:
        """Their references."""
        return [f"{one['resourceType']}/{one['id']}" for one in self.matches]

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.body["issue"][0]["details"]["coding"][0]["code"])

    @property
    def ledger(self) -> dict[str, str]:
        """The outcome of each source as a whole."""
        [outcome] = [e["resource"] for e in self.body["entry"] if e["search"]["mode"] == "outcome"]
        told: dict[str, str] = {}
        for issue in outcome["issue"]:
            if "extension" not in issue:  # it is about no source
                continue
            parts = {part["url"]: part for part in issue["extension"][0]["extension"]}
            told.setdefault(parts["source"]["valueString"], parts["outcome"]["valueCode"])
        return told

    def link(self, relation: str) -> str | None:
        """The address of a link."""
        found = [link["url"] for link in self.body["link"] if link["relation"] == relation]
        return str(found[0]) if found else None


def checked(response: httpx.Response) -> Said:
    """An answer, held to what every answer must be."""
    body: Tree = orjson.loads(response.content)
    get_fhir_model_class(body["resourceType"]).model_validate_json(response.content)
    assert response.headers["content-type"].startswith("application/fhir+json")
    assert response.headers["cache-control"] == "no-store"
    links = [link["url"] for link in body.get("link", ())] if body["resourceType"] == "Bundle" else []
    links += [entry.get("fullUrl", "") for entry in body.get("entry", ())]
    for number in SECRETS:
        assert number not in str(response.headers)
        assert number not in str(links)
    if response.status_code >= 400:
        assert body["resourceType"] == "OperationOutcome"
        assert not any(number in response.text for number in SECRETS)
        assert "Sample" not in response.text
    return Said(response.status_code, body, response.content, response.headers)


@dataclass
class Deployment:
    """A running deployment, and the ways in."""

    services: Services
    app: FastAPI
    issuer: TestIssuer
    neighbour: Neighbour
    client: httpx.AsyncClient

    def bearer(self, role: str = "R8000", at: str = "A81001", **claims: object) -> str:
        """A header for somebody in a role at an organisation."""
        given = {"sub": f"{role}-{at}", "nhsid_nrbac_roles": [nrbac_role(role, at)], **claims}
        return self.issuer.bearer(**given)

    async def get(self, path: str, *, role: str = "R8000", at: str = "A81001", **query: str) -> Said:
        """GET below the base, as somebody."""
        headers = {"Authorization": self.bearer(role, at)}
        return checked(await self.client.get(url_of(path), headers=headers, params=query or None))

    async def post(
        self, path: str, form: Mapping[str, str], *, role: str = "R8000", at: str = "A81001"
    ) -> Said:
        """A search by POST, as somebody."""
        headers = {"Authorization": self.bearer(role, at)}
        return checked(await self.client.post(url_of(path), headers=headers, data=dict(form)))

    async def send(
        self, feed: str, body: bytes | AsyncIterator[bytes], *, client: str = "pas", **more: Any
    ) -> Said:
        """A payload to a feed over HTTP, from a system."""
        token = self.issuer.bearer(nhsid_useruid=None, client_id=client, sub=client)
        headers = {"Authorization": token}
        return checked(await self.client.post(f"{SERVER}/intake/{feed}", headers=headers, content=body))

    async def receive(self, ods: str, body: bytes) -> Receipt:
        """A payload from a provider, as its feed brings it."""
        provider = self.services.providers[OdsCode(ods)]
        return await self.services.intake.receive(provider, provider.feeds[0], body)

    async def subject(self, number: NHSNumber = ADA, **who: str) -> str:
        """The logical id of a person's Patient."""
        said = await self.get("Patient", identifier=f"{NHS_NUMBER_SYSTEM}|{number.value}", **who)
        assert said.status == 200, said.body
        return str(said.matches[0]["id"])

    async def end_relationship(self, number: NHSNumber, ods: str) -> None:
        """An organisation has nothing to do with a person any more."""
        keys, organisation = self.services.keys, OdsCode(ods)

        def end(connection: Connection) -> None:
            person = index.find(connection, keys, number)
            assert person is not None
            for known in index.relationships(connection, person):
                if known.organisation == organisation:
                    index.end_relationship(
                        connection, person, organisation, known.kind, known.source, now_ms()
                    )

        await self.services.database.write(end)

    async def entries(self, number: NHSNumber = ADA) -> int:
        """How many entries the sources give about a person, before anything is decided."""
        organisation = OdsCode("A81001")
        actor = Actor(ActorKind.PROFESSIONAL, "tests", role="R8000", organisation=organisation)
        known = await self.services.broker.by_number(number, actor)
        assert known is not None
        return len((await self.services.broker.record(known, actor, trace_id="t")).entries)

    def audit(self) -> list[AuditRow]:
        """The audit rows so far, the newest first."""
        return self.services.database.read_now(lambda connection: recent(connection, 1000))


@asynccontextmanager
async def running(home: Path, database_url: str, **settings: Any) -> AsyncIterator[Deployment]:
    """A deployment whose providers have sent what they know of Ada, Bert and Cleo.

    What live sources tell is not kept, unless a test says so: a source that is down is then seen to be.
    """
    settings = {"pulled_stale_hours": 0, **settings}
    make_home(home)
    issuer, neighbour = TestIssuer(KEY, audience=BASE), Neighbour()
    network = network_of(issuer, neighbour)
    made = Settings(
        home=home, database_url=database_url, base_url=BASE, issuers=(issuer.settings(),), **settings
    )
    async with open_services(made, transport=httpx.MockTransport(network)) as services:
        await services.programme.declare_live(by="tests", evidence="a test")
        app = create_app(made, listen=False)
        mount(app, services)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            deployment = Deployment(services, app, issuer, neighbour, client)
            for ods, body in (("A81001", REGISTRATIONS), ("RXX", ADMISSION), ("RXX", CLEOS), ("C99", EVENTS)):
                receipt = await deployment.receive(ods, body)
                assert receipt.problems == (), receipt.problems
            yield deployment


@asynccontextmanager
async def taking_up(app: FastAPI) -> AsyncIterator[None]:
    """Let answers for later that could not be made at once be tried again, as a process that serves does."""
    carrier: Carrier = app.state.jobs.carrier
    taking = asyncio.create_task(carrier.run())
    try:
        yield
    finally:
        await carrier.close()
        await taking


@asynccontextmanager
async def beside(deployment: Deployment) -> AsyncIterator[Deployment]:
    """Another process over the same store, as far as one process can be two."""
    settings = deployment.services.settings
    network = httpx.MockTransport(network_of(deployment.issuer, deployment.neighbour))
    async with open_services(settings, transport=network) as services:
        app = create_app(settings, listen=False)
        mount(app, services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            yield Deployment(services, app, deployment.issuer, deployment.neighbour, client)


def network_of(issuer: TestIssuer, neighbour: Neighbour) -> Callable[[httpx.Request], httpx.Response]:
    """The network of a deployment: the neighbour, and the issuer of tokens."""

    def network(request: httpx.Request) -> httpx.Response:
        return neighbour.respond(request) if request.url.host == "neighbour.test" else issuer.respond(request)

    return network


def csv_of(header: list[str], *rows: Mapping[str, str]) -> bytes:
    """A CSV file with these columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def message(event: str, control: str, *segments: str) -> bytes:
    """An ADT message of the hospital."""
    head = rf"MSH|^~\&|PAS|RXX|SCR|ICS|20260105101500||ADT^{event}|{control}|T|2.4"
    return "\r".join([head, "EVN||20260105101500", *segments, ""]).encode()


def pid(number: NHSNumber, family: str, given: str, born: str, sex: str = "2", local: str = "H1") -> str:
    """Who the message is about."""
    return f"PID|1||{number.value}^^^NHS^NH~{local}^^^PAS^MR||{family}^{given}||{born}|{sex}"


def visit(number: str = "V100") -> str:
    """An admission: class, visit number and time."""
    fields = ["PV1", "1", "I", "W1^B1^1"] + [""] * 41
    fields[19], fields[44] = f"{number}^^^VISITID", "20260105100000"
    return "|".join(fields)


_LIST_HEADER = [
    "NHS_Number",
    "Family_Name",
    "Given_Name",
    "Date_of_Birth",
    "Sex",
    "Postcode",
    "Practice_Code",
    "Registered_On",
]
_ADA = {"Family_Name": "O'Sample", "Given_Name": "Ada Mary", "Date_of_Birth": "1941-07-05", "Sex": "F"}
_BERT = {"Family_Name": "Sample", "Given_Name": "Bert", "Date_of_Birth": "1968-09-12", "Sex": "M"}
_AT_SURGERY = {"Practice_Code": "A81001", "Registered_On": "1999-03-02", "Postcode": "ZZ99 1AA"}
REGISTRATIONS = csv_of(
    _LIST_HEADER,
    {"NHS_Number": ADA.value, **_ADA, **_AT_SURGERY},
    {"NHS_Number": BERT.value, **_BERT, **_AT_SURGERY},
)
MOVED_BACK = csv_of(
    _LIST_HEADER, {"NHS_Number": ADA.value, **_ADA, **_AT_SURGERY, "Registered_On": "2026-01-01"}
)
ADMISSION = message(
    "A01", "M1", pid(ADA, "O'Sample", "Ada^Mary", "19410705"), visit(),
    "AL1|1|DA|91936005^Allergy to penicillin^SNM3|SV|Rash",
    "DG1|1||I48.0^Paroxysmal atrial fibrillation^I10||20260105|A",
)  # fmt: skip
CLEOS = message("A28", "M2", pid(CLEO, "Example", "Cleo", "19900101", local="H2"))
_COUNCIL_HEADER = (
    (packaged_root() / "adapters/client-level-data/samples/events.csv").read_text("utf-8").splitlines()[0]
)
EVENTS = csv_of(
    _COUNCIL_HEADER.split(","),
    {
        "LA_Code": "999",
        "NHS_Number": ADA.value,
        "LA_Person_Unique_Identifier": "P-1",
        "First_Name": "Ada Mary",
        "Last_Name": "O'Sample",
        "Gender": "Female",
        "Date_of_Birth": "1941-07-05",
        "Event_Type": "Service",
        "Event_Reference": "EV-1",
        "Event_Start_Date": "2025-06-01",
        "Service_Type": "Long Term Support: Community",
        "Service_Component": "Home Support",
        "Reporting_Period_End_Date": "2026-03-31",
    },
)
