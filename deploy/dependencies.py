"""What is known against a deployment's packages: ``python -m deploy.dependencies requirements.lock``.

``pip-audit`` asks the vulnerability service of the package index. A weakness that a newer version mends fails
the build; one that nobody has mended is told. Where the service cannot be reached, or does not know the
packages, that is told too and fails nothing: what was not looked at is never called sound.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """A known weakness of a package; ``mended`` are the versions that do not have it."""

    package: str
    version: str
    name: str
    mended: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """It, in a line."""
        remedy = f"mended in {', '.join(self.mended)}" if self.mended else "nobody has mended it"
        return f"{self.package} {self.version}: {self.name}, {remedy}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of asking. ``unasked`` are packages that nothing was learnt of."""

    findings: tuple[Finding, ...]
    asked: int
    unasked: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Whether a newer version would be without a weakness that is known."""
        return any(found.mended for found in self.findings)

    def lines(self) -> Iterator[str]:
        """What it comes to, for people."""
        yield from (found.sentence for found in self.findings)
        if not self.asked:
            yield "NOT AUDITED: the vulnerability service was not reached, or knows none of the packages"
            return
        yield f"{self.asked} packages audited, {len(self.findings)} weaknesses known"
        if self.unasked:
            yield f"NOT AUDITED: {', '.join(self.unasked)}"


def verdict(report: str) -> Verdict:
    """Of what ``pip-audit`` writes as JSON; of what is none, that nothing was learnt."""
    try:
        rows = list(json.loads(report)["dependencies"])
    except (ValueError, LookupError, TypeError):
        return Verdict((), 0, ())
    unasked = tuple(row["name"] for row in rows if "skip_reason" in row)
    findings = tuple(
        Finding(row["name"], row["version"], one["id"], tuple(one["fix_versions"]))
        for row in rows
        for one in row.get("vulns", ())
    )
    return Verdict(findings, len(rows) - len(unasked), unasked)


def main() -> int:
    """The exit code: 1 where a package has a known weakness that is mended."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", sys.argv[1], "--require-hashes", "--disable-pip",
        "--format", "json", "--progress-spinner", "off", "--desc", "off",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        report = done.stdout
    except subprocess.TimeoutExpired:
        report = ""
    found = verdict(report)
    sys.stdout.write("\n".join([*found.lines(), ""]))
    return 1 if found.fails else 0


if __name__ == "__main__":
    sys.exit(main())
