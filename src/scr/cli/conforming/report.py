"""What a run of the conformance pack found: in the terminal, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.table import Table
from rich.text import Text

from scr.cli.conforming.run import Finding, Report
from scr.cli.context import counted_as, listing

_SPECIFICATION = "https://hl7.org/fhir/R4/"
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim"}


def summary(report: Report) -> str:
    """One line."""
    software = f" ({report.software})" if report.software else ""
    return (
        f"{report.base}{software}: {counted_as(len(report.findings), 'question')}: "
        f"{report.count('passed')} passed, {report.count('failed')} failed, "
        f"{report.count('skipped')} skipped."
    )


def table(report: Report) -> Table:
    """A line for each check."""
    made = listing(
        "check", "", "passed", "failed", "skipped", whole={"check"}, right={"passed", "failed", "skipped"}
    )
    for name, found in by_check(report):
        counts = [sum(one.verdict == verdict for one in found) for verdict in _STYLES]
        worst = "failed" if counts[1] else "passed" if counts[0] else "skipped"
        numbers = (Text(str(n) if n else "", _STYLES[v]) for n, v in zip(counts, _STYLES, strict=True))
        made.add_row(Text(name, _STYLES[worst]), Text(found[0].check.about, "dim"), *numbers)
    return made


def failures(found: Iterable[Finding]) -> Table:
    """Why what failed did."""
    made = listing("failed", "of", "why", whole={"failed"})
    for one in found:
        made.add_row(Text(one.check.name, "red"), Text(one.of), Text(one.why))
    return made


def by_check(report: Report) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of each check, in the order of the pack."""
    for name, found in groupby(report.findings, key=lambda one: one.check.name):
        yield name, list(found)


def as_json(report: Report) -> bytes:
    """Everything, for programs."""
    return orjson.dumps(
        {
            "base": report.base,
            "software": report.software,
            "passed": report.count("passed"),
            "failed": report.count("failed"),
            "skipped": report.count("skipped"),
            "findings": [
                {
                    "check": one.check.name,
                    "of": one.of,
                    "verdict": one.verdict,
                    "why": one.why,
                    "milliseconds": round(one.milliseconds, 1),
                }
                for one in report.findings
            ],
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def write_page(report: Report, path: Path) -> None:
    """The report as one page of HTML, without a script."""
    environment = Environment(
        loader=PackageLoader("scr.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("conformance.html").render(
        report=report, checks=list(by_check(report)), line=summary(report), specification=_SPECIFICATION
    )
    path.write_text(page, encoding="utf-8")
