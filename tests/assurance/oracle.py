"""The decision once more: slow, plain, and written without the code that it is compared with.

It reads the policy files as YAML and the facts as they stand in a request, asks every rule anew for every
entry, and remembers nothing. Of ``scr`` it takes the types of the facts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from scr.consent.request import AccessRequest
from scr.consent.sharing import SharingRule
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, types_under
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.structure import r4

Denial = tuple[str, str]
"""The code of the reason, and the kind of denial that a broken glass may lift, empty for none."""

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LEVELS = ["U", "L", "M", "N", "R", "V"]
MS_A_DAY = 86_400_000
OLDER_SCOPES = {"read": "rs", "write": "cud", "*": "cruds"}


class Oracle:
    """What a policy's files come to, asked one tuple at a time."""

    def __init__(self, folder: Path, label_systems: tuple[str, str], endless: int) -> None:
        def read(name: str) -> Any:
            return yaml.safe_load((folder / name).read_text(encoding="utf-8"))

        self.roles, self.agreements = read("roles.yaml"), read("agreements.yaml")
        self.labels, self.proxies = read("labels.yaml"), read("proxies.yaml")
        self.glass, self.ties = read("breakglass.yaml"), read("relationships.yaml")
        self.label_systems, self.endless = label_systems, endless

    def answer(self, request: AccessRequest, entry: Entry | None, now: datetime) -> tuple[bool, str]:
        """Permit or deny, and the code of what decided."""
        lifts = self.lifts(request, now)
        permit, code = self.first(self.whole(request, now), lifts)
        if not permit or entry is None:
            return permit, code
        return self.first(self.part(request, entry, now), lifts)

    def first(self, denials: Iterator[Denial], lifts: set[str]) -> tuple[bool, str]:
        """The first denial that is not lifted; where all are, a broken glass has permitted."""
        lifted = False
        for code, lift in denials:
            if lift not in lifts:
                return False, code
            lifted = True
        return True, "break-glass" if lifted else "permitted"

    # What the actor opens.

    def codes(self, request: AccessRequest) -> list[str]:
        """The activities of the job role, and those that the policy lets a sign-in give to it."""
        role = self.roles["roles"].get(request.actor.role or "")
        if role is None:
            return []
        given = [name for name in self.roles.get("granted", []) if name in request.actor.activities]
        return [*role["activities"], *given]

    def activities(self, request: AccessRequest) -> list[Any]:
        """The same, as the file writes them."""
        return [self.roles["activities"][name] for name in self.codes(request)]

    def opens(self, request: AccessRequest) -> tuple[set[str], set[str], str]:
        """Headings, interactions and clearance of whoever asks."""
        kind = request.actor.kind.value
        if kind in ("citizen", "carer"):
            rows = [self.proxies[kind]]
        elif kind == "professional":
            rows = self.activities(request)
        else:
            rows = []
        headings: set[str] = set()
        interactions: set[str] = set()
        clearance = "U"
        for row in rows:
            headings |= set(HEADINGS) if row["headings"] == "all" else set(row["headings"])
            interactions |= set(row["interactions"])
            for letters in row.get("writes", {}).values():
                interactions |= set(letters)
            interactions |= {"c", "u"} if row.get("adds") else set()
            found = row.get("clearance", "N")
            clearance = found if LEVELS.index(found) > LEVELS.index(clearance) else clearance
        if kind == "carer":
            delegation = None if request.online is None else request.online.delegation
            if not self.contributes(request):
                interactions -= {"c", "u"}
            if delegation is not None and delegation.headings is not None:
                headings &= delegation.headings | {"demographics", "supporting"}
        return headings, interactions, clearance

    def contributes(self, request: AccessRequest) -> bool:
        """Whether what a carer's access rests on lets them add to the record."""
        delegation = None if request.online is None else request.online.delegation
        return delegation is not None and delegation.contributes

    def writes(self, request: AccessRequest, kind: str) -> bool:
        """Whether a role, or a citizen or carer, does to a type what is asked, where that is to write it."""
        letter, rows = request.interaction.value, self.activities(request)
        if letter not in ("c", "u"):
            return True
        if request.actor.kind.value == "carer" and not self.contributes(request):
            return False
        if request.actor.kind.value in ("citizen", "carer"):
            return kind in self.proxies[request.actor.kind.value].get("adds", [])
        if request.actor.kind.value != "professional":
            return False
        return any(letter in row.get("writes", {}).get(kind, []) for row in rows)

    def granted(self, request: AccessRequest, kind: str | None, entry: Entry | None = None) -> bool:
        """Whether a scope grants the interaction: on a type, or (None) on anything; of an entry, on it.

        The only search in a scope here is ``category=[code]``.
        """
        for scope in request.actor.scopes:
            context, slash, rest = scope.partition("/")
            named, dot, letters = rest.partition(".")
            if context not in ("patient", "user", "system") or not slash or not dot:
                continue
            letters, search, wanted = letters.partition("?category=")
            if search and not self.found(kind, wanted, entry):
                continue
            letters = OLDER_SCOPES.get(letters, letters)
            if not letters or letters != "".join(one for one in "cruds" if one in letters):
                continue
            if request.interaction.value in letters and (kind is None or named in ("*", kind)):
                return True
        return False

    def found(self, kind: str | None, category: str, entry: Entry | None) -> bool:
        """Whether a type has a category at all, and an entry this one."""
        if entry is not None:
            return any(token.endswith(f"|{category}") for token in entry.categories)
        return kind is None or "category" in r4().types.get(kind, {})

    def type_of(self, request: AccessRequest, ods: str) -> str:
        """The type of an organisation, in the word of the agreements; empty where nobody knows."""
        told = (self.agreements.get("organisations") or {}).get(ods)
        word = str(told if told is not None else request.organisations.get(ods, "")).strip().lower()
        for key, row in self.agreements["types"].items():
            if word in [key.lower(), *(other.lower() for other in row.get("also", []))]:
                return str(key)
        return ""

    def purpose(self, request: AccessRequest) -> str:
        """The purpose of use; breaking the glass is treatment in an emergency."""
        return "ETREAT" if request.purpose == "BTG" else request.purpose

    # The record as a whole.

    def whole(self, request: AccessRequest, now: datetime) -> Iterator[Denial]:  # noqa: C901 - one list
        """Every denial of the actor and the person, in order."""
        actor, kind = request.actor, request.actor.kind.value
        online = kind in ("citizen", "carer")
        if kind not in {one.value for one in request.serves}:
            yield "actor-kind", ""
        if not actor.subject:
            yield "no-subject", ""
        if not self.granted(request, None):
            yield "scope", ""
        wanted = (self.roles.get("assurance") or {}).get(kind)
        if wanted is not None and actor.assurance not in wanted:
            yield "assurance", ""
        if kind == "professional" and actor.role is None:
            yield "no-role", ""
        if kind == "system" or (kind == "professional" and actor.role not in self.roles["roles"]):
            yield "unknown-role", ""
        headings, interactions, _ = self.opens(request)
        if not headings or request.interaction.value not in interactions:
            yield "role-activity", ""
        types = {named for heading in headings for named in types_under(heading)}
        if not any(self.granted(request, named) for named in [*types, "?"]):
            yield "scope", ""
        purposes = self.proxies[kind]["purposes"] if online else self.roles["purposes"]
        if self.purpose(request) not in purposes:
            yield "purpose", ""
        if not online and actor.organisation is None:
            yield "no-organisation", ""
        yield from self.person(request, now, online)

    def person(self, request: AccessRequest, now: datetime, online: bool) -> Iterator[Denial]:
        """Every denial that the person's own facts bring, in order."""
        yield from self.state(request, online)
        related = request.actor.organisation in request.relationships
        if not online and not related and not any(self.holds(request, tie, now) for tie in request.ties):
            yield "no-relationship", "relationship"
        if request.actor.launch != "" and request.actor.launch not in list(request.patients):
            yield "launch", ""
        if request.purpose == "BTG" and not self.lifts(request, now):
            yield "no-glass", ""
        denies = [rule for rule in self.wishes(request, now) if rule.deny]
        if any(not narrowed(rule) and not self.exceptions(request, rule, now) for rule in denies):
            yield "consent", "objection"
        if not online and not any(self.party(row, request) for row in self.agreements["shared"]):
            yield "no-agreement", ""
        if online:
            code = self.online(request, now)
            if code:
                yield code, ""

    def state(self, request: AccessRequest, online: bool) -> Iterator[Denial]:
        """Those of how the person stands in the register."""
        standing = request.standing
        if standing.verification not in ["", *(f"0{n}" for n in range(1, 9))]:
            yield "person-state", ""
        if standing.invalidated:
            yield "number-invalidated", ""
        if standing.deceased and online:
            yield "deceased", ""

    def holds(self, request: AccessRequest, tie: Any, now: datetime) -> bool:
        """Whether a tie is of the asking organisation, and in force."""
        at = ms(now)
        if tie.organisation != request.actor.organisation or tie.since > at + 30_000:
            return False
        if tie.kind == "self-claimed":
            mine = tie.subject and tie.subject == request.actor.subject
            same = tie.role and tie.role == request.actor.role
            return bool(mine and same and tie.until is not None and at < tie.until and tie.since < tie.until)
        lasting = self.ties["lasting"].get(tie.kind)
        if lasting is None:
            return False
        ends = []
        if tie.until is not None:
            ends.append(tie.until + lasting.get("days_after_end", 0) * MS_A_DAY)
        if lasting.get("days_after_last_told") is not None:
            ends.append(tie.seen + lasting["days_after_last_told"] * MS_A_DAY)
        return all(at < end and tie.since < end for end in ends)

    def lifts(self, request: AccessRequest, now: datetime) -> set[str]:
        """What the glass lifts, where it is this actor's and open."""
        glass, actor, at = request.glass, request.actor, ms(now)
        if glass is None or actor.kind.value != "professional" or glass.purpose != "BTG":
            return set()
        theirs = (glass.subject, glass.role, glass.organisation)
        if not glass.subject or theirs != (actor.subject, actor.role, actor.organisation):
            return set()
        if glass.withdrawn is not None or glass.since > at + 30_000 or at >= glass.until:
            return set()
        codes = self.codes(request)
        rows = [self.glass["activities"][code] for code in codes if code in self.glass["activities"]]
        return {lift for row in rows for lift in row["lifts"]}

    def party(self, row: Any, request: AccessRequest) -> bool:
        """Whether a row of the agreements speaks to the asking organisation, for the purpose."""
        asker = self.type_of(request, organisation(request))
        return (
            asker != ""
            and asker in self.words(row["to"])
            and (row.get("purposes", "all") == "all" or self.purpose(request) in row["purposes"])
        )

    def words(self, named: Any) -> list[str]:
        """Types by any of their words, in the one that the file defines."""
        found = []
        for word in named:
            for key, row in self.agreements["types"].items():
                if word.lower() in [key.lower(), *(other.lower() for other in row.get("also", []))]:
                    found.append(key)
        return found

    # One entry.

    def part(self, request: AccessRequest, entry: Entry, now: datetime) -> Iterator[Denial]:  # noqa: C901 - one list
        """Every denial of an entry, in order."""
        kind = request.actor.kind.value
        online = kind in ("citizen", "carer")
        headings, _, clearance = self.opens(request)
        if not self.granted(request, entry.type, entry):
            yield "scope", ""
        if not self.writes(request, entry.type):
            yield "not-writing", ""
        if entry.heading not in headings:
            yield "heading", ""
        labels = self.labels_of(entry)
        codes = self.codes(request)
        codes = codes if kind == "professional" else []
        bars = [label["bar"] for label in labels if label.get("bar")]
        if any(not set(self.labels["bars"][bar]["open_to"]) & set(codes) for bar in bars):
            yield "legal-bar", ""
        if entry.source in [one.value for one in request.objections]:
            yield "objection", ""
        if not self.agrees(request, entry, now):
            yield "consent", "objection"
        if not online and not self.shared(request, entry):
            yield "agreement", ""
        level = level_of(entry)
        if level > LEVELS.index("R") and level > LEVELS.index(clearance):
            yield "label", ""
        if level > LEVELS.index(clearance):
            yield "label", "label"
        kept = f"{SENSITIVITY}|NOPAT" in entry.labels or any(label.get("online") for label in labels)
        if online and kept:
            yield "not-online", ""
        unclassified = f"{self.label_systems[0]}|unclassified" in entry.labels
        if unclassified and self.labels["unclassified"][kind] == "withheld":
            yield "unclassified", ""

    def labels_of(self, entry: Entry) -> list[Any]:
        """The rows of labels.yaml that an entry has, by itself or by what it belongs with."""
        found = []
        for token in entry.labels:
            system, _, code = token.rpartition("|")
            if system in self.label_systems and code in self.labels["labels"]:
                found.append(self.labels["labels"][code])
        return found

    def shared(self, request: AccessRequest, entry: Entry) -> bool:
        """Whether the agreements share the heading from this source."""
        if entry.source == PERSON_SOURCE:
            sources = [*self.agreements["types"], ""]
            return any(self.shared_from(request, "demographics", source) for source in sources)
        return self.shared_from(request, entry.heading, self.type_of(request, entry.source))

    def shared_from(self, request: AccessRequest, heading: str, source: str) -> bool:
        """The same, of a type of source."""

        def about(row: Any) -> bool:
            of, named = row.get("from", "all"), row.get("headings", "all")
            return (
                self.party(row, request)
                and (of == "all" or source in self.words(of))
                and (named == "all" or heading in named)
            )

        kept = any(about(row) for row in self.agreements.get("kept") or [])
        return not kept and any(about(row) for row in self.agreements["shared"])

    # What the person has said.

    def wishes(self, request: AccessRequest, now: datetime) -> list[SharingRule]:
        """The rules that bind this asker now."""
        own = request.actor.kind.value == "citizen" and request.online is not None and request.online.own
        return [
            rule
            for rule in request.rules
            if self.binds(request, rule, now, certain=not rule.deny) and not (own and rule.deny)
        ]

    def exceptions(self, request: AccessRequest, rule: SharingRule, now: datetime) -> list[SharingRule]:
        """Those exceptions of a rule that hold for this asker."""
        return [one for one in rule.unless if self.binds(request, one, now, certain=True)]

    def binds(self, request: AccessRequest, rule: SharingRule, now: datetime, *, certain: bool) -> bool:
        """Whether a rule is in force and about this asker; a permit only where that is certain."""
        if not rule.starts <= ms(now) < rule.ends:
            return False
        chain = ["TREAT", "ETREAT", "BTG"]  # each is a kind of the one before
        meant = chain[: chain.index(request.purpose) + 1] if request.purpose in chain else [request.purpose]
        if rule.purposes and not any(one in rule.purposes for one in meant):
            return False
        return not rule.askers or any(self.named(request, asker, certain) for asker in rule.askers)

    def named(self, request: AccessRequest, asker: Any, certain: bool) -> bool:
        """Whether the rule's asker is this one; a deny holds where the token does not tell."""
        actor, kind = request.actor, request.actor.kind.value
        if asker.kind == "person" and "|" in asker.value:
            return bool(actor.subject == asker.value)
        if asker.kind == "person":
            if kind not in ("citizen", "carer"):
                return False
            return not certain if actor.nhs_number is None else actor.nhs_number.value == asker.value
        if kind in ("citizen", "carer"):
            return False
        if asker.kind == "organisation":
            return not certain if actor.organisation is None else actor.organisation.value == asker.value
        if kind == "system":
            return False
        told = actor.role if asker.kind == "role" else actor.user_id
        return bool(told == asker.value) if told else not certain

    def agrees(self, request: AccessRequest, entry: Entry, now: datetime) -> bool:
        """Whether nothing that the person has said keeps an entry from this asker."""
        rules = self.wishes(request, now)
        for rule in rules:
            if rule.deny and bears(rule, entry, doubt=True):
                excepted = self.exceptions(request, rule, now)
                if not any(bears(one, entry, doubt=False) for one in excepted):
                    return False
        online = request.online
        if request.actor.kind.value == "carer" and online is not None and online.delegation is None:
            return any(not rule.deny and bears(rule, entry, doubt=False) for rule in rules)
        return True

    # Citizens and carers.

    def online(self, request: AccessRequest, now: datetime) -> str:  # noqa: C901 - one list
        """The code of what stands against a citizen or carer; empty for nothing."""
        online, kind = request.online, request.actor.kind.value
        if online is None:
            return "no-online-facts"
        days = days_of(online.born)
        if kind == "citizen":
            if not online.own or online.delegation is not None:
                return "not-own-record"
            if days is None:
                return "no-birth-date"
            return "" if now >= birthday(days[1], self.proxies["citizen"]["from_age"]) else "too-young"
        delegation = online.delegation
        basis, since, until = "", 0, None
        used = reviewed = None
        suspended = ""
        if delegation is not None:
            basis, since, until = delegation.basis, delegation.since, delegation.until
            used, reviewed, suspended = delegation.used, delegation.reviewed, delegation.suspended
        else:
            permits = [rule for rule in self.wishes(request, now) if not rule.deny and rule.askers]
            if permits:
                basis, since, used = "consent", permits[0].starts, ms(now)
                until = permits[0].ends if permits[0].ends < self.endless else None
        if not basis or online.own:
            return "no-delegation" if delegation is None or online.own else "unknown-basis"
        row = self.proxies["carer"]["bases"].get(basis)
        if row is None:
            return "unknown-basis"
        if suspended:
            return "delegation-suspended"
        if until is None:
            return "delegation-open-ended"
        if not since <= ms(now) < until:
            return "delegation-over"
        last = max(since, used) if used is not None else since
        if ms(now) - last >= self.proxies["carer"]["unused_years"] * 31_557_600_000:
            return "delegation-unused"
        return self.age(row, days, reviewed, now) or (
            "" if row.get("capacity", "any") in ("any", online.capacity) else "capacity"
        )

    def age(self, row: Any, days: tuple[date, date] | None, reviewed: int | None, now: datetime) -> str:
        """What the person's age brings against a carer."""
        if "until_age" not in row and "review_age" not in row:
            return ""
        if days is None or now < birthday(days[0], 0):
            return "no-birth-date"
        if "until_age" in row and now >= birthday(days[0], row["until_age"]):
            return "birthday"
        if "review_age" in row:
            due = birthday(days[0], row["review_age"])
            if now >= due and (reviewed is None or reviewed < ms(due)):
                return "review-due"
        return ""


def organisation(request: AccessRequest) -> str:
    """The asking organisation's code."""
    return "" if request.actor.organisation is None else request.actor.organisation.value


def narrowed(rule: SharingRule) -> bool:
    """Whether a rule is about less than the record."""
    return bool(rule.sources or rule.headings or rule.types or rule.labels or rule.things or rule.dated)


def bears(rule: SharingRule, entry: Entry, *, doubt: bool) -> bool:
    """Whether a rule is about an entry; ``doubt`` is what a date that is not known comes to."""
    if rule.things and f"{entry.type}/{entry.id}" not in rule.things:
        return False
    if rule.sources and entry.source not in rule.sources:
        return False
    categories = [*rule.headings, *rule.types]
    if categories and entry.heading not in rule.headings and entry.type not in rule.types:
        return False
    if rule.labels and not set(effective(entry)) & set(rule.labels):
        return False
    if rule.dated is None:
        return True
    if entry.when is None:
        return doubt
    (start, end), (low, high) = entry.when, rule.dated
    return (start < high and low < end) if doubt else (low <= start and end <= high)


def effective(entry: Entry) -> list[str]:
    """The labels of an entry; a sensitivity without a confidentiality counts as restricted."""
    found = list(entry.labels)
    systems = [one.rpartition("|")[0] for one in found if not one.endswith("|NOPAT")]
    if SENSITIVITY in systems and CONFIDENTIALITY not in systems:
        found.append(f"{CONFIDENTIALITY}|R")
    return found


def level_of(entry: Entry) -> int:
    """How confidential an entry is; what cannot be read is above everything."""
    codes = [one.partition("|")[2] for one in entry.labels if one.partition("|")[0] == CONFIDENTIALITY]
    if codes:
        return max(LEVELS.index(code) if code in LEVELS else len(LEVELS) for code in codes)
    sensitive = any(
        one.partition("|")[0] == SENSITIVITY and not one.endswith("|NOPAT") for one in entry.labels
    )
    return LEVELS.index("R" if sensitive else "N")


def ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def days_of(born: str) -> tuple[date, date] | None:
    """The first and the last day that a birth date can be; every day of the calendar is tried."""
    parts = born.split("-")
    if not all(part.isdigit() for part in parts) or [len(part) for part in parts] != [4, 2, 2][: len(parts)]:
        return None
    year = int(parts[0])
    if not 1800 <= year <= 2100:
        return None
    day = date(year, 1, 1)
    found = []
    while day.year == year:
        if day.isoformat().startswith(born):
            found.append(day)
        day += timedelta(days=1)
    return (found[0], found[-1]) if found else None


def birthday(born: date, age: int) -> datetime:
    """Midnight in London of a birthday; of one on 29 February in other years, of the day before 1 March."""
    year = born.year + age
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    day = 28 if (born.month, born.day) == (2, 29) and not leap else born.day
    return datetime(year, born.month, day, tzinfo=ZoneInfo("Europe/London"))
