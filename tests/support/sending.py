"""Whoever sends to a deployment that is killed, and does as an integration engine does: what was not
acknowledged is sent again, the oldest first; and whoever asks it, and keeps what every answer was called."""

from __future__ import annotations

import http.client
import os
import random
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson
from tests.functional.deployment import ADA, BERT, message, pid, visit
from tests.functional.online import VISIT
from tests.functional.test_endpoint_claims import GLASS, parameters
from tests.support.crashing import House
from tests.unit.api.issuing import role

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.intake.frames import FrameReader, frame

_LONG, _MOMENT = 60.0, 1.0
_NONE: Mapping[str, str] = MappingProxyType({})
_FIND = f"Patient?identifier={NHS_NUMBER_SYSTEM}|{ADA.value}"
GONE = (OSError, http.client.HTTPException, EOFError)
"""What it is to a peer when the process that serves it has died."""


@dataclass(slots=True)
class Sender:
    """What was sent, what of it was acknowledged, and every answer that came."""

    house: House
    draw: random.Random
    number: int = 0
    waiting: dict[str, deque[bytes]] = field(default_factory=lambda: {"mllp": deque(), "http": deque()})
    """What was not acknowledged, by the way that it goes, the oldest first."""
    acknowledged: list[tuple[str, bytes, str]] = field(default_factory=list)
    """How it was sent, the payload, and what it was told (AA, AE, an HTTP status, ``taken``)."""
    dropped: dict[str, bytes] = field(default_factory=dict)
    """Files and MESH messages, by the path from which they go when they are taken."""
    answered: list[str] = field(default_factory=list)
    """The ids of the answers that came, whole or in part."""
    added: dict[str, str] = field(default_factory=dict)
    """What the citizen was told is kept, by its text: its id."""
    broken: int = 0
    """Glasses that were broken, as whoever did so was told."""
    later: list[str] = field(default_factory=list)
    """Where the answers will be that were asked for, and have not been fetched."""
    fetched: list[str] = field(default_factory=list)
    """The jobs whose answers were."""
    failed: list[str] = field(default_factory=list)
    """Those that could not be made, as it was told."""
    adding: list[str] = field(default_factory=list)
    """What the citizen has sent and was told nothing of."""

    def live(self, *, asks: bool = True) -> None:
        """Send and ask, in an order that is drawn, until all is done. Raises what ``GONE`` names."""
        self.drop()
        steps: list[Callable[[], None]] = [self._mllp] * 3
        if asks:
            steps += [self._http, self._ask, self._later, self._add, self._break_glass]
        self.draw.shuffle(steps)
        for step in steps:
            step()
        self.settle(asks=asks, waits=False)

    def linger(self, alive: Callable[[], bool]) -> None:
        """Wait a moment for what the deployment does by itself. Raises EOFError where it dies meanwhile."""
        until = time.monotonic() + _MOMENT
        while time.monotonic() < until:
            if not alive():
                raise EOFError
            time.sleep(0.02)

    def drop(self) -> None:
        """Put a file into the folder, and a message into the mailbox."""
        self._put(self.house.drop / f"list-{self._next()}.csv", self._list())
        if self.house.inbox.is_dir():
            self._put(self.house.inbox / f"{self._next():08}", self._admission())

    def settle(self, *, asks: bool = True, waits: bool = True) -> None:
        """Send what waits, and wait until the files are gone, and, where one ``waits`` for them, the answers
        made that were asked for. Raises what ``GONE`` names."""
        for way in ("mllp", "http") if asks else ("mllp",):
            self._send(way)
        until = time.monotonic() + _LONG
        while self._left() or (asks and waits and self.later):
            if time.monotonic() > until:
                raise AssertionError("a file was not taken, or an answer not made")
            self._knock()
            if asks and waits:
                self._fetch()
            time.sleep(0.02)

    def _left(self) -> bool:
        """Whether a file is still where it was dropped; those that are not were taken."""
        for path in list(self.dropped):
            if not os.path.exists(path):
                self.acknowledged.append(("dropped", self.dropped.pop(path), "taken"))
        return bool(self.dropped)

    def _mllp(self) -> None:
        self.waiting["mllp"].append(self._admission())
        self._send("mllp")

    def _http(self) -> None:
        self.waiting["http"].append(self._admission())
        self._send("http")

    def _send(self, way: str) -> None:
        """Send what waits to go this way."""
        waiting = self.waiting[way]
        while waiting:
            told = self._exchange(waiting[0]) if way == "mllp" else self._post(waiting[0])
            self.acknowledged.append((way, waiting.popleft(), told))

    def _exchange(self, raw: bytes) -> str:
        """One message over a connection of its own; gives its acknowledgement's code."""
        frames = FrameReader(100_000)
        with socket.create_connection(("127.0.0.1", self.house.mllp_port), timeout=_LONG) as peer:
            peer.sendall(frame(raw))
            while (answer := frames.next()) is None:
                data = peer.recv(65536)
                if not data:
                    raise EOFError
                frames.feed(data)
        return answer.split(b"MSA|")[1][:2].decode()

    def _post(self, raw: bytes) -> str:
        bearer = self.house.issuer.bearer(nhsid_useruid=None, client_id="pas", sub="pas")
        return str(self.request("POST", "/intake/adt", raw, {"Authorization": bearer})[0])

    def _ask(self) -> None:
        """Find the person, and what the hospital told of her."""
        status, body = self.request("GET", f"/fhir/{_FIND}", headers=self._doctor())
        assert status == 200, body
        [subject] = [e["resource"]["id"] for e in body["entry"] if e["search"]["mode"] == "match"]
        assert self.request("GET", f"/fhir/Encounter?patient={subject}", headers=self._doctor())[0] == 200

    def _later(self) -> None:
        """An answer that nobody waits for: asked for, and looked for a few times, with those that were asked
        for in other lives."""
        headers = {**self._doctor(), "Prefer": "respond-async"}
        status, said = self.request("GET", f"/fhir/{_FIND}", headers=headers)
        assert status == 202, said
        self.later.append("/fhir/" + self.location.rpartition("/fhir/")[2])
        for _ in range(3):
            self._fetch()

    def _fetch(self) -> None:
        """Look for the answers that were asked for. One that could not be made says so."""
        for path in list(self.later):
            status, body = self.request("GET", path, headers=self._doctor())
            told = status == 503 and body["issue"][0]["details"]["coding"][0]["code"] == "job-failed"
            assert status in (200, 202) or told, body
            if status != 202:
                self.later.remove(path)
                (self.failed if told else self.fetched).append(path.rpartition("/")[2])

    def _add(self) -> None:
        """The citizen says something; sent again where there was no answer, it is the same."""
        if not self.adding:
            self.adding.append(f"matters {self._next()}")
        text = self.adding[0]
        headers = {"Cookie": f"{VISIT}={self.house.cookie}"}
        status, me = self.request("GET", "/access/people/me", headers=headers)
        assert status == 200, me
        sent = orjson.dumps({"values": {"text": text}, "once": text})
        status, body = self.request(
            "POST", "/access/people/me/contributions/what-matters", sent,
            {**headers, "X-CSRF-Token": str(me["csrf"])},
        )  # fmt: skip
        assert status in (200, 201), body
        self.added[text] = str(body["id"])
        self.adding.clear()

    def _break_glass(self) -> None:
        """Somebody who has nothing to do with a person breaks the glass: an alert goes out of it."""
        bearer = self.house.issuer.bearer(
            sub=f"doctor-{self._next()}", nhsid_nrbac_roles=[role("R8000", "RXX")]
        )
        sent = orjson.dumps(parameters(BERT))
        status, body = self.request("POST", f"/fhir/{GLASS}", sent, {"Authorization": bearer})
        assert status == 200, body
        self.broken += 1

    location: str = ""

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NONE
    ) -> tuple[int, dict[str, Any]]:
        """One request over a connection of its own. From the first byte of an answer its id is kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.house.http_port, timeout=_LONG)
        try:
            connection.request(method, path, body or None, {"Host": "record.test", **headers})
            answer = connection.getresponse()
            correlation = answer.headers["X-Correlation-ID"]
            if correlation is not None and not path.startswith("/intake"):
                self.answered.append(correlation)
            self.location = answer.headers["Content-Location"] or self.location
            content = answer.read()
        finally:
            connection.close()
        return answer.status, orjson.loads(content) if content[:1] == b"{" else {}

    def until_up(self, alive: Callable[[], bool], *, asks: bool = True) -> None:
        """Wait until the deployment listens. Raises EOFError where its process has died."""
        until = time.monotonic() + _LONG
        while time.monotonic() < until:
            if not alive():
                raise EOFError
            with suppress(OSError):
                self._knock()
                if asks:
                    self._knock(self.house.http_port)
                return
            time.sleep(0.01)
        raise AssertionError("the deployment does not listen")

    def _knock(self, port: int = 0) -> None:
        """Connect, which is all that is asked."""
        socket.create_connection(("127.0.0.1", port or self.house.mllp_port), timeout=_LONG).close()

    def _doctor(self) -> dict[str, str]:
        roles = [role("R8000", "A81001")]
        return {"Authorization": self.house.issuer.bearer(sub="R8000-A81001", nhsid_nrbac_roles=roles)}

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _put(self, path: os.PathLike[str], raw: bytes) -> None:
        """As suppliers do: written under another name, and renamed."""
        part = f"{path}.part" if "inbox" not in str(path) else str(path).replace("inbox/", "inbox/.")
        with open(part, "wb") as file:
            file.write(raw)
        os.rename(part, path)
        self.dropped[str(path)] = raw

    def _admission(self) -> bytes:
        """An admission of the person; one in five names a number that cannot be, and is set aside."""
        number = self._next()
        who = pid(ADA, "O'Sample", "Ada", "19410705")
        if self.draw.random() < 0.2:
            who = who.replace(ADA.value, "9995100003")
        return message("A01", f"S{number}", who, visit(f"V{number}"))

    def _list(self) -> bytes:
        """A practice's list: of people that are new, mostly few, now and then in several transactions."""
        count = self.draw.choice((2, 2, 2, 65))
        head = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"
        rows = [
            f"{number},New,Person,1970-01-01,F,ZZ99 1AA,A81001,2020-01-01"
            for number in (*(_number(self._next()) for _ in range(count)), "9995100003")
        ]
        return "\r\n".join([head, *rows, ""]).encode()


def _number(serial: int) -> str:
    """An NHS Number of the range for tests; of each serial another."""
    for stem in range(serial * 3, serial * 3 + 3):
        digits = f"9991{stem:05d}"
        check = 11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return digits + str(check % 11)
    raise AssertionError
