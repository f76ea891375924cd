"""A deployment under attack: any request can be put to it, and every answer is held to what all must keep.

Ada has things that nobody who asks here may see: each of them says so in a word of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import select
from tests.functional.asgi import Headers, call
from tests.functional.deployment import (
    ADA,
    BERT,
    CLEO,
    RESTRICTED,
    SECRETS,
    Deployment,
    Tree,
    coded,
    observation,
    running,
)

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, opaque_id
from scr.store.tables import AUDIT

MARK = "zzhidden"
"""Stands in everything that is withheld, and nowhere else."""
_FOOT = re.compile(r"(?i)traceback|sqlalchemy|psycopg|site-packages|\.py\b|msgspec|joserfc")
"""What an answer of a program tells that ought not to tell of itself."""
_LINK = re.compile(r'"url":"[^"]*"')
_CONTENTS = {"contentType": "text/plain", "data": "enpoaWRkZW4="}
USUAL = "of a clinician of Ada's practice"


def hidden() -> list[Tree]:
    """What is withheld of Ada, and what names it."""
    marked: Tree = {"meta": {"security": [RESTRICTED]}}
    named = [{"reference": "Observation/zz", "display": MARK}, {"reference": "Observation/o1"}]
    letter = [{"attachment": {"title": MARK, "url": "Binary/zb", "contentType": "text/plain"}}]
    return [
        observation("zz", "165816005", "2025-02-02", **marked, note=[{"text": MARK}]),
        coded("DiagnosticReport", "zr", "1", status="final", result=named, conclusion=MARK),
        coded("DocumentReference", "zd", "1", status="current", content=letter, **marked),
        {"resourceType": "Binary", "id": "zb", **_CONTENTS, **marked},
        coded("Encounter", "ze", "1", status="finished", **{"class": {"code": "AMB"}}, **marked),
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and the row of the audit that tells of it."""

    status: int
    text: str
    headers: httpx.Headers
    row: Any

    @property
    def body(self) -> Tree:
        """The resource."""
        found: Tree = orjson.loads(self.text)
        return found

    @property
    def code(self) -> str:
        """The code of a refusal, in FHIR or as OAuth has it."""
        body = self.body
        return str(body["error"] if "error" in body else body["issue"][0]["details"]["coding"][0]["code"])

    @property
    def entries(self) -> list[Tree]:
        """The resources of a Bundle, or the one that it is."""
        body = self.body
        if body["resourceType"] != "Bundle":
            return [body] if body["resourceType"] != "OperationOutcome" else []
        found = (entry["resource"] for entry in body.get("entry", ()))
        return [one for one in found if one["resourceType"] != "OperationOutcome"]

    @property
    def ids(self) -> set[str]:
        """Their references."""
        return {f"{one['resourceType']}/{one['id']}" for one in self.entries}


class Besieged:
    """The deployment, and the ways to attack it."""

    def __init__(self, runner: asyncio.Runner, deployment: Deployment) -> None:
        self.runner = runner
        self.deployment = deployment
        self.ada, self.bert = self.person(ADA), self.person(BERT)
        self.cleo = self.person(CLEO, at="RXX")
        key = deployment.services.keys.id_key
        self.withheld = {
            kind: f"{kind}/{opaque_id(key, 'QXX', kind, logical)}"
            for kind, logical in (
                ("Observation", "zz"),
                ("DocumentReference", "zd"),
                ("Binary", "zb"),
                ("Encounter", "ze"),
            )
        }
        origins = self.ask(f"/fhir/Provenance?patient={self.ada}&_count=1000").ids  # of what may be seen
        self.all = self.ask(f"/fhir/Patient/{self.ada}/$everything?_count=1000").ids | origins

    def person(self, number: NHSNumber, **who: str) -> str:
        """The logical id of somebody's Patient."""
        return self.runner.run(self.deployment.subject(number, **who))

    def filled(self, text: str) -> str:
        """A text of a table with the ids and numbers that it speaks of."""
        words = {
            "{ada}": self.ada, "{bert}": self.bert, "{cleo}": self.cleo, "{system}": NHS_NUMBER_SYSTEM,
            "{ada#}": ADA.value, "{bert#}": BERT.value, "{cleo#}": CLEO.value,
        }  # fmt: skip
        words |= {f"{{{kind.lower()}}}": reference for kind, reference in self.withheld.items()}
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    def bearer(self, role: str = "R8000", at: str = "A81001", **claims: object) -> str:
        """The header of somebody."""
        return self.deployment.bearer(role, at, **claims)

    def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        token: str | None = USUAL,
        headers: Headers = (),
        body: bytes | None = b"",
    ) -> Told:
        """Put a request, and hold the answer to what every answer must keep."""
        if token == USUAL:
            token = self.bearer()
        more = [] if token is None else [("authorization", token)]
        given = call(self.deployment.app, method, self.filled(target), [*more, *headers], body)
        return self.held(self.runner.run(given))

    def held(self, response: httpx.Response) -> Told:
        """An answer with nothing in it that is withheld; a refusal tells of nobody, and is in the audit."""
        said = f"{response.text}{response.headers}"
        assert MARK not in said
        told = _LINK.sub("", said)  # a link repeats what was asked for
        assert not any(reference in told for reference in self.withheld.values())
        assert response.headers.get("cache-control") == "no-store"
        row = self.row(response.headers.get("x-correlation-id", ""))
        if response.status_code >= 400:
            assert not any(number in said for number in SECRETS)
            assert "Sample" not in said
            assert not _FOOT.search(response.text)
            assert row is not None
            assert row.outcome in {"refused", "failed"}
            assert row.code
            assert not any(number in str(tuple(row)) for number in SECRETS)
        return Told(response.status_code, response.text, response.headers, row)

    def row(self, correlation: str) -> Any:
        """The row of the audit of one answer."""
        query = select(AUDIT).where(AUDIT.c.correlation == correlation)
        return self.deployment.services.database.read_now(lambda conn: conn.execute(query).first())


@contextmanager
def under_siege(folder: Path, template: Path) -> Iterator[Besieged]:
    """One, in a folder; ``template`` is a SQLite file with the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "scr.db"
    database.write_bytes(template.read_bytes())
    with asyncio.Runner() as runner:
        opened = running(folder / "home", f"sqlite:///{database}")
        deployment = runner.run(opened.__aenter__())
        try:
            deployment.neighbour.resources += hidden()
            yield Besieged(runner, deployment)
        finally:
            runner.run(opened.__aexit__(None, None, None))
