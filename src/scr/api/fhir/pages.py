"""Pages of a search, pinned: the same order and content on each, whatever the sources do meanwhile.

A cursor is opaque and bound to the actor: another's cursor finds nothing. What was pinned is decided
again for every page, so that a permission that has ended ends here too.
https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec.structs import replace

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.served import remember
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import NotFound
from scr.fhir.bundle import Links, searchset
from scr.fhir.entry import Entry, Resource
from scr.fhir.outcome import issue
from scr.fhir.search import Includes, Shape
from scr.store import snapshots
from scr.store.engine import Database
from scr.store.keys import KeyRing

_MAC_BYTES = 16


class _Pinned(msgspec.Struct, array_like=True):
    """What a snapshot seals: the matches in order, the ledger, the page size, and whom it tells of.

    ``nameless``: the ledger names no source. ``named`` are the heads of others that the matches refer to;
    ``others`` are included with them, by the rules of ``includes``.
    """

    entries: list[Entry]
    ledger: bytes
    summary: str
    count: int
    own: str
    sources: list[str]
    people: list[str] = []
    nameless: bool = False
    named: list[Entry] = []
    others: list[Entry] = []
    includes: list[tuple[str, str]] = []
    shape: Shape = Shape()
    total: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How what was found is given: the self link, the page size, what goes with it, and which part of each.

    ``ignored`` are parameters that were not understood, and left out as the sender wished; ``notes`` are
    issues that are told with the ledger.
    """

    own: str
    count: int
    includes: list[tuple[str, str]] = field(default_factory=list)
    shape: Shape = field(default_factory=Shape)
    total: bool = True
    ignored: list[str] = field(default_factory=list)
    notes: list[Resource] = field(default_factory=list)


class Giving(Protocol):
    """Makes the answer of what was found."""

    async def first(
        self, look: Look, actor: Actor, opened: Opened, found: Sequence[Entry], plan: Plan
    ) -> Answer:
        """The answer, or the first page of it."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    snapshot: str
    offset: int


class Pages:
    """Answers with pages."""

    def __init__(
        self, database: Database, keys: KeyRing, opener: Opener, base_url: str, lifetime_seconds: int
    ) -> None:
        self._database = database
        self._keys = keys
        self._opener = opener
        self._base_url = base_url
        self._lifetime = lifetime_seconds * 1000

    async def first(
        self, look: Look, actor: Actor, opened: Opened, found: Sequence[Entry], plan: Plan
    ) -> Answer:
        """The first page of what was found; what remains is pinned."""
        page = found[: plan.count]
        includes = Includes(plan.includes, self._base_url)
        others = await self._beside(opened, found, plan)
        ledger = _noted(opened.ledger.resource(), plan)
        next_link = None
        if 0 < plan.count < len(found):
            snapshot = await self._pin(look, actor, opened, found, others, ledger, plan)
            next_link = self._link(actor, _Cursor(snapshot, plan.count))
        body = searchset(
            map(plan.shape.of, page) if plan.shape else page,
            bundle_id=look.correlation,
            base_url=self._base_url,
            links=Links(self._address(plan.own), next_link),
            now=look.now,
            total=len(found) if plan.total else None,
            included=self._included(page, found, others, includes, plan.shape),
            outcome=ledger,
        )
        return Answer(body, headers={"X-SCR-Ledger": opened.ledger.summary()})

    async def to_pin(self, opened: Opened, found: Sequence[Entry], plan: Plan) -> bytes:
        """What is to be pinned of what was found, for ``whole``; nothing of it is given or kept here."""
        others = await self._beside(opened, found, plan)
        return _pinned(opened, found, others, _noted(opened.ledger.resource(), plan), plan)

    async def _beside(self, opened: Opened, found: Sequence[Entry], plan: Plan) -> list[Entry]:
        """What goes with what was found. Of all of it, it is noted where it can be read again."""
        if not plan.count:
            return []
        others = Includes(plan.includes, self._base_url).of(found, opened.permitted)
        await remember(self._database, opened, [*found, *others])
        return others

    def _included(
        self,
        page: Sequence[Entry],
        found: Sequence[Entry],
        others: Sequence[Entry],
        includes: Includes,
        shape: Shape,
    ) -> list[Entry]:
        """What goes with one page: nothing that is a match, on whatever page that stands."""
        if not others:
            return []
        matches = {entry.reference for entry in found}
        with_page = includes.of(page, [*found, *others])
        return [shape.of(entry) for entry in with_page if entry.reference not in matches]

    def _address(self, own: str) -> str:
        return f"{self._base_url}{own}" if own.startswith("?") else f"{self._base_url}/{own}"

    async def next(self, look: Look, actor: Actor, token: str) -> Answer:
        """A later page. Raises NotFound where the cursor is not this actor's, or its time is over."""
        return await self._page(look, actor, self._read(actor, token), f"{self._base_url}?_page={token}")

    async def whole(self, look: Look, actor: Actor, snapshot: str) -> Answer:
        """All that was pinned for the actor in one answer, decided again. Raises NotFound as ``next``."""
        return await self._page(look, actor, _Cursor(snapshot, 0), None)

    async def _page(self, look: Look, actor: Actor, cursor: _Cursor, own: str | None) -> Answer:
        """A page at the address ``own``; the whole of what was pinned, where that is None."""
        loaded = await self._database.read(
            lambda conn: snapshots.load(conn, self._keys, cursor.snapshot, actor.holder, look.now)
        )
        if loaded is None:
            raise _no_page()
        pinned = msgspec.msgpack.decode(loaded[1], type=_Pinned)
        if not pinned.people:  # pinned by an earlier version of this program
            raise _no_page()
        permitted = await self._opener.decided_again(
            look,
            actor,
            pinned.people,
            [*pinned.entries, *pinned.others],
            pinned.sources,
            nameless=pinned.nameless,
            named=pinned.named,
        )
        at = cursor.offset
        allowed = {entry.reference: entry for entry in permitted}
        still = [entry.reference in allowed for entry in pinned.entries]
        found = [allowed[entry.reference] for entry in pinned.entries if entry.reference in allowed]
        size = pinned.count if own else len(still) if pinned.count else 0
        after = at + size
        page = found[sum(still[:at]) : sum(still[:after])]
        more = size > 0 and any(still[after:])
        matches = {entry.reference for entry in pinned.entries}
        others = [entry for entry in permitted if entry.reference not in matches]
        includes = Includes(pinned.includes, self._base_url)
        body = searchset(
            map(pinned.shape.of, page),
            bundle_id=look.correlation,
            base_url=self._base_url,
            links=Links(
                own or self._address(pinned.own),
                self._link(actor, _Cursor(cursor.snapshot, after)) if more else None,
            ),
            now=look.now,
            total=len(found) if pinned.total else None,
            included=self._included(page, found, others, includes, pinned.shape),
            outcome=_resource(pinned.ledger),
        )
        return Answer(body, headers={"X-SCR-Ledger": pinned.summary})

    async def _pin(
        self,
        look: Look,
        actor: Actor,
        opened: Opened,
        found: Sequence[Entry],
        others: Sequence[Entry],
        ledger: Resource,
        plan: Plan,
    ) -> str:
        blob, person = _pinned(opened, found, others, ledger, plan), opened.known.person
        return await self._database.write(
            lambda conn: snapshots.save(
                conn, self._keys, person, actor.holder, blob, look.now, self._lifetime
            )
        )

    def _link(self, actor: Actor, cursor: _Cursor) -> str:
        return f"{self._base_url}?_page={self._token(actor, cursor)}"

    def _token(self, actor: Actor, cursor: _Cursor) -> str:
        return self._sealed(actor, f"{cursor.snapshot}.{cursor.offset}".encode())

    def _sealed(self, actor: Actor, plain: bytes) -> str:
        mac = self._keys.fingerprint(f"cursor {actor.holder}", plain)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac + plain).decode().rstrip("=")

    def _read(self, actor: Actor, token: str) -> _Cursor:
        """What a token stands for; it must be, to the letter, one that was made here for this actor."""
        try:
            plain = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_MAC_BYTES:]
        except (binascii.Error, ValueError):
            raise _no_page() from None
        if not hmac.compare_digest(token.encode(), self._sealed(actor, plain).encode()):
            raise _no_page()
        snapshot, _, offset = plain.decode("ascii").partition(".")
        return _Cursor(snapshot, int(offset))


def _pinned(
    opened: Opened, found: Sequence[Entry], others: Sequence[Entry], ledger: Resource, plan: Plan
) -> bytes:
    pinned = _Pinned(
        list(found),
        msgspec.json.encode(ledger),
        opened.ledger.summary(),
        plan.count,
        plan.own,
        opened.told_of,
        [person.key for person in opened.known.view],
        opened.ledger.nameless,
        _named(opened, [*found, *others]),
        list(others),
        plan.includes,
        plan.shape,
        plan.total,
    )
    return msgspec.msgpack.encode(pinned)


def _named(opened: Opened, found: Sequence[Entry]) -> list[Entry]:
    """The heads of permitted entries that the matches refer to and that are none of them."""
    named = {reference for entry in found for reference in entry.references}
    named.difference_update(entry.reference for entry in found)
    return [replace(entry, body=b"") for entry in opened.permitted if entry.reference in named]


def _noted(ledger: Resource, plan: Plan) -> Resource:
    """The ledger, with a warning for each parameter that was left out, and what else is to be told."""
    left_out = [
        issue("warning", "not-supported", f"{name}: not known here, and left out", detail="ignored-parameter")
        for name in plan.ignored
    ]
    notes = [*plan.notes, *left_out]
    return {**ledger, "issue": [*ledger["issue"], *notes]} if notes else ledger


def _resource(ledger: bytes) -> Resource:
    decoded: Resource = msgspec.json.decode(ledger)
    return decoded


def _no_page() -> NotFound:
    return NotFound("this page is not there any more: search again", code="no-page")
