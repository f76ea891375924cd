"""``scr adapters draft`` and ``scr adapters init``: the first hour of a new supplier."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.text import Text

from scr.cli.context import Context, console, listing
from scr.data import DataFiles
from scr.errors import Invalid
from scr.mapping.adapter import load_adapters
from scr.mapping.adapter_file import Supplier
from scr.onboarding.draft.examples import copy_example
from scr.onboarding.draft.folder import Drafted, write_draft
from scr.onboarding.draft.messages import Messages
from scr.onboarding.draft.place import Plan
from scr.onboarding.draft.times import in_words
from scr.onboarding.draft.writing import Placement

SETTINGS: tuple[str, ...] = get_args(Supplier.model_fields["setting"].annotation)
_NO_LETTERS = re.compile(r"[^a-z]+")
_FEW = 10
"""Records, below which a sample shows too little."""
_COLOURS = {"high": "green", "medium": "yellow", "low": "red"}

Home = Annotated[
    Path | None, typer.Option("--home", help="The deployment's folder, if not said before the verb.")
]


def draft(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Sample payloads of one shape.")
    ],
    setting: Annotated[str, typer.Option(help=f"Where it is used: {', '.join(SETTINGS)}.")],
    name: Annotated[
        str, typer.Option(help="The new adapter's name, such as care-diary; else the letters of the file's.")
    ] = "",
    keep_people: Annotated[
        bool, typer.Option("--keep-people", help="Copy the samples as they are, personal data and all.")
    ] = False,
    home: Home = None,
) -> None:
    """Draft an adapter from sample payloads: what each column is, where it goes, and what to ask.

    Nothing of the people in the payload is printed, nor written unless --keep-people is given.
    """
    if setting not in SETTINGS:
        raise Invalid(f"--setting is one of {', '.join(SETTINGS)}", code="bad-setting")
    root, name = _home(context, home), name or _named_after(files[0])
    made = write_draft(root, files, name, setting, key=secrets.token_bytes(32), keep_people=keep_people)
    if made.plan is not None:
        _show_plan(made.plan)
    if made.messages is not None:
        _show_messages(made.messages)
    _say(*_what_it_did(made))
    _say(*_next_steps(made, keep_people=keep_people))


def _named_after(file: Path) -> str:
    """A name made of a file's, without its digits: they could be somebody's number."""
    return _NO_LETTERS.sub("-", file.stem.lower()).strip("-")


def init(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The new adapter's name.")] = "",
    example: Annotated[str, typer.Option("--from", help="The worked example to begin with.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List the worked examples.")] = False,
    home: Home = None,
) -> None:
    """Copy a worked example into the deployment's folder under a new name."""
    root = _home(context, home)
    if list_ or not name or not example:
        _show_examples(DataFiles(root))
        if not list_:
            raise Invalid(
                "say the new name and the example: scr adapters init NAME --from ADAPTER", code="no-example"
            )
        return
    copied = copy_example(root, name, example)
    _say(f"Made {_short(copied.folder)} from {example}, {len(copied.files)} files.", "", "What to change:")
    _say(
        "  1. adapter.yaml, `supplier`: whose system it is.",
        "  2. adapter.yaml, `decode`: the columns, or where the records are, as your supplier sends them.",
        "  3. the expressions that name other columns than yours; an error names file, line and key.",
        "  4. samples/: a payload of your supplier's shape with invented people (numbers that begin 999).",
    )
    if copied.maps:
        _say(f"  5. the words of your supplier in terminology/maps: {', '.join(copied.maps)}.",
             "     Copy one under a new name before you change it: other adapters use it too.")  # fmt: skip
    _say("", f"Then: scr adapters try FILE --adapter {name}, and scr adapters check {name} --write-goldens.")


def _home(context: typer.Context, home: Path | None) -> Path:
    found: Context = context.obj
    return found.load(home=home).settings.home


def _short(path: Path) -> Path:
    """A path as somebody who stands in the current folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _say(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _show_examples(files: DataFiles) -> None:
    table = listing("example", "setting", "format", "product", whole={"example"})
    for name, adapter in sorted(load_adapters(files).items()):
        supplier = adapter.supplier
        table.add_row(name, supplier.setting, adapter.decode.format, supplier.product)
    console.print(table)


def _show_plan(plan: Plan) -> None:
    table = listing("column", "taken for", "goes to", "sure", whole={"sure"})
    placements = [plan.placement(finding) for finding in plan.findings]
    for placement in placements:
        table.add_row(*_row(placement))
    console.print(table)
    # Beneath the table, and not beside it: on a narrow screen a fifth column would be dropped.
    asked = [f"  {one.finding.column.name}: {one.question}" for one in placements if one.question]
    if asked:
        _say("", "Questions:", *asked)
    if plan.sample.sheets:
        _say(
            f"Not drafted: the sheets {', '.join(plan.sample.sheets)}. No column of theirs tells whose a row"
            " is. One adapter can read several sheets, and join their rows: docs/formats.md, workbook."
        )
    for name in plan.sample.twice:
        _say(
            f"The column {name!r} stands twice: the two cannot be told apart, so neither is read. Rename one."
        )
    if plan.sample.bad:
        _say(f"{plan.sample.bad} rows or records of the sample cannot be read; they would go to quarantine.")


def _row(placement: Placement) -> tuple[str, str, str | Text, str | Text]:
    finding = placement.finding
    kind = finding.kind.value
    if finding.times is not None:
        kind = f"{kind}, {in_words(finding.times.formats)}"
    if not placement.target:
        return finding.column.name, kind, Text("not placed", "red"), ""
    sure = Text(placement.confidence, _COLOURS[placement.confidence])
    return finding.column.name, kind, placement.target, sure


def _show_messages(found: Messages) -> None:
    types = ", ".join(f"{kind} ({count})" for kind, count in sorted(found.types.items()))
    _say(f"HL7 v2: {types}. The draft begins with the shipped adapter {found.base}.", "")
    if found.unread:
        table = listing("not read", "in messages")
        for place, count in found.unread.items():
            table.add_row(place, f"{count} of {found.total}")
        console.print(table)
    for code, count in found.refused.items():
        _say(f"{count} of {found.total} messages are for a human to see: {code}.")


def _what_it_did(made: Drafted) -> list[str]:
    lines = [
        "",
        f"The draft runs: {made.mapped} of {made.units} records give {made.resources} FHIR resources.",
    ]
    if made.mapped < made.units:
        lines.append(f"{made.units - made.mapped} would go to quarantine: `scr adapters try` says why.")
    if made.units < _FEW:
        lines.append("So few show little: draft again from some hundreds, to see which values come.")
    if made.reads_it:
        lines.append(
            f"The adapter {made.reads_it} reads this file as it is. If the file is of that kind, use it, "
            "and take this draft away."
        )
    return lines


def _next_steps(made: Drafted, *, keep_people: bool) -> list[str]:
    samples = _short(made.folder / "samples")
    held = (
        f"{samples} holds personal data, as it was sent. Keep it where such data may lie."
        if keep_people
        else f"The people in {samples} are invented. Look through it before you pass it on: "
        "what was taken for a code was kept."
    )
    lines = [held, "", "Next:", f"  1. Answer the questions in {_short(made.folder / 'adapter.yaml')}."]
    maps = [path for path in made.written if path.parent.name == "maps"]
    lines += [f"     Fill in {_short(path)}." for path in maps]
    return [
        *lines,
        f"  2. scr adapters try FILE --adapter {made.name}",
        f"  3. scr adapters check {made.name} --write-goldens, and read what it wrote",
        "  4. a provider file that names the adapter: docs/providers.md",
    ]
