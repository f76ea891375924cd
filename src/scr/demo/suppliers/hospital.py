"""The hospital's interface engine: it sends to scr's MLLP port, in order, until each message is acknowledged.

First the history, then something new every few seconds. Without a connection or an answer it waits and
tries again, longer each time; an AE is sent again a few times; what is refused for good (AR) is set aside
in a file, as an interface team would find it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scr.demo import clinical
from scr.demo.happenings import WARDS
from scr.demo.laboratory import PROFILES
from scr.demo.people import known_to
from scr.demo.person import HOSPITAL, Person, Report, Visit, identifier
from scr.demo.suppliers.hospital_messages import (
    Message,
    attendance,
    history,
    mistakes,
    registration,
    results,
)
from scr.demo.suppliers.process import Arguments, asked_to_end, now, whole_write

START, END = b"\x0b", b"\x1c\r"
ANSWER_SECONDS = 10.0
LONGEST_WAIT = 8.0
SENDINGS = 2
"""How often a message that is answered with AE is sent before it is set aside."""


@dataclass(slots=True)
class Sender:
    """One MLLP connection, made again when it breaks."""

    host: str
    port: int
    wait: float = 0.25
    sent: int = 0
    set_aside: int = 0
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def send(self, message: Message) -> str:
        """Send until there is an answer; gives the last acknowledgement code (AA, AE or AR)."""
        code = "AE"
        for attempt in range(SENDINGS):
            if attempt:
                await asyncio.sleep(self.wait)
            code = await self._until_answered(message)
            if code != "AE":
                break
        self.sent += 1
        self.set_aside += code != "AA"
        return code

    async def _until_answered(self, message: Message) -> str:
        pause = self.wait
        while True:
            try:
                return await asyncio.wait_for(self._exchange(message), ANSWER_SECONDS)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                await self.close()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_WAIT)

    async def _exchange(self, message: Message) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        writer.write(START + message.text.encode() + END)
        await writer.drain()
        answer = (await reader.readuntil(END)).decode("utf-8", "replace")
        for line in answer.strip("\x0b\x1c\r").split("\r"):
            if line.startswith("MSA|"):
                code, control = ([*line.split("|"), "", ""])[1:3]
                if control != message.control:
                    raise ConnectionError("the acknowledgement is of another message")
                return {"CA": "AA", "CE": "AE", "CR": "AR"}.get(code, code)
        raise ConnectionError("an acknowledgement without MSA")

    async def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def something_new(people: Sequence[Person], rng: random.Random, moment: datetime) -> Message:
    """What happens next: a result, an arrival in the Emergency Department, or a changed address."""
    person = rng.choice(people)
    control = f"L{moment.strftime('%y%m%d%H%M%S%f')}"
    chance = rng.random()
    if chance < 0.6:
        profile = PROFILES[rng.choice(sorted(PROFILES))]
        values = tuple(analyte.value(rng.uniform(-1, 1)) for analyte in profile.analytes)
        order = identifier(control)[:8].upper()
        taken = moment - timedelta(hours=3)
        report = Report(profile, taken, values, order, frozenset({HOSPITAL}))
        return results(person, report, moment, control)
    if chance < 0.85:
        reason, icd10 = rng.choice(clinical.EMERGENCIES)
        number = "V" + identifier(control)[:7].upper()
        visit = Visit(
            "emergency", number, moment, moment, rng.choice(WARDS), reason, icd10, 0, frozenset({HOSPITAL})
        )  # fmt: skip
        return attendance(person, visit, "A04", moment, control)
    return registration(person, "A31", moment, control, person.address_at(HOSPITAL))


async def run(arguments: Arguments) -> None:
    """Send until asked to end."""
    sending = asyncio.create_task(_send_all(arguments))
    ending = asyncio.create_task(asked_to_end())
    await asyncio.wait({sending, ending}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, ending):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _send_all(arguments: Arguments) -> None:
    people = [
        person for person in known_to(HOSPITAL, arguments.seed, arguments.size).values() if not person.died
    ]
    sender = Sender(arguments.host, arguments.port)
    past = history(list(known_to(HOSPITAL, arguments.seed, arguments.size).values())) + mistakes(people)
    position = arguments.folder / "hospital.position"
    begin = int(position.read_text(encoding="ascii")) if position.is_file() else 0
    try:
        for index, message in enumerate(past[begin:], start=begin + 1):
            await _send_one(arguments, sender, message)
            if index % 50 == 0 or index == len(past):
                whole_write(position, str(index).encode())
                arguments.report(sent=sender.sent, of=len(past), set_aside=sender.set_aside)
        rng = random.Random()  # noqa: S311 - what happens at a hospital is not foreseen
        while True:
            await asyncio.sleep(arguments.every)
            await _send_one(arguments, sender, something_new(people, rng, now()))
            arguments.report(sent=sender.sent, of=len(past), set_aside=sender.set_aside)
    finally:
        await sender.close()


async def _send_one(arguments: Arguments, sender: Sender, message: Message) -> None:
    await arguments.pause()
    code = await sender.send(message)
    if code != "AA":
        whole_write(arguments.folder / "set-aside" / f"{message.control}.hl7", message.text.encode())
