"""The gates between a provider's first day and its being live, and the clock that runs meanwhile.

Pure. A provider's state is what its events come to. ``promote`` and ``undo`` make the next event and
change nothing by themselves: whoever asked for it writes it to the register (``scr.store.onboarding``).
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from scr.errors import Conflict, Invalid
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.store.onboarding import Event, EventKind, Stage

STAGES = tuple(Stage)
MONTHS = 6
"""Months from a provider's own go-live within which it is to be live here."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST = {"by": 200, "reference": 500, "note": 2_000, "report": 20_000}
_TESTERS = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: the stage that it leads to, its name, what it needs, and whether it checks itself."""

    stage: Stage
    title: str
    needs: str
    checks_itself: bool = False


GATES: tuple[Gate, ...] = (
    Gate(
        Stage.CONFIGURED,
        "Configured",
        "The provider's file, its adapters and its secrets load.",
        checks_itself=True,
    ),
    Gate(
        Stage.SAMPLES_PASSED,
        "Samples passed",
        "Its adapters pass the standard suite: every sample gives what is expected of it.",
        checks_itself=True,
    ),
    Gate(
        Stage.CONNECTED,
        "Connected",
        "A message was received from it, or its live source answered.",
        checks_itself=True,
    ),
    Gate(
        Stage.CLINICAL_SAFETY_APPROVED,
        "Clinical safety approved",
        "A clinical safety officer has approved it: name the report (DCB0160).",
    ),
    Gate(
        Stage.LIVE_FOR_TESTERS,
        "Live for named testers",
        "Testers are named, by the subject or the user id of their tokens: they alone see what it holds.",
    ),
    Gate(
        Stage.LIVE,
        "Live",
        "The testers' report is accepted: everybody who may see the record sees what it holds.",
    ),
)
"""In the order in which they are passed."""

TITLES: Mapping[Stage, str] = {Stage.REGISTERED: "Registered"} | {gate.stage: gate.title for gate in GATES}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a gate is passed. ``by`` is a person's name; ``reference`` names a document.

    ``report`` is text that is kept with it; ``digest`` the SHA-256 of a report that is kept elsewhere, in
    hexadecimal (that of ``report``, where none is given). ``testers`` belong to their own gate only.
    """

    gate: Stage
    by: str
    reference: str = ""
    report: str = ""
    digest: str = ""
    note: str = ""
    testers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """Where a provider stands: its stage, and for each gate that it has passed the event that says so."""

    provider: OdsCode
    stage: Stage = Stage.REGISTERED
    passed: Mapping[Stage, Event] = field(default_factory=dict)

    @property
    def next_gate(self) -> Gate | None:
        """The gate that comes next; None for one that is live."""
        done = self.gates_passed
        return GATES[done] if done < len(GATES) else None

    @property
    def gates_passed(self) -> int:
        """How many gates are behind it."""
        return STAGES.index(self.stage)

    @property
    def testers(self) -> frozenset[str]:
        """Who is shown what it holds while it is live for testers; nobody is named before and after."""
        return self.passed[self.stage].testers if self.stage is Stage.LIVE_FOR_TESTERS else frozenset()

    @property
    def live_on(self) -> date | None:
        """The day on which it went live here, in London; None where it is not live."""
        return local_day(self.passed[Stage.LIVE].at) if self.stage is Stage.LIVE else None


def state_of(provider: OdsCode, history: Iterable[Event]) -> State:
    """What a provider's events, the oldest first, come to."""
    passed: dict[Stage, Event] = {}
    stage = Stage.REGISTERED
    for event in history:
        stage = event.stage
        if event.kind is EventKind.PASSED:
            passed[event.gate] = event
        passed = {gate: one for gate, one in passed.items() if STAGES.index(gate) <= STAGES.index(stage)}
    return State(provider, stage, passed)


def promote(state: State, evidence: Evidence, now: int, *, actor: str = "") -> Event:
    """The event that takes a provider through its next gate. ``actor`` is the subject that writes it down.

    Raises Conflict where the evidence is for another gate than the next (somebody was first, or a gate
    would be left out), Invalid where the evidence lacks something that the gate needs.
    """
    gate = state.next_gate
    if gate is None:
        raise Conflict(f"{state.provider} is live: there is no gate after that", code="no-gate")
    if evidence.gate is not gate.stage:
        raise Conflict(
            f"the next gate of {state.provider} is {gate.stage.value!r}, not {evidence.gate.value!r}: "
            "look at it again, gates are passed one after the other",
            code="other-gate",
        )
    texts = _checked(by=evidence.by, reference=evidence.reference, report=evidence.report, note=evidence.note)
    if not (texts["reference"] or texts["report"]):
        raise Invalid("a gate needs evidence: name a document, or give a report", code="no-evidence")
    return Event(
        provider=state.provider,
        at=now,
        kind=EventKind.PASSED,
        gate=gate.stage,
        stage=gate.stage,
        by=texts["by"],
        actor=actor,
        reference=texts["reference"],
        digest=_digest(evidence.digest, texts["report"]),
        report=texts["report"],
        note=texts["note"],
        testers=_testers(gate.stage, evidence.testers),
    )


def undo(
    state: State, reason: str, by: str, now: int, *, gate: Stage | None = None, actor: str = ""
) -> Event:
    """The event that undoes a gate, the last one if none is named, and every gate that stands on it.

    Raises Conflict where the gate is not passed, Invalid without a reason or a name.
    """
    gate = gate or state.stage
    if gate not in state.passed:
        raise Conflict(f"{state.provider} has not passed the gate {gate.value!r}", code="not-passed")
    texts = _checked(by=by, note=reason)
    if not texts["note"]:
        raise Invalid("say why it is undone: the reason stays in the history", code="no-reason")
    return Event(
        provider=state.provider,
        at=now,
        kind=EventKind.UNDONE,
        gate=gate,
        stage=STAGES[STAGES.index(gate) - 1],
        by=texts["by"],
        actor=actor,
        note=texts["note"],
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """The six months. ``days_left`` until the deadline (0 on the day itself), below 0 when it has passed."""

    go_live: date
    deadline: date
    days_left: int
    live_on: date | None = None

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed, and the provider was not live by then."""
        return self.live_on is None and self.days_left < 0

    @property
    def in_time(self) -> bool:
        """Whether it went live here by the deadline."""
        return self.live_on is not None and self.live_on <= self.deadline

    @property
    def sentence(self) -> str:
        """What a person reads."""
        if self.live_on is not None:
            return "live in time" if self.in_time else "live, after the deadline"
        if self.days_left == 0:
            return "due today"
        days = f"{abs(self.days_left)} {'day' if abs(self.days_left) == 1 else 'days'}"
        return f"{days} overdue" if self.overdue else f"{days} left"


def clock(go_live: date, today: date, live_on: date | None = None) -> Clock:
    """The clock of a provider whose own system went live on a day; ``live_on`` stops it."""
    deadline = months_after(go_live, MONTHS)
    return Clock(go_live, deadline, (deadline - today).days, live_on)


def months_after(day: date, months: int) -> date:
    """The same day of a later month; its last day where it has no such day (31 August: 28 February)."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def local_day(ms: int) -> date:
    """The day in London at a time (ms UTC)."""
    return utc(ms).astimezone(LONDON).date()


def _checked(**texts: str) -> dict[str, str]:
    """The texts without white space around them. Raises Invalid for one that is too long or unreadable."""
    found = {name: text.replace("\r\n", "\n").strip() for name, text in texts.items()}
    if not found["by"]:
        raise Invalid("say who: a gate is passed or undone by somebody with a name", code="no-name")
    for name, text in found.items():
        if len(text) > _LONGEST[name]:
            raise Invalid(f"{name!r} is over {_LONGEST[name]} characters: shorten it", code="too-long")
        if _CONTROL.search(text) or (name == "by" and "\n" in text):
            raise Invalid(f"{name!r} has control characters in it: remove them", code="bad-text")
    return found


def _digest(given: str, report: str) -> str:
    digest = given.strip().lower()
    if not digest:
        return hashlib.sha256(report.encode()).hexdigest() if report else ""
    if not _DIGEST.match(digest):
        raise Invalid("the digest is not a SHA-256: 64 hexadecimal digits are needed", code="bad-digest")
    return digest


def _testers(gate: Stage, given: frozenset[str]) -> frozenset[str]:
    testers = frozenset(name.strip() for name in given if name.strip())
    if gate is not Stage.LIVE_FOR_TESTERS:
        if testers:
            raise Invalid(f"testers belong to the gate {Stage.LIVE_FOR_TESTERS.value!r}", code="no-testers")
        return frozenset()
    if not testers:
        raise Invalid(
            "name at least one tester, by the subject or the user id of their token", code="no-testers"
        )
    if len(testers) > _TESTERS or any(len(name) > 300 or _CONTROL.search(name) for name in testers):
        raise Invalid(f"at most {_TESTERS} testers, each a plain id", code="bad-testers")
    return testers
