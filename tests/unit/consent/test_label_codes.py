"""Which labels a code brings, with the reason; what is remembered; how far labels go over entries."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.small_release import Small, SmallMap, SmallRelease

from scr.consent.label_codes import Answer, LabelCodes, Why
from scr.consent.label_policy import Label, LabelPolicy, load_labels
from scr.consent.labels import Labeller, is_labelled, nodes_of, spread_over
from scr.consent.spread import Marks, Node
from scr.data import DataFiles
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.entry import Entry
from scr.terminology.release.reader import Release
from scr.terminology.systems import CTV3, READ_V2, SNOMED_CT, V3_CONFIDENTIALITY

ROOT, SET, MEMBER, BELOW = "138875005", "999004381000000103", "56265001", "57054005"
OLD, LISTED, REPLACED = "999000000000109", "86406008", "999000000000208"
RELEASE = SmallRelease(
    concepts={
        SNOMED_CT: {
            ROOT: Small("Root"),
            SET: Small("A set", [ROOT]),
            MEMBER: Small("A member of the set", [ROOT]),
            BELOW: Small("Below it", [MEMBER]),
            LISTED: Small("Listed", [ROOT]),
            OLD: Small("No longer used", active=False, replaced_by=MEMBER),
            REPLACED: Small("No longer used", active=False, replaced_by=LISTED),
        }
    },
    refsets={SET: [MEMBER]},
    maps=[SmallMap("ctv3", CTV3, SNOMED_CT, {"XaFx1": [BELOW], "XaFx2": [LISTED]})],
)
POLICY = LabelPolicy(
    {
        "set": Label("set", "Set", "R", refsets=(SET,)),
        "below": Label("below", "Below", "R", below=(MEMBER,)),
        "listed": Label(
            "listed",
            "Listed",
            codes={SNOMED_CT: (LISTED,), "urn:x": ("X1", "Y*"), READ_V2: ("K1...", "K2", "65P*")},
        ),
        "too": Label("too", "Listed too", codes={"urn:x": ("X1",)}),
    }
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of a few concepts."""
    return Release(RELEASE.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))


REFSET, ROOTED = Why("set", "refset", SET), Why("below", "below", MEMBER)
WHYS: list[tuple[str, str, list[Why], list[Why]]] = [
    ("urn:x", "X1", [Why("listed", "listed", "X1"), Why("too", "listed", "X1")], []),
    ("urn:x", "Y7", [Why("listed", "listed", "Y*")], []),
    ("urn:x", "Z", [], []),
    (READ_V2, "65P1.", [Why("listed", "listed", "65P*")], []),
    (READ_V2, "K1...00", [Why("listed", "listed", "K1...")], []),
    (READ_V2, "K2...", [Why("listed", "listed", "K2")], []),
    (READ_V2, "K1...0", [], []),
    (READ_V2, "K2x..", [], []),
    (SNOMED_CT, LISTED, [Why("listed", "listed", LISTED)], []),
    (SNOMED_CT, MEMBER, [Why("below", "listed", MEMBER)], [ROOTED, REFSET]),
    (SNOMED_CT, BELOW, [], [ROOTED, REFSET]),
    (
        SNOMED_CT,
        OLD,
        [],
        [ROOTED._replace(by=MEMBER), REFSET._replace(by=MEMBER), Why("below", "listed", MEMBER, MEMBER)],
    ),
    (SNOMED_CT, REPLACED, [], [Why("listed", "listed", LISTED, LISTED)]),
    (CTV3, "XaFx1", [], [ROOTED._replace(by=BELOW), REFSET._replace(by=BELOW)]),
    (CTV3, "XaFx2", [], [Why("listed", "listed", LISTED, LISTED)]),
]


@pytest.mark.parametrize(("system", "code", "listed", "released"), WHYS)
def test_each_reason_is_told_once(
    release: Release, system: str, code: str, listed: list[Why], released: list[Why]
) -> None:
    """By the lists always, by the release where there is one; and by which code, where it is another."""
    assert LabelCodes(POLICY, None).why(system, code) == listed
    codes = LabelCodes(POLICY, release)
    found = codes.why(system, code)
    assert len(found) == len(set(found))
    assert set(found) == {*listed, *released}
    answer = codes.look_up((system, code))
    assert answer.labels == {why.label for why in found}
    assert answer.known is (code not in {"Z", "K1...0", "K2x.."})
    assert LabelCodes(POLICY, None).look_up((system, code)) == Answer(
        frozenset(why.label for why in listed), bool(listed)
    )


def test_a_medicine_has_the_label_of_its_substances(release: Release) -> None:
    """By what the release says is in it; without such labels the release is not asked for that."""
    substance = LabelPolicy({"drug": Label("drug", "Drug", products_of=(LISTED,))})

    class WithSubstances:
        """A release in which a product has a substance below the listed one."""

        def __getattr__(self, name: str) -> Any:
            return getattr(release, name)

        def attributes(self, _: str, product: str) -> list[Any]:
            target = type("Attribute", (), {"target": "40780007"})
            return [target] if product == MEMBER else []

        def ancestors(self, system: str, code: str) -> list[str]:
            return [LISTED] if code == "40780007" else list(release.ancestors(system, code))

    asked: Any = WithSubstances()
    drug = Why("drug", "product", LISTED)
    assert LabelCodes(substance, asked).why(SNOMED_CT, BELOW) == [drug]
    assert LabelCodes(substance, asked).why(CTV3, "XaFx1") == [drug._replace(by=BELOW)]
    assert LabelCodes(substance, asked).why(SNOMED_CT, LISTED) == []
    assert LabelCodes(POLICY, asked).why(SNOMED_CT, LISTED) == [Why("listed", "listed", LISTED)]


def test_what_is_listed_and_what_is_remembered(release: Release) -> None:
    """The systems of the lists; an answer is found once, until two hundred thousand are remembered."""
    codes = LabelCodes(POLICY, release)
    assert codes.listed_systems == sorted({SNOMED_CT, "urn:x", READ_V2})
    first = codes.look_up(("urn:x", "X1"))
    assert codes.look_up(("urn:x", "X1")) is first
    bare = LabelCodes(POLICY, None)
    first = bare.look_up(("urn:x", "X1"))
    memory = bare._memory
    memory.update(dict.fromkeys((("urn:y", str(number)) for number in range(199_998)), first))
    bare.look_up(("urn:x", "Z"))
    assert len(memory) == 200_000
    bare.look_up(("urn:x", "ZZ"))
    assert len(memory) == 1


def entry(logical: str, *labels: str, references: tuple[str, ...] = (), kind: str = "Condition") -> Entry:
    """An entry of a record."""
    body = f'{{"resourceType":"{kind}","id":"{logical}"}}'.encode()
    return Entry(kind, logical, "ZZG01", "problems", body, labels=labels, references=references)


OWN, RELATED = f"{LABEL_SYSTEM}|hiv", f"{RELATED_LABEL_SYSTEM}|hiv"
UNKNOWN = f"{LABEL_SYSTEM}|unclassified"


def test_labels_spread_over_entries_and_only_what_changed_is_told() -> None:
    """From a condition to its encounter; what waits to be classified spreads nowhere."""
    policy = load_labels(DataFiles())
    condition = entry("c", OWN, UNKNOWN, references=("Encounter/e",))
    encounter, other = entry("e", kind="Encounter"), entry("o", UNKNOWN, references=("Encounter/e",))
    assert nodes_of([condition, other]) == [
        Node("Condition/c", frozenset({"hiv"}), ("Encounter/e",)),
        Node("Condition/o", frozenset(), ("Encounter/e",)),
    ]
    after, changed, marks = spread_over([condition, encounter, other], Marks(), policy)
    assert [one.reference for one in after] == ["Condition/c", "Encounter/e", "Condition/o"]
    assert [one.reference for one in changed] == ["Encounter/e", "Condition/o"]
    assert after[0] is condition
    assert RELATED in after[1].labels
    assert f"{V3_CONFIDENTIALITY}|R" in after[1].labels
    again, unchanged, kept = spread_over(after, marks, policy)
    assert (again, unchanged, kept) == (after, [], marks)


def test_what_can_spread_is_told() -> None:
    """A label of ours, of its own or of others; not one that waits, nor the source's own marks."""
    for labels, spreads in (
        ((OWN,), True), ((RELATED,), True), ((UNKNOWN,), False), ((), False), ((UNKNOWN, OWN), True),
        ((f"{V3_CONFIDENTIALITY}|R",), False),
    ):  # fmt: skip
        assert is_labelled([entry("a"), entry("b", *labels)]) is spreads
    assert not is_labelled([])


@pytest.mark.parametrize(
    ("kind", "system", "code", "apart"),
    [
        ("Condition", "", "", True),
        ("Binary", "", "", False),
        ("DocumentReference", "", "", False),
        ("Condition", LABEL_SYSTEM, "hiv", False),
        ("Condition", RELATED_LABEL_SYSTEM, "hiv", False),
        ("Condition", LABEL_SYSTEM, "unclassified", True),
        ("Condition", V3_CONFIDENTIALITY, "R", True),
    ],
)
def test_what_stands_by_itself(kind: str, system: str, code: str, apart: bool) -> None:
    """A resource without a label that spreads, and no part of a document; whatever else it is marked with."""
    labeller = Labeller(load_labels(DataFiles()))
    mark = {"system": system, "code": code}
    for others in ([], [{"system": V3_CONFIDENTIALITY, "code": "R"}]):
        for security in ([mark, *others], [*others, mark]) if code else ([],):
            resource = {"resourceType": kind, "meta": {"security": security}}
            assert labeller.apart(resource) is apart
    assert code or labeller.apart({"resourceType": kind}) is apart


def test_a_reference_set_without_a_release_brings_nothing() -> None:
    """What the release would say is not known; nothing fails."""
    codes = LabelCodes(POLICY, None)
    assert codes.look_up((SNOMED_CT, SET)) == Answer(frozenset(), False)
    assert codes.release is None
