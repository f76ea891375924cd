"""``scr consent``: the policy of who may see what, and what it makes of a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from scr.cli import decisions, lifts, policy_diff
from scr.cli.context import console, settings_of
from scr.consent.label_codes import LabelCodes, Why
from scr.consent.label_policy import Label, load_labels
from scr.data import DataFiles
from scr.errors import NotFound
from scr.terminology.release.current import Releases, folder_of
from scr.terminology.systems import CTV3, DMD, ICD_10, OPCS_4, READ_V2, SNOMED_CT

app = typer.Typer(help="Who may see what, and why.", no_args_is_help=True)
app.command("explain")(decisions.explain_)
app.command("test")(decisions.test)
app.command("diff")(policy_diff.diff)
app.command("lift")(lifts.lift)
app.command("put-back")(lifts.put_back)
app.command("lifts")(lifts.lifts)
_HOW = {
    "listed": "it is on the list of labels.yaml, as {what}",
    "below": "it is {what}, or below it",
    "refset": "it is in reference set {what}, or below a member of it",
    "product": "it contains {what}",
}
_SYSTEMS = (SNOMED_CT, DMD, READ_V2, CTV3, ICD_10, OPCS_4)


@app.command()
def labels(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="A code; without one, every label is listed.")] = "",
    system: Annotated[
        str, typer.Option(help="The address of its code system; without it, every known one is tried.")
    ] = "",
) -> None:
    """Which labels a code brings, and why: by the lists of labels.yaml and the terminology release."""
    home = settings_of(context).home
    policy = load_labels(DataFiles(home))
    codes = LabelCodes(policy, Releases(folder_of(home)).current())
    if not code:
        console.print(_every(list(policy.labels.values())))
    else:
        _explain(codes, policy.labels, code, system)
    if codes.release is None:
        console.print("No terminology release is loaded: only the lists of labels.yaml were asked.")


def _explain(codes: LabelCodes, known: Mapping[str, Label], code: str, system: str) -> None:
    tried = (system,) if system else tuple(dict.fromkeys((*_SYSTEMS, *codes.listed_systems)))
    found = {one: codes.why(one, code) for one in tried}
    if not any(found.values()):
        if not any(codes.is_known(one, code) for one in tried):
            raise NotFound(
                f"nothing here knows the code {code!r}: an entry that says no more is marked as unclassified",
                code="no-such-code",
            )
        console.print(f"{code} brings no label.")
        return
    for one, reasons in found.items():
        for why in reasons:
            label = known[why.label]
            marks = (
                ", ".join(filter(None, (label.confidentiality, label.sensitivity))) or "no confidentiality"
            )
            console.print(f"{label.key} ({marks}): in {one}, {_sentence(why)}", soft_wrap=True)


def _sentence(why: Why) -> str:
    told = _HOW[why.how].format(what=why.what)
    return f"by {why.by}: {told}" if why.by else told


def _every(found: list[Label]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("label", no_wrap=True)
    for title in ("level", "kind", "law", "online", "what"):
        table.add_column(title, overflow="fold")
    for one in found:
        review = "reviewed" if one.review else ""
        table.add_row(one.key, one.confidentiality, one.sensitivity, one.bar, review, one.name)
    return table
