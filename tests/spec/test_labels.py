"""Labels: which codes bring which, how far they go, and what nobody could classify, as tables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from scr.consent.actor import ActorKind
from scr.consent.label_codes import LabelCodes
from scr.consent.label_policy import LabelPolicy, load_labels
from scr.consent.spread import Marks, Node, Part, spread
from scr.data import DataFiles, load_yaml
from scr.terminology.load.sctid import is_sctid

PAGE = Path(__file__).parents[2] / "docs" / "labels.md"
FILES = DataFiles()
POLICY = load_labels(FILES)
SYSTEMS: dict[str, str] = load_yaml(FILES.find("consent", "labels.yaml")).value["systems"]  # type: ignore[index]
_LINE = re.compile(r"(\S+)(?: \[(\S+)\])?(?: > (.+))?")


class CodeScenario(BaseModel):
    """A code, and the labels that it brings."""

    name: str
    system: str
    code: str
    labels: tuple[str, ...]


class SpreadScenario(BaseModel):
    """Entries, and who has which label in the end."""

    name: str
    entries: tuple[str, ...]
    has: dict[str, tuple[str, ...]]


class _File(BaseModel):
    codes: tuple[CodeScenario, ...]
    spread: tuple[SpreadScenario, ...]


SCENARIOS = load_yaml(FILES.find("consent", "scenarios/labels.yaml")).parse(_File)


def nodes_of(lines: Iterable[str]) -> list[Node]:
    """Entries as the table writes them."""
    found = []
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match is not None, line
        reference, own, refers = match.groups()
        found.append(Node(reference, frozenset({own} - {None}), tuple((refers or "").split())))
    return found


def labels_after(nodes: list[Node]) -> dict[str, frozenset[str]]:
    """All labels of each entry, its own among them."""
    related = spread(nodes, Marks()).related
    return {node.reference: node.own | related[node.reference] for node in nodes}


@pytest.mark.parametrize("scenario", SCENARIOS.codes, ids=lambda scenario: scenario.name)
def test_a_code_brings_its_labels(scenario: CodeScenario) -> None:
    """With nothing but the shipped lists, and no terminology release."""
    answer = LabelCodes(POLICY, None).look_up((SYSTEMS[scenario.system], scenario.code))
    assert answer.labels == set(scenario.labels)
    assert answer.known is bool(scenario.labels)


@pytest.mark.parametrize("scenario", SCENARIOS.spread, ids=lambda scenario: scenario.name)
def test_a_label_goes_so_far(scenario: SpreadScenario) -> None:
    """Who is named has the label, and nobody else."""
    found = labels_after(nodes_of(scenario.entries))
    has = {label: {name for name, labels in found.items() if label in labels} for label in scenario.has}
    assert has == {label: set(names) for label, names in scenario.has.items()}
    assert set().union(*found.values()) == set(scenario.has)


def test_every_label_of_the_table_is_one_of_the_policy() -> None:
    """A scenario that names a label that is not there would prove nothing."""
    named = {label for scenario in SCENARIOS.spread for label in scenario.has}
    assert named <= POLICY.labels.keys()
    assert {label for scenario in SCENARIOS.codes for label in scenario.labels} <= POLICY.labels.keys()


def test_the_snomed_ct_identifiers_have_their_check_digit() -> None:
    """No identifier of the shipped file has a digit wrong."""
    told = [
        code
        for label in POLICY.labels.values()
        for code in (
            *label.refsets,
            *label.below,
            *label.products_of,
            *label.codes.get(SYSTEMS["snomed"], ()),
        )
    ]
    assert told
    assert [code for code in told if not is_sctid(code)] == []


def test_what_a_law_keeps_back_is_very_restricted_and_open_to_nobody_as_shipped() -> None:
    """A bar without a confidentiality would be passed by whoever does not know the bar."""
    barred = [label for label in POLICY.labels.values() if label.bar]
    assert {label.confidentiality for label in barred} == {"V"}
    assert {bar.key for bar in POLICY.bars.values()} == {label.bar for label in barred}
    assert all(not bar.open_to for bar in POLICY.bars.values())


def test_what_nobody_can_classify_is_kept_from_citizens_and_carers_only() -> None:
    """Care goes on with what is only written down; nobody reads online what nobody has looked at."""
    assert POLICY.withheld_unclassified == {ActorKind.CITIZEN, ActorKind.CARER}


KINDS = (
    "Patient", "Practitioner", "Organization", "Location", "EpisodeOfCare", "Encounter", "Appointment",
    "Condition", "Observation", "MedicationRequest", "Medication", "DocumentReference", "Binary",
    "Composition", "List", "DiagnosticReport",
)  # fmt: skip
REFERENCES = st.builds("{}/{}".format, st.sampled_from(KINDS), st.integers(0, 2))
RECORDS = st.lists(
    st.builds(
        Node,
        REFERENCES,
        st.frozensets(st.sampled_from(["hiv", "gender"]), max_size=1),
        st.frozensets(REFERENCES, max_size=3),
    ),
    max_size=12,
    unique_by=lambda node: node.reference,
)


@given(RECORDS)
def test_no_entry_of_a_labelled_event_is_without_its_label(nodes: list[Node]) -> None:
    """Whatever belongs to an encounter, a document or a report, by a reference from either side."""
    found = labels_after(nodes)
    for event, other in itertools.permutations(nodes, 2):
        tied = other.reference in event.references or event.reference in other.references
        if tied and event.part is Part.EVENT and other.part in (Part.EVENT, Part.FACT):
            assert found[event.reference] <= found[other.reference]


@given(RECORDS)
def test_people_and_places_have_no_label_and_pass_none_on(nodes: list[Node]) -> None:
    """With them taken out of the record, everybody else has the very same labels."""
    rest = [node for node in nodes if node.part is not Part.NEITHER]
    found = labels_after(nodes)
    assert {r: labels for r, labels in found.items() if r in {n.reference for n in rest}} == labels_after(
        rest
    )
    assert all(not spread(nodes, Marks()).related[n.reference] for n in nodes if n.part is Part.NEITHER)


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_the_entries_does_not_matter_and_asking_again_changes_nothing(nodes, random) -> None:  # type: ignore[no-untyped-def] # Hypothesis gives them
    """The same labels whatever came first; what is remembered gives the same labels once more."""
    shuffled = list(nodes)
    random.shuffle(shuffled)
    once = spread(nodes, Marks())
    assert spread(shuffled, Marks()) == once
    assert spread(nodes, once.marks) == once


@given(RECORDS, st.lists(REFERENCES, max_size=3), st.sampled_from(["hiv", "gender", "termination"]))
def test_more_labels_never_give_less(nodes: list[Node], more: list[str], label: str) -> None:
    """A label that is added takes none away, anywhere."""
    raised = [n._replace(own=n.own | {label}) if n.reference in more else n for n in nodes]
    before, after = labels_after(nodes), labels_after(raised)
    assert all(before[reference] <= after[reference] for reference in before)


def label_table() -> str:
    """The labels of the shipped policy."""
    rows = [
        f"| `{one.key}` | {one.name} | {one.confidentiality or '-'} | {one.sensitivity or '-'} "
        f"| {'the law' if one.bar else 'review' if one.review else '-'} "
        f"| {_sources(one.refsets, one.below)} |"
        for one in POLICY.labels.values()
    ]
    head = ["| label | what | confidentiality | sensitivity | before the citizen sees it | by the release |"]
    return "\n".join([*head, "|---|---|---|---|---|---|", *rows, ""])


def _sources(refsets: tuple[str, ...], below: tuple[str, ...]) -> str:
    parts = [f"reference set {code}" for code in refsets] + [f"below {code}" for code in below]
    return ", ".join(parts) or "-"


def scenario_tables() -> str:
    """The scenarios, as the page prints them."""
    codes = [
        f"| {one.name} | `{one.system}` | `{one.code}` | {', '.join(one.labels) or 'none'} |"
        for one in SCENARIOS.codes
    ]
    spreads = [
        f"| {one.name} | {'<br>'.join(f'`{line}`' for line in one.entries)} "
        f"| {'<br>'.join(f'{label}: ' + ', '.join(names) for label, names in one.has.items())} |"
        for one in SCENARIOS.spread
    ]
    return "\n".join(
        [
            "| code | system | | labels |", "|---|---|---|---|", *codes, "",
            "| | entries: `[label]` by its own code, `>` refers to | who has the label |", "|---|---|---|",
            *spreads, "",
        ]
    )  # fmt: skip


@pytest.mark.parametrize("table", [label_table, scenario_tables])
def test_the_page_prints_what_holds(table) -> None:  # type: ignore[no-untyped-def] # a function of this module
    """`docs/labels.md` has the labels and the scenarios as they are."""
    assert table() in PAGE.read_text(encoding="utf-8")


def test_a_policy_without_labels_spreads_only_what_sources_say() -> None:
    """What stands in for a policy that is not given knows the sources' own marks, and no code."""
    assert set(LabelPolicy().labels) == {"source-restricted", "source-very-restricted"}
