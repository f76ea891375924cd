"""Who may see what: the scenarios of the shipped policy as one table, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.consent.policy import load_policy
from scr.consent.request import Decision
from scr.consent.rules import ACTOR_RULES, ENTRY_RULES, PERSON_RULES, Ask, Rule
from scr.consent.scenarios import Facts, Scenario, Told, Who, load_scenarios
from scr.data import DataFiles
from scr.errors import Invalid

PAGE = Path(__file__).parents[2] / "docs" / "decisions.md"
POLICY = load_policy(DataFiles())
SCENARIOS = load_scenarios(DataFiles())


@pytest.mark.parametrize("told", SCENARIOS, ids=lambda told: told.scenario.name)
def test_scenario(told: Told) -> None:
    """Each row comes to what stands in it, under the shipped policy."""
    assert told.mistake(POLICY) == ""


def test_every_rule_decides_in_a_scenario() -> None:
    """No rule stands in the tables whose denial nobody has written down."""
    rules = {rule.name for rule in (*ACTOR_RULES, *PERSON_RULES)} | {rule.name for rule in ENTRY_RULES}
    decided = {told.decision(POLICY).rule for told in SCENARIOS}
    assert rules - decided == {"token"}  # what a verifier lets through has a subject


def page() -> str:
    """The page: the rules in the order in which they are asked, and the scenarios."""
    return "\n".join(
        [
            "# Who may see what",
            "",
            "What `scr/consent/decide.py` asks, in this order; the first rule that denies is the reason,",
            "unless a broken glass lifts its kind of denial. An error and a fact that is not known deny.",
            "The policy is data ([`consent/`](../consent)): roles, relationships, agreements, labels,",
            "proxies, the broken glass. `scr consent explain` says it of one person, `scr consent test` runs",
            "the scenarios of a deployment, `scr consent diff` shows what a proposed policy would change.",
            "",
            "| rule | asked of | what it asks | what would change its answer | lifted by a broken glass |",
            "|---|---|---|---|---|",
            *(_rule("actor", rule) for rule in ACTOR_RULES),
            *(_rule("person", rule) for rule in PERSON_RULES),
            *(_rule("entry", rule) for rule in ENTRY_RULES),
            "",
            "These scenarios are tests, from `consent/scenarios/decisions.yaml`.",
            "",
            "| scenario | who | what is known of the person | entry | answer |",
            "|---|---|---|---|---|",
            *(_row(told) for told in SCENARIOS),
            "",
        ]
    )


def _rule(part: str, rule: Rule[Ask]) -> str:
    return f"| `{rule.name}` | {part} | {rule.question} | {rule.remedy} | {rule.lift or '-'} |"


def _row(told: Told) -> str:
    scenario, decision = told.scenario, told.decision(POLICY)
    cells = (scenario.name, _who(scenario), _person(scenario.person), _entry(scenario), _answer(decision))
    return f"| {' | '.join(cells)} |"


def _who(scenario: Scenario) -> str:
    who, usual = scenario.who, Who()
    parts = [who.kind.value if who.kind is not usual.kind else "", who.role or "", who.at or ""]
    parts.append(f"`{who.scopes}`" if who.scopes not in (usual.scopes, "patient/*.rs", "") else "")
    parts.append(who.assurance)
    parts.append("" if scenario.purpose == "TREAT" else scenario.purpose)
    return ", ".join(part for part in parts if part) or "nothing"


def _person(facts: Facts) -> str:
    told = facts.model_dump(exclude_defaults=True, mode="json")
    return "; ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in told.items()) or "nothing"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_plain(one)}" for name, one in value.items()) or "everything"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _entry(scenario: Scenario) -> str:
    what = scenario.entry
    if what is None:
        return "-"
    labels = f" ({', '.join(what.labels)})" if what.labels else ""
    return f"{what.type}, {what.heading}, of {what.source}{labels}"


def _answer(decision: Decision) -> str:
    return f"`{decision.code}`"


def test_the_page_of_scenarios_is_the_table() -> None:
    """`docs/decisions.md` is what the rules and scenarios say; a new one has to be written there too."""
    assert PAGE.read_text(encoding="utf-8") == page()


MISTAKES = [
    ("answer: permitted", "anser: permitted", "did you mean 'answer'"),
    ('now: "2026-06-01T12:00:00Z"', "now: yesterday", "'yesterday' is not a FHIR date"),
    ("at: ZZG01", "at: '!'", "ODS code"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_in_a_scenario_names_file_and_line(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    """Whoever writes one is told where it is wrong, and nothing is run."""
    text = DataFiles().find("consent", "scenarios/decisions.yaml").read_text(encoding="utf-8")
    assert right in text
    folder = tmp_path / "consent" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "decisions.yaml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(Invalid, match=message) as refused:
        load_scenarios(DataFiles(tmp_path))
    assert "decisions.yaml, line " in str(refused.value)
