"""What single steps cost, in this process: the best of several rounds."""

from __future__ import annotations

import gc
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from bench.payloads import SUBJECT, adt_messages, record
from bench.report import Line
from bench.served import RESOURCES, folder
from scr.api.services import now_ms
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import AccessRequest, Interaction, decide, entry_decider
from scr.consent.policy import load_policy
from scr.consent.sharing import Asker, SharingRule
from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.demo.people import DEMO_SEED, known_to
from scr.demo.person import COUNCIL, GP
from scr.demo.suppliers.council import nightly_file
from scr.demo.suppliers.gp import AREAS, structured_record
from scr.demo.suppliers.gp_request import Part, Question
from scr.fhir.dates import utc
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, stamp_by_content
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.search import parse_search
from scr.fhir.validate import validate
from scr.identity import index
from scr.identity.match import compare
from scr.mapping.adapter import Adapter, load_adapters
from scr.mapping.run import MappingContext, map_unit
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.migrations import migrate
from scr.store.records import load_record
from scr.terminology.coding import Coder
from scr.terminology.conceptmap import ConceptMaps

_ODS = OdsCode("ZZH01")
_SEARCHED = 1_000


def steps(rounds: int) -> list[Line]:
    """One line for each step."""
    files = DataFiles()
    adapters = load_adapters(files)
    context = MappingContext(_ODS, "subject", b"k" * 32, now_ms(), ConceptMaps.load(files))
    whole = list(_units(adapters["fhir-r4-record"], record(RESOURCES, source="small")))
    entries = [
        entry for unit in whole for entry in map_unit(adapters["fhir-r4-record"], unit, context).entries
    ]
    gc.collect()
    gc.freeze()  # the collector is let rest as a server lets it rest (``scr.api.app``)
    gc.set_threshold(20_000, 20, 100)
    return [
        _line("A fixed piece of Python work, to compare machines and moments by", _fixed, 1, rounds),
        *_payloads(adapters, context, rounds),
        *_matching(rounds),
        *_decisions(files, entries, rounds),
        *_searches(adapters["fhir-r4-record"], context, rounds),
        *_stored(entries, rounds),
    ]


def _fixed() -> int:
    """About 10 ms on a processor of 2020 that does nothing else."""
    texts: dict[str, int] = {}
    for number in range(30_000):
        texts[f"{number % 997}/{number % 13}"] = number
    return sum(texts.values())


def _payloads(adapters: Mapping[str, Adapter], context: MappingContext, rounds: int) -> list[Line]:
    adt, rows = adapters["pas-adt"], adapters["client-level-data"]
    messages = adt_messages(200, senders=1, seed=0)[0]
    admissions = [unit for message in messages for unit in _units(adt, message)]
    csv = nightly_file(known_to(COUNCIL, DEMO_SEED, 300))
    table = list(_units(rows, csv))
    r4, stu3 = record(RESOURCES, source="small"), _structured()
    gp = adapters["gp-connect"]
    count = sum(len(unit.tree["resources"]) for unit in _units(gp, stu3))
    coder = Coder(context.maps)
    coded = [resource for unit in _units(gp, stu3) for resource in unit.tree["resources"]]
    return [
        _at_most("Decode an ADT message", lambda: [list(_units(adt, m)) for m in messages], 200, rounds, 60),
        _line("Map an ADT message", lambda: [map_unit(adt, u, context) for u in admissions], 200, rounds),
        _cold("Map HL7 v2 (ADT), a resource, of messages just decoded", adt, messages, context, rounds, 60),
        _line("Decode a CSV row", lambda: list(_units(rows, csv)), len(table), rounds),
        _line("Map a CSV row", lambda: [map_unit(rows, unit, context) for unit in table], len(table), rounds),
        _cold("Map CSV, a resource, each row as if alone", rows, [csv], context, rounds, 60),
        _cold("Map GP Connect, a resource, of a record just decoded", gp, [stu3], context, rounds, 120),
        _line(
            f"{RESOURCES} resources of R4 to entries",
            lambda: _through(adapters["fhir-r4-record"], r4, context), 1, rounds,
        ),
        _at_most(
            f"{RESOURCES} resources of STU3 to entries (from a record of {count})",
            lambda: _through(gp, stu3, context), count / RESOURCES, rounds, 60_000,
        ),
        _line(
            "Look whether a resource needs a national code", lambda: coder(list(coded)), len(coded), rounds
        ),
    ]  # fmt: skip


def _matching(rounds: int) -> list[Line]:
    """People who are compared as they are told: the same, with slips, and others."""
    known = Demographics("Smith-Jones", ("Margaret", "Ann"), "1950-02-03", "female", "ZZ99 1AA")
    told = [
        known,
        Demographics("Smyth Jones", ("Maggie",), "1950-03-02", "female", "ZZ99 2AA"),
        Demographics("Okonkwo", ("Ngozi",), "1983-11-30", "female", "ZZ99 3AA"),
    ]
    some = [structs.replace(one, postcode=f"ZZ{n} 1AA") for n in range(20) for one in told]
    return [
        _at_most(
            "Compare two people's demographics",
            lambda: [compare(known, one) for one in some], len(some), rounds, 200,
        )
    ]  # fmt: skip


def _decisions(files: DataFiles, entries: Sequence[Entry], rounds: int) -> list[Line]:
    policy = load_policy(files)
    actor = Actor(
        ActorKind.PROFESSIONAL, "bench|1", role="R8000", organisation=_ODS, scopes=frozenset({"user/*.rs"})
    )
    request = AccessRequest(
        actor, Interaction.READ, frozenset({_ODS}), organisations={_ODS.value: "hospital"}
    )

    def decide_all() -> None:
        allowed = entry_decider(request, policy, utc(now_ms()))
        if not all(allowed(entry).permit for entry in entries):
            raise RuntimeError("an entry was denied that should not be")

    said = replace(request, rules=_said_by_one(10_000))
    return [
        _line("Decide on an entry", decide_all, len(entries), rounds),
        _line(f"Decide on a record of {len(entries)}", decide_all, 1, rounds),
        _p99(
            "Decide on a person with 10,000 Consents in force",
            lambda: decide(said, policy, utc(now_ms())),
            rounds,
        ),
    ]


def _searches(adapter: Adapter, context: MappingContext, rounds: int) -> list[Line]:
    """A search of a record of a thousand, read from its parameters to what is included."""
    units = _units(adapter, record(_SEARCHED, source="search"))
    entries = [
        stamp_by_content(entry) for unit in units for entry in map_unit(adapter, unit, context).entries
    ]

    def search(*pairs: tuple[str, str], include: str = "Observation:subject") -> Callable[[], int]:
        def work() -> int:
            asked = [("patient", "subject"), *pairs, ("_include", include)]
            read = parse_search("Observation", asked, base_url="https://bench.example/fhir")
            found = read.run(entries)
            return len(found) + len(read.included(found, entries))

        return work

    head = search(("status", "final"), ("date", "ge2020"))
    body = search(("value-quantity", "gt60"), ("identifier:missing", "false"))
    chain = search(("value-quantity", "gt60"), ("subject:Patient.gender", "female"), include="*")
    return [
        _at_most(f"Search {_SEARCHED} entries: {name}", work, 1, rounds, 5_000)
        for name, work in (
            ("two parameters of the head, and an include", head),
            ("two parameters of the body, and an include", body),
            ("a parameter, a chain, and all that is referred to", chain),
        )
    ]


def _said_by_one(count: int) -> tuple[SharingRule, ...]:
    """Objections of one person, each to another organisation's seeing one document."""
    return tuple(
        SharingRule(
            deny=True,
            consent=f"c{number}",
            askers=(Asker("organisation", f"Y{number:05}"),),
            things=(f"DocumentReference/d{number}",),
        )
        for number in range(count)
    )


def _stored(entries: Sequence[Entry], rounds: int) -> list[Line]:
    keys = KeyRing(secrets.token_bytes(32), secrets.token_bytes(32))
    bodies = [json.loads(entry.body) for entry in entries]
    with folder() as home:
        database = Database.open(f"sqlite:///{home / 'scr.db'}")
        try:
            migrate(database)
            number = NHSNumber.parse(SUBJECT)
            person = database.write_now(
                lambda conn: index.register(conn, keys, number, Demographics(), now_ms())
            )
            database.write_now(lambda conn: file_entries(conn, keys, person, entries, now_ms()))
            return [
                _line(
                    f"Read and open a stored record of {len(entries)}",
                    lambda: database.read_now(lambda conn: load_record(conn, keys, person)), 1, rounds,
                ),
                _line("Check a resource", lambda: [validate(body) for body in bodies], len(bodies), rounds),
            ]  # fmt: skip
        finally:
            database.close()


def _structured() -> bytes:
    """The largest GP record of the demonstration, in STU3."""
    areas: dict[str, dict[str, Part]] = {area: {} for area in AREAS}
    for area, part in (
        ("includeAllergies", "includeResolvedAllergies"),
        ("includeImmunisations", "includeNotGiven"),
    ):
        areas[area] = {part: Part(part, value_boolean=True)}
    records = [
        json.dumps(structured_record(person, Question(person.nhs_number, person.practice, areas, ())))
        for person in known_to(GP, DEMO_SEED, 60).values()
    ]
    return max(records, key=len).encode()


def _through(adapter: Adapter, payload: bytes, context: MappingContext) -> int:
    return sum(len(map_unit(adapter, unit, context).entries) for unit in _units(adapter, payload))


def _units(adapter: Adapter, payload: bytes) -> Iterator[Unit]:
    return (unit for unit in adapter.units(payload) if isinstance(unit, Unit))


def _p99(measure: str, work: Callable[[], object], rounds: int) -> Line:
    """The 99th of a hundred, in the best of several rounds."""
    work()
    best = float("inf")
    for _ in range(rounds):
        took = []
        for _ in range(100):
            started = time.perf_counter()
            work()
            took.append(time.perf_counter() - started)
        best = min(best, sorted(took)[98])
    return Line(measure, f"{best * 1000:.1f} ms (p99)")


def _line(measure: str, work: Callable[[], object], count: float, rounds: int) -> Line:
    return Line(measure, _shown(_best(work, count, rounds)))


def _at_most(measure: str, work: Callable[[], object], count: float, rounds: int, target: float) -> Line:
    """A step that was promised to take so many microseconds at most."""
    each = _best(work, count, rounds)
    return Line(measure, _shown(each), f"at most {_shown(target / 1e6)}", each * 1e6 <= target)


def _best(work: Callable[[], object], count: float, rounds: int) -> float:
    """Seconds of processor time that one of ``count`` takes."""
    work()
    best = float("inf")
    for _ in range(rounds):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best / count


def _cold(
    measure: str,
    adapter: Adapter,
    payloads: Sequence[bytes],
    context: MappingContext,
    rounds: int,
    target: float,
) -> Line:
    """Mapping alone, a resource that comes of it, of units of which nothing was read before."""
    best = float("inf")
    for _ in range(rounds + 1):
        spent, made = 0.0, 0
        for payload in payloads:
            units = list(_units(adapter, payload))
            started = time.thread_time()
            made += sum([len(map_unit(adapter, unit, context).entries) for unit in units])
            spent += time.thread_time() - started
        best = min(best, spent / made)
    return Line(measure, _shown(best), f"at most {_shown(target / 1e6)}", best * 1e6 <= target)


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.1f} µs"
