"""The corpus, end to end: a practice that answers with a real response, a hospital that sends 705 messages.

Nothing is dropped: every resource of every bundle is in the record, and every message is filed or in
quarantine with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from scr.api.services import Services, open_services
from scr.broker.assemble import Record
from scr.cli.config import init
from scr.consent.actor import Actor, ActorKind
from scr.decode.hl7v2 import decode, read_header
from scr.decode.tree import Unit
from scr.fhir.demographics import demographics_of
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.settings import load
from scr.sources.protocol import Outcome
from scr.store import messages, quarantine
from scr.store.messages import MessageState

pytestmark = pytest.mark.corpus

PRACTICE, HOSPITAL = OdsCode("Z99001"), OdsCode("ZZH01")
DOCTOR = Actor(ActorKind.PROFESSIONAL, "issuer|doctor", role="R8000", organisation=PRACTICE)

PROVIDER = """\
organisation: {{ods: {ods}, name: Somewhere, type: {kind}}}
feeds:
{feeds}
"""
GP_FEED = (
    "  - {{name: record, adapter: gp-connect, connection: "
    "{{kind: gpconnect, url: '{url}', from_asid: '1', to_asid: '2', timeout_seconds: 20}}}}"
)
HL7_FEED = (
    "  - {{name: {adapter}, adapter: {adapter}, connection: {{kind: mllp, sending_facility: {adapter}}}}}"
)


@asynccontextmanager
async def deployment(home: Path, provider: OdsCode, kind: str, feeds: str) -> AsyncIterator[Services]:
    """A deployment of one provider."""
    init(home)
    text = PROVIDER.format(ods=provider, kind=kind, feeds=feeds)
    (home / "adapters" / "providers" / f"{provider}.yaml").write_text(text, encoding="utf-8")
    settings = load({"home": home, "deadline_seconds": 30}).settings
    async with open_services(settings) as services:
        await services.programme.declare_live(by="tests", evidence="a test")
        yield services


@asynccontextmanager
async def practice_system(answer: bytes) -> AsyncIterator[str]:
    """A GP system that gives this answer to every question; its address."""

    async def respond(_request: web.Request) -> web.Response:
        return web.Response(body=answer, content_type="application/fhir+json")

    app = web.Application(client_max_size=10**7)
    app.router.add_post("/Patient/$gpc.getstructuredrecord", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def asked(home: Path, raw: bytes) -> Record:
    """What the broker makes of a practice's answer about its own registered patient."""
    bundle = orjson.loads(raw)
    patient = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    number = NHSNumber.parse(patient["identifier"][0]["value"])
    async with (
        practice_system(raw) as url,
        deployment(home, PRACTICE, "gp-practice", GP_FEED.format(url=url)) as services,
    ):

        def register(conn: object) -> None:
            person = index.register(conn, services.keys, number, demographics_of(patient), 0)  # type: ignore[arg-type]
            index.relate(conn, person, PRACTICE, "registration", PRACTICE, 0)  # type: ignore[arg-type]

        await services.database.write(register)
        known = await services.broker.by_number(number, DOCTOR)
        assert known is not None
        return await services.broker.record(known, DOCTOR, trace_id="t")


def bundles(corpus: Path) -> Iterator[Path]:
    """The published responses: nine of the assurance environment, eight of two suppliers."""
    for folder in ("structured-uat", "structured-e2e"):
        yield from sorted((corpus / "gp" / folder).glob("*.json"))


async def test_every_resource_of_every_gp_bundle_is_in_the_record(corpus: Path, tmp_path: Path) -> None:
    """Through a real socket and the adapter: of each type as many as were sent, ended allergies besides."""
    seen = 0
    for number, path in enumerate(bundles(corpus)):
        raw = path.read_bytes()
        record = await asked(tmp_path / str(number), raw)
        result = record.results[0]
        assert result.outcome is Outcome.ANSWERED, (path.name, result.code, result.detail)
        made = Counter(entry.type for entry in record.entries)
        for kind, count in _expected(raw).items():
            assert made[kind] == count, f"{path.name}: {kind}"
        assert set(made) == set(_expected(raw))
        assert all(f"Patient/{record.subject}" in e.references for e in record.entries if _about(e.type))
        seen += sum(made.values())
    assert seen > 3000


def _about(kind: str) -> bool:
    return kind in {
        "AllergyIntolerance",
        "Condition",
        "Encounter",
        "Immunization",
        "MedicationRequest",
        "Observation",
    }


def _expected(raw: bytes) -> Counter[str]:
    """Of each R4 type how many a bundle comes to: repeats once, contained ended allergies as their own."""
    renamed = {"ProcedureRequest": "ServiceRequest", "ReferralRequest": "ServiceRequest"}
    expected: Counter[str] = Counter()
    seen: set[bytes] = set()
    for entry in orjson.loads(raw)["entry"]:
        resource = entry["resource"]
        word = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
        if word in seen:
            continue
        seen.add(word)
        expected[renamed.get(resource["resourceType"], resource["resourceType"])] += 1
        if resource["resourceType"] == "List":
            expected.update(c["resourceType"] for c in resource.get("contained", ()))
    return expected


async def test_every_hl7_message_is_filed_or_in_quarantine_with_a_reason(
    corpus: Path, tmp_path: Path
) -> None:
    """And its bytes are kept; delivered twice, it is stored once and gets the same receipt."""
    raws = [
        unit.raw
        for folder in ("itk", "simhospital")
        for path in sorted((corpus / "acute" / folder).glob("*.hl7"))
        for unit in decode(path.read_bytes())
        if isinstance(unit, Unit)
    ]
    assert len(raws) == 705
    feeds = "\n".join(HL7_FEED.format(adapter=name) for name in ("pas-adt", "lab-oru"))
    async with deployment(tmp_path / "home", HOSPITAL, "acute", feeds) as services:
        provider = services.providers[HOSPITAL]
        by_adapter = {feed.adapter: feed for feed in provider.feeds}
        states: Counter[MessageState] = Counter()
        for raw in raws:
            feed = by_adapter["lab-oru" if _code(raw) == "ORU" else "pas-adt"]
            receipt = await services.intake.receive(provider, feed, raw)
            assert receipt.filed + len(receipt.problems) == 1
            assert all(problem.code and problem.sentence for problem in receipt.problems)
            again = await services.intake.receive(provider, feed, raw)
            assert (again.message, again.state, again.duplicate) == (receipt.message, receipt.state, True)
            kept = await services.database.read(
                lambda conn, which=receipt.message: messages.open_raw(conn, services.keys, which)  # type: ignore[misc]
            )
            assert kept == raw
            states[receipt.state] += 1
        waiting = await services.database.read(quarantine.quarantined)
        assert len(waiting) == states[MessageState.QUARANTINED]
        assert states.total() == len(set(raws))
        assert states[MessageState.FILED] > 300


def _code(raw: bytes) -> str:
    header = read_header(raw)
    assert header is not None
    return str(header["message_type"]["1"])
