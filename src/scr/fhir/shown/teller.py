"""Makes lines of the entries of one record: it knows the names of those whom they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from scr.fhir.canonical import CONTRIBUTION_SYSTEM, PATIENT_CONTRIBUTED
from scr.fhir.entry import Entry, Resource
from scr.fhir.person import ADDED_SOURCE, PERSON_SOURCE
from scr.fhir.shown.attached import ATTACHED
from scr.fhir.shown.forms import MOST_DEEP, answer_texts, dose_text, number_text, section_texts, worded
from scr.fhir.shown.kinds import ANYTHING, SHOWS, Form, Shows
from scr.fhir.shown.line import Beside, Contents, Detail, Line
from scr.fhir.shown.ours import in_our_words
from scr.fhir.shown.parts import binary_named
from scr.fhir.shown.plain import Language, PlainWords
from scr.fhir.shown.reading import (
    address_text,
    as_concept,
    concept_text,
    dict_of,
    list_of,
    name_text,
    text_of,
    tokens_of,
    vaccine_concepts,
    walk,
)
from scr.fhir.shown.statuses import status_words
from scr.fhir.shown.value import any_text, value_of
from scr.fhir.shown.when import ago_words, asked_words, clinical_date, date_words, day_of, day_words
from scr.fhir.shown.words import kind_words, label, nameless, said

_MARK = CONTRIBUTION_SYSTEM.encode()
_SAYS_NOTHING = frozenset({"unknown", "unk", "not known", "n/a"})
_WRONG = frozenset({"entered-in-error", "refuted"})
_OVER = frozenset(
    {
        "cancelled",
        "completed",
        "declined",
        "failed",
        "inactive",
        "noshow",
        "not-done",
        "not-taken",
        "rejected",
    }
    | {"remission", "resolved", "retired", "revoked", "stopped", "superseded"}
)
_ENDS = frozenset(
    {"AllergyIntolerance", "CarePlan", "Condition", "Consent", "Device", "EpisodeOfCare", "Flag", "Goal"}
    | {
        "MedicationRequest",
        "MedicationStatement",
        "ServiceRequest",
        "Task",
        "Appointment",
        "DocumentReference",
    }
)
"""The types of what holds for a while: one that is completed holds no more."""
_MOST_NAMED = 12


class Teller:
    """Tells of the entries of one record, in one language."""

    def __init__(
        self,
        entries: Iterable[Entry],
        plain: PlainWords,
        language: Language = "en",
        *,
        beside: Beside | None = None,
        now: int = 0,
    ) -> None:
        """``beside``: what is known of the sources, and what is disputed. ``now`` is ms UTC."""
        self.language: Language = language
        self.plain = plain
        self._beside = beside or Beside()
        self._now = now
        self._there = {entry.reference: entry for entry in entries}
        self._parsed: dict[str, Resource] = {}

    def parsed(self, entry: Entry) -> Resource:
        """The resource of an entry; an empty one where it cannot be read."""
        found = self._parsed.get(entry.reference)
        if found is None:
            try:
                found = dict_of(orjson.loads(entry.body))
            except orjson.JSONDecodeError:
                found = {}
            self._parsed[entry.reference] = found
        return found

    def is_own(self, entry: Entry) -> bool:
        """Whether the person, or somebody for them, wrote it."""
        if _MARK not in entry.body:
            return False
        mark = (CONTRIBUTION_SYSTEM, PATIENT_CONTRIBUTED)
        tags = map(dict_of, walk(self.parsed(entry), "meta.tag"))
        return any((one.get("system"), one.get("code")) == mark for one in tags)

    def line(self, entry: Entry, parts: Iterable[Line] = ()) -> Line:
        """The line of an entry; ``parts`` are those that are shown with it."""
        resource, language = self.parsed(entry), self.language
        shows = SHOWS.get(entry.type, ANYTHING)
        source, age = self._origin(entry)
        term, codes = self._term(resource, shows)
        told = kind_words(entry.type, language)
        words = self.plain.of((*codes, *entry.codes), language)
        status, over, wrong = self._status(entry, resource)
        return Line(
            reference=entry.reference,
            kind=entry.type,
            kind_words=told,
            heading=entry.heading,
            term=term
            or next(filter(None, (one.rpartition("|")[2] for one in entry.codes)), "")
            or nameless(entry.type, told, language),
            plain="" if words.casefold() == term.casefold() else words,
            when=date_words(clinical_date(resource), language),
            day=day_of(entry.when),
            value=value_of(resource, self.plain, language) if entry.type == "Observation" else None,
            details=tuple(self._details(resource, shows, term)),
            status=status,
            over=over,
            wrong=wrong,
            by=", ".join(self._who(resource, shows)),
            source=source,
            age=age,
            own=self.is_own(entry),
            disputed=self._beside.disputed.get(entry.reference, ""),
            components=tuple(self._components(entry, resource)),
            parts=tuple(parts),
            contents=tuple(self._contents(entry, resource)),
        )

    def name_of(self, reference: Any, within: Resource, deep: int = 0) -> str:
        """What a reference leads to, in words: as it says itself, or as the entry is called."""
        told = dict_of(reference)
        if text := text_of(told.get("display")):
            return text
        name = text_of(told.get("reference"))
        if name.startswith("#"):
            for one in map(dict_of, list_of(within.get("contained"))):
                if text_of(one.get("id")) == name[1:]:
                    return self._name(one, deep)
            return ""
        entry = self._there.get(name)
        if entry is not None:
            return self._name(self.parsed(entry), deep)
        return text_of(dict_of(told.get("identifier")).get("value")) if not name else ""

    def _name(self, resource: Resource, deep: int) -> str:
        if deep >= MOST_DEEP:
            return ""
        shows = SHOWS.get(text_of(resource.get("resourceType")), ANYTHING)
        return self._term(resource, shows, deep + 1)[0]

    def _term(self, resource: Resource, shows: Shows, deep: int = 0) -> tuple[str, list[str]]:
        """What it is called, and the codes of that. A bare code only names what nothing else does."""
        bare: tuple[str, list[str]] = "", []
        for path in shows.term:
            values = (
                vaccine_concepts(resource) if path == "vaccinationProcedure" else list(walk(resource, path))
            )
            for value in values:
                text, codes = self._called(value, path, resource, deep), self._codes(value)
                if not text or text.casefold() in _SAYS_NOTHING:
                    continue
                if text.isdigit() or any(token.endswith(f"|{text}") for token in codes):
                    bare = bare if bare[0] else (text, codes)
                else:
                    return text, codes
        return bare

    def _codes(self, value: Any) -> list[str]:
        """The codes of a concept, or of what a reference leads to."""
        entry = self._there.get(text_of(dict_of(value).get("reference")))
        return tokens_of(value) if entry is None else list(entry.codes)

    def _called(self, value: Any, path: str, resource: Resource, deep: int) -> str:
        if path == "name":
            return name_text(value)
        told = dict_of(value)
        if "reference" in told or ("display" in told and "code" not in told):
            return self.name_of(told, resource, deep)
        return in_our_words(value, self.language)

    def _status(self, entry: Entry, resource: Resource) -> tuple[str, bool, bool]:
        codes = [entry.status or ""]
        codes += [
            token.rpartition("|")[2]
            for name in ("verificationStatus", "lifecycleStatus")
            for token in tokens_of(as_concept(resource.get(name)))[:1]
        ]
        if entry.type == "DocumentReference":
            codes.append(text_of(resource.get("docStatus")))
        codes = [code for code in dict.fromkeys(codes) if code]
        words = dict.fromkeys(
            word for code in codes if (word := status_words(entry.type, text_of(code), self.language))
        )
        wrong = not _WRONG.isdisjoint(codes)
        over = wrong or (entry.type in _ENDS and not _OVER.isdisjoint(codes))
        return ", ".join(words), over, wrong

    def _details(self, resource: Resource, shows: Shows, term: str) -> Iterator[Detail]:
        """What more it says, each name once and what it is called not again."""
        found: dict[str, dict[str, None]] = {}
        for name, path, form in shows.details:
            for value in walk(resource, path):
                if value is False:  # that somebody has not died is nothing to tell
                    continue
                for text in self._texts(value, form, resource):
                    if text and text != term:
                        found.setdefault(name, {})[text] = None
        for path in ("note", "comment"):
            for value in walk(resource, path):
                if text := text_of(dict_of(value).get("text")):
                    found.setdefault("note", {})[text] = None
        for name, texts in found.items():
            yield Detail(label(name, self.language), self._joined(list(texts), name))

    def _joined(self, texts: list[str], name: str) -> str:
        if len(texts) > _MOST_NAMED:
            more = said("more", self.language, count=str(len(texts) - _MOST_NAMED))
            texts = [*texts[:_MOST_NAMED], more]
        return ("\n" if name in {"says", "note", "answer"} else "; ").join(texts)

    def _texts(self, value: Any, form: Form, resource: Resource) -> Iterable[str]:
        match form:
            case "concept":
                return [self.plain.of(tokens_of(value), self.language) or in_our_words(value, self.language)]
            case "reference":
                told = dict_of(value)
                return [concept_text(told.get("concept")) or self.name_of(told, resource)]
            case "dose":
                return [dose_text(value, self.language)]
            case "phone":
                return [text_of(dict_of(value).get("value"))]
            case "address":
                return [address_text(value)]
            case "attachment":
                return [text_of(dict_of(value).get("title"))]
            case "section":
                return list(section_texts(value))
            case "nhs":
                return [number_text(value)]
            case "item":
                return list(answer_texts(value, self.language))
            case _:
                return [worded(any_text(value, self.language), self.language)]

    def _who(self, resource: Resource, shows: Shows) -> Iterable[str]:
        named = (self.name_of(value, resource) for path in shows.by for value in walk(resource, path))
        return list(dict.fromkeys(name for name in named if name))[:_MOST_NAMED]

    def _origin(self, entry: Entry) -> tuple[str, str]:
        """The source's name, and how old what it says is."""
        if self._beside.nameless:
            return "", ""
        language, sources = self.language, self._beside.sources
        if entry.source == PERSON_SOURCE:
            return said("made", language), ""
        told = sources.get(f"{entry.source}/{entry.heading}") or sources.get(entry.source)
        if told is None:
            return entry.source, ""
        name = said("added", language) if entry.source == ADDED_SOURCE else told.name
        if told.kept is not None:
            return name, said("kept", language, ago=ago_words(told.kept, language))
        if told.asked is not None:
            return name, asked_words(told.asked, self._now, language)
        if not entry.last_updated:
            return name, ""
        return name, said("sent", language, day=day_words(entry.last_updated, language))

    def _components(self, entry: Entry, resource: Resource) -> Iterator[Line]:
        """The components of an Observation: measured together, and no entries of their own."""
        if entry.type != "Observation":
            return
        for one in map(dict_of, list_of(resource.get("component"))):
            concept = one.get("code")
            value = value_of(one, self.plain, self.language)
            if value is not None:
                words = self.plain.of(tokens_of(concept), self.language)
                term = concept_text(concept) or words
                yield Line("", "component", "", entry.heading, term, words, value=value)

    def _contents(self, entry: Entry, resource: Resource) -> Iterator[Contents]:
        """What can be opened: a Binary that may be seen, or what stands in the entry itself."""
        for number, one in enumerate(map(dict_of, walk(resource, ATTACHED.get(entry.type, "-")))):
            binary, kind = binary_named(one.get("url")), text_of(one.get("contentType"))
            title = text_of(one.get("title"))
            if binary and binary in self._there:
                yield Contents(binary, kind, title)
            elif isinstance(one.get("data"), str):
                yield Contents(f"{entry.reference}/{number}", kind, title)
