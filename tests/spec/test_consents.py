"""The person's own say, as a table; as properties; and held against a slow reading of the same Consents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.support import consents as c

from scr.consent.actor import Actor, ActorKind
from scr.consent.consents import rules_of
from scr.consent.sharing import SharingRule, in_force, unreadable, verdict
from scr.data import DataFiles, load_yaml
from scr.errors import Unprocessable
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.dates import interval
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.privacy_consent import is_privacy_consent

PAGE = Path(__file__).parents[2] / "docs" / "consents.md"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


class AskerRow(BaseModel):
    """Who asks."""

    kind: ActorKind
    organisation: str | None = None
    role: str | None = None
    user: str = ""
    number: str | None = None
    own: bool = False

    def actor(self, name: str) -> Actor:
        """As the token tells."""
        return Actor(
            self.kind,
            f"https://issuer.example|{name}",
            role=self.role,
            organisation=None if self.organisation is None else OdsCode(self.organisation),
            user_id=self.user,
            nhs_number=None if self.number is None else NHSNumber(self.number),
        )


class EntryRow(BaseModel):
    """What is asked for."""

    source: str
    type: str
    heading: str
    labels: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    when: date | None = None

    def entry(self, name: str) -> Entry:
        """As it stands in a record."""
        labels = [f"{LABEL_SYSTEM}|{one}" for one in self.labels]
        labels += [f"{RELATED_LABEL_SYSTEM}|{one}" for one in self.related]
        when = None if self.when is None else interval(self.when.isoformat())
        return Entry(self.type, name, self.source, self.heading, b"{}", when=when, labels=tuple(labels))


class ConsentRow(BaseModel):
    """A Consent in words."""

    says: str
    but: tuple[str, ...] = ()
    status: str = "active"

    def consent(self) -> c.Tree:
        """As it is written."""
        base = provision_of(self.says)
        if self.but:
            base["provision"] = [provision_of(one) for one in self.but]
        return c.consent(base, status=self.status)


class Choice(BaseModel):
    """What a person has said, and what comes of it."""

    name: str
    consents: tuple[ConsentRow, ...]
    then: Mapping[str, Mapping[str, str]]
    on: datetime = NOON


class _File(BaseModel):
    askers: dict[str, AskerRow]
    entries: dict[str, EntryRow]
    choices: tuple[Choice, ...]


TABLE = load_yaml(DataFiles().find("consent", "scenarios/consents.yaml")).parse(_File)


_WORDS: dict[str, tuple[str, Callable[[str], c.Tree]]] = {
    "to": ("actor", c.asker),
    "of": ("actor", c.source),
    "role": ("actor", c.role),
    "user": ("actor", c.professional),
    "carer": ("actor", c.carer),
    "heading": ("class", c.heading),
    "type": ("class", c.kind),
    "label": ("securityLabel", lambda code: {"system": LABEL_SYSTEM, "code": code}),
    "entry": ("data", c.thing),
    "for": ("purpose", lambda code: {"system": REASONS, "code": code}),
}
_DAYS = {"from": "start", "until": "end"}


def provision_of(text: str) -> c.Tree:
    """A provision from the words of the table."""
    kind, *words = text.split()
    made: c.Tree = {"type": kind}
    if words == ["author"]:
        return made | {"actor": [c.author()]}
    for word, value in zip(words[::2], words[1::2], strict=True):
        if word in _DAYS:
            made.setdefault("period", {})[_DAYS[word]] = value
        elif word == "dated":
            start, _, end = value.partition("..")
            made["dataPeriod"] = {"start": start, "end": end}
        else:
            element, write = _WORDS[word]
            made.setdefault(element, []).append(write(value))
    return made


@pytest.mark.parametrize("choice", TABLE.choices, ids=lambda choice: choice.name)
def test_a_choice_has_these_effects_and_no_other(choice: Choice) -> None:
    """For every asker and every entry of the table; a cell that names nothing is silent."""
    rules = [rule for row in choice.consents for rule in rules_of(row.consent())]
    assert set(choice.then) <= set(TABLE.askers)
    for who, asker in TABLE.askers.items():
        row = choice.then.get(who, {})
        assert set(row) <= {*TABLE.entries, "*"}
        for what, entry in TABLE.entries.items():
            found = verdict(rules, asker.actor(who), entry.entry(what), choice.on, own=asker.own)
            assert found.effect == row.get(what, row.get("*", "silent")), (who, what)
            assert (found.rule is None) is (found.effect == "silent")


# The oracle: it reads the Consents as JSON, every time, one question after the other.

LONDON = ZoneInfo("Europe/London")


def oracle(consents: Sequence[c.Tree], actor: Actor, entry: Entry, now: datetime) -> str:
    """A deny wins over everything; only a permit within a denying base, in the same Consent, opens it. One
    for whoever wrote it says nothing more than that."""
    said: set[str] = set()
    for consent in consents:
        if consent["status"] != "active":
            continue
        base = consent["provision"]
        exceptions = base.get("provision", [])
        in_base = _applies(base, base, actor, entry, now, base["type"])
        here: set[str] = set()
        for exception in exceptions:
            if _applies(base, exception, actor, entry, now, exception["type"]):
                here.add("left open" if _as_author(exception, actor, entry) else exception["type"])
        if base["type"] == "deny" and in_base and not here & {"permit", "left open"}:
            said.add("deny")
        if base["type"] == "permit" and in_base:
            said.add("permit")
        said |= here - {"left open"}
    return "deny" if "deny" in said else "permit" if "permit" in said else "silent"


def _applies(base: c.Tree, node: c.Tree, actor: Actor, entry: Entry, now: datetime, kind: str) -> bool:
    deny = kind == "deny"
    return all(
        _in_period(one, now) and _about(one, actor, entry, deny)
        for one in ([base] if node is base else [base, node])
    )


def _as_author(node: c.Tree, actor: Actor, entry: Entry) -> bool:
    """Whether it is about the asker as who wrote the entry alone: that leaves open, and permits nothing."""
    told = [one["reference"] for one in node.get("actor", []) if one["role"]["coding"][0]["code"] == "IRCP"]
    others = [one for one in told if one["identifier"]["value"] != "author"]
    named = any(_same_asker(one, actor, entry, False) for one in others)
    return len(others) < len(told) and not named


def _in_period(node: c.Tree, now: datetime) -> bool:
    day = now.astimezone(LONDON).date().isoformat()
    period = node.get("period", {})
    return bool(period.get("start", "0000") <= day <= period.get("end", "9999"))


def _about(node: c.Tree, actor: Actor, entry: Entry, deny: bool) -> bool:
    actors = node.get("actor", [])
    told = [one for one in actors if one["role"]["coding"][0]["code"] == "IRCP"]
    known = [one for one in actors if one["role"]["coding"][0]["code"] == "CST"]
    if told and not any(_same_asker(one["reference"], actor, entry, deny) for one in told):
        return False
    if known and not any(one["reference"]["identifier"]["value"] == entry.source for one in known):
        return False
    classes = node.get("class", [])
    if classes and not any(one["code"] in (entry.heading, entry.type) for one in classes):
        return False
    labels = node.get("securityLabel", [])
    if labels and not any(_same_label(one, entry) for one in labels):
        return False
    things = node.get("data", [])
    named = {one["reference"]["reference"] for one in things}
    contents = deny and entry.type == "Binary" and any(one.startswith("DocumentReference/") for one in named)
    if things and entry.reference not in named and not contents:
        return False
    return "dataPeriod" not in node or _dated(node["dataPeriod"], entry, deny)


def _same_asker(reference: c.Tree, actor: Actor, entry: Entry, deny: bool) -> bool:
    wanted = reference["identifier"]["value"]
    online = actor.kind in (ActorKind.CITIZEN, ActorKind.CARER)
    staff = actor.kind is ActorKind.PROFESSIONAL
    match reference["type"]:
        case "Organization" if wanted == "author":
            return not online and str(actor.organisation or "") == entry.source
        case "Organization":
            mine = None if actor.organisation is None else actor.organisation.value
            return not online and (mine == wanted or (mine is None and deny))
        case "PractitionerRole":
            return staff and (actor.role == wanted or (actor.role is None and deny))
        case "Practitioner":
            return staff and (actor.user_id == wanted or (actor.user_id == "" and deny))
        case _:
            number = None if actor.nhs_number is None else actor.nhs_number.value
            return online and (number == wanted or (number is None and deny))


def _same_label(label: c.Tree, entry: Entry) -> bool:
    pairs = [tuple(one.split("|")) for one in entry.labels]
    system, code = label["system"], label["code"]
    if system == LABEL_SYSTEM:
        return (LABEL_SYSTEM, code) in pairs or (RELATED_LABEL_SYSTEM, code) in pairs
    if system == SENSITIVITY:
        return (SENSITIVITY, code) in pairs
    levels = [two for one, two in pairs if one == LEVEL]
    if code == "V":
        return "V" in levels
    sensitive = any(one == SENSITIVITY and two != "NOPAT" for one, two in pairs)
    return "R" in levels or "V" in levels or (sensitive and not levels)


def _dated(period: c.Tree, entry: Entry, deny: bool) -> bool:
    if entry.when is None:
        return deny
    low, high = (
        datetime.fromtimestamp(ms / 1000, LONDON).date() for ms in (entry.when[0], entry.when[1] - 1)
    )
    start, end = date.fromisoformat(period["start"]), date.fromisoformat(period["end"])
    inside = start <= low and high <= end
    return (low <= end and start <= high) if deny else inside


ORGANISATIONS = ("ZZA01", "ZZB01")
USERS = ("U1", "U2")
ROLES = ("R8000", "R8014")
NUMBERS = ("9990000018", "9990000026")
HEADINGS = ("problems", "results")
TYPES = ("Condition", "Binary")
DAYS = ("2026-05-30", "2026-06-01", "2026-06-02")
CODES = (
    (LABEL_SYSTEM, "hiv"), (LABEL_SYSTEM, "gender"), (LEVEL, "R"), (LEVEL, "V"), (SENSITIVITY, "HIV"),
)  # fmt: skip
MOMENTS = st.sampled_from(
    [NOON + timedelta(hours=hours, seconds=seconds) for hours in (-37, -13, 0, 11) for seconds in (-1, 0)]
)
ACTORS = st.builds(
    Actor,
    st.sampled_from(ActorKind),
    st.just("https://issuer.example|x"),
    role=st.sampled_from([None, *ROLES]),
    organisation=st.sampled_from([None, *map(OdsCode, ORGANISATIONS)]),
    user_id=st.sampled_from(["", *USERS]),
    nhs_number=st.sampled_from([None, *map(NHSNumber, NUMBERS)]),
)
TOKENS = [f"{system}|{code}" for system, code in CODES] + [
    f"{RELATED_LABEL_SYSTEM}|hiv", f"{LEVEL}|N", f"{SENSITIVITY}|NOPAT", f"{SENSITIVITY}|MH",
]  # fmt: skip
ENTRIES = st.builds(
    Entry,
    st.sampled_from(TYPES),
    st.sampled_from(["a", "b"]),
    st.sampled_from(ORGANISATIONS),
    st.sampled_from(HEADINGS),
    st.just(b"{}"),
    when=st.sampled_from([None, *(interval(day) for day in (*DAYS, "2026"))]),
    labels=st.lists(st.sampled_from(TOKENS), max_size=2, unique=True).map(tuple),
)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "actor": st.one_of(
        st.sampled_from(ORGANISATIONS).map(c.asker),
        st.sampled_from(ORGANISATIONS).map(c.source),
        st.sampled_from(ROLES).map(c.role),
        st.sampled_from(USERS).map(c.professional),
        st.sampled_from(NUMBERS).map(c.carer),
    ),
    "class": st.one_of(st.sampled_from(HEADINGS).map(c.heading), st.sampled_from(TYPES).map(c.kind)),
    "data": st.sampled_from(["Condition/a", "Binary/b", "DocumentReference/a"]).map(c.thing),
    "securityLabel": st.sampled_from([{"system": one, "code": two} for one, two in CODES]),
}
PERIODS = st.sampled_from(
    [{"start": DAYS[1]}, {"end": DAYS[1]}, {"start": DAYS[0], "end": DAYS[1]}, {"start": DAYS[2]}]
)
SPANS = st.sampled_from([{"start": DAYS[0], "end": DAYS[1]}, {"start": DAYS[1], "end": DAYS[2]}])


@st.composite
def provisions(draw: st.DrawFn, kinds: Sequence[str] = ("deny", "permit")) -> c.Tree:
    """A provision with some of its parts; each with one value or two."""
    made: c.Tree = {"type": draw(st.sampled_from(kinds))}
    for name in draw(st.lists(st.sampled_from(sorted(PARTS)), max_size=2, unique=True)):
        if name != "securityLabel" or made["type"] == "deny":
            made[name] = draw(st.lists(PARTS[name], min_size=1, max_size=2))
    if draw(st.integers(0, 4)) == 0:
        made["period"] = draw(PERIODS)
    if draw(st.integers(0, 4)) == 0:
        made["dataPeriod"] = draw(SPANS)
    return made


AUTHORS = st.builds(
    lambda made, parties: {**made, "type": "permit", "actor": [c.author(), *parties]},
    provisions(("deny",)),
    st.lists(PARTS["actor"], max_size=1),
)
"""Whoever wrote it is let see what the base denies; or somebody else beside them."""


@st.composite
def said(draw: st.DrawFn) -> c.Tree:
    """A Consent that can be read."""
    base = draw(provisions())
    nested = draw(st.lists(st.one_of(provisions(), AUTHORS), max_size=2))
    made = c.consent(base, status=draw(st.sampled_from(["active"] * 4 + ["inactive"])))
    for exception in nested:
        tried = orjson.loads(orjson.dumps(made))
        tried["provision"].setdefault("provision", []).append(exception)
        try:
            rules_of(tried)
        except Unprocessable:
            continue
        made = tried
    return made


CONSENTS = st.lists(said(), max_size=3)


@settings(max_examples=400)
@given(CONSENTS, ACTORS, ENTRIES, MOMENTS)
def test_the_verdict_is_that_of_a_slow_reading(
    consents: list[c.Tree], actor: Actor, entry: Entry, now: datetime
) -> None:
    """Rules that were made once say what the Consents say."""
    rules = [rule for consent in consents for rule in rules_of(consent)]
    assert verdict(rules, actor, entry, now).effect == oracle(consents, actor, entry, now)


@settings(max_examples=200)
@given(CONSENTS, said(), ACTORS, ENTRIES, MOMENTS, st.integers(0, 3))
def test_a_deny_that_is_added_reveals_nothing(
    consents: list[c.Tree], more: c.Tree, actor: Actor, entry: Entry, now: datetime, place: int
) -> None:
    """Whatever stood there, and wherever the new rule goes."""
    rules = [rule for consent in consents for rule in rules_of(consent)]
    added = [rule for rule in rules_of(more) if rule.deny]
    before = verdict(rules, actor, entry, now).effect
    after = verdict([*rules[:place], *added, *rules[place:]], actor, entry, now).effect
    assert after in ({"deny"} if before == "deny" else {"deny", before})


@settings(max_examples=200)
@given(CONSENTS, ACTORS, st.lists(ENTRIES, min_size=1, max_size=4), MOMENTS)
def test_what_is_told_of_the_whole_holds_for_every_entry(
    consents: list[c.Tree], actor: Actor, entries: list[Entry], now: datetime
) -> None:
    """A closed record, source or heading has nothing open in it; what is remembered by key may be."""
    say = in_force([rule for consent in consents for rule in rules_of(consent)], actor, now)
    for entry in entries:
        effect = say.on(entry).effect
        closed = say.record is not None or entry.source in say.sources or entry.heading in say.headings
        assert effect == "deny" or not closed
        if say.by_key:
            assert say.on(msgspec.structs.replace(entry, id="z", when=None)).effect == effect


@given(CONSENTS, ACTORS, ENTRIES, MOMENTS)
def test_nothing_that_the_person_has_said_closes_their_own_record(
    consents: list[c.Tree], actor: Actor, entry: Entry, now: datetime
) -> None:
    """Whoever asks for their own record is bound by none of their objections."""
    rules = [rule for consent in consents for rule in rules_of(consent)]
    assert verdict(rules, actor, entry, now, own=True).effect != "deny"


@given(ACTORS, ENTRIES, MOMENTS)
def test_what_cannot_be_read_any_more_denies_everything(actor: Actor, entry: Entry, now: datetime) -> None:
    """A stored rule of another version of the program is no permission."""
    rules: list[SharingRule] = [unreadable("c1", "1")]
    assert verdict(rules, actor, entry, now).effect == "deny"
    assert in_force(rules, actor, now).record is not None


def test_another_kind_of_consent_is_none_about_sharing() -> None:
    """Advance decisions and consent to research have scopes of their own."""
    assert is_privacy_consent(c.consent({"type": "deny"}))
    other = c.coded("http://terminology.hl7.org/CodeSystem/consentscope", "adr")
    assert not is_privacy_consent(c.consent({"type": "deny"}, scope=other))


def choice_table() -> str:
    """The scenarios, as the page prints them."""
    rows = ["| | the person says | what comes of it |", "|---|---|---|"]
    for choice in TABLE.choices:
        words = "<br>".join(_in_words(row) for row in choice.consents) or "-"
        on = "" if choice.on == NOON else f" (at {choice.on:%Y-%m-%d %H:%M:%S} UTC)"
        groups: dict[str, list[str]] = {}
        for who, row in choice.then.items():
            groups.setdefault(_effects(row), []).append(who)
        then = "<br>".join(f"{', '.join(who)}: {effects}" for effects, who in groups.items())
        rows.append(f"| {choice.name}{on} | {words} | {then or 'nothing'} |")
    return "\n".join([*rows, ""])


def _effects(row: Mapping[str, str]) -> str:
    """``deny ward-letter, other-letter; permit everything else``."""
    by: dict[str, list[str]] = {}
    for what, effect in row.items():
        rest = "everything" if len(row) == 1 else "everything else"
        by.setdefault(effect, []).append(rest if what == "*" else what)
    return "; ".join(f"**{effect}** {', '.join(things)}" for effect, things in sorted(by.items()))


def _in_words(row: ConsentRow) -> str:
    text = f"`{row.says}`" + "".join(f", but `{one}`" for one in row.but)
    return text if row.status == "active" else f"{text} ({row.status})"


def test_the_page_prints_the_choices() -> None:
    """docs/consents.md shows what is tested; write it with the text of ``choice_table``."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(r"<!-- choices -->\n(.*?)<!-- /choices -->", page, re.DOTALL)
    assert found is not None
    assert found.group(1) == choice_table()
