"""What an answer itself says is missing from it: OperationOutcomes, and the warnings on its Lists.

Read as loosely as possible: whatever is not shaped as it should be is passed over, because a
supplier's slip in a warning must not cost the record that it came with. Free text is never taken:
a supplier may have put a person's data there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scr.fhir.canonical import HEADING_SYSTEM, LEDGER_EXTENSION, OUTCOME_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.pages import head_of

_PARAMETER = re.compile(r"include[A-Za-z]{1,40}(\.[A-Za-z]{1,40})?")
_LIST_WARNING = "ListWarningCode-1"
"""How the address of the GP Connect extension ends, in STU3 and after conversion."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome.

    ``type`` is the FHIR issue type; ``codes`` those of ``details.coding``; ``about`` the parameter of
    GP Connect that it is about (``includeProblems``), or the part of one
    (``includeImmunisations.includeStatus``). ``outcome``, ``headings`` and ``reason`` are those of a
    shared care record's own ledger.
    """

    severity: str
    type: str
    codes: tuple[str, ...] = ()
    about: str = ""
    outcome: str = ""
    headings: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_error(self) -> bool:
        """Something that was asked for did not happen."""
        return self.severity in {"error", "fatal"}


@dataclass(frozen=True, slots=True)
class ListNote:
    """One List: its codes, and the codes of the warnings that it carries."""

    codes: tuple[str, ...]
    warnings: tuple[str, ...]


def issues_of(outcomes: Iterable[object]) -> tuple[Issue, ...]:
    """The issues of OperationOutcomes (STU3 or R4); whatever is not one is passed over."""
    return tuple(
        _issue(issue)
        for outcome in outcomes
        if isinstance(outcome, dict) and outcome.get("resourceType") == "OperationOutcome"
        for issue in _dicts(outcome.get("issue"))
    )


def issues_in(body: bytes) -> tuple[Issue, ...] | None:
    """The issues of a body that is one OperationOutcome; None where it is anything else."""
    if head_of(body).type != "OperationOutcome":
        return None
    try:
        return issues_of([orjson.loads(body)])
    except orjson.JSONDecodeError:
        return None


def list_notes(resources: Iterable[object]) -> tuple[ListNote, ...]:
    """What the Lists among the resources say about themselves."""
    return tuple(
        ListNote(
            codes=tuple(_codings(resource.get("code"))),
            warnings=tuple(_warnings(resource)),
        )
        for resource in resources
        if isinstance(resource, dict) and resource.get("resourceType") == "List"
    )


def _issue(issue: Resource) -> Issue:
    details = issue.get("details")
    ledger = [e for e in _dicts(issue.get("extension")) if e.get("url") == LEDGER_EXTENSION]
    parts = [part for extension in ledger for part in _dicts(extension.get("extension"))]
    return Issue(
        severity=_text(issue.get("severity")),
        type=_text(issue.get("code")),
        codes=tuple(_codings(details)),
        about=_parameter(issue.get("diagnostics"), details.get("text") if isinstance(details, dict) else ""),
        outcome=next(_codings(details, OUTCOME_SYSTEM), ""),
        headings=tuple(heading for part in parts for heading in _headings(part)),
        reason=next((_text(part.get("valueCode")) for part in parts if part.get("url") == "reason"), ""),
    )


def _headings(part: Resource) -> Iterator[str]:
    if part.get("url") == "heading":
        for inner in _dicts(part.get("extension")):
            yield from _codings({"coding": [inner.get("valueCoding")]}, HEADING_SYSTEM)


def _warnings(resource: Resource) -> Iterator[str]:
    for extension in _dicts(resource.get("extension")):
        code = extension.get("valueCode")
        if _text(extension.get("url")).endswith(_LIST_WARNING) and isinstance(code, str):
            yield code


def _codings(concept: object, system: str | None = None) -> Iterator[str]:
    if isinstance(concept, dict):
        for coding in _dicts(concept.get("coding")):
            code = coding.get("code")
            if isinstance(code, str) and (system is None or coding.get("system") == system):
                yield code


def _dicts(value: object) -> Sequence[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parameter(*texts: object) -> str:
    """The GP Connect parameter that a text begins with; suppliers differ in where they name it."""
    for text in texts:
        found = _PARAMETER.match(_text(text))
        if found:
            return found[0]
    return ""
