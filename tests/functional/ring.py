"""Three shared care records, each another's neighbour, in one process; between them HTTP without sockets.

Each has a hospital of its own that sends, its own store, keys and policy, and the other two as sources. All
that goes from one to another passes ``Ring``, which counts it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.functional.deployment import (
    ADA,
    KEY,
    Said,
    checked,
    message,
    pid,
    visit,
)
from tests.unit.api.issuing import TestIssuer
from tests.unit.api.issuing import role as nrbac_role

from scr.api.app import create_app, mount
from scr.api.oauth.neighbour_terms import NeighbourTerms
from scr.api.oauth.registration import client_to_register
from scr.api.oauth.signing import create_signing_key
from scr.api.services import Services, open_services
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.settings import Settings
from scr.store import clients
from scr.store.clients import ClientKind
from scr.store.keys import create_keys
from scr.store.trail import AuditRow, recent

NAMES = ("a", "b", "c")
CODES = {"a": "I48.0", "b": "E11.9", "c": "J45.9"}
"""What each hospital has diagnosed Ada with."""


def base_of(name: str) -> str:
    """The FHIR base of one of them."""
    return f"https://{name}.test/fhir"


def hospital(name: str) -> str:
    """The ODS code of its hospital."""
    return f"ZZH0{NAMES.index(name) + 1}"


def area(name: str) -> str:
    """The ODS code of the record itself."""
    return f"ZZQ0{NAMES.index(name) + 1}"


def _provider(
    ods: str, name: str, kind: str, adapter: str, connection: dict[str, object]
) -> dict[str, object]:
    feed = {"name": "record", "adapter": adapter, "connection": connection}
    return {"organisation": {"ods": ods, "name": name, "type": kind}, "feeds": [feed]}


def _make_home(home: Path, name: str) -> None:
    create_keys(home / "keys")
    create_signing_key(home / "keys" / "signing.json")
    folder = home / "adapters" / "providers"
    folder.mkdir(parents=True)
    post: dict[str, object] = {"kind": "http-post", "client": "pas"}
    files = [_provider(hospital(name), f"Hospital {name}", "acute-trust", "pas-adt", post)]
    for other in NAMES:
        if other != name:
            known_as = {"client_id": f"area-{name}", "key": "file:keys/signing.json"}
            connection: dict[str, object] = {
                "kind": "fhir-r4", "url": base_of(other), "neighbour": True, "backend_services": known_as,
            }  # fmt: skip
            files.append(
                _provider(area(other), f"Area {other}", "shared-care-record", "fhir-r4-record", connection)
            )
    for file in files:
        organisation: Any = file["organisation"]
        text = yaml.safe_dump(file, sort_keys=False)
        (folder / f"{organisation['ods']}.yaml").write_text(text, encoding="utf-8")


@dataclass
class Ring(httpx.AsyncBaseTransport):
    """The network between them. ``asked`` has each request as ``from>to METHOD path``."""

    issuer: TestIssuer
    apps: dict[str, httpx.ASGITransport] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    down: set[str] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """To the issuer, or to one of them."""
        name = request.url.host.partition(".")[0]
        if name not in self.apps:
            return self.issuer.respond(request)
        self.asked.append(request)
        if name in self.down:
            raise httpx.ConnectError("down")
        return await self.apps[name].handle_async_request(request)

    def questions(self) -> list[str]:
        """Which of them was asked about the record, in the order of the requests."""
        return [one.url.host[0] for one in self.asked if "Patient" in one.url.path]


@dataclass
class Area:
    """One of them."""

    name: str
    services: Services
    ring: Ring

    async def ask(self, path: str, *, headers: dict[str, str] | None = None, **claims: object) -> Said:
        """A clinician of its own hospital asks it."""
        given = {"nhsid_nrbac_roles": [nrbac_role("R8000", hospital(self.name))], **claims}
        sent = {"Authorization": self.ring.issuer.bearer(**given), **(headers or {})}
        return checked(await self.send("GET", path, headers=sent))

    async def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to it."""
        async with httpx.AsyncClient(transport=self.ring.apps[self.name]) as client:
            url = path if path.startswith("https:") else f"{base_of(self.name)}/{path}"
            return await client.request(method, url, **more)

    async def subject(self) -> str:
        """Ada's Patient here."""
        said = await self.ask(f"Patient?identifier={NHS_NUMBER_SYSTEM}|{ADA.value}")
        assert said.status == 200, said.body
        return str(said.matches[0]["id"])

    async def everything(self) -> Said:
        """Ada's record, as a clinician here sees it."""
        return await self.ask(f"Patient/{await self.subject()}/$everything?_reconciled=false")

    def audit(self) -> list[AuditRow]:
        """Its audit, the newest first."""
        return self.services.database.read_now(lambda connection: recent(connection, 100))

    async def knows(self, other: str) -> None:
        """Register another one as a neighbour."""
        terms = NeighbourTerms(f"{base_of(other)}/auth", {hospital(other): "acute-trust"}, ("R8000",))
        made = client_to_register(
            f"area-{other}",
            ClientKind.NEIGHBOUR,
            f"Area {other}",
            OdsCode(area(other)),
            ["system/*.rs"],
            key_set_url=f"{base_of(other)}/auth/jwks",
            neighbour=terms,
            now=1,
        )
        await self.services.database.write(lambda connection: clients.register(connection, made))


def conditions(said: Said) -> set[str]:
    """The ICD-10 codes of the problems in an answer."""
    found = [one for one in said.matches if one["resourceType"] == "Condition"]
    return {coding["code"] for one in found for coding in one["code"]["coding"]}


@asynccontextmanager
async def ring_of_three(home: Path) -> AsyncIterator[dict[str, Area]]:
    """All three, each knowing Ada from its own hospital, and the other two as neighbours."""
    issuer = TestIssuer(KEY, audience="everywhere")
    ring = Ring(issuer)
    areas: dict[str, Area] = {}
    async with AsyncExitStack() as stack:
        for name in NAMES:
            _make_home(home / name, name)
            made = Settings(
                home=home / name,
                base_url=base_of(name),
                issuers=(issuer.settings(),),
            )
            services = await stack.enter_async_context(open_services(made, transport=ring))
            await services.programme.declare_live(by="tests", evidence="a test")
            app = create_app(made, listen=False)
            mount(app, services)
            ring.apps[name] = httpx.ASGITransport(app, raise_app_exceptions=False)
            areas[name] = Area(name, services, ring)
            body = message(
                "A01", f"M-{name}", pid(ADA, "O'Sample", "Ada^Mary", "19410705", local=f"{name}1"),
                visit(f"V-{name}"), f"DG1|1||{CODES[name]}^A problem^I10||20260105|A",
            ).replace(b"|RXX|", f"|{hospital(name)}|".encode())  # fmt: skip
            provider = services.providers[OdsCode(hospital(name))]
            receipt = await services.intake.receive(provider, provider.feeds[0], body)
            assert receipt.problems == (), receipt.problems
        for here in areas.values():
            for other in NAMES:
                if other != here.name:
                    await here.knows(other)
        yield areas


def by_heading(said: Said) -> dict[tuple[str, str], str]:
    """The outcome of each source and heading, as the ledger of an answer tells it."""
    [outcome] = [e["resource"] for e in said.body["entry"] if e["search"]["mode"] == "outcome"]
    told: dict[tuple[str, str], str] = {}
    for issue in outcome["issue"]:
        parts = issue["extension"][0]["extension"] if "extension" in issue else []
        values = {part["url"]: part for part in parts}
        for part in parts:
            if part["url"] == "heading":
                code = part["extension"][0]["valueCoding"]["code"]
                told[values["source"]["valueString"], code] = values["outcome"]["valueCode"]
    return told
