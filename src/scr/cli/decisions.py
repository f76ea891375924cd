"""``scr consent explain`` and ``scr consent test``: why somebody may or may not see something."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from scr.api.opening import now_ms
from scr.api.services import open_services
from scr.cli.acts import act
from scr.cli.context import console, settings_of
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import Interaction
from scr.consent.explain import Answer, Explanation, explain
from scr.consent.policy import load_policy
from scr.consent.scenarios import load_scenarios
from scr.data import DataFiles
from scr.errors import Invalid, NotFound
from scr.fhir.dates import utc
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.settings import Settings
from scr.store.keys import random_id
from scr.store.trail import append

_STYLES = {Answer.PASSES: "green", Answer.LIFTED: "yellow", Answer.DENIES: "bold red"}


def explain_(
    context: typer.Context,
    role: Annotated[str, typer.Option("--as", help="The job role's code: R8000.")],
    organisation: Annotated[str, typer.Option("--at", help="The ODS code of the organisation.")],
    entry: Annotated[str, typer.Option(help="An entry of the record, as it is served: Condition/ID.")] = "",
    purpose: Annotated[str, typer.Option(help="The purpose of use.")] = "TREAT",
    user: Annotated[str, typer.Option(help="The user, as in the audit: what they claimed counts.")] = "",
    scopes: Annotated[str, typer.Option(help="The scopes of the token.")] = "user/*.rs",
) -> None:
    """Say why somebody may or may not see a person's record, rule by rule.

    The person's NHS Number is read from standard input. Nothing of the record is printed, and that you
    asked is in the audit.
    """
    actor = Actor(
        kind=ActorKind.PROFESSIONAL,
        subject=user or "operator|what-if",
        role=role,
        organisation=_organisation(organisation),
        scopes=frozenset(scopes.split()),
    )
    number = asked_number()
    found = asyncio.run(_explained(settings_of(context), number, actor, purpose, entry))
    _print(found)


async def _explained(
    settings: Settings, number: NHSNumber, actor: Actor, purpose: str, reference: str
) -> Explanation:
    async with open_services(settings) as services:
        known = await services.broker.by_number(number, actor)
        row = act(
            "E", "consent explain", person=None if known is None else known.person.key,
            policy=services.policy.hash, role=actor.role or "", organisation=str(actor.organisation),
            purpose=purpose,
        )  # fmt: skip
        await services.database.write(lambda connection: append(connection, row))
        if known is None:
            raise NotFound("nobody with this number is held", code="no-such-person")
        entry = None
        if reference:
            record = await services.broker.record(known, actor, trace_id=random_id())
            entry = next((one for one in record.entries if one.reference == reference), None)
            if entry is None:
                raise NotFound(f"the record has no {reference}", code="no-such-entry")
        request = known.request(actor, Interaction.READ, purpose)
        return explain(request, services.policy, utc(now_ms()), entry)


def _print(found: Explanation) -> None:
    table = Table("asked of", "rule", "answer", "why", box=None, pad_edge=False)
    for said in found.said:
        why = said.question if said.reason is None else said.reason.sentence
        table.add_row(said.part, said.rule, Text(said.answer.value, style=_STYLES.get(said.answer, "")), why)
    console.print(table)
    decision = found.decision
    permitted = "permitted" if decision.permit else "refused"
    console.print(f"\n{permitted}: {decision.code} (policy {decision.policy})", markup=False)
    for obligation in sorted(decision.obligations):
        console.print(f"  with the obligation {obligation}", markup=False)
    if decision.permit:
        return
    remedies = [said.remedy for said in found.said if said.answer is Answer.DENIES]
    console.print(f"What would change that: {'; '.join(remedies)}.", markup=False)
    for change in found.changes:
        console.print(f"  alone it would do: {change.what}", markup=False)
    if not found.changes:
        console.print("  No single one of the changes that were tried would do alone.")


def test(context: typer.Context) -> None:
    """Run the scenarios of the deployment against its policy; the exit code is 1 where one fails."""
    files = DataFiles(settings_of(context).home)
    policy, scenarios = load_policy(files), load_scenarios(files)
    failed = [(told, mistake) for told in scenarios if (mistake := told.mistake(policy))]
    for told, mistake in failed:
        console.print(
            f"{told.where}: {told.scenario.name}: {mistake}", style="red", markup=False, soft_wrap=True
        )
    console.print(
        f"{len(scenarios) - len(failed)} of {len(scenarios)} scenarios hold (policy {policy.hash})."
    )
    if failed:
        raise typer.Exit(1)


def asked_number() -> NHSNumber:
    """The NHS Number on the first line of standard input. Raises Invalid."""
    try:
        return NHSNumber.parse(typer.get_text_stream("stdin").readline().strip())
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number", where="standard input") from None


def _organisation(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError as error:
        raise Invalid(str(error), code="bad-organisation", where="--at") from None
