"""Small records drawn by Hypothesis: observations, contacts, people and a patient."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from scr.fhir.entry import Entry, Resource, pack, stamp

SYSTEMS = ["http://a.example", "http://b.example"]
CODES = ["1", "2", "x-y"]
TEXTS = ["Élan vital", "elan", "Blood  pressure", "blood", "a,b|c", "50% $ off"]
BASE = "https://record.example/fhir"

_systems = st.sampled_from([*SYSTEMS, None])


def _without_none(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if value not in (None, [], {})}


codings = st.builds(
    lambda system, code, display: _without_none({"system": system, "code": code, "display": display}),
    _systems, st.sampled_from(CODES), st.none() | st.sampled_from(TEXTS),
)  # fmt: skip
concepts = st.builds(
    lambda coding, text: _without_none({"coding": coding, "text": text}) or {"text": "blood"},
    st.lists(codings, max_size=2), st.none() | st.sampled_from(TEXTS),
)  # fmt: skip
numbers = st.sampled_from([0, 5, 5.4, 5.35, 5.449, 5.45, 100, 1e-3, -3.2])
quantities = st.builds(
    lambda value, comparator, unit: _without_none({"comparator": comparator, **unit}) | {"value": value},
    numbers,
    st.none() | st.sampled_from(["<", ">", "<=", ">="]),
    st.sampled_from([{}, {"unit": "mg"}, {"unit": "milligram", "system": SYSTEMS[0], "code": "mg"}]),
)  # fmt: skip
identifiers = st.builds(
    lambda system, value: _without_none({"system": system, "value": value}), _systems, st.sampled_from(CODES)
)


def references(kind: str) -> st.SearchStrategy[Resource]:
    """To one of three of a type, here by its path or its address, or elsewhere."""
    return st.sampled_from(
        [{"reference": f"{kind}/{kind[0].lower()}{number}"} for number in range(3)]
        + [
            {"reference": f"{BASE}/{kind}/{kind[0].lower()}0"},
            {"reference": f"http://elsewhere.example/{kind}/{kind[0].lower()}0"},
            {"identifier": {"system": SYSTEMS[0], "value": "1"}},
        ]
    )


@st.composite
def observations(draw: st.DrawFn, logical: str) -> Resource:
    """An Observation of Patient/p0."""
    values: list[dict[str, Any]] = [
        {},
        {"valueQuantity": draw(quantities)},
        {"valueString": draw(st.sampled_from(TEXTS))},
        {"valueCodeableConcept": draw(concepts)},
    ]
    component = st.builds(
        lambda code, value: {"code": code} | ({"valueQuantity": value} if value else {}),
        concepts, st.none() | quantities,
    )  # fmt: skip
    return _without_none(
        {
            "resourceType": "Observation", "id": logical,
            "status": draw(st.sampled_from(["final", "amended"])),
            "subject": {"reference": "Patient/p0"}, "code": draw(concepts),
            "category": draw(st.lists(concepts, max_size=1)),
            "identifier": draw(st.lists(identifiers, max_size=2)),
            "encounter": draw(st.none() | references("Encounter")),
            "performer": draw(st.lists(references("Practitioner"), max_size=2)),
            "effectiveDateTime": draw(st.none() | st.sampled_from(["2020", "2020-03-01"])),
            "component": draw(st.lists(component, max_size=2)), **draw(st.sampled_from(values)),
        }
    )  # fmt: skip


@st.composite
def resources(draw: st.DrawFn) -> list[Resource]:
    """A record: Patient/p0, some observations, up to three contacts and three practitioners."""
    made: list[Resource] = [{"resourceType": "Patient", "id": "p0", "name": [{"family": "Sample"}]}]
    made += [draw(observations(f"o{number}")) for number in range(draw(st.integers(0, 5)))]
    for number in range(draw(st.integers(0, 3))):
        status = draw(st.sampled_from(["finished", "planned"]))
        within = (
            {"partOf": {"reference": f"Encounter/e{number - 1}"}} if number and draw(st.booleans()) else {}
        )
        made.append(
            {
                "resourceType": "Encounter", "id": f"e{number}", "status": status, "class": {"code": "AMB"},
                "subject": {"reference": "Patient/p0"},
                **within,
            }
        )  # fmt: skip
    for number in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["Élodie", "Elan", "Zoë"]))
        made.append({"resourceType": "Practitioner", "id": f"p{number}", "name": [{"given": [name]}]})
    return made


def entries(made: list[Resource]) -> list[Entry]:
    """The resources as a source gives them."""
    return [stamp(pack(one, source="RXX", now=1_700_000_000_000), "1", 1_700_000_000_000) for one in made]
