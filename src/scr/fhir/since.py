"""What is new to somebody since they last looked, as the issues of an OperationOutcome."""

from __future__ import annotations

from collections.abc import Sequence

from scr.fhir.canonical import SINCE_EXTENSION, SINCE_SYSTEM
from scr.fhir.dates import instant_text
from scr.fhir.entry import Resource

_SAID = {
    "new": "New since the last look: {count}.",
    "changed": "Changed since the last look: {count}.",
    "not-shown": "Shown at the last look and not any more: {count}.",
}


def since_issues(
    since: int | None,
    new: Sequence[str],
    changed: Sequence[str],
    gone: Sequence[str],
    back: Sequence[str],
) -> list[Resource]:
    """When the last look was (ms UTC; None: there was none), references of what is new, has changed and is
    not shown any more, and names of the sources that were missing then and have answered now.

    That something is not shown any more has many reasons, and none of them is told.
    """
    if since is None:
        head = _issue("no-last-look", "There was no look before: everything is new.")
    else:
        head = _issue("since", f"The last look was at {instant_text(since)}.")
        head["extension"] = [_extension([{"url": "since", "valueInstant": instant_text(since)}])]
    found = [head]
    for code, references in (("new", new), ("changed", changed), ("not-shown", gone)):
        issue = _issue(code, _SAID[code].format(count=len(references)))
        if references:
            told = [{"url": "entry", "valueReference": {"reference": one}} for one in references]
            issue["extension"] = [_extension(told)]
        found.append(issue)
    found += [_issue("back", f"{name} was not complete at the last look, and is now.") for name in back]
    return found


def _issue(code: str, text: str) -> Resource:
    return {
        "severity": "information",
        "code": "informational",
        "details": {"coding": [{"system": SINCE_SYSTEM, "code": code}], "text": text},
    }


def _extension(parts: list[Resource]) -> Resource:
    return {"url": SINCE_EXTENSION, "extension": parts}
