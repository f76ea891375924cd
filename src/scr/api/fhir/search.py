"""search: on a type within one person, on Patient by NHS Number, and ``$everything``.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.origins import asks_origins
from scr.api.fhir.pages import Giving, Plan
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.wish import reconciled_of, wish_of
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.headings import DEMOGRAPHICS, HEADINGS, headings_of_type
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, is_nhs_number
from scr.fhir.lastn import last_of_each
from scr.fhir.reconciled import MADE_TYPES
from scr.fhir.search import (
    Codes,
    Pairs,
    Search,
    parse_search,
    sort_entries,
)

_DEMOGRAPHICS = frozenset({DEMOGRAPHICS})
Noting = Callable[[Look, Actor, Opened], None]


@dataclass(frozen=True, slots=True)
class LastOfEach:
    """``Observation/$lastn``, of what a search finds: so many of each kind; ``void``: the cancelled too.

    Plain values, as it may be kept for an answer that is made later.
    """

    most: int
    void: bool

    address = "Observation/$lastn"

    @property
    def pairs(self) -> Pairs:
        """Its own parameters."""
        return [("max", str(self.most))]

    def take(self, found: Sequence[Entry]) -> list[Entry]:
        """What it takes."""
        return last_of_each(found, self.most, void=self.void)


class Searcher:
    """Searches, and pages what it found. ``codes`` answers where a search asks what a code means; ``noting``
    hears of each record of which all is given."""

    def __init__(
        self,
        opener: Opener,
        reconciler: Reconciler,
        pages: Giving,
        base_url: str,
        codes: Codes | None = None,
        noting: Noting | None = None,
    ) -> None:
        self._noting = noting
        self._opener = opener
        self._reconciler = reconciler
        self._pages = pages
        self._base_url = base_url
        self._codes = codes

    async def patients(self, look: Look, actor: Actor, pairs: Pairs, *, lenient: bool = False) -> Answer:
        """``Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|…`` or ``Patient?_id=``: one Patient.

        Other parameters narrow, or say what goes with it. The self link names the Patient by its logical
        id: an NHS Number stands in no link.
        """
        wanted, rest = _one_patient(pairs)
        search = self._read("Patient", rest, lenient, person="")
        asked = frozenset(HEADINGS) if search.beside else _DEMOGRAPHICS
        if isinstance(wanted, NHSNumber):
            opened = await self._opener.by_number(look, actor, wanted, asked=asked)
        else:
            opened = await self._opener.by_id(look, actor, wanted, asked=asked)
        if asks_origins("Patient", rest):
            opened = await self._reconciler.trace(opened, look.now)
        found = [e for e in await _run(search, opened) if e.id == opened.subject]
        own = _own("Patient", [("_id", opened.subject), *search.used])
        return await self._pages.first(look, actor, opened, found, _plan(search, own))

    async def resources(
        self,
        look: Look,
        actor: Actor,
        kind: str,
        pairs: Pairs,
        *,
        lenient: bool = False,
        taking: LastOfEach | None = None,
    ) -> Answer:
        """``[type]?patient=[id]&…``; without a type ``?patient=[id]&_type=…``.

        ``taking``: an operation that gives part of what the search finds.
        """
        wanted, rest = reconciled_of(pairs)
        search = self._read(kind, rest, lenient)
        made = not MADE_TYPES.isdisjoint(search.kinds)
        traced = asks_origins(kind, rest)
        asked = frozenset(HEADINGS) if search.beside or made or traced else _headings(search.kinds)
        opened = await self._opener.by_id(look, actor, search.patient, asked=asked)
        if traced:
            opened = await self._reconciler.trace(opened, look.now)
        if wanted and (search.beside or made):
            opened = await self._reconciler.add(opened, look.now)
        found = await _run(search, opened)
        used = search.used if wanted else [*search.used, ("_reconciled", "false")]
        if taking is not None:
            found, used, kind = taking.take(found), [*used, *taking.pairs], taking.address
        return await self._pages.first(look, actor, opened, found, _plan(search, _own(kind, used)))

    def _read(self, kind: str, pairs: Pairs, lenient: bool, person: str | None = None) -> Search:
        _check_numbers(pairs)
        return parse_search(
            kind, pairs, base_url=self._base_url, person=person, lenient=lenient, codes=self._codes
        )

    async def everything(self, look: Look, actor: Actor, patient_id: str, pairs: Pairs) -> Answer:
        """``Patient/[id]/$everything``: all that may be seen, the composed Patient first."""
        wish = wish_of(pairs)
        told = opened = await self._opener.by_id(look, actor, patient_id)
        if wish.made:
            opened = await self._reconciler.add(opened, look.now)
        permitted = opened.permitted
        found = permitted if wish.whole else [entry for entry in permitted if wish.wants(entry)]
        ordered = opened.workings.once(
            "ordered", (opened.subject, found), lambda: _composed_first(opened, found)
        )
        own = f"Patient/{patient_id}/$everything"
        plan = Plan(own, len(ordered) if wish.count is None else wish.count)
        if self._noting is not None and wish.whole and plan.count >= len(ordered):
            self._noting(look, actor, told)
        return await self._pages.first(look, actor, opened, ordered, plan)


def _composed_first(opened: Opened, found: Sequence[Entry]) -> list[Entry]:
    subject = opened.subject
    first = [entry for entry in found if entry.id == subject]
    rest = [entry for entry in found if entry.id != subject]
    return first + sort_entries(rest)


async def _run(search: Search, opened: Opened) -> list[Entry]:
    """What a search finds; beside the loop where terminology is asked, which may take its time."""
    if search.meaning:
        return await asyncio.to_thread(search.run, opened.permitted)
    return search.run(opened.permitted)


def _plan(search: Search, own: str) -> Plan:
    return Plan(
        own,
        0 if search.shape.summary == "count" else search.count,
        includes=list(search.includes),
        shape=search.shape,
        total=search.total,
        ignored=list(search.ignored),
    )


def _headings(kinds: Sequence[str]) -> frozenset[str]:
    return frozenset(heading for kind in kinds for heading in headings_of_type(kind))


def _one_patient(pairs: Pairs) -> tuple[NHSNumber | str, Pairs]:
    """The NHS Number or the logical id of a Patient search, and its other parameters.

    The digits of a number are in no error.
    """
    found = [(name, value) for name, value in pairs if name in {"identifier", "_id"}]
    if len(found) != 1:
        raise Invalid(f"give one identifier={NHS_NUMBER_SYSTEM}|[number]", code="identifier-needed")
    name, value = found[0]
    rest = [pair for pair in pairs if pair != found[0]]
    return (value if name == "_id" else nhs_number_of(value)), rest


def _check_numbers(pairs: Pairs) -> None:
    """Refuse an NHS Number anywhere but as the identifier of a Patient: it would stand in the self link."""
    for name, value in pairs:
        by_identifier = name.rpartition(".")[2].partition(":")[0] == "identifier" or ":identifier" in name
        tokens = [token.rpartition("|") for token in value.split(",")]
        if any(
            system == NHS_NUMBER_SYSTEM or (by_identifier and is_nhs_number(number))
            for system, _, number in tokens
        ):
            raise Invalid(
                "an NHS Number is asked for at Patient alone: find the Patient, then give patient=[id]",
                code="number-in-search",
            )


def nhs_number_of(token: str) -> NHSNumber:
    """The NHS Number of a token. Raises Invalid, without its digits."""
    system, bar, value = token.rpartition("|")
    if bar and system != NHS_NUMBER_SYSTEM:
        raise Invalid(f"only identifiers of {NHS_NUMBER_SYSTEM} are searched", code="bad-identifier")
    try:
        return NHSNumber.parse(value)
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number", where="identifier") from None


def _own(kind: str, pairs: Pairs) -> str:
    """The self link: the parameters as they were understood, without any identifier of the person."""
    return f"{kind}?{urlencode(pairs)}"
