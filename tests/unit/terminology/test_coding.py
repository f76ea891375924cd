"""National codings beside local ones: which are added, which are not, and that the source's stay."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.small_release import Small, SmallMap, SmallRelease

from scr.data import DataFiles
from scr.fhir.canonical import TRANSLATION_EXTENSION
from scr.fhir.codings import concepts_of
from scr.fhir.validate import validate
from scr.terminology.coding import Coder, Untranslated, is_added, open_coder
from scr.terminology.conceptmap import ConceptMap, ConceptMaps, Target
from scr.terminology.gapmap import GapMap, GapRow
from scr.terminology.release.current import Releases, folder_of
from scr.terminology.release.reader import Release
from scr.terminology.systems import CTV3, DMD, ICD_10, LOINC, READ_V2, SNOMED_CT
from scr.terminology.translation import Gap, Settled, Translated

T = TypeVar("T")
LOCAL, EMIS = "urn:example:local", "https://fhir.hl7.org.uk/Id/emis-drug-codes"
ASTHMA, GONE, LOST, DIABETES = "195967001", "900000000000101", "900000000000202", "73211009"
SMALL = SmallRelease(
    concepts={
        SNOMED_CT: {
            ASTHMA: Small("Asthma"),
            DIABETES: Small("Diabetes mellitus"),
            GONE: Small("Asthma attack", active=False, replaced_by=ASTHMA),
            LOST: Small("Something vague", active=False),
        },
        DMD: {"318421004": Small("Atenolol 100mg tablets")},
    },
    maps=[
        SmallMap("read", READ_V2, SNOMED_CT, {
            "H33..": [ASTHMA], "C10..": [ASTHMA, DIABETES], "old..": [GONE], "bad..": [LOST], "zz...": [],
        }),
        SmallMap("drugs", EMIS, DMD, {"ATEN1": ["318421004"]}),
        SmallMap("icd", ICD_10, SNOMED_CT, {"J45.9": [ASTHMA]}),
    ],
)  # fmt: skip
MAPS = ConceptMaps({
    "own": ConceptMap("own", "v1", {
        (LOCAL, "A"): Target(SNOMED_CT, ASTHMA, "Asthma, as we say"),
        (LOCAL, "none"): Target("", "", ""),
        (LOCAL, "*"): Target(SNOMED_CT, DIABETES, ""),
        ("", "A"): Target(SNOMED_CT, DIABETES, ""),
        (LOCAL, "else"): Target("urn:example:other", "1", ""),
    }),
    "two": ConceptMap("two", "v2", {(LOCAL, "twice"): Target(SNOMED_CT, ASTHMA, "")}),
    "three": ConceptMap("three", "v3", {(LOCAL, "twice"): Target(SNOMED_CT, DIABETES, "")}),
})  # fmt: skip
GAP_MAP = GapMap({
    (LOCAL, "G"): GapRow(SNOMED_CT, DIABETES, "Diabetes", "2026-03-01"),
    (LOCAL, "no"): GapRow("", "", "", "2026-03-01"),
    (LOCAL, "stale"): GapRow(SNOMED_CT, GONE, "Asthma attack", "2026-03-01"),
    (READ_V2, "C10.."): GapRow(SNOMED_CT, DIABETES, "", "2026-03-01"),
}, "1")  # fmt: skip


@dataclass
class Given:
    """What is in force, as a test says."""

    release: Release | None = None
    gap_map: GapMap = field(default_factory=GapMap)

    def coder(self, maps: ConceptMaps = MAPS) -> Coder:
        """A coder that asks it."""
        return Coder(maps, _Asked(lambda: self.release), _Asked(lambda: self.gap_map))


@dataclass
class _Asked(Generic[T]):
    """Somebody who knows what is in force."""

    current: Callable[[], T]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The small release, opened."""
    return Release(SMALL.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))


def condition(*codings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A condition with these codings."""
    return {
        "resourceType": "Condition",
        "id": "c",
        "code": {"coding": list(codings), **more},
        "subject": {"reference": "Patient/p"},
    }


def coding(system: str, code: str) -> dict[str, Any]:
    """A coding of the source's."""
    made: dict[str, Any] = {"code": code, "display": f"text of {code}"}
    return {"system": system, **made} if system else made


@pytest.mark.parametrize(
    ("system", "code", "says"),
    [
        (SNOMED_CT, ASTHMA, Settled.NATIONAL),
        (SNOMED_CT, "404684003", Settled.NATIONAL),
        (DMD, "318421004", Settled.NATIONAL),
        (SNOMED_CT, GONE, ASTHMA),
        (SNOMED_CT, LOST, Gap.RETIRED),
        ("urn:oid:2.16.840.1.113883.6.96", ASTHMA, ASTHMA),
        (LOINC, "4548-4", Settled.STANDARD),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", Settled.STANDARD),
        ("https://fhir.hl7.org.uk/CodeSystem/UKCore-ConditionCategory", "x", Settled.STANDARD),
        (ICD_10, "J45.9", ASTHMA),
        (ICD_10, "B20", Settled.STANDARD),
        (READ_V2, "H33..", ASTHMA),
        (READ_V2, "H33..00", ASTHMA),
        (READ_V2, "C10..", DIABETES),
        (READ_V2, "old..", ASTHMA),
        (READ_V2, "bad..", Gap.RETIRED),
        (READ_V2, "zz...", Gap.NO_TARGET),
        (READ_V2, "h33..", Gap.NO_MAP),
        (CTV3, "XE0YX", Gap.NO_MAP),
        (EMIS, "ATEN1", "318421004"),
        (LOCAL, "A", ASTHMA),
        (LOCAL, "a", Gap.NO_MAP),
        (LOCAL, "none", Gap.NO_MAP),
        (LOCAL, "else", Gap.NO_MAP),
        (LOCAL, "twice", Gap.AMBIGUOUS),
        (LOCAL, "G", DIABETES),
        (LOCAL, "no", Settled.STANDARD),
        (LOCAL, "stale", ASTHMA),
        ("", "A", Gap.NO_SYSTEM),
    ],
)
def test_what_the_maps_say_of_a_code(
    release: Release, system: str, code: str, says: str | Gap | Settled
) -> None:
    """The gap map before the concept maps before the release; one active target, or the reason why not."""
    verdict = Given(release, GAP_MAP).coder().verdict(system, code)
    assert (verdict.code if isinstance(verdict, Translated) else verdict) == says


def test_an_ambiguous_row_of_the_release_is_a_gap(release: Release) -> None:
    """Two targets: neither is taken."""
    assert Given(release).coder().verdict(READ_V2, "C10..") is Gap.AMBIGUOUS


@pytest.mark.parametrize(
    ("relationship", "assured", "says"),
    [("equivalent", 1, ASTHMA), ("wider", 1, Gap.INEXACT), ("narrower", 1, Gap.INEXACT),
     ("equivalent", 0, Gap.UNASSURED)],
)  # fmt: skip
def test_only_the_same_meaning_is_taken(
    tmp_path: Path, relationship: str, assured: int, says: str | Gap
) -> None:
    """A wider or narrower concept is not what the source said, nor is what no clinician has checked."""
    path = SmallRelease(SMALL.concepts, maps=SMALL.maps).write(tmp_path / "release-b.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mapping SET relationship = ?, assured = ?", (relationship, assured))
    connection.close()
    verdict = Given(Release(path)).coder().verdict(READ_V2, "H33..")
    assert (verdict.code if isinstance(verdict, Translated) else verdict) == says


def test_the_added_coding_tells_where_it_is_from(release: Release) -> None:
    """System, code and display, the map, its version, and the coding that it was made of; valid FHIR R4."""
    resources = [condition({**coding(READ_V2, "H33..00"), "userSelected": True}, text="Asthma (me)")]
    assert Given(release).coder()(resources) == []
    sent, added = resources[0]["code"]["coding"]
    assert sent == {**coding(READ_V2, "H33..00"), "userSelected": True}
    assert added == {
        "extension": [
            {
                "url": TRANSLATION_EXTENSION,
                "extension": [
                    {"url": "map", "valueString": "read"},
                    {"url": "version", "valueString": "20260101"},
                    {"url": "source", "valueCoding": {"system": READ_V2, "code": "H33..00"}},
                ],
            }
        ],
        "system": SNOMED_CT,
        "code": ASTHMA,
        "display": "Asthma",
    }
    assert not validate(resources[0])


def test_what_has_no_map_is_told_with_its_text(release: Release) -> None:
    """The coding's own text, or the concept's; as often as it is met."""
    mine = {"system": LOCAL, "code": "zz"}
    resources = [condition(mine, text="In words"), condition(coding(LOCAL, "yy"))]
    before = copy.deepcopy(resources)
    assert Given(release).coder()(resources) == [
        Untranslated(LOCAL, "zz", "In words", Gap.NO_MAP),
        Untranslated(LOCAL, "yy", "text of yy", Gap.NO_MAP),
    ]
    assert resources == before


@pytest.mark.parametrize(
    ("codings", "added", "told"),
    [
        ([(READ_V2, "H33.."), (SNOMED_CT, DIABETES)], "", []),
        ([(READ_V2, "H33.."), (LOCAL, "A")], ASTHMA, []),
        ([(READ_V2, "H33.."), (LOCAL, "G")], "", [Gap.AMBIGUOUS, Gap.AMBIGUOUS]),
        ([(READ_V2, "H33.."), (LOCAL, "unknown")], ASTHMA, []),
        ([(LOINC, "1-8"), (LOCAL, "unknown")], "", []),
        ([(LOINC, "1-8"), (LOCAL, "A")], ASTHMA, []),
        ([(LOINC, "1-8"), (LOCAL, "A"), (LOCAL, "G")], "", []),
        ([(SNOMED_CT, GONE)], ASTHMA, []),
        ([(SNOMED_CT, LOST)], "", [Gap.RETIRED]),
        ([(SNOMED_CT, LOST), (READ_V2, "H33..")], ASTHMA, []),
        ([(SNOMED_CT, GONE), (LOCAL, "G")], "", [Gap.AMBIGUOUS, Gap.AMBIGUOUS]),
    ],
)
def test_the_codings_of_a_concept_together(
    release: Release, codings: list[tuple[str, str]], added: str, told: list[Gap]
) -> None:
    """One national code settles a concept, two that differ leave it alone, a standard one is enough."""
    resources = [condition(*(coding(*each) for each in codings))]
    found = Given(release, GAP_MAP).coder()(resources)
    assert [each["code"] for each in resources[0]["code"]["coding"][len(codings) :]] == [added] * bool(added)
    assert [each.reason for each in found] == told


@pytest.mark.parametrize(
    "odd",
    ["text", {"system": READ_V2, "code": "H33.."}, ["H33.."], [None],
     [{"code": ["H33.."], "system": READ_V2}], [{"code": "H33..", "system": [READ_V2]}],
     [{"system": READ_V2}], [{"code": ""}], []],
)  # fmt: skip
def test_what_is_not_shaped_as_codings_is_let_through(release: Release, odd: Any) -> None:
    """It is refused where all is checked; here it does no harm, and is not changed."""
    resources = [{"resourceType": "Condition", "id": "c", "code": {"coding": odd}}]
    before = copy.deepcopy(resources)
    Given(release).coder()(resources)
    assert resources == before


_POOL = [
    (READ_V2, "H33.."), (READ_V2, "C10.."), (READ_V2, "old.."), (READ_V2, "zz..."), (LOCAL, "A"),
    (LOCAL, "G"), (LOCAL, "no"), (LOCAL, "zz"), ("", "A"), (SNOMED_CT, ASTHMA), (SNOMED_CT, GONE),
    (SNOMED_CT, LOST), (LOINC, "1-8"), (ICD_10, "J45.9"), (ICD_10, "B20"), (EMIS, "ATEN1"),
]  # fmt: skip
_sent = st.lists(st.sampled_from(_POOL), min_size=1, max_size=4).map(lambda all_: [coding(*c) for c in all_])
_units = st.lists(_sent.map(lambda sent: condition(*sent)), min_size=1, max_size=3)
_in_force = st.sampled_from([(True, True), (True, False), (False, True), (False, False)])


def _given(release: Release, in_force: tuple[bool, bool]) -> Coder:
    return Given(release if in_force[0] else None, GAP_MAP if in_force[1] else GapMap()).coder()


@given(unit=_units, in_force=_in_force)
def test_what_the_source_sent_stays_as_it_is(
    release: Release, unit: list[dict[str, Any]], in_force: tuple[bool, bool]
) -> None:
    """Byte for byte and in its place; at most one coding comes after it; what was given is not changed."""
    before = [orjson.dumps(resource) for resource in unit]
    resources = list(unit)
    _given(release, in_force)(resources)
    assert [orjson.dumps(resource) for resource in unit] == before
    for old, new in zip(unit, resources, strict=True):
        sent, made = old["code"]["coding"], new["code"]["coding"]
        assert orjson.dumps(made[: len(sent)]) == orjson.dumps(sent)
        assert [is_added(each) for each in made[len(sent) :]] == [True] * (len(made) - len(sent))
        assert len(made) <= len(sent) + 1
        assert {**new, "code": old["code"]} == old


@given(unit=_units, in_force=_in_force)
def test_nothing_vanishes(release: Release, unit: list[dict[str, Any]], in_force: tuple[bool, bool]) -> None:
    """Every concept has a national code, needs none, or has a code that is told."""
    coder = _given(release, in_force)
    for resource in unit:
        made = [resource]
        told = coder(made)
        codings = made[0]["code"]["coding"]
        settled = [coder.verdict(c.get("system", ""), c["code"]) for c in codings]
        assert bool(told) != any(isinstance(each, Settled) for each in settled)


@given(unit=_units, in_force=_in_force)
def test_twice_is_once(release: Release, unit: list[dict[str, Any]], in_force: tuple[bool, bool]) -> None:
    """What has been through it comes out of it as it is, whether or not it is made anew."""
    coder = _given(release, in_force)
    once = list(unit)
    told = coder(once)
    twice, again = list(once), list(once)
    assert coder(twice) == told
    assert coder.again(again) == told
    assert orjson.dumps(twice) == orjson.dumps(again) == orjson.dumps(once)


@given(unit=_units, before=_in_force, after=_in_force)
def test_made_anew_is_as_if_it_came_today(
    release: Release, unit: list[dict[str, Any]], before: tuple[bool, bool], after: tuple[bool, bool]
) -> None:
    """What older maps added is taken back, and what the maps in force give is added."""
    stored, fresh = list(unit), list(unit)
    _given(release, before)(stored)
    later = _given(release, after)
    assert later.again(stored) == later(fresh)
    assert orjson.dumps(stored) == orjson.dumps(fresh)


def test_another_release_or_gap_map_is_noticed(release: Release) -> None:
    """At the next unit, without a new coder; the fingerprint is another one each time."""
    state = Given()
    coder = state.coder()
    seen = []
    for each in (Given(), Given(release), Given(release, GAP_MAP)):
        state.release, state.gap_map = each.release, each.gap_map
        seen.append((coder.verdict(READ_V2, "C10.."), coder.fingerprint))
    verdicts = [verdict.code if isinstance(verdict, Translated) else verdict for verdict, _ in seen]
    assert verdicts == [Gap.NO_MAP, Gap.AMBIGUOUS, DIABETES]
    assert len({fingerprint for _, fingerprint in seen}) == 3


def test_a_release_that_is_gone_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    """The pointer names a file that is not there: what was in force stays, and messages are not held up."""
    SMALL.put_in_force(tmp_path)
    ticks = iter(range(100))
    coder = Coder(MAPS, Releases(folder_of(tmp_path), lambda: 10.0 * next(ticks)))
    first = coder.verdict(READ_V2, "H33..")
    (folder_of(tmp_path) / "current").write_text("release-gone.sqlite\n", encoding="ascii")
    assert coder.verdict(READ_V2, "H33..") == first


def test_a_deployments_coder_reads_its_folder(tmp_path: Path) -> None:
    """Its release, its concept maps that name their source system, and its gap files."""
    SMALL.put_in_force(tmp_path)
    for name, text in {
        "maps/own.csv": f"source_system,source_code,target_system,target_code,target_display\n"
        f"{LOCAL},m,{SNOMED_CT},{ASTHMA},Asthma\n",
        "gaps/taken.csv": f"source_system,source_code,target_system,target_code,target_display\n"
        f"{LOCAL},g,{SNOMED_CT},{DIABETES},\n",
    }.items():
        path = tmp_path / "terminology" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    coder = open_coder(DataFiles(tmp_path))
    resources = [condition(coding(*each)) for each in ((LOCAL, "m"), (LOCAL, "g"), (READ_V2, "H33.."))]
    assert coder(resources) == []
    added = [concepts_of(each)[0]["coding"][-1] for each in resources]
    assert [each["code"] for each in added] == [ASTHMA, DIABETES, ASTHMA]
    assert [each["display"] for each in added] == ["Asthma", "Diabetes mellitus", "Asthma"]
