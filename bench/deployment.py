"""A deployment to measure: a folder as ``scr init`` makes it, a token issuer, a server process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from bench.payloads import SUBJECT, SUBJECTS, record, told_of
from bench.processes import process, wait_for
from scr.api.services import open_services
from scr.demo.deploy import Ports, free_ports
from scr.demo.places import HOSPITAL, ORGANISATIONS
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.intake.receive import Receipt
from scr.settings import load
from scr.store.keys import create_keys
from scr.store.messages import MessageState

SENDING = (HOSPITAL, "ZZC01", "ZZN01", "ZZX01")
"""Providers whose part of the record is held; the hospital is also the one whose doctor asks."""

Feeds = Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A folder with settings and providers, and the ports that they name."""

    home: Path
    ports: Ports


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its process, its FHIR base, and the header that lets a doctor in."""

    pid: int
    base_url: str
    mllp_port: int
    authorization: str

    def patient_id(self, nhs_number: str = SUBJECT) -> str:
        """The logical id of a person whose record is read."""
        answer = httpx.get(
            f"{self.base_url}/Patient",
            params={"identifier": f"{NHS_NUMBER_SYSTEM}|{nhs_number}"},
            headers={"Authorization": self.authorization},
            trust_env=False,
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["entry"][0]["resource"]["id"])


def make_deployment(home: Path, feeds: Feeds, database_url: str = "") -> Deployment:
    """Write a deployment's folder: settings, keys, one file a provider."""
    ports = free_ports(Ports())
    (home / "adapters" / "providers").mkdir(parents=True)
    create_keys(home / "keys")
    settings = {
        "base_url": ports.base_url,
        "http_port": ports.http,
        "mllp_port": ports.mllp,
        "database_url": database_url,
    }
    issuer = {"url": ports.issuer_url, "audience": ports.base_url}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["[[issuers]]", *(f"{name} = {json.dumps(value)}" for name, value in issuer.items())]
    (home / "scr.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for ods, told in feeds.items():
        known = ORGANISATIONS.get(ods)
        provider = {
            "organisation": {
                "ods": ods,
                "name": known.name if known else f"Neighbour {ods}",
                "type": known.kind if known else "shared-care-record",
            },
            "feeds": [dict(feed) for feed in told],
        }
        file = home / "adapters" / "providers" / f"{ods}.yaml"
        file.write_text(yaml.safe_dump(provider, sort_keys=False), encoding="utf-8")
    return Deployment(home, ports)


def sending_feeds() -> dict[str, list[dict[str, object]]]:
    """Feeds of the providers whose records are held; the hospital also sends ADT."""
    adt: dict[str, object] = {
        "name": "adt",
        "adapter": "pas-adt",
        "connection": {"kind": "mllp", "sending_facility": HOSPITAL, "messages": ["ADT"]},
    }
    return {ods: [_pushed(ods), adt] if ods == HOSPITAL else [_pushed(ods)] for ods in SENDING}


def _pushed(ods: str) -> dict[str, object]:
    connection = {"kind": "http-post", "client": f"bench-{ods}"}
    return {"name": "record", "adapter": "fhir-r4-record", "connection": connection}


async def fill(deployment: Deployment, resources: int) -> None:
    """Take in the person's record, a part of it from each sending provider, as any message is."""
    async with open_services(load({"home": deployment.home}).settings) as services:
        await services.programme.declare_live(by="bench", evidence="a measurement")
        for ods in SENDING:
            provider = services.providers[OdsCode(ods)]
            raw = record(resources // len(SENDING), source=ods.lower())
            receipt: Receipt = await services.intake.receive(provider, provider.feeds[0], raw)
            if receipt.state is not MessageState.FILED:
                raise RuntimeError(f"the record was not filed: {receipt.problems}")


async def know(deployment: Deployment) -> None:
    """Let the hospital know the people, and nothing more: what else there is comes from live sources."""
    async with open_services(load({"home": deployment.home}).settings) as services:
        await services.programme.declare_live(by="bench", evidence="a measurement")
        provider = services.providers[OdsCode(HOSPITAL)]
        for number in range(len(SUBJECTS)):
            told = told_of(number, record(1, source="bare"), source="bare")
            await services.intake.receive(provider, provider.feeds[0], told)


@contextmanager
def serving(deployment: Deployment) -> Iterator[Server]:
    """``scr serve`` and a token issuer, each in a process of its own."""
    home, ports = deployment.home, deployment.ports
    issuer_log, log = home / "issuer.log", home / "server.log"
    issuer = [
        "-m", "scr.demo.supplier", "issuer", "--folder", str(home), "--port", str(ports.issuer),
        "--audience", ports.base_url,
    ]  # fmt: skip
    with process(issuer, issuer_log) as issuing:
        wait_for(f"{ports.issuer_url}/health", issuing, issuer_log)
        form = {"grant_type": "client_credentials", "client_id": "hospital-doctor"}
        answer = httpx.post(f"{ports.issuer_url}/token", data=form, trust_env=False)
        authorization = f"Bearer {answer.raise_for_status().json()['access_token']}"
        with process(["-m", "scr", "--home", str(home), "serve"], log) as server:
            wait_for(f"{ports.base_url}/metadata", server, log)
            yield Server(server.pid, ports.base_url, ports.mllp, authorization)
