"""What is made of a vulnerability report: what fails, what is told, and what nobody looked at."""

from __future__ import annotations

import json

import pytest
from deploy.dependencies import verdict

SOUND = {"name": "sound", "version": "1", "vulns": []}
WEAK = {"name": "weak", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
OPEN = {"name": "open", "version": "3", "vulns": [{"id": "CVE-2", "fix_versions": []}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("rows", "fails", "told"),
    [
        pytest.param([SOUND], False, "1 packages audited, 0 weaknesses known", id="sound"),
        pytest.param([SOUND, WEAK], True, "weak 2: CVE-1, mended in 2.1", id="mended elsewhere"),
        pytest.param([OPEN], False, "open 3: CVE-2, nobody has mended it", id="not mended"),
        pytest.param([SOUND, UNKNOWN], False, "NOT AUDITED: unknown", id="one that is not known"),
        pytest.param([UNKNOWN], False, "NOT AUDITED: the vulnerability service", id="nothing learnt"),
        pytest.param([], False, "NOT AUDITED: the vulnerability service", id="nothing"),
    ],
)
def test_a_weakness_with_a_remedy_fails_and_nothing_unasked_is_called_sound(
    rows: list[object], fails: bool, told: str
) -> None:
    """Each is told by package, version and name."""
    found = verdict(json.dumps({"dependencies": rows}))
    assert found.fails == fails
    assert told in "\n".join(found.lines())


@pytest.mark.parametrize("report", ["", "no JSON", "[]", "{}", '{"dependencies": null}'])
def test_without_a_report_nothing_was_learnt(report: str) -> None:
    """A service that is away fails no build, and says so."""
    found = verdict(report)
    assert not found.fails
    assert "NOT AUDITED" in "\n".join(found.lines())
