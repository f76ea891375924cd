"""Every statement on a table of persons goes to the rows of those asked about, by their keys.

So that a PostgreSQL that shards by the person's key answers each from one shard. Read from what the server
itself wrote down while a whole deployment was walked through, and from its own plans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Table
from tests.functional.deployment import ADA, ADMISSION, BASE, NOBODY, Deployment, message, pid, visit
from tests.functional.test_endpoint_consents import kept
from tests.functional.test_match import match, patient
from tests.functional.tour import Tour, clinician, touring
from tests.support import consents
from tests.support.statements import Way, listening, ways

from scr.api.catching_up import trace_some
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.store.tables import metadata

PERSONS = {"person": "key", "link": "former", "moved": "link"}
"""Tables of persons whose column of the person's key has another name. (A merge's rows go by its link.)"""

BY_ANOTHER_KEY: Mapping[tuple[str, str], str] = {
    ("person_index", "token"): "whose a number is: a directory, of keyed hashes",
    ("person_trace", "token"): "who may be meant by demographics: a directory, of keyed hashes",
    ("held", "id"): "whose a resource is that is held: a directory",
    ("locator", "id"): "whose a resource is that was served, or what is made for them: a directory",
    ("person", "patient_id"): "whose a Patient's id is: a directory, in the person's own row",
    ("delegation", "id"): "an access by its id, which the carer knows it by",
    ("delegation", "carer"): "for whom somebody may act, of all persons",
    ("delegation", "code"): "which invitation somebody has: nobody knows yet whose",
    ("snapshot", "id"): "a pinned answer by the id in its next page's address",
    ("job", "id"): "an answer that is fetched later, by the id in its address",
    ("job", "state"): "how many answers are to be made, of whomever, and those that no process makes",
    ("claim", "id"): "a claim by its id, as an alert of it has it",
    ("challenge", "id"): "what somebody said is wrong, by the id that its source was told",
    ("look_question", "id"): "a question by its id, as whoever answers has it",
    ("message", "id"): "a message: it is its sender's before it is anybody's",
    ("message", "provider"): "when a feed sent last, and whether it sent the same before",
    ("message", "state"): "messages that wait, and those whose person is in doubt",
    ("audit", "chain"): "the chain of a process, by which its next row is hung on the last",
    ("audit", "id"): "a row of the audit by its id",
    ("audit", "at"): "the latest rows of the audit, of all persons: for whoever watches over privacy",
    ("claim", "since"): "what was claimed lately, of all persons: for whoever watches over privacy",
    ("claim", "subject"): "what one user has claimed, of all persons",
    ("misuse_finding", "id"): "what was found of somebody's looks, by the id in its address",
    ("misuse_visit", "day"): "who looked at whom on a day, of all: what peers are compared by",
    ("misuse_visit", "actor"): "who looked at whom on a day: by the one who looked",
    ("misuse_visit", "state"): "looks that nobody has judged yet",
    ("link", "id"): "a link by its id, as whoever reviews it has it",
    ("moved", "link"): "what a merge moved",
    ("person", "key"): "all persons in turn, some at a time: upkeep",
}
"""What may be found by something else than the person's key, and why: by one key as well, mostly."""

OF_ALL = {
    r"FROM audit ORDER BY audit\.id DESC LIMIT": "the latest rows of the audit",
    r"FROM person p WHERE p\.key > .* NOT EXISTS .* FROM person_trace": "who has no demographics yet: upkeep",
}
"""Statements without any condition, and why."""

ADAS = (
    "Patient/{ada}", "Patient/{ada}/_history", "Patient/{ada}/$everything", "Patient/{ada}/$summary",
    "Patient/{ada}/$record-document", "Patient?identifier={number}", "Observation?patient={ada}",
    "Observation?patient={ada}&_count=1", "Condition?patient={ada}&_include=*&_revinclude=*",
    "Encounter?patient={ada}", "List?patient={ada}", "Provenance?patient={ada}", "Consent?patient={ada}",
    "Observation/$lastn?patient={ada}", "Patient/{ada}/$gaps", "Patient/{unknown}", "Encounter/{unknown}",
)  # fmt: skip


def of_persons() -> Iterator[tuple[Table, str]]:
    """The tables that hold anything of persons, and the column that says whose each row is."""
    for table in metadata.tables.values():
        if column := PERSONS.get(table.name, "person" if "person" in table.c else ""):
            yield table, column


def goes_astray(way: Way, columns: Mapping[str, str]) -> bool:
    """Whether a plan comes to rows of persons by no key of theirs, and by none that there is a reason for."""
    table = re.sub(r"_\d\d$", "", way.table)  # one of its parts
    if table not in columns:
        return False
    own = [columns[table], *(("retained",) if table == "link" else ())]
    others = [column for named, column in BY_ANOTHER_KEY if named == table]
    ways_in = [*((name, "=") for name in own), *((name, "(?:=|[<>]=?)") for name in others)]
    return not any(re.search(rf"\b{name}\)?(?:::\w+)? {how} ", way.conditions) for name, how in ways_in)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
async def test_what_is_asked_of_a_person_is_asked_by_their_key(tmp_path: Path, database_url: str) -> None:
    """A tour of the pages, of the citizens' and the FHIR interface, of messages: each statement that there is
    comes to the rows of persons by their key, or by another that has a reason."""
    with listening(database_url) as heard:
        async with touring(tmp_path / "home", database_url, pulled_stale_hours=24) as tour:
            await _walk(tour)
    columns = {table.name: column for table, column in of_persons()}
    assert len(heard.statements) > 120
    of_all = [one.replace(" ", r"\s+") for one in OF_ALL]
    met: set[str] = set()
    astray: list[str] = []
    with psycopg.connect(database_url) as connection:
        for statement in heard.statements:
            for way in ways(connection, statement):
                met.add(re.sub(r"_\d\d$", "", way.table))
                if goes_astray(way, columns) and not any(re.search(one, statement) for one in of_all):
                    astray.append(f"{way.table}: {way.conditions or 'all of it'}\n    {statement[:300]}")
    assert not astray, "\n".join(astray)
    assert met >= {"person", "resource", "resource_history", "held", "locator", "pulled", "audit", "sharing"}
    assert goes_astray(Way("resource_03", "(source = $1)"), columns)


def test_every_table_of_persons_is_keyed_by_them_or_said_to_be_found_otherwise() -> None:
    """The person's key is first in each primary key, but where the list above says by what it is found."""
    for table, column in of_persons():
        first = next(iter(table.primary_key.columns)).name
        assert first == column or (table.name, first) in BY_ANOTHER_KEY or table.name == "link", table.name


async def _walk(tour: Tour) -> None:
    deployment = tour.place.deployment
    services = deployment.services
    await tour.walk(tour.ada)
    staff = await tour.place.browser(clinician())
    await tour.walk(staff, faces=("/viewer",), whose=tour.names["whose"])
    await trace_some(services, "")
    await match(deployment, patient())
    choice = consents.consent({"type": "deny", "actor": [consents.asker("ZZZ98")]}, tour.names["whose"])
    await kept(deployment, choice)
    await _ask_everything(deployment, tour.names["whose"])
    await deployment.receive("RXX", ADMISSION)
    await deployment.receive("RXX", message("A08", "M9", pid(NOBODY, "New", "Nell", "19800101", local="H9")))
    await deployment.receive("RXX", message("A40", "M10", pid(ADA, "O'Sample", "Ada", "19410705"), "MRG|H7"))
    again = message("A08", "M11", pid(ADA, "O'Sample", "Ada^Mary", "19410705"), visit(), "DG1|1||I48^AF^I10")
    await deployment.receive("RXX", again)


async def _ask_everything(deployment: Deployment, ada: str) -> None:
    bearer = {"Authorization": deployment.bearer()}
    names = {"ada": ada, "number": f"{NHS_NUMBER_SYSTEM}%7C{ADA.value}", "unknown": "z" * 26}
    for path in ADAS:
        said = await deployment.get(path.format(**names))
        assert said.status < 500, path
        if said.body.get("type") != "searchset":
            continue
        if following := said.link("next"):
            await deployment.get(following)
        for reference in said.ids[:3]:
            for path in ("", "/_history", "/_history/1"):
                await deployment.client.get(f"{BASE}/{reference}{path}", headers=bearer)
    headers = {**bearer, "Prefer": "respond-async"}
    begun = await deployment.client.get(f"{BASE}/Patient/{ada}/$everything", headers=headers)
    await deployment.client.get(begun.headers["content-location"], headers=headers)
    await deployment.client.delete(begun.headers["content-location"], headers=headers)
    await deployment.get("AuditEvent?_count=5", role="R0001", at="C99")
    await deployment.get(f"AuditEvent?patient={ada}&_count=5", role="R0001", at="C99")
