"""From the sources to the answer, whatever they do: valid, whole, each source named, nothing twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import orjson
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.broker.sources import NUMBER, PROVIDERS, Acting, question, result

from scr.broker.assemble import assemble, compose_patient
from scr.broker.gather import gather
from scr.broker.ledger import make_ledger
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import AccessRequest, Interaction, entry_decider
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.fhir.bundle import Links, searchset
from scr.fhir.entry import Entry, Resource, pack, stamp_by_content
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.search import parse_search
from scr.sources.protocol import Outcome, SourceResult
from scr.terminology.systems import V3_CONFIDENTIALITY

BASE = "https://record.example/fhir"
NOW = 1_767_225_600_000
HANGS = 3600.0
POLICY = load_policy(DataFiles())
_OUTCOMES = [*Outcome, "hangs"]
_kinds = st.sampled_from(["Observation", "Condition", "Patient"])
_headings = st.sampled_from(["problems", "findings"])


def resource(kind: str, logical: str, label: str = "") -> Resource:
    """A small valid resource of one of four types."""
    made: Resource = {"resourceType": kind, "id": logical}
    if label:
        made["meta"] = {"security": [{"system": V3_CONFIDENTIALITY, "code": label}]}
    subject = {"reference": "Patient/p1"}
    match kind:
        case "Observation":
            made |= {"status": "final", "code": {"text": "x"}, "subject": subject}
        case "Condition":
            made |= {"subject": subject, "code": {"text": "x"}}
        case "AllergyIntolerance":
            made |= {"patient": subject, "code": {"text": "x"}}
        case _:
            made |= {"name": [{"family": "Sample"}]}
    return made


@st.composite
def answers(draw: st.DrawFn) -> list[tuple[SourceResult, bool]]:
    """What each of some sources would answer, and whether it hangs instead; ids may be shared."""
    made = []
    for i in range(draw(st.integers(0, 6))):
        behaviour = draw(st.sampled_from(_OUTCOMES))
        entries = tuple(
            stamp_by_content(
                pack(
                    resource(draw(st.sampled_from(["Observation", "Condition", "Patient"])), logical),
                    source=f"A{i:02}",
                    now=NOW,
                )
            )
            for logical in draw(st.lists(st.sampled_from("abcdef"), max_size=4, unique=True))
        )
        outcome = Outcome.ANSWERED if behaviour == "hangs" else Outcome(behaviour)
        told = draw(
            st.dictionaries(st.sampled_from(["problems", "findings"]), st.sampled_from(Outcome), max_size=1)
        )
        made.append((result(f"A{i:02}", outcome, entries, told), behaviour == "hangs"))
    return made


@settings(max_examples=40, deadline=None)
@given(told=answers())
def test_any_subset_of_failing_sources_still_gives_a_valid_bundle_that_names_each(
    told: list[tuple[SourceResult, bool]],
) -> None:
    """Gathered, assembled, accounted for and written: what answered is there, once; who did not is named."""
    sources = [Acting(answer, HANGS if hangs else 0.0) for answer, hangs in told]

    async def ask() -> tuple[SourceResult, ...]:
        return await gather(question(0.02), sources)

    record = assemble("p1", asyncio.run(ask()), ())
    patient = compose_patient("p1", NUMBER, record.entries, PROVIDERS, now=NOW)
    seen = [patient, *record.entries]
    ledger = make_ledger(
        record.results,
        {r.source.value: frozenset({"problems"}) for r, _ in told},
        seen,
        opened=frozenset(HEADINGS),
    )
    raw = searchset(
        seen, bundle_id="b1", base_url=BASE, links=Links(BASE), now=NOW, total=len(seen),
        outcome=ledger.resource(),
    )  # fmt: skip
    Bundle.model_validate_json(raw)
    bundle = orjson.loads(raw)
    ids = [part["resource"].get("id") for part in bundle["entry"][:-1]]
    expected = {e.id for answer, hangs in told if not hangs for e in answer.entries}
    assert len(ids) == len(set(ids))
    assert set(ids) == expected | {"p1"}
    outcome = bundle["entry"][-1]["resource"]
    for answer, _ in told:
        assert f'"{answer.source}"' in orjson.dumps(outcome).decode()
    missing = any(hangs or answer.outcome not in {Outcome.ANSWERED, Outcome.EMPTY} for answer, hangs in told)
    assert not (missing and ledger.complete)


_STRICTER = ["", "N", "R", "V", "?"]
"""Labels, the least strict first; one that cannot be read bars everybody."""

_entries = st.lists(
    st.tuples(
        st.sampled_from(["Observation", "Condition", "AllergyIntolerance", "Patient"]),
        st.sampled_from(_STRICTER),
    ),
    max_size=8,
)
_queries: st.SearchStrategy[list[tuple[str, str]]] = st.sampled_from(
    [[], [("_security:not", "R")], [("_sort", "-_lastUpdated")], [("status:not", "x")]]
)


@given(
    told=_entries,
    more=st.sampled_from(_STRICTER),
    which=st.integers(0, 7),
    role=st.sampled_from(sorted(POLICY.roles)),
    query=_queries,
)
def test_a_stricter_label_never_shows_more(
    told: list[tuple[str, str]], more: str, which: int, role: str, query: list[tuple[str, str]]
) -> None:
    """Whatever is searched by whomever: marking one entry as more confidential only takes it away."""
    stricter = [
        (kind, max(label, more, key=_STRICTER.index) if i == which else label)
        for i, (kind, label) in enumerate(told)
    ]

    def record(labelled: list[tuple[str, str]]) -> list[Entry]:
        return [
            pack(resource(kind, f"e{i}", label), source="RXX", now=NOW)
            for i, (kind, label) in enumerate(labelled)
        ]

    def found(entries: list[Entry]) -> list[str]:
        actor = Actor(
            ActorKind.PROFESSIONAL,
            "i|1",
            role=role,
            organisation=OdsCode("RXX"),
            scopes=frozenset({"user/*.rs"}),
        )
        request = AccessRequest(
            actor, Interaction.SEARCH, frozenset({OdsCode("RXX")}), organisations={"RXX": "hospital"}
        )
        allowed = entry_decider(request, POLICY, datetime(2026, 1, 1, tzinfo=UTC))
        search = parse_search("Observation", [("patient", "p1"), *query], base_url=BASE)
        return [e.id for e in search.run([e for e in entries if allowed(e).permit])]

    before, after = found(record(told)), found(record(stricter))
    assert set(after) <= set(before)
    assert [one for one in before if one in after] == after
