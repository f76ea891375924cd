"""Requests of every kind, put to two worlds, and the comparison of what they answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
from tests.functional.world_requests import Asked, draw
from tests.functional.worlds import PEOPLE, SENT_ANEW, STRANGER, Pair, Request, Somebody, World, two_worlds

from scr.fhir.identifiers import NHSNumber
from scr.identity import index

_VARIES = re.compile(
    rb'"id":"[a-z2-7]{26}"(?=,"meta":\{"lastUpdated")|"last(?:Updated|Modified)":"[^"]*"|_page=[A-Za-z0-9_-]+'
    rb'|(?<="url":"elapsedMilliseconds","valueUnsignedInt":)\d+|(?<="url":"ageSeconds","valueUnsignedInt":)\d+'
    rb'|<id value="[a-z2-7]{26}"/>(?=<meta><lastUpdated)|<last(?:Updated|Modified) value="[^"]*"'
    rb'|(?<=url="elapsedMilliseconds"><valueUnsignedInt value=)"\d+"'
    rb'|(?<=url="ageSeconds"><valueUnsignedInt value=)"\d+"'
    rb'|(?<=url="reason"><valueCode value=)"[a-z0-9-]+"'
    rb'|(?<="timestamp":)"[^"]*"|(?<=<timestamp value=)"[^"]*"'
    rb'|(?<="date":)"[^"]*"(?=,"author":\[\{"reference":"urn:uuid)'
    rb'|(?<=<date value=)"[^"]*"(?=/><author><reference value="urn:uuid)'
    rb'|(?<="recorded":)"[^"]*"|<recorded value="[^"]*"'
    rb'|(?<="url":"since","valueInstant":)"[^"]*"|(?<=The last look was at )[0-9T:.-]+Z'
    rb"|(?:https://neighbour\.test: it answered with status 500|It failed several times in a row, and is left"
    rb" alone for a moment\.)"
    rb'|(?<="url":"reason","valueCode":)"[a-z0-9-]+"|(?<="date":)"[^"]*"(?=,"kind":"instance")'
    rb'|(?<=<date value=)"[^"]*"(?=/><kind value="instance")'
    rb'|(?<=<extension url="since"><valueInstant value=)"[^"]*"'
)
"""Ids of answers, times and cursors; and whether a source that is down was asked once more or left alone."""
_HEADERS_VARY = frozenset({"x-correlation-id", "last-modified", "content-length", "retry-after"})
_AT_ONCE = 8
_A_MOMENT = 0.005
_MOST_PAGES = 12


class Worlds:
    """Both deployments, asked from tests that are not asynchronous, and the ids that there are."""

    def __init__(self, runner: asyncio.Runner, pair: Pair) -> None:
        self._runner = runner
        self._looking = asyncio.Lock()
        self.pair = pair
        self.subjects = {p.number: pair.withheld.person(p).patient_id for p in PEOPLE}
        self.subjects[STRANGER] = self.patient_id(STRANGER)
        self.ids: dict[str, list[str]] = {}
        for somebody in PEOPLE:
            every = runner.run(pair.withheld.everything(somebody))
            runner.run(pair.without.everything(somebody))  # so that both have asked the source as often
            self.ids[somebody.number.value] = sorted({*every, *pair.withheld.consents(somebody)})
        policy = pair.withheld.services.policy
        self.asked = [
            Asked(
                somebody.number.value,
                self.subjects[somebody.number],
                tuple(self.ids[somebody.number.value]),
                tuple(who for who in somebody.askers if somebody.kept_from(policy, who.role)),
            )
            for somebody in PEOPLE
            if somebody is not SENT_ANEW  # of whom the times tell
        ]
        nobody_knows = Asked(STRANGER.value, self.subjects[STRANGER], (), PEOPLE[0].askers)
        self.asked.append(nobody_knows)

    def patient_id(self, number: NHSNumber) -> str:
        """The id of the Patient of somebody whom the first world knows."""
        services = self.pair.withheld.services
        person = services.database.read_now(lambda conn: index.find(conn, services.keys, number))
        assert person is not None
        return person.patient_id

    def more(self, somebody: Somebody) -> set[str]:
        """What there is of a person in the first world only: references."""
        without = self._runner.run(self.pair.without.everything(somebody))
        without += self.pair.without.consents(somebody)
        return set(self.ids[somebody.number.value]) - set(without)

    def ask(self, request: Request) -> tuple[httpx.Response, httpx.Response]:
        """The answers of both worlds to one request."""
        return self._runner.run(self._both(request))

    def hold(self, seed: str, numbers: Iterable[int]) -> int:
        """Ask the requests of these numbers, some at once; how many were asked, with the pages of answers.

        Raises AssertionError at a difference, with the seed and the number that ask the same again.
        """
        requests = ((number, draw(Random(f"{seed}/{number}"), self.asked)) for number in numbers)
        return self._runner.run(self._hold(seed, requests))

    def down(self, *, down: bool) -> None:
        """Let the live source fail in both worlds, or answer again."""
        for world in (self.pair.withheld, self.pair.without):
            world.neighbour.down = down

    async def _hold(self, seed: str, requests: Iterator[tuple[int, Request]]) -> int:
        async def some() -> int:
            asked = 0
            for number, request in requests:
                try:
                    asked += await self._in_turn(request)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed!r}, number {number}: {request}\n{error}") from None
            return asked

        return sum(await asyncio.gather(*(some() for _ in range(_AT_ONCE))))

    async def _in_turn(self, request: Request) -> int:
        """What was shown of a whole record is remembered: such looks have one order in both worlds."""
        if not _is_look(request):
            return await self._alike(request)
        async with self._looking:
            return await self._alike(request)

    async def _both(
        self, request: Request, other: Request | None = None
    ) -> tuple[httpx.Response, httpx.Response]:
        """The answers of both worlds, to one request or to one for each."""
        one, two = await asyncio.gather(
            self._fetched(self.pair.withheld, request), self._fetched(self.pair.without, other or request)
        )
        return one, two

    @staticmethod
    async def _fetched(world: World, request: Request) -> httpx.Response:
        """The answer, when it is there."""
        said = await world.ask(request)
        job = said.headers.get("content-location", "")
        while said.status_code == 202 and "/$job/" in job:
            await asyncio.sleep(_A_MOMENT)
            said = await world.ask(replace(request, path=job, query=(), form=None, method="GET", content=b""))
        return said

    async def _alike(self, request: Request) -> int:
        """Both worlds answer a request alike, and each page of the answer; how many were asked."""
        asked = 0
        one, other = await self._both(request)
        while True:
            asked += 1
            assert same(one) == same(other), _apart(same(one), same(other))
            assert one.status_code < 500 or self.pair.withheld.neighbour.down, one.text
            first, second = _next(one), _next(other)
            if first is None or second is None or asked > _MOST_PAGES:
                return asked
            pages = [replace(request, path=link, query=(), form=None) for link in (first, second)]
            one, other = await self._both(*pages)
            assert one.status_code == 200, one.text


@contextmanager
def opened_worlds(folder: Path, template: Path) -> Iterator[Worlds]:
    """Both worlds, built in a folder; ``template`` is a SQLite file with the tables."""
    with asyncio.Runner() as runner:
        opened = two_worlds(folder, template)
        pair = runner.run(opened.__aenter__())
        try:
            yield Worlds(runner, pair)
        finally:
            runner.run(opened.__aexit__(None, None, None))


def _is_look(request: Request) -> bool:
    """Whether it may be one at a whole record."""
    names = f"{request.path} {request.content.decode()}"
    return "$everything" in names or "$since-last-look" in names


def same(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """An answer without its ids and times."""
    headers = {name: value for name, value in response.headers.items() if name not in _HEADERS_VARY}
    return response.status_code, _VARIES.sub(b"*", response.content), headers


def _apart(
    one: tuple[int, bytes, dict[str, str]], other: tuple[int, bytes, dict[str, str]]
) -> tuple[object, object]:
    """Where two answers differ: statuses, headers, or the bytes around the first that is another."""
    if one[0] != other[0] or one[1] == other[1]:
        return one, other
    places = range(min(len(one[1]), len(other[1])))
    at = next((place for place in places if one[1][place] != other[1][place]), len(places))
    return one[1][max(at - _AROUND, 0) : at + _AROUND], other[1][max(at - _AROUND, 0) : at + _AROUND]


_AROUND = 300
_NEXT = re.compile(rb'"next"(?:,"url":|/>\s*<url value=)"([^"]+)"')


def _next(response: httpx.Response) -> str | None:
    """The address of the next page, in JSON and in XML alike."""
    found = _NEXT.search(response.content) if response.status_code == 200 else None
    return None if found is None else found[1].decode()
