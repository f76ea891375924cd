"""The demonstration's suppliers in their own processes, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle as R4Bundle
from fhir.resources.STU3.bundle import Bundle as STU3Bundle
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.support.patience import LONG, until_now
from tests.support.ports import demo_ports

from scr.demo import control
from scr.demo.deploy import NEIGHBOUR_TOKEN, Ports
from scr.demo.people import population
from scr.demo.places import PRACTICE_ASIDS, RECORD_ASID
from scr.demo.run import plan, prepare, started
from scr.demo.suppliers.council import COLUMNS
from scr.demo.suppliers.gp import BASE
from scr.demo.suppliers.gp_request import INTERACTION
from scr.demo.suppliers.hospital_messages import history
from scr.demo.suppliers.staff import personas
from scr.errors import Conflict, Invalid, Unavailable
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

SEED, SIZE = 7, 40
EDITH = population(SEED, SIZE)[0]


class Stage:
    """A demonstration without scr itself."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        """Where it is."""
        self.folder = folder
        self.ports = ports
        self.http = httpx.Client(trust_env=False, timeout=LONG)

    def url(self, name: str, path: str) -> str:
        """An address at one of the suppliers."""
        return f"http://127.0.0.1:{getattr(self.ports, name)}{path}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The issuer, the GP system, the council and the neighbour, running."""
    folder = tmp_path_factory.mktemp("stage") / "demo"
    ports = prepare(folder, demo_ports())
    services = tuple(
        service
        for service in plan(folder, ports, seed=SEED, size=SIZE)
        if service.name not in {"scr", "hospital"}
    )
    with started(folder, services) as supervisor:
        for service in services:
            supervisor.wait_until_ready(service.name)
        found = Stage(folder, ports)
        yield found
        found.http.close()
    assert not _processes(folder)


def _processes(folder: Path) -> list[str]:
    """Command lines of living processes that name the folder (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line and "scr.demo" in line:
            found.append(line)
    return found


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _ask_gp(
    stage: Stage, number: str, practice: str, operation: str = "$gpc.getstructuredrecord"
) -> httpx.Response:
    now = int(time.time())
    someone = {"identifier": [{"system": "https://scr.example/id", "value": "UNK"}]}
    claims = {
        "iss": "https://scr.example", "sub": "UNK", "aud": "https://gp.example", "iat": now, "exp": now + 300,
        "reason_for_request": "directcare", "requested_scope": "patient/*.read",
        "requesting_device": {"resourceType": "Device", **someone},
        "requesting_organization": {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "ZZS01"}],
        },
        "requesting_practitioner": {"resourceType": "Practitioner", **someone},
    }  # fmt: skip
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "patientNHSNumber",
                "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": number},
            },
            {
                "name": "includeAllergies",
                "part": [{"name": "includeResolvedAllergies", "valueBoolean": True}],
            },
            {"name": "includeMedication"},
        ],
    }
    return stage.http.post(
        stage.url("gp", f"{BASE}/Patient/{operation}"),
        content=json.dumps(parameters),
        headers={
            "Authorization": f"Bearer {_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}.",
            "Content-Type": "application/fhir+json",
            "Ssp-TraceID": "1",
            "Ssp-From": RECORD_ASID,
            "Ssp-To": PRACTICE_ASIDS[practice],
            "Ssp-InteractionID": INTERACTION,
        },
    )


@pytest.mark.parametrize("operation", ["$gpc.getstructuredrecord", "%24gpc.getstructuredrecord"])
def test_the_gp_system_answers_in_stu3(stage: Stage, operation: str) -> None:
    """A Bundle that validates, however the client writes the dollar."""
    answer = _ask_gp(stage, EDITH.nhs_number, EDITH.practice, operation)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert len(STU3Bundle.model_validate_json(answer.content).entry or []) > 10


def test_the_gp_system_refuses_in_the_words_of_the_spine(stage: Stage) -> None:
    """The other practice has no such patient; another interaction is not implemented."""
    other = next(practice for practice in PRACTICE_ASIDS if practice != EDITH.practice)
    answer = _ask_gp(stage, EDITH.nhs_number, other)
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "PATIENT_NOT_FOUND"
    assert stage.http.get(stage.url("gp", f"{BASE}/metadata")).status_code == 501


def test_the_neighbour_wants_its_token(stage: Stage) -> None:
    """Without it 401 and an OperationOutcome; the CapabilityStatement is open."""
    for token in ("", "Bearer wrong"):
        answer = stage.http.get(
            stage.url("neighbour", "/fhir/Patient"), headers={"Authorization": token} if token else {}
        )
        assert answer.status_code == 401
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert stage.http.get(stage.url("neighbour", "/fhir/metadata")).json()["fhirVersion"] == "4.0.1"


def test_the_neighbour_finds_a_person_and_pages_the_record(stage: Stage) -> None:
    """By GET and by POST; `$everything` follows next links and each page is valid R4."""
    token = (stage.folder / "home" / NEIGHBOUR_TOKEN).read_text().strip()
    auth = {"Authorization": f"Bearer {token}"}
    query = {"identifier": f"{NHS_NUMBER_SYSTEM}|{EDITH.nhs_number}"}
    got = stage.http.get(stage.url("neighbour", "/fhir/Patient"), params=query, headers=auth).json()
    posted = stage.http.post(stage.url("neighbour", "/fhir/Patient/_search"), data=query, headers=auth).json()
    assert got["entry"] == posted["entry"]
    patient = got["entry"][0]["resource"]["id"]
    address, kinds = stage.url("neighbour", f"/fhir/Patient/{patient}/$everything?_count=5"), []
    began = time.monotonic()
    while address:
        page = stage.http.get(address, headers=auth)
        R4Bundle.model_validate_json(page.content)
        body: dict[str, Any] = page.json()
        kinds += [entry["resource"]["resourceType"] for entry in body["entry"]]
        address = next((link["url"] for link in body["link"] if link["relation"] == "next"), "")
    assert time.monotonic() - began > 1.0  # slow on purpose
    assert len(kinds) == body["total"] > 5
    assert {"Patient", "Encounter", "CarePlan"} <= set(kinds)
    plan_only = stage.http.get(
        stage.url("neighbour", "/fhir/CarePlan"), params={"patient": patient}, headers=auth
    ).json()
    assert [entry["resource"]["title"] for entry in plan_only["entry"]] == ["Shared care and support plan"]


def test_files_are_dropped_whole(stage: Stage) -> None:
    """The council's file and both registration lists are there under their final names."""
    drop = stage.folder / "home" / "drop"
    until_now(lambda: len(list(drop.glob("*/*.csv"))) >= 3)
    with next((drop / "ZZC01").glob("cld-*.csv")).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert {path.parent.name for path in drop.glob("*/registrations.csv")} == {"Z99001", "Z99002"}
    assert not list(drop.glob("*/.*"))


def test_tokens_verify_through_discovery(stage: Stage) -> None:
    """From the issuer's address alone: discovery, keys, a token for each member of staff."""
    found = stage.http.get(stage.url("issuer", "/.well-known/openid-configuration")).json()
    assert found["issuer"] == stage.ports.issuer_url
    keys = KeySet.import_key_set(stage.http.get(found["jwks_uri"]).json())
    for member in personas():
        form = {"grant_type": "client_credentials", "client_id": member.client_id, "scope": "user/*.rs"}
        answer = stage.http.post(found["token_endpoint"], data=form).json()
        claims = jwt.decode(answer["access_token"], keys, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["client_id"]) == (found["issuer"], member.client_id)
    refused = stage.http.post(found["token_endpoint"], data={"client_id": "nobody"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_supplier_is_stopped_started_and_slowed_by_command(stage: Stage) -> None:
    """Stopped it refuses connections, started it answers, slowed it takes its time."""
    control.stop(stage.folder, "gp")
    assert {state.name: state.state for state in control.status(stage.folder)}["gp"] == "stopped"
    with pytest.raises(httpx.ConnectError):
        stage.http.get(stage.url("gp", "/health"))
    control.start(stage.folder, "gp")
    assert _ask_gp(stage, EDITH.nhs_number, EDITH.practice).status_code == 200
    control.slow(stage.folder, "gp", 0.6)
    began = time.monotonic()
    assert _ask_gp(stage, EDITH.nhs_number, EDITH.practice).status_code == 200
    assert time.monotonic() - began >= 0.6
    control.slow(stage.folder, "gp", 0)


def test_commands_that_make_no_sense_are_refused(stage: Stage, tmp_path: Path) -> None:
    """Another name, a delay below nothing, a folder where nothing runs, a folder that is taken."""
    with pytest.raises(Invalid, match="no process is called"):
        control.stop(stage.folder, "pharmacy")
    with pytest.raises(Invalid, match="delay"):
        control.slow(stage.folder, "gp", -1)
    with pytest.raises(Unavailable, match="no demonstration runs here"):
        control.status(tmp_path)
    with pytest.raises(Conflict, match="already"):
        prepare(stage.folder, stage.ports)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Conflict, match="something else"):
        prepare(tmp_path, Ports())
    assert (tmp_path / "thesis.txt").exists()


class Listener:
    """An MLLP server that answers as it is told: a list of codes, then AA for ever."""

    def __init__(self, *answers: str, enough: int) -> None:
        """What it answers first, and how many messages to wait for."""
        self.answers = list(answers)
        self.enough = enough
        self.heard = asyncio.Event()
        self.controls: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read messages, answer or hang up."""
        try:
            while True:
                raw = await reader.readuntil(b"\x1c\r")
                control_id = raw.decode().split("|")[9]
                self.controls.append(control_id)
                if len(self.controls) == self.enough:
                    self.heard.set()
                code = self.answers.pop(0) if self.answers else "AA"
                if code == "hang up":
                    break
                text = f"MSH|^~\\&|SCR|ZZS01|PAS|ZZH01|20260105||ACK|1|P|2.4\rMSA|{code}|{control_id}\r"
                writer.write(b"\x0b" + text.encode() + b"\x1c\r")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def test_the_hospital_keeps_the_order_and_sends_again(tmp_path: Path) -> None:
    """It waits for a listener, resends after AE and after a broken connection, and skips nothing."""
    people = [person for person in population(SEED, 10) if "hospital" in person.sources]
    wanted = [item.control for item in history(people)]
    port = prepare(tmp_path / "demo", demo_ports()).mllp
    command = [
        sys.executable, "-m", "scr.demo.supplier", "hospital", "--folder", str(tmp_path), "--port", str(port),
        "--seed", str(SEED), "--size", "10", "--every", "0.05",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command)
    await asyncio.sleep(0.8)  # it runs before anybody listens
    listener = Listener("AA", "AE", "AA", "hang up", "AA", "AR", enough=len(wanted) + 8)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", port)
    try:
        await asyncio.wait_for(listener.heard.wait(), LONG)
    finally:
        process.terminate()
        assert await process.wait() == 0
        server.close()
    assert listener.controls[:5] == [wanted[0], wanted[1], wanted[1], wanted[2], wanted[2]]
    once = list(dict.fromkeys(listener.controls))
    assert once[: len(wanted)] == wanted
    assert once[len(wanted) : len(wanted) + 3] == ["MERGE0001", "MISTYPED0001", "STRANGER0001"]
    assert [path.stem for path in (tmp_path / "set-aside").iterdir()] == [wanted[3]]
    assert (tmp_path / "hospital.position").read_text() == str(len(wanted) + 3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    """However the demonstration is ended, its processes end too."""
    folder = tmp_path / "demo"
    code = f"""
import sys, time
from pathlib import Path
from scr.demo.deploy import Ports
from scr.demo.run import plan, prepare, started
folder = Path({str(folder)!r})
ports = prepare(folder, {demo_ports()!r})
services = tuple(s for s in plan(folder, ports, seed=7, size=10) if s.name in ("issuer", "council"))
with started(folder, services) as supervisor:
    for service in services:
        supervisor.wait_until_ready(service.name)
    print("up", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert _processes(folder)
        os.kill(process.pid, number)
        process.wait(LONG)
    until_now(lambda: not _processes(folder))
