"""``python -m scr.intake.ahead.process``: maps the rows that it is sent, until nobody sends any more.

It is told on its standard input whom it maps for, and says whether its files are those that it is asked
for; then it answers each question with what was made of the rows. It opens no database, writes no file, and
says nothing of a row that it cannot map: whoever files it finds out why.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.intake.ahead.configuration import configuration_of, read_configuration
from scr.intake.ahead.wire import HEAD, Answer, Asked, Told, asked_from, framed, set_up_from
from scr.intake.making import make
from scr.mapping.adapter import Adapter
from scr.mapping.coverage import Coverage
from scr.mapping.profile import Observer, Profile
from scr.mapping.repeats import Repeats
from scr.mapping.run import MappingContext


def main() -> None:
    """Map until the end of the input."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    first = _frame(questions)
    if first is None:
        return
    asked_for = set_up_from(first)
    files = DataFiles(None if asked_for.home is None else Path(asked_for.home))
    ready = configuration_of(files, asked_for.adapter) == asked_for.configuration
    configuration = read_configuration(files, asked_for.adapter) if ready else None
    _send(answers, framed(ready))
    if configuration is None:
        return
    observer = Observer(configuration.adapter, asked_for.id_key)
    gc.freeze()  # what was loaded stays: it is not looked through again and again
    while (frame := _frame(questions)) is not None:
        asked = asked_from(frame)
        context = MappingContext(
            OdsCode(asked_for.source), "", asked_for.id_key, asked.now, configuration.maps,
            steps=configuration.steps, repeats=Repeats(),
        )  # fmt: skip
        _send(answers, framed(_answer(configuration.adapter, observer, asked, context)))


def _answer(adapter: Adapter, observer: Observer, asked: Asked, context: MappingContext) -> Answer:
    units = asked.units()
    seen, covered = Profile(), Coverage()
    for unit in units:
        observer.look(unit, seen, covered)
    told = [
        _told(adapter, [units[number] for number in run.rows], replace(context, subject=run.subject))
        for run in asked.runs
    ]
    return Answer(told, seen, covered)


def _told(adapter: Adapter, units: list[Unit], context: MappingContext) -> Told | None:
    try:
        return Told.of(make(adapter, units, context))
    except ScrError:
        return None


def _frame(source: BinaryIO) -> bytes | None:
    """What the next frame holds; None at the end."""
    head = source.read(HEAD)
    if len(head) < HEAD:
        return None
    length = int.from_bytes(head, "big")
    held = source.read(length)
    return held if len(held) == length else None


def _send(target: BinaryIO, frame: bytes) -> None:
    target.write(frame)
    target.flush()


if __name__ == "__main__":
    main()
