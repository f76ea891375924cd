"""SNOMED CT, Release Format 2: read whole and right, or refused whole, with file and line."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import rf2
from tests.support.rf2 import Line, Shape, concept_id, description_id, make_lines, write_release

from scr.errors import Invalid
from scr.terminology.load.rf2_files import HEADERS, Kind
from scr.terminology.load.run import load
from scr.terminology.load.sctid import is_sctid, namespace, with_check_digit
from scr.terminology.release.current import current_path
from scr.terminology.release.reader import Release
from scr.terminology.systems import CTV3, ICD_10, SNOMED_CT

NOW = 1_760_000_000_000
SHAPE = Shape(concepts=60, members=20, seed=3)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of sixty invented concepts."""
    given_ = write_release(tmp_path_factory.mktemp("rf2"), SHAPE)
    return Release(load(tmp_path_factory.mktemp("loaded"), [given_], NOW).path)


@pytest.fixture(scope="module")
def lines() -> dict[Kind, list[Line]]:
    """Its files as lines."""
    return make_lines(SHAPE)


def active(rows: list[Line]) -> list[Line]:
    """The rows in force."""
    return [row for row in rows if row[2] == "1"]


def test_everything_that_is_in_the_files_is_in_the_release(
    release: Release, lines: dict[Kind, list[Line]]
) -> None:
    """Concepts with their state, terms, attributes, members, replacements and reasons, row by row."""
    preferred = {row[5] for row in lines["language"] if row[6] == rf2.PREFERRED}
    for code, effective, is_active, module, status in lines["concept"]:
        concept = release.concept(SNOMED_CT, code)
        assert concept is not None
        terms = [row for row in lines["description"] if row[4] == code]
        assert (concept.active, concept.module) == (is_active == "1", module)
        assert (concept.effective, concept.defined) == (effective, status == rf2.DEFINED)
        assert concept.display == next(r[7] for r in terms if r[6] == rf2.SYNONYM and r[0] in preferred)
        told = {(d.description, d.term, d.use == "fsn") for d in release.designations(SNOMED_CT, code)}
        assert told == {(row[0], row[7], row[6] == rf2.FSN) for row in terms}
        first = release.designations(SNOMED_CT, code)[0]
        assert (first.term, first.acceptability) == (concept.display, 2)
    for row in active(lines["relationship"]):
        if row[7] == rf2.IS_A:
            assert row[5] in release.parents(SNOMED_CT, row[4])
        else:
            found = {(a.group, a.type, a.target) for a in release.attributes(SNOMED_CT, row[4])}
            assert (int(row[6]), row[7], row[5]) in found
    (refset,) = release.refsets()
    assert release.members(refset) == {row[5] for row in lines["simple"]}
    for row in lines["association"]:
        (by,) = release.replacements(SNOMED_CT, row[5])
        assert (by.kind, by.code) == ("same-as", row[6])
    for row in lines["attribute-value"]:
        (reason,) = release.properties(SNOMED_CT, row[5])
        assert (reason.code, reason.value) == ("inactivationReason", row[6])


def test_maps_are_read_with_group_priority_rule_and_dotted_targets(
    release: Release, lines: dict[Kind, list[Line]]
) -> None:
    """ICD-10 in the order of its priorities and with its dot, CTV3 as it is."""
    code = lines["extended-map"][0][5]
    found = release.translate(SNOMED_CT, code, ICD_10)
    assert [(t.code, t.group, t.priority, t.rule) for t in found] == [
        ("A00.1", 1, 1, "TRUE"),
        ("A00.2", 1, 2, "TRUE"),
    ]
    assert release.translate(SNOMED_CT, code, CTV3)[0].code == lines["simple-map"][0][6]


def test_subsumption_is_what_the_relationships_reach(release: Release, lines: dict[Kind, list[Line]]) -> None:
    """For every two concepts, against a walk along the rows; descendants and ancestors mirror each other."""
    above: dict[str, set[str]] = {row[0]: set() for row in lines["concept"]}
    for row in active(lines["relationship"]):
        if row[7] == rf2.IS_A:
            above[row[4]].add(row[5])

    def reach(code: str) -> set[str]:
        found: set[str] = set()
        todo = [*above[code]]
        while todo:
            if (at := todo.pop()) not in found:
                found.add(at)
                todo += above[at]
        return found

    for code in above:
        expected = reach(code)
        assert release.ancestors(SNOMED_CT, code) == expected
        for other in above:
            assert release.subsumes(SNOMED_CT, other, code) == (other == code or other in expected)
            assert (code in release.descendants(SNOMED_CT, other)) == (other in expected)


def contents(path: Path) -> dict[str, list[list[object]]]:
    """Every row of a release file but the time of loading, sorted."""
    release = Release(path)
    connection = release.connection()
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for table in tables:
        if not table.startswith(("search", "sqlite")):
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sorted(
                [c for i, c in enumerate(row) if (table, i) != ("edition", 4)] for row in rows
            )
    return found


def test_loading_twice_gives_the_same_and_so_does_an_archive(tmp_path: Path) -> None:
    """The same files again, and the same files as a zip, make the same release."""
    given_ = write_release(tmp_path / "given", SHAPE)
    zipped = Path(shutil.make_archive(str(tmp_path / "given"), "zip", given_))
    first = load(tmp_path / "home", [given_], NOW).path
    second = load(tmp_path / "home", [given_], NOW + 1000).path
    third = load(tmp_path / "other", [zipped], NOW).path
    assert contents(first) == contents(second)
    assert contents(first) == contents(third)


def refused(tmp_path: Path, given_: Path, match: str) -> str:
    """What is said of files that are refused; nothing is in force, and no file is left."""
    with pytest.raises(Invalid, match=match) as caught:
        load(tmp_path / "home", [given_], NOW)
    assert current_path(tmp_path / "home") is None
    assert not list((tmp_path / "home").glob("*"))
    return str(caught.value)


@pytest.mark.parametrize("kind", ["concept", "description", "relationship", "language"])
def test_a_release_without_one_of_its_files_is_refused(tmp_path: Path, kind: Kind) -> None:
    """Half a release is told as such, with what is missing."""
    some = make_lines(SHAPE)
    del some[kind]
    refused(tmp_path, write_release(tmp_path / "given", lines=some), f"half a release.*no {kind} file")


@pytest.mark.parametrize("kind", list(rf2.NAMES))
def test_a_file_cut_short_is_refused(tmp_path: Path, kind: Kind) -> None:
    """Wherever a file stops in the middle of a line, its name and the line are told."""
    given_ = write_release(tmp_path / "given", SHAPE)
    path = next(given_.glob(f"**/{Path(rf2.NAMES[kind]).name}_*"))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) - 8])
    assert f"{path}, line " in refused(
        tmp_path, given_, "cut short|in the middle of a line|no effective time"
    )


@pytest.mark.parametrize("kind", list(rf2.NAMES))
def test_columns_that_are_swapped_in_the_header_are_refused(tmp_path: Path, kind: Kind) -> None:
    """A file of a name has the columns of that name."""
    given_ = write_release(tmp_path / "given", SHAPE)
    path = next(given_.glob(f"**/{Path(rf2.NAMES[kind]).name}_*"))
    first, rest = path.read_bytes().split(b"\r\n", 1)
    names = first.split(b"\t")
    names[-1], names[-2] = names[-2], names[-1]
    path.write_bytes(b"\t".join(names) + b"\r\n" + rest)
    assert f"{path}, line 1" in refused(tmp_path, given_, "columns are not those")


def renamed(given_: Path, old: str, new: str) -> Path:
    """One file under another name."""
    path = next(path for path in given_.rglob("*.txt") if old in path.name)
    path.rename(path.with_name(path.name.replace(old, new)))
    return given_


def with_(given_: Path, kind: Kind, change: Callable[[list[str]], list[str]]) -> Path:
    """One line of a file changed: the last."""
    path = next(given_.glob(f"**/{Path(rf2.NAMES[kind]).name}_*"))
    *rows, last = path.read_text(encoding="utf-8").splitlines()
    text = "\r\n".join([*rows, "\t".join(change(last.split("\t")))]) + "\r\n"
    path.write_bytes(text.encode())
    return given_


def replaced(at: int, by: str, cells: list[str]) -> list[str]:
    """One cell changed."""
    return [*cells[:at], by, *cells[at + 1 :]]


def test_mixed_releases_are_refused(tmp_path: Path) -> None:
    """Another date, a Delta among the Snapshots, a row later than its file: all are two releases."""
    one = renamed(
        write_release(tmp_path / "date", SHAPE),
        "Relationship_Snapshot_INT_2026",
        "Relationship_Snapshot_INT_2025",
    )
    refused(tmp_path, one, "two releases are mixed")
    two = renamed(write_release(tmp_path / "delta", SHAPE), "SimpleSnapshot", "SimpleDelta")
    refused(tmp_path, two, "Delta file among Snapshot files")
    three = with_(write_release(tmp_path / "later", SHAPE), "concept", lambda f: [f[0], "20260701", *f[2:]])
    refused(tmp_path, three, "later than its release")


def test_a_reference_to_a_concept_in_no_file_is_refused(tmp_path: Path) -> None:
    """An extension without what it leans on: file, line and the concept are told."""
    missing = concept_id(5000)
    places: dict[Kind, int] = {"relationship": 5, "description": 4, "simple": 5, "extended-map": 5}
    for kind, at in places.items():
        given_ = write_release(tmp_path / kind, SHAPE)
        with_(given_, kind, partial(replaced, at, missing))
        said = refused(tmp_path, given_, f"refers to concept {missing}, which is in no file")
        assert ", line " in said


def extension(folder: Path, parent: str, language: str = rf2.GB_ENGLISH) -> Path:
    """A package of one concept, its own reference set for language, and what they lean on."""
    module, concept, realm = (with_check_digit(f"{number}888888810") for number in (1, 2, 3))
    terms = [with_check_digit(f"{number}888888811") for number in range(1, 7)]
    inferred = ("0", rf2.IS_A, rf2.INFERRED, rf2.SOME)
    rows: dict[Kind, list[Line]] = {
        "concept": [(c, rf2.DATE, "1", module, rf2.PRIMITIVE) for c in (module, concept, realm)],
        "description": [
            (code, rf2.DATE, "1", module, about, "en", rf2.SYNONYM, f"Own term {at}", rf2.CASE)
            for at, (code, about) in enumerate(zip(terms, [module, concept, realm] * 2, strict=True))
        ],
        "relationship": [
            (with_check_digit(f"{at}888888812"), rf2.DATE, "1", module, child, parent, *inferred)
            for at, child in enumerate((module, concept, realm), 1)
        ],
        "language": [
            (f"l{at}", rf2.DATE, "1", module, language, code, rf2.PREFERRED if at < 3 else rf2.ACCEPTABLE)
            for at, code in enumerate(terms)
        ],
        "module-dependency": [
            ("d", rf2.DATE, "1", module, rf2.MODULE_DEPENDENCY, rf2.MODULE, rf2.DATE, rf2.DATE)
        ],
    }
    return write_release(folder, lines=rows, owner="GB9999999")


def test_an_extension_is_read_with_what_it_extends_and_not_without(tmp_path: Path) -> None:
    """Two packages make one hierarchy, whatever the order; the extension alone is refused."""
    base = write_release(tmp_path / "base", SHAPE)
    parent = concept_id(0)
    own = extension(tmp_path / "own", parent)
    for home, order in (("a", [base, own]), ("b", [own, base])):
        release = Release(load(tmp_path / home / "home", order, NOW).path)
        (found,) = release.search(SNOMED_CT, "own term 1")
        assert release.subsumes(SNOMED_CT, rf2.ROOT, found.code)
        assert release.parents(SNOMED_CT, found.code) == {parent}
        assert [d.term for d in release.designations(SNOMED_CT, found.code)] == ["Own term 1", "Own term 4"]
    refused(tmp_path, own, "refers to concept .* which is in no file")


def test_a_module_of_another_date_is_refused(tmp_path: Path) -> None:
    """A package that says what it leans on is held to it."""
    kind: Kind = "module-dependency"
    one = with_(write_release(tmp_path / "a", SHAPE), kind, lambda f: [*f[:5], concept_id(5001), *f[6:]])
    refused(tmp_path, one, "needs module .* which is in no file")
    two = with_(write_release(tmp_path / "b", SHAPE), kind, lambda f: [*f[:7], "20250701"])
    refused(tmp_path, two, "needs module .* of 20250701, and that of 20260101 was given")


def test_a_ring_is_refused(tmp_path: Path) -> None:
    """A concept above itself is told with the way round, and nothing is left."""
    some = make_lines(SHAPE)
    child = next(row for row in active(some["relationship"])[-20:] if row[7] == rf2.IS_A)
    some["relationship"].append(
        (rf2.relationship_id(9999), rf2.DATE, "1", rf2.MODULE, child[5], child[4], "0", rf2.IS_A, *child[8:])
    )
    said = refused(tmp_path, write_release(tmp_path / "given", lines=some), "the hierarchy goes round")
    assert f"{child[4]} is a" in said


def test_most_concepts_without_a_parent_is_half_a_file(tmp_path: Path) -> None:
    """A relationship file that ends too early, at the end of a line, shows by the concepts below none."""
    some = make_lines(SHAPE)
    some["relationship"] = some["relationship"][: len(some["relationship"]) // 2]
    refused(tmp_path, write_release(tmp_path / "given", lines=some), "active concepts are below none")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_dropped_line_is_refused_or_takes_only_itself_away(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever line is missing: a refusal, or a release that still agrees with every line that is there."""
    some = make_lines(SHAPE)
    kind = data.draw(st.sampled_from(sorted(some)))
    at = data.draw(st.integers(0, len(some[kind]) - 1))
    gone = some[kind].pop(at)
    folder = tmp_path_factory.mktemp("dropped")
    given_ = write_release(folder / "given", lines=some)
    if kind in ("concept", "description"):
        with pytest.raises(Invalid, match="is in no file") as caught:
            load(folder / "home", [given_], NOW)
        assert str(folder) in str(caught.value), gone
        return
    loaded = Release(load(folder / "home", [given_], NOW).path)
    for row in active(some["relationship"]):
        assert row[7] != rf2.IS_A or loaded.subsumes(SNOMED_CT, row[5], row[4])
    for row in some["simple"]:
        assert loaded.is_member(row[4], row[5])


SWAPS: list[tuple[Kind, str, str]] = [
    *(("concept", "id", other) for other in ("effectiveTime", "active", "moduleId")),
    ("concept", "effectiveTime", "active"),
    *(("description", "id", other) for other in ("effectiveTime", "active", "moduleId", "conceptId", "term")),
    *(("description", "conceptId", other) for other in ("active", "languageCode", "term")),
    ("description", "term", "caseSignificanceId"),
    *(("relationship", "id", other) for other in ("effectiveTime", "sourceId", "relationshipGroup")),
    *(("relationship", "relationshipGroup", other) for other in ("sourceId", "destinationId", "typeId")),
    ("language", "referencedComponentId", "refsetId"), ("language", "active", "effectiveTime"),
    ("simple", "refsetId", "id"), ("simple", "referencedComponentId", "effectiveTime"),
    ("extended-map", "mapGroup", "mapTarget"), ("extended-map", "referencedComponentId", "mapTarget"),
    ("association", "targetComponentId", "effectiveTime"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "one", "two"), SWAPS)
def test_cells_in_each_others_place_are_refused(tmp_path: Path, kind: Kind, one: str, two: str) -> None:
    """Two columns swapped in every line under a right header: the line is told, nothing is loaded."""
    some = make_lines(SHAPE)
    columns = next(names for names, of in HEADERS.items() if of == kind)
    a, b = columns.index(one), columns.index(two)
    some[kind] = [tuple(replaced(a, row[b], replaced(b, row[a], [*row]))) for row in some[kind]]
    refused(tmp_path, write_release(tmp_path / "given", lines=some), r", line \d+: ")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    """A zip that has not come whole is told, and so is one whose content is damaged."""
    given_ = write_release(tmp_path / "given", SHAPE)
    archive = tmp_path / "given.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(given_.rglob("*.txt")):
            made.write(path, path.relative_to(given_).as_posix())
    raw = archive.read_bytes()
    archive.write_bytes(raw[: len(raw) // 2])
    refused(tmp_path, archive, "not a whole zip")
    damaged = bytearray(raw)
    damaged[len(raw) // 2 : len(raw) // 2 + 40] = b"\0" * 40
    archive.write_bytes(bytes(damaged))
    refused(tmp_path, archive, "cannot be read out of its archive")


def test_the_old_release_stays_when_a_new_one_is_refused(tmp_path: Path) -> None:
    """What was in force is in force, and is the only file."""
    before = load(tmp_path / "home", [write_release(tmp_path / "good", SHAPE)], NOW).path
    bad = renamed(write_release(tmp_path / "bad", SHAPE), "20260101", "20250701")
    with pytest.raises(Invalid):
        load(tmp_path / "home", [bad], NOW + 1)
    assert current_path(tmp_path / "home") == before
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["current", before.name]


@given(st.integers(1, 10**7))
def test_a_check_digit_holds_for_its_identifier_alone(number: int) -> None:
    """With its own digit an identifier is one, with any other it is none."""
    code = with_check_digit(f"{number}999999910")
    assert is_sctid(code)
    assert namespace(code) == "9999999"
    assert not any(is_sctid(code[:-1] + digit) for digit in "0123456789" if digit != code[-1])
    assert not is_sctid(description_id(number))


@pytest.mark.corpus
def test_a_published_miniature_is_read_and_its_parts_are_told_apart(corpus: Path, tmp_path: Path) -> None:
    """The Snapshot of a published example release loads; with a later Delta beside it, it is refused."""
    folder = corpus / "terminology" / "rf2-dummy"
    release = Release(load(tmp_path / "a", [folder / "Snapshot"], NOW).path)
    assert release.count(SNOMED_CT) == 103
    assert release.subsumes(SNOMED_CT, "138875005", "243796009")
    (moved,) = (r for r in release.replacements(SNOMED_CT, "118225008") if r.code == "118222006")
    assert moved.kind == "possibly-equivalent-to"
    with pytest.raises(Invalid, match="two releases are mixed"):
        load(tmp_path / "b", [folder], NOW)
    with pytest.raises(Invalid, match="no Snapshot files"):
        load(tmp_path / "b", [folder / "Delta"], NOW)
