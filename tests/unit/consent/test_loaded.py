"""A policy's files, key by key: what is refused where, what is let through at its edge, what it comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scr.consent.actor import ActorKind
from scr.consent.agreements import Agreement, Agreements, load_agreements
from scr.consent.breakglass import GlassPolicy
from scr.consent.policy import Role, load_policy
from scr.consent.proxies import load_proxies
from scr.consent.roles import LEVELS, Level
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.canonical import LABEL_SYSTEM
from scr.fhir.headings import HEADINGS, types_under
from scr.fhir.identifiers import OdsCode
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

T0 = 1_772_020_800_000
HERE, THERE = OdsCode("ZZH01"), OdsCode("ZZH02")


def changed(home: Path, name: str, right: str, wrong: str) -> DataFiles:
    """A deployment whose own file of this name differs from the packaged one in one place."""
    text = DataFiles().find("consent", name).read_text(encoding="utf-8")
    assert right in text
    (home / "consent").mkdir(exist_ok=True)
    (home / "consent" / name).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return DataFiles(home)


_CLOSED: tuple[frozenset[str], frozenset[str], Level] = (frozenset(), frozenset(), "U")
COURT = "      name: Deputy for personal welfare, appointed by the court\n      capacity: "
CITIZEN = "citizen:\n  purposes: [PATRQT]\n  from_age: 16\n  headings: "
CARER = "carer:\n  purposes: [FAMRQT]\n  headings: "
REFUSED = [
    ("breakglass.yaml", "\nhours: 4", "\nhours: 13", "hours: more than most_hours"),
    ("breakglass.yaml", "  B0168: {", "  B1: {", "activities: B1: not defined under"),
    ("relationships.yaml", "  hours: 12", "  hours: 73", "self_claimed.hours: more than most_hours"),
    ("relationships.yaml", "  registration: {}\n", "", "lasting: does not say what holds for: registration"),
    ("relationships.yaml", "activity: claim-relationship", "activity: x", "self_claimed.activity: x: not"),
    ("agreements.yaml", "also: [hospital,", "also: [gp,", "types.acute-trust: 'gp' is another type's"),
    (
        "agreements.yaml",
        "organisations: {}",
        "organisations: {ZZX09: shop}",
        "organisations.ZZX09: 'shop' is not",
    ),
    ("agreements.yaml", "organisations: {}", "organisations: {'?': gp}", "organisations.?: "),
    (
        "agreements.yaml",
        "to: [council]",
        "to: [x]",
        "shared.1.to: unknown: x; known: acute, acute-trust, adult-",
    ),
    ("agreements.yaml", "from: [council,", "from: [b, a,", "kept.0.from: unknown: a, b; known: "),
    ("agreements.yaml", "headings: [legal, risks]", "headings: [x]", "kept.0.headings: unknown: x; known: "),
    (
        "agreements.yaml",
        "purposes: [TREAT, ETREAT]",
        "purposes: [X]",
        "shared.2.purposes: unknown: X; known: ",
    ),
    (
        "proxies.yaml",
        COURT + "absent",
        COURT + "present",
        "carer.bases.court-appointed-personal-welfare-deputy: ",
    ),
    ("proxies.yaml", "      until_age: 16\n", "", "carer.bases.parental-responsibility: needs until_age"),
    ("proxies.yaml", "      review_age: 13\n", "", "carer.bases.parental-responsibility: needs until_age"),
    (
        "proxies.yaml",
        CITIZEN + "all",
        CITIZEN + "[y, x]",
        "citizen.headings: unknown headings: x, y; known: ",
    ),
    ("proxies.yaml", CARER + "all", CARER + "[x]", "carer.headings: unknown headings: x; known: "),
    (
        "labels.yaml",
        "open_to: []",
        "open_to: [B9]",
        "bars.hfe-act.open_to: B9: not defined under 'activities' of roles.yaml",
    ),
]


@pytest.mark.parametrize(("name", "right", "wrong", "told"), REFUSED, ids=[row[3][:40] for row in REFUSED])
def test_what_cannot_be_meant_is_refused_at_its_key(
    tmp_path: Path, name: str, right: str, wrong: str, told: str
) -> None:
    """With one code, so that whoever runs it knows that the policy is at fault, and not the program."""
    with pytest.raises(Invalid) as refused:
        load_policy(changed(tmp_path, name, right, wrong))
    assert told in str(refused.value)
    assert refused.value.code == "bad-policy"


GLASS = "\nhours: 4\nmost_hours: 12\nmost_at_once: 5"
CLAIMS = "  hours: 12\n  most_hours: 72\n  most_at_once: 20"
EDGES = [
    ("breakglass.yaml", GLASS, GLASS.replace("4", "72").replace("12", "72").replace("5", "1")),
    ("breakglass.yaml", "\nhours: 4\nmost_hours: 12", "\nhours: 1\nmost_hours: 1"),
    ("relationships.yaml", CLAIMS, CLAIMS.replace("12", "1").replace("72", "1").replace("20", "1")),
    ("relationships.yaml", "encounter: {days_after_end: 180", "encounter: {days_after_end: 0"),
    ("relationships.yaml", "encounter: {days_after_end: 180", "encounter: {days_after_end: 36500"),
    ("relationships.yaml", "care: {days_after_last_told: 365}", "care: {days_after_last_told: 1}"),
    ("proxies.yaml", "from_age: 16", "from_age: 18"),
    ("proxies.yaml", "from_age: 16", "from_age: 0"),
    ("proxies.yaml", "unused_years: 5", "unused_years: 1"),
    ("proxies.yaml", "      until_age: 16", "      until_age: 1"),
    ("proxies.yaml", "      review_age: 13", "      review_age: 0"),
    ("proxies.yaml", CITIZEN + "all", CITIZEN + "[problems]"),
    ("agreements.yaml", "organisations: {}", "organisations: {zzx09: Hospital}"),
    ("agreements.yaml", "to: [council]", "to: [Local-Authority]"),
    ("agreements.yaml", "from: [council,", "from: [Social-Care,"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong"), EDGES)
def test_what_is_just_within_the_limits_is_loaded(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    """The first and the last number that can be meant, and every spelling of a type."""
    load_policy(changed(tmp_path, name, right, wrong))


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("breakglass.yaml", "most_hours: 12", "most_hours: 73"),
        ("breakglass.yaml", "\nhours: 4", "\nhours: 0"),
        ("relationships.yaml", "encounter: {days_after_end: 180", "encounter: {days_after_end: 36501"),
        ("relationships.yaml", "care: {days_after_last_told: 365}", "care: {days_after_last_told: 0}"),
        ("relationships.yaml", "  hours: 12", "  hours: 0"),
        ("proxies.yaml", "from_age: 16", "from_age: 19"),
        ("proxies.yaml", "from_age: 16", "from_age: -1"),
        ("proxies.yaml", "unused_years: 5", "unused_years: 0"),
        ("proxies.yaml", "until_age: 16", "until_age: 0"),
        ("proxies.yaml", "review_age: 13", "review_age: -1"),
        ("proxies.yaml", "purposes: [PATRQT]", "purposes: []"),
        ("agreements.yaml", "to: [council]", "to: []"),
        ("roles.yaml", "purposes: [TREAT, ETREAT, CAREMGT]", "purposes: []"),
    ],
)
def test_what_is_just_beyond_them_is_not(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    """One more, or one less, and nothing is loaded."""
    with pytest.raises(Invalid):
        load_policy(changed(tmp_path, name, right, wrong))


def test_what_a_file_leaves_out_is_the_closed_or_the_plain(tmp_path: Path) -> None:
    """No clearance is N; a basis asks no capacity; a role without activities opens nothing at the lowest."""
    text = "purposes: [T]\nactivities: {a: {name: A, headings: [problems], interactions: [r]}, b: {name: B, headings: all, interactions: [s], clearance: V}}\nroles: {R0: {name: O, activities: []}, R1: {name: I, activities: [a]}, R2: {name: II, activities: [b, a]}}\n"  # noqa: E501 - a file
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "roles.yaml").write_text(text, encoding="utf-8")
    policy = load_policy(DataFiles(tmp_path))
    nothing: frozenset[str] = frozenset()
    assert policy.roles == {
        "R0": Role("R0", "O", nothing, nothing, "U", nothing),
        "R1": Role("R1", "I", frozenset({"problems"}), frozenset("r"), "N", frozenset({"a"})),
        "R2": Role("R2", "II", frozenset(HEADINGS), frozenset("rs"), "V", frozenset("ab")),
    }
    assert policy.purposes == {"T"}
    assert not policy.assurance
    assert [policy.may(role, "a") for role in ("R1", "R0", None, "R9")] == [True, False, False, False]
    below = [policy.is_below_restricted(policy.roles[role]) for role in ("R2", "R1", "R0")]
    assert below == [False, True, True]
    assert policy.types_of(policy.roles["R1"]) == frozenset(types_under("problems"))
    shipped = load_policy(DataFiles())
    assert (GlassPolicy().hours, GlassPolicy().most_hours, GlassPolicy().most_at_once) == (0, 0, 0)
    assert (shipped.glass.hours, shipped.glass.most_hours, shipped.glass.most_at_once) == (4, 12, 5)
    proxies = load_proxies(changed(tmp_path, "proxies.yaml", "clearance: N\n\ncarer", "\ncarer"))
    assert proxies.citizen is not None
    assert proxies.citizen.clearance == "N"
    assert len(shipped.hash) == 16


def test_who_reads_online_opens_what_their_file_says(tmp_path: Path) -> None:
    """Citizens their own part and carers theirs: the headings, all of them where it says so, and what they
    may add and correct. What somebody may write in one role is written here."""
    adds = "adds: [Binary, Communication, Composition, DocumentReference, Observation, RelatedPerson, Task]"
    files = changed(tmp_path, "proxies.yaml", CITIZEN + "all", CITIZEN + "[problems]")
    path = tmp_path / "consent" / "proxies.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(adds, "adds: [Task]", 1).replace(adds, "adds: []"), encoding="utf-8")
    policy = load_policy(files)
    writes = frozenset({("Task", "c"), ("Task", "u")})
    assert policy.online == {
        ActorKind.CITIZEN: Role(
            "citizen", "citizen", frozenset({"problems"}), frozenset("rscu"), "N", writes=writes
        ),
        ActorKind.CARER: Role("carer", "carer", frozenset(HEADINGS), frozenset("rs"), "N"),
    }
    one, other = Role("a", "", *_CLOSED, writes=writes), Role("b", "", *_CLOSED)
    policy = replace(policy, roles={"a": one, "b": other})
    assert policy.writers("Task", "c")
    assert not policy.writers("Flag", "c")
    assert not policy.writers("Task", "d")


def test_how_confidential_an_entry_is() -> None:
    """The highest of its levels; one that nobody knows is above all; a sensitivity alone is restricted."""
    policy = load_policy(DataFiles())
    level, act = f"{V3_CONFIDENTIALITY}|", f"{V3_ACT_CODE}|"
    told: list[tuple[tuple[str, ...], str]] = [
        ((), "N"), (("x|V",), "N"), ((level + "U",), "U"), ((level + "L", level + "U"), "L"),
        ((level + "R", level + "N"), "R"), ((level + "V", level + "R"), "V"), ((level + "x",), "above all"),
        ((act + "HIV",), "R"), ((act + "HIV", level + "N"), "N"), ((act + "NOPAT",), "N"),
        ((act + "NOPAT", act + "HIV"), "R"),
    ]  # fmt: skip
    for labels, wanted in told:
        above = [one for one in LEVELS if policy.is_above(Role("", "", *_CLOSED[:2], one), labels)]
        assert above == list(LEVELS[: LEVELS.index(wanted)] if wanted in LEVELS else LEVELS), labels
        assert policy.is_above_restricted(labels) is (wanted in ("V", "above all"))


def test_what_waits_for_a_review_is_what_the_source_or_a_label_says() -> None:
    """Either alone; and nothing else does."""
    policy = load_policy(DataFiles())
    review = next(one.key for one in policy.labels.labels.values() if one.review)
    plain = next(one.key for one in policy.labels.labels.values() if not one.review)
    told = [(), (f"{V3_ACT_CODE}|NOPAT",), (f"{LABEL_SYSTEM}|{review}",), (f"{LABEL_SYSTEM}|{plain}",)]
    assert [policy.waits_for_review(labels) for labels in told] == [False, True, True, False]


def test_agreements_by_their_words(tmp_path: Path) -> None:
    """Every word for a type, in any case, is the type; what is left out is all."""
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "agreements.yaml").write_text(
        "types: {gp: {name: Practice, also: [Surgery]}, council: {name: Council}}\n"
        "organisations: {zz1: SURGERY}\n"
        "shared:\n  - {name: one, to: [surgery]}\n"
        "  - {name: two, to: [council], from: [Gp], headings: [problems], purposes: [T]}\n",
        encoding="utf-8",
    )
    found = load_agreements(DataFiles(tmp_path), ["T"])
    two = Agreement(
        "two", frozenset({"council"}), frozenset({"gp"}), frozenset({"problems"}), frozenset({"T"})
    )
    assert found.shared == (Agreement("one", frozenset({"gp"})), two)
    assert (found.kept, found.names) == ((), {"gp": "Practice", "council": "Council"})
    assert (found.also, found.organisations) == (
        {"gp": "gp", "surgery": "gp", "council": "council"},
        {"ZZ1": "gp"},
    )
    assert load_agreements(DataFiles(tmp_path), None) == found
    told = {"ZZ1": "council", "ZZ2": "Council"}
    assert [found.type_of(ods, told) for ods in ("ZZ1", "ZZ2", "ZZ3")] == ["gp", "council", ""]
    assert [found.is_party("council", purpose) for purpose in ("T", "U")] == [True, False]
    assert found.is_party("gp", "U")
    for asker, heading, purpose, source, shared in (
        ("council", "problems", "T", "gp", True),
        ("council", "results", "T", "gp", False),
        ("council", "problems", "U", "gp", False),
        ("council", "problems", "T", "council", False),
        ("gp", "results", "U", "", True),
    ):
        assert found.shares(asker, heading, purpose, source) is shared
    kept = replace(found, kept=(Agreement("no", frozenset({"gp"}), purposes=frozenset({"U"})),))
    assert [kept.shares("gp", "results", purpose, "") for purpose in ("T", "U")] == [True, False]
    assert not found.shares_composed("council", "T")
    assert found.shares_composed("gp", "T")
    for of in ("gp", ""):  # of one type alone, or of those whose type nobody knows
        some = Agreements((Agreement("", frozenset({"gp"}), frozenset({of})),), (), found.names, {"x": "gp"})
        assert some.shares_composed("gp", "T")
        assert some.type_of("ZZ9", {}) == ""


def test_what_is_shared_is_the_same_when_no_more_can_be_remembered() -> None:
    """Whoever asks about ten thousand types of source is answered as before, and no more is kept."""
    everyone = Agreement("all", frozenset({"gp"}), frozenset({"gp", "0", "10000"}))
    found = Agreements(shared=(everyone,))
    told = [found.shares("gp", "results", "TREAT", str(number)) for number in range(10_001)]
    assert [number for number, shared in enumerate(told) if shared] == [0, 10_000]
    assert [found.shares("gp", "results", "TREAT", source) for source in ("0", "1", "10000")] == [
        True,
        False,
        True,
    ]
    assert len(found._found) == 10_000
