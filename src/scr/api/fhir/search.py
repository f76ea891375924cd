"""search: on a type within one person, on Patient by NHS Number, and ``$everything``.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.pages import Pages
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.dates import interval
from scr.fhir.entry import Entry
from scr.fhir.headings import DEMOGRAPHICS, headings_of_type
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.search import Pairs, check_format, once, parse_count, parse_search, sort_entries

_DEMOGRAPHICS = frozenset({DEMOGRAPHICS})
_ONCE = frozenset({"_count", "_format"})


class Searcher:
    """Searches, and pages what it found."""

    def __init__(self, opener: Opener, pages: Pages, base_url: str) -> None:
        self._opener = opener
        self._pages = pages
        self._base_url = base_url

    async def patients(self, look: Look, actor: Actor, pairs: Pairs) -> Answer:
        """``Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|…`` or ``Patient?_id=``: one Patient.

        The self link names the Patient by its logical id: an NHS Number stands in no link.
        """
        wanted = _one_patient(pairs)
        if isinstance(wanted, NHSNumber):
            opened = await self._opener.by_number(look, actor, wanted, asked=_DEMOGRAPHICS)
        else:
            opened = await self._opener.by_id(look, actor, wanted, asked=_DEMOGRAPHICS)
        found = [e for e in opened.permitted if e.id == opened.subject]
        own = f"Patient?_id={opened.subject}"
        return await self._pages.first(look, actor, opened, found, count=len(found), own=own)

    async def resources(self, look: Look, actor: Actor, kind: str, pairs: Pairs) -> Answer:
        """``[type]?patient=[id]&…``."""
        search = parse_search(kind, pairs, base_url=self._base_url)
        opened = await self._opener.by_id(look, actor, search.patient, asked=headings_of_type(kind))
        found = search.run(opened.permitted, kind)
        return await self._pages.first(look, actor, opened, found, count=search.count, own=_own(kind, pairs))

    async def everything(self, look: Look, actor: Actor, patient_id: str, pairs: Pairs) -> Answer:
        """``Patient/[id]/$everything``: all that may be seen, the composed Patient first."""
        kinds, since, count = _everything(pairs)
        opened = await self._opener.by_id(look, actor, patient_id)
        found = [
            entry
            for entry in opened.permitted
            if (kinds is None or entry.type in kinds) and (since is None or entry.last_updated >= since)
        ]
        ordered = _composed_first(opened, found)
        own = f"Patient/{patient_id}/$everything"
        return await self._pages.first(
            look, actor, opened, ordered, count=len(ordered) if count is None else count, own=own
        )


def _composed_first(opened: Opened, found: Sequence[Entry]) -> list[Entry]:
    subject = opened.subject
    first = [entry for entry in found if entry.id == subject]
    rest = [entry for entry in found if entry.id != subject]
    return first + sort_entries(rest, ())


def _one_patient(pairs: Pairs) -> NHSNumber | str:
    """The NHS Number or the logical id of a Patient search. The digits of a number are in no error."""
    found: list[tuple[str, str]] = []
    for name, value in pairs:
        if name in {"identifier", "_id"}:
            found.append((name, value))
        elif name == "_format":
            check_format(value)
        elif name == "_count":
            parse_count(value)
        else:
            raise Invalid(
                "a Patient is searched by identifier or _id only", code="unknown-parameter", where=name[:40]
            )
    if len(found) != 1:
        raise Invalid(f"give one identifier={NHS_NUMBER_SYSTEM}|[number]", code="identifier-needed")
    name, value = found[0]
    return value if name == "_id" else _nhs_number(value)


def _nhs_number(token: str) -> NHSNumber:
    system, bar, value = token.rpartition("|")
    if bar and system != NHS_NUMBER_SYSTEM:
        raise Invalid(f"only identifiers of {NHS_NUMBER_SYSTEM} are searched", code="bad-identifier")
    try:
        return NHSNumber.parse(value)
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number", where="identifier") from None


def _everything(pairs: Pairs) -> tuple[frozenset[str] | None, int | None, int | None]:
    kinds: frozenset[str] | None = None
    since: int | None = None
    count: int | None = None
    for name, value in once(pairs, _ONCE):
        if name == "_type":
            named = _kinds(value)
            kinds = named if kinds is None else kinds & named
        elif name == "_since":
            read = interval(value.replace(" ", "+"))
            if read is None:
                raise Invalid(
                    "must be an instant such as 2026-01-31T09:30:00Z", code="bad-parameter", where=name[:40]
                )
            since = read[0] if since is None else max(since, read[0])
        elif name == "_count":
            count = parse_count(value)
        elif name == "_format":
            check_format(value)
        else:
            known = "_type, _since, _count"
            raise Invalid(
                f"not a parameter of $everything here; known: {known}",
                code="unknown-parameter",
                where=name[:40],
            )
    return kinds, since, count


def _kinds(value: str) -> frozenset[str]:
    """The types of ``_type``. A misspelt one would find nothing, and nothing would look like none."""
    named = frozenset(value.split(","))
    for kind in named:
        if not headings_of_type(kind):
            raise Invalid(f"{kind[:40]!r} is not a resource type here", code="bad-parameter", where="_type")
    return named


def _own(kind: str, pairs: Pairs) -> str:
    """The self link: the parameters as they were understood, without any identifier of the person."""
    return f"{kind}?{urlencode(pairs)}"
