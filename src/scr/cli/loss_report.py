"""The loss report of ``scr adapters try``, on the screen and as a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from scr.cli.context import counted_as, listing
from scr.mapping.account import SourceField
from scr.mapping.meaning import Untranslated
from scr.mapping.report import LossReport, UnitReport


def show(report: LossReport, console: Console) -> None:
    """Print the units, and then the figures, so that these stay on the screen."""
    for unit in report.units:
        console.print(_unit(unit))
    if len(report.units) < report.unit_count:
        console.print(
            f"The first {len(report.units)} of {report.unit_count} units; --show N shows more.\n",
            markup=False,
        )
    console.print(_fields(report.fields))
    if report.codes:
        console.print(
            _counts("codes without a translation", ((f"{c.map}: {c.code}", n) for c, n in report.codes))
        )
    if report.untranslated:
        console.print(_untranslated(report.untranslated))
    if report.unread:
        console.print(_counts("values that could not be read", report.unread))
    for line in summary(report):
        console.print(line, markup=False, soft_wrap=True)


def summary(report: LossReport) -> tuple[str, ...]:
    """The figures in two lines, and a third where a code has no national one beside it."""
    counted = (
        f"{report.count('mapped')} mapped, {report.count('ignored')} ignored on purpose,"
        f" {report.count('unmapped')} unmapped"
    )
    missing = sum(count for _, count in report.untranslated)
    without = f"{counted_as(len(report.untranslated), 'code')} without a national code"
    national = [f"{without}, in {counted_as(missing, 'place')}."]
    return (
        f"{counted_as(report.unit_count, 'unit')} gave {counted_as(report.resource_count, 'resource')}; "
        f"{report.problem_count} would go to quarantine.",
        f"Coverage {'unknown' if report.coverage is None else f'{report.coverage:.1%}'}: "
        f"of {counted_as(len(report.fields), 'field')} with a value, {counted}; "
        f"{counted_as(len(report.codes), 'code')} without a translation, "
        f"{counted_as(len(report.unread), 'sort')} of unreadable values.",
        *(national if missing else ()),
    )


def page(report: LossReport, name: str) -> str:
    """The report as one page of HTML, with everything of the payload escaped and no script."""
    environment = Environment(
        loader=PackageLoader("scr.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("loss-report.html").render(report=report, name=name)


def write_page(report: LossReport, name: str, path: Path) -> None:
    """Write the page where only its owner can read it: it holds what the payload holds."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(page(report, name), encoding="utf-8")


def _unit(unit: UnitReport) -> Group:
    table = Table("source", "FHIR R4", title=Text(unit.place), title_justify="left", expand=True)
    table.columns[0].ratio, table.columns[1].ratio = 2, 3
    table.columns[0].overflow = table.columns[1].overflow = "fold"
    table.add_row(Text(unit.source), Text("\n".join(unit.resources) or "nothing was made of it"))
    return Group(table, *(Text(f"  {problem}", style="red") for problem in unit.problems), Text())


def _fields(fields: Iterable[SourceField]) -> Table:
    table = listing("field", "filled", "", "where to, or why not", whole={""}, right={"filled"})
    styles = {"mapped": "green", "ignored": "dim", "unmapped": "bold red"}
    for each in fields:
        where = each.reason or "\n".join(each.targets)
        table.add_row(Text(each.name), str(each.filled), Text(each.status, styles[each.status]), Text(where))
    return table


def _untranslated(found: Iterable[tuple[Untranslated, int]]) -> Table:
    """By system, so that what one file of maps would mend stands together; the most frequent first."""
    by_system: dict[str, list[tuple[Untranslated, int]]] = {}
    for each, count in found:
        by_system.setdefault(each.system, []).append((each, count))
    heads = ("codes without a national code", "text", "why", "how often")
    table = listing(*heads, whole={"why"}, right={"how often"})
    for system, codes in sorted(by_system.items(), key=lambda item: -sum(count for _, count in item[1])):
        table.add_row(Text(system or "(no system)", "bold"), "", "", str(sum(count for _, count in codes)))
        for each, count in codes:
            table.add_row(Text(f"  {each.code}"), Text(each.display), Text(each.reason), str(count))
    return table


def _counts(title: str, counted: Iterable[tuple[str, int]]) -> Table:
    table = listing(title, "how often", right={"how often"})
    for what, count in counted:
        table.add_row(Text(what), str(count))
    return table
