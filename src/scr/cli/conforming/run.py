"""Asks an endpoint what the conformance pack asks, and says what came of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import httpx
import orjson

from scr.errors import Invalid, Unavailable
from scr.fhir.conforming.checks import Check, Step
from scr.fhir.conforming.claims import Claims, Variables, claims_of, subjects_of
from scr.fhir.conforming.judge import Answered, problems
from scr.store.keys import random_id

_AT_ONCE = 6
_SECONDS = 30.0
_MOST_PAGES = 50
_VARIABLE = re.compile(r"\{([a-z]+)\}")
Verdict = Literal["passed", "failed", "skipped"]
Token = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check, once: of what, and where it failed or was skipped, why."""

    check: Check
    of: str
    verdict: Verdict
    why: str = ""
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found of an endpoint."""

    base: str
    software: str
    findings: tuple[Finding, ...]

    def count(self, verdict: Verdict) -> int:
        """How many findings came out so."""
        return sum(one.verdict == verdict for one in self.findings)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Those that failed."""
        return tuple(one for one in self.findings if one.verdict == "failed")


class Conformance:
    """One run against one endpoint. ``patient`` is the logical id of the person who is asked about."""

    def __init__(self, client: httpx.AsyncClient, base: str, token: Token, patient: str) -> None:
        self._client = client
        self._base = base.rstrip("/")
        self._token = token
        self._patient = patient
        self._some = asyncio.Semaphore(_AT_ONCE)
        self._samples: dict[str, tuple[str, str]] = {}
        self._closed: set[str] = set()

    async def run(
        self, checks: Iterable[Check], *, kinds: frozenset[str] = frozenset(), writes: bool = False
    ) -> Report:
        """Ask everything. ``kinds``: of these types only; ``writes``: what changes something is asked too.

        Raises Invalid, Unavailable where there is nothing to ask.
        """
        claims = await self.claims()
        await self._sample(claims, kinds)
        wanted = [check for check in checks if writes or not check.writes]
        made = [(check, known) for check in wanted for known in subjects_of(check, claims, kinds)]
        found = await asyncio.gather(*(self._once(check, known) for check, known in made if not check.writes))
        for check, known in made:  # what changes the record does so when nobody looks
            if check.writes:
                found.append(await self._once(check, known))
        return Report(self._base, claims.software, (*_of_statement(wanted, claims), *found))

    async def claims(self) -> Claims:
        """What the endpoint claims."""
        answer = await self._ask("GET", "metadata", bearer="none")
        if answer.status != 200:
            raise Unavailable(f"metadata is answered {answer.status}", code="no-statement")
        return claims_of(answer.resource, self._base)

    async def find(self, identifier: str) -> str:
        """The id of the one Patient with an identifier, asked for by POST, so that it is in no address."""
        answer = await self._ask("POST", "Patient/_search", form=f"identifier={identifier}")
        if answer.status != 200 or len(answer.matches) != 1:
            raise Invalid(f"no one Patient with this identifier: status {answer.status}", code="no-patient")
        return str(answer.matches[0].get("id"))

    async def _sample(self, claims: Claims, kinds: frozenset[str]) -> None:
        """One resource of each type: its id and version; and the types that are not for this token.

        A token for which nothing is there is another matter: then all of it fails.
        """

        searched = [one for one in claims.types if "search-type" in one.interactions and one.is_of_a_person]
        asked = [each.name for each in searched if not kinds or each.name in kinds]
        await asyncio.gather(*map(self._look, asked))
        if len(self._closed) == len(asked):
            self._closed.clear()

    async def _look(self, name: str) -> None:
        query = f"_id={self._patient}" if name == "Patient" else f"patient={self._patient}&_count=1"
        answer = await self._ask("GET", f"{name}?{query}")
        if answer.status == 403:
            self._closed.add(name)
        for found in answer.matches[:1]:
            version = str((found.get("meta") or {}).get("versionId", ""))
            self._samples[name] = (str(found.get("id")), version)

    async def _once(self, check: Check, subject: Variables) -> Finding:
        """One check, of one thing. What failed of what only reads is asked once more, by what is there then:
        what is live may change between two questions."""
        found = await self._asked(check, subject)
        if found.verdict != "failed" or check.writes:
            return found
        if subject.get("type") in self._samples:
            await self._look(subject["type"])
        again = await self._asked(check, subject)
        return replace(again, why="when asked again") if again.verdict == "passed" else found

    async def _asked(self, check: Check, subject: Variables) -> Finding:
        of = " ".join(
            subject[name] for name in ("type", "parameter", "include", "operation") if name in subject
        )
        if subject.get("type") in self._closed:
            return Finding(check, of, "skipped", "this token may not ask for it")
        known = {"patient": self._patient, "run": random_id(), **subject}
        sample = self._samples.get(subject.get("type", ""))
        if sample is not None:
            known["id"], known["version"] = sample
        started = time.perf_counter()
        wrong: list[str] = []
        for step in check.steps:
            try:
                wrong = await self._step(step, known)
            except KeyError as missing:
                needs = (
                    "nothing of this person to ask about" if missing.args[0] in {"id", "version"} else missing
                )
                return Finding(check, of, "skipped", f"{needs}")
            if wrong:
                break
        elapsed = (time.perf_counter() - started) * 1000
        return Finding(check, of, "failed" if wrong else "passed", "; ".join(wrong), elapsed)

    async def _step(self, step: Step, known: Variables) -> list[str]:
        """What is wrong with one step. Raises KeyError where a variable is not known."""
        method, address = step.request
        body = b"" if step.body is None else _filled(orjson.dumps(step.body).decode(), known).encode()
        answer = await self._ask(
            method,
            _filled(address, known),
            headers={name: _filled(value, known) for name, value in step.headers.items()},
            body=body,
            form=_filled(step.form, known),
            bearer=step.token,
        )
        filled = _filled(orjson.dumps(step.expect.model_dump(by_alias=True)).decode(), known)
        expect = type(step.expect).model_validate_json(filled)
        found = problems(answer, expect)
        for name, place in step.keep.items():
            known[name] = answer.value(place)
        if step.pages and not found:
            found += await self._pages(answer)
        return found

    async def _pages(self, first: Answered) -> list[str]:
        """Follow the pages: each thing once, and as many as the total says, where it says."""
        seen: list[str] = []
        answer, total = first, first.resource.get("total")
        for _ in range(_MOST_PAGES):
            seen += [f"{one.get('resourceType')}/{one.get('id')}" for one in answer.matches]
            if not answer.next:
                wrong = [] if len(set(seen)) == len(seen) else ["something stands on two pages"]
                if isinstance(total, int) and total != len(seen):
                    wrong.append(f"the pages have {len(seen)}, and the total says {total}")
                return wrong
            answer = await self._ask("GET", answer.next)
            if answer.status != 200:
                return [f"a next page is answered {answer.status}"]
        return []

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        form: str = "",
        bearer: Literal["", "none", "wrong"] = "",
    ) -> Answered:
        sent = {"Accept": "application/fhir+json", **(headers or {})}
        if bearer != "none":
            sent["Authorization"] = "Bearer nonsense" if bearer else f"Bearer {await self._token()}"
        if form:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body:
            sent["Content-Type"] = "application/fhir+json"
        url = (
            address if address.startswith(("http://", "https://")) else f"{self._base}/{address}".rstrip("/")
        )
        if not url.startswith(self._base):  # the token is for nobody else
            raise Invalid("a link leads to another server", code="link-elsewhere")
        try:
            async with self._some:
                response = await self._client.request(
                    method, url, headers=sent, content=form.encode() or body or None, timeout=_SECONDS
                )
        except httpx.HTTPError as error:
            return Answered(0, {}, type(error).__name__.encode())
        return Answered(response.status_code, dict(response.headers), response.content)


def _of_statement(checks: Sequence[Check], claims: Claims) -> list[Finding]:
    first = next((one for one in checks if one.name == "capabilities"), None)
    return [] if first is None else [Finding(first, "", "failed", why) for why in claims.problems]


def _filled(text: str, known: Variables) -> str:
    """A text with its variables. Raises KeyError for one that is not known."""

    def value(found: re.Match[str]) -> str:
        known_value = known[found.group(1)]
        return _filled(known_value, known) if "{" in known_value else known_value

    return _VARIABLE.sub(value, text)
