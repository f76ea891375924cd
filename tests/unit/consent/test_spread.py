"""How far labels go, and what is remembered of it: every part with every other, exactly."""

from __future__ import annotations

import pytest

from scr.consent.spread import Marks, Node, Part, part_of, spread

H, G, N = frozenset({"hiv"}), frozenset({"gender"}), frozenset[str]()
Table = dict[str, frozenset[str]]

CASES: list[tuple[str, list[Node], Marks, Table, Marks]] = [
    (
        "people and places neither take, pass on nor are remembered",
        [
            Node("Practitioner/d", H, ("Condition/c",)),
            Node("Condition/c", G, ("Practitioner/d", "Location/l")),
            Node("Location/l", N, ("Condition/c",)),
        ],
        Marks(),
        {"Practitioner/d": N, "Condition/c": N, "Location/l": N},
        Marks({"Condition/c": G}, {}),
    ),
    (
        "a medicine gives to what names it, takes nothing, and marks nothing that it names",
        [
            Node("MedicationRequest/q", N, ("Medication/m", "Encounter/e")),
            Node("Medication/m", H, ("Condition/x", "MedicationRequest/q")),
            Node("Condition/x", G, ("Medication/m",)),
            Node("Encounter/e", N),
        ],
        Marks(),
        {"MedicationRequest/q": H, "Medication/m": N, "Condition/x": H, "Encounter/e": H},
        Marks(
            {"MedicationRequest/q": H, "Medication/m": H, "Condition/x": G | H, "Encounter/e": H},
            {"Medication/m": G | H, "Encounter/e": H},
        ),
    ),
    (
        "a span takes what it names and not what names it, and passes on its own alone",
        [
            Node("CarePlan/p", G, ("Condition/c",)),
            Node("Condition/c", H),
            Node("Observation/o", H, ("CarePlan/p",)),
            Node("Condition/b", N, ("CarePlan/p",)),
        ],
        Marks(),
        {"CarePlan/p": H, "Condition/c": G, "Observation/o": G, "Condition/b": G},
        Marks({"CarePlan/p": G, "Condition/c": H, "Observation/o": H}, {"Condition/c": G, "CarePlan/p": H}),
    ),
    (
        "an encounter goes on to the next event, a fact does not",
        [
            Node("Appointment/a", N),
            Node("Encounter/e", N, ("Appointment/a",)),
            Node("Condition/c", H, ("Encounter/e",)),
            Node("Condition/a", N, ("Encounter/e",)),
            Node("Task/i", N, ("Condition/a",)),
        ],
        Marks(),
        {"Appointment/a": H, "Encounter/e": H, "Condition/c": N, "Condition/a": H, "Task/i": N},
        Marks(
            {"Appointment/a": H, "Encounter/e": H, "Condition/c": H},
            {"Appointment/a": H, "Encounter/e": H},
        ),
    ),
    (
        "what is remembered counts, and is kept for those that are not there",
        [Node("Encounter/e", N), Node("Condition/c", N, ("Encounter/gone",)), Node("Condition/d", N)],
        Marks({"Encounter/gone": H, "Condition/d": G}, {"Encounter/e": G, "Condition/later": H}),
        {"Encounter/e": G, "Condition/c": H, "Condition/d": G},
        Marks(
            {"Encounter/gone": H, "Condition/d": G, "Encounter/e": G},
            {"Encounter/e": G, "Condition/later": H},
        ),
    ),
    (
        "a medicine that is remembered gives to whatever comes to name it",
        [Node("MedicationStatement/s", G, ("Medication/m",)), Node("Encounter/e", N, ("Medication/m",))],
        Marks({"Medication/m": H}),
        {"MedicationStatement/s": H, "Encounter/e": H},
        Marks(
            {"Medication/m": H, "MedicationStatement/s": G | H, "Encounter/e": H},
            {"Medication/m": G | H},
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "before", "related", "after"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_labels_go_so_far(nodes: list[Node], before: Marks, related: Table, after: Marks) -> None:
    """Whatever the order in which they come; and once more changes nothing."""
    for given in (nodes, nodes[::-1]):
        found = spread(given, before)
        assert found.related == related
        assert found.marks == after
        assert spread(given, found.marks) == found


@pytest.mark.parametrize(
    ("kind", "encounters", "part"),
    [
        ("Encounter", 0, Part.EVENT), ("Binary", 3, Part.EVENT), ("Medication", 0, Part.MEDICINE),
        ("Patient", 1, Part.NEITHER), ("EpisodeOfCare", 1, Part.SPAN), ("Condition", 1, Part.FACT),
        ("DocumentReference", 0, Part.EVENT), ("DocumentReference", 1, Part.EVENT),
        ("DocumentReference", 2, Part.SPAN), ("DocumentManifest", 2, Part.SPAN),
        ("DocumentManifest", 1, Part.EVENT), ("List", 0, Part.SPAN), ("List", 1, Part.EVENT),
        ("List", 2, Part.SPAN), ("Composition", 1, Part.EVENT), ("Composition", 2, Part.SPAN),
    ],
)  # fmt: skip
def test_the_part_that_a_type_plays(kind: str, encounters: int, part: Part) -> None:
    """Of a document by how many encounters it names; the same one twice is one."""
    named = [f"Encounter/{number}" for number in range(encounters)]
    assert part_of(kind, [*named, *named, "Condition/c", "List/Encounter/"]) is part
    assert Node(f"{kind}/1", N, named).part is part
