"""A GP practice, asked live: GP Connect Access Record: Structured (FHIR STU3).

One call, ``Patient/$gpc.getstructuredrecord``, asks for every area of the record, and where that takes long
another for allergies, medications and problems; what the answer says of its own gaps is told by heading.
https://digital.nhs.uk/developer/api-catalogue/gp-connect-access-record-structured-fhir
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import httpx
import orjson

from scr.fhir.entry import Resource
from scr.fhir.gaps import Issue, ListNote, issues_in
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.mapping.provider import GpConnectConnection
from scr.sources.asking import Limits, ask_guarded
from scr.sources.first import PARTLY_LATE, SAFETY, calls_end, whole_or_safety, worsen
from scr.sources.http import FHIR_JSON, Fetched, SourceFailure, bad_status, fetch, origin, retry_after
from scr.sources.pipeline import Reader, read_payload
from scr.sources.protocol import Outcome, Question, SourceResult
from scr.sources.provenance import provenance_token
from scr.spans import traced

INTERACTION = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"


@dataclass(frozen=True, slots=True)
class Area:
    """One area of the record: the parameter that asks for it, the switches that ask for all of it,
    its heading here, and the SNOMED CT codes of its Lists, the primary one first."""

    parameter: str
    switches: tuple[str, ...]
    heading: str
    lists: tuple[str, ...]


AREAS = (
    Area(
        "includeAllergies",
        ("includeResolvedAllergies",),
        "allergies",
        ("886921000000105", "1103671000000101"),
    ),
    Area("includeMedication", ("includePrescriptionIssues",), "medications", ("933361000000108",)),
    Area("includeConsultations", (), "contacts", ("1149501000000101",)),
    Area("includeProblems", (), "problems", ("717711000000103",)),
    Area(
        "includeImmunisations",
        ("includeNotGiven", "includeStatus"),
        "immunisations",
        ("1102181000000102",),
    ),
    Area("includeUncategorisedData", (), "findings", ("826501000000100",)),
    Area("includeInvestigations", (), "results", ("887191000000108",)),
    Area("includeReferrals", (), "referrals", ("792931000000107",)),
    Area("includeDiaryEntries", (), "plans", ("714311000000108",)),
)
SAFETY_AREAS = tuple(area for area in AREAS if area.heading in SAFETY)
_BY_PARAMETER = {area.parameter: area.heading for area in AREAS}
_BY_LIST = {code: area.heading for area in AREAS for code in area.lists}
_BY_SECONDARY_LIST = {
    "problems": "problems",
    "consultations": "contacts",
    "investigations": "results",
    "referrals": "referrals",
    "diary": "plans",
    "medications": "medications",
    "uncategorised": "findings",
}
"""Lists beside the primary ones have codes such as ``problems-medications``: by their first word."""

_WARNINGS = {
    "confidential-items": Outcome.WITHHELD,
    "data-in-transit": Outcome.INCOMPLETE,
    "data-awaiting-filing": Outcome.INCOMPLETE,
}

_ERRORS: dict[str, tuple[Outcome, str]] = {
    "NO_RECORD_FOUND": (Outcome.EMPTY, "The practice holds no record for this person."),
    "PATIENT_NOT_FOUND": (
        Outcome.DOWN,
        "The practice's system serves no record for this person: not registered there, or inactive, "
        "deceased, sensitive or not traced. It does not mean that there is none.",
    ),
    "NO_PATIENT_CONSENT": (Outcome.WITHHELD, "The person has not agreed to this record being shared."),
    "NO_ORGANISATION_CONSENT": (Outcome.WITHHELD, "The practice has not agreed to share its records."),
    "NO_RELATIONSHIP": (Outcome.WITHHELD, "The practice sees no relationship between asker and person."),
    "ACCESS_DENIED": (Outcome.WITHHELD, "The practice's system refuses access."),
    "INVALID_NHS_NUMBER": (Outcome.DOWN, "The practice's system does not take the NHS Number."),
    "INVALID_PATIENT_DEMOGRAPHICS": (Outcome.DOWN, "The practice's system could not trace the person."),
    "DUPLICATE_REJECTED": (Outcome.DOWN, "The practice's system took the question for a repeated one."),
    "NOT_IMPLEMENTED": (Outcome.DOWN, "The practice's system does not offer the structured record."),
}
_CODE = re.compile(r"[A-Z][A-Z _]{2,39}\Z")


@dataclass(frozen=True, slots=True)
class GpConnectSource:
    """One practice. ``us`` is the address that we are known by, ``version`` that of this software."""

    connection: GpConnectConnection
    reader: Reader
    client: httpx.AsyncClient
    limits: Limits
    us: str
    version: str

    @property
    def ods(self) -> OdsCode:
        """The practice."""
        return self.reader.ods

    @property
    def name(self) -> str:
        """The practice's name."""
        return self.reader.name

    @property
    def headings(self) -> frozenset[str]:
        """The headings that its adapter fills."""
        return self.reader.headings

    async def ask(self, question: Question) -> SourceResult:
        """The structured record, whole."""
        return await ask_guarded(self._read, question, ods=self.ods, name=self.name, limits=self.limits)

    async def _read(self, question: Question) -> SourceResult:
        until = calls_end(question.deadline)
        (body, areas), lost = await whole_or_safety(
            lambda: self._fetched(question, AREAS, until, question.trace_id),
            lambda: self._fetched(question, SAFETY_AREAS, until, ""),
            until,
        )
        reading = read_payload(body, question, self.reader)
        headings = gaps(reading.issues, reading.lists, areas)
        for heading in reading.unread:
            worsen(headings, heading, Outcome.INCOMPLETE)
        if lost is not None:
            for area in set(AREAS).difference(areas):
                worsen(headings, area.heading, lost.outcome)
        return SourceResult(
            self.ods,
            self.name,
            Outcome.ANSWERED,
            entries=reading.entries,
            headings=headings,
            code=PARTLY_LATE if lost else "",
            detail="A part of its record did not come in time." if lost else "",
            demographics=reading.demographics,
        )

    async def _fetched(
        self, question: Question, areas: tuple[Area, ...], until: float, trace: str
    ) -> tuple[bytes, tuple[Area, ...]]:
        """The answer about these areas. Without ``trace`` it has an id of its own, so that it is not taken
        for a repeated one."""
        request = self._request(question, areas, trace or str(uuid.uuid4()))
        fetched = await fetch(
            self.client,
            request,
            max_bytes=self.limits.max_bytes,
            deadline=until,
            attempts=self.limits.attempts,
        )
        _refuse_error(fetched, origin(request.url))
        return fetched.body, areas

    def _request(self, question: Question, areas: tuple[Area, ...], trace: str) -> httpx.Request:
        now = self.reader.clock() // 1000
        base = self.connection.url.rstrip("/")
        token = provenance_token(question.actor, issuer=self.us, audience=base, version=self.version, now=now)
        return self.client.build_request(
            "POST",
            f"{base}/Patient/$gpc.getstructuredrecord",
            content=orjson.dumps(parameters(question.nhs_number, areas)),
            headers={
                "Accept": FHIR_JSON,
                "Authorization": f"Bearer {token}",
                "Cache-Control": "no-store",
                "Content-Type": f"{FHIR_JSON};charset=utf-8",
                "Ssp-From": self.connection.from_asid,
                "Ssp-InteractionID": INTERACTION,
                "Ssp-To": self.connection.to_asid,
                "Ssp-TraceID": trace,
                **traced(self.connection.traced),
            },
        )


def parameters(nhs_number: NHSNumber, areas: Iterable[Area] = AREAS) -> Resource:
    """The Parameters that ask for areas, with everything that their switches would leave out."""
    person = {
        "name": "patientNHSNumber",
        "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": nhs_number.value},
    }
    return {"resourceType": "Parameters", "parameter": [person, *(_parameter(area) for area in areas)]}


def _parameter(area: Area) -> Resource:
    switches = [{"name": name, "valueBoolean": True} for name in area.switches]
    return {"name": area.parameter} | ({"part": switches} if switches else {})


def _refuse_error(fetched: Fetched, place: str) -> None:
    """Raise for an answer that is an error, whatever its status says."""
    issues = issues_in(fetched.body)
    if fetched.status < 400 and issues is None:
        return
    codes = [_known(code) for issue in issues or () for code in issue.codes]
    for code in codes:
        if code in _ERRORS:
            outcome, text = _ERRORS[code]
            raise SourceFailure(text, code=code.lower().replace("_", "-"), outcome=outcome)
    named = next((code for code in codes if code), "")
    if named:
        raise SourceFailure(
            f"{place}: the practice's system answered with the error {named}",
            code=named.lower().replace("_", "-"),
            retry_after=retry_after(fetched.headers),
            ailing=fetched.status >= 500,
        )
    if fetched.status < 400:
        raise SourceFailure(f"{place}: an OperationOutcome came instead of a record", code="no-record")
    raise bad_status(fetched.status, place, retry_after(fetched.headers))


def _known(code: str) -> str:
    """A Spine error code in one spelling (ACCESS DENIED is also written with a space), or nothing."""
    return code.replace(" ", "_") if _CODE.match(code) else ""


def gaps(
    issues: Iterable[Issue], lists: Iterable[ListNote], areas: tuple[Area, ...] = AREAS
) -> dict[str, Outcome]:
    """The headings that the answer itself says are not whole, where it was asked for these areas.

    An area that the system does not support is down; a switch that it does not support, a record in
    transit, or an area that is neither there nor spoken of is incomplete; confidential items are withheld.
    A failure that names no area bears on all of them.
    """
    found: dict[str, Outcome] = {}
    lists = tuple(lists)
    present = {code for note in lists for code in note.codes}
    for area in areas:
        if present.isdisjoint(area.lists):
            worsen(found, area.heading, Outcome.INCOMPLETE)
    for issue in issues:
        parameter, _, switch = issue.about.partition(".")
        if parameter in _BY_PARAMETER:
            worsen(found, _BY_PARAMETER[parameter], Outcome.INCOMPLETE if switch else Outcome.DOWN)
        elif issue.is_error or (issue.severity == "warning" and not parameter):
            for area in areas:
                worsen(found, area.heading, Outcome.INCOMPLETE)
    for note in lists:
        for warning in note.warnings:
            worsen(found, _heading_of(note.codes), _WARNINGS.get(warning, Outcome.INCOMPLETE))
    return found


def _heading_of(codes: Iterable[str]) -> str:
    for code in codes:
        heading = _BY_LIST.get(code) or _BY_SECONDARY_LIST.get(code.partition("-")[0])
        if heading:
            return heading
    return "contacts"
