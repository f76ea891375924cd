"""A SNOMED CT release that is nobody's: the shape of Release Format 2, of any size, with invented content.

Identifiers have right check digits, in the namespace 9999999 but for the few concepts of the model that every
release has. Terms are made of a few stems, so that some begin a typing search often and some hardly.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scr.terminology.load.rf2_files import HEADERS, Kind
from scr.terminology.load.sctid import with_check_digit

DATE = "20260101"
OWNER = "INT"
ROOT, IS_A = "138875005", "116680003"
MODULE, DEFINED, PRIMITIVE = "900000000000207008", "900000000000073002", "900000000000074008"
FSN, SYNONYM, CASE = "900000000000003001", "900000000000013009", "900000000000448009"
GB_ENGLISH, PREFERRED, ACCEPTABLE = "900000000000508004", "900000000000548007", "900000000000549004"
INFERRED, SOME = "900000000000011006", "900000000000451002"
ICD_MAP, CTV3_MAP, SAME_AS, REASON = (
    "999002271000000101", "900000000000497000", "900000000000527005", "900000000000489007",
)  # fmt: skip
MODULE_DEPENDENCY, MODEL_MODULE, AMBIGUOUS = "900000000000534007", "900000000000012004", "900000000000484002"
MODEL = (
    ROOT, IS_A, MODULE, DEFINED, PRIMITIVE, FSN, SYNONYM, CASE, GB_ENGLISH, PREFERRED, ACCEPTABLE, INFERRED,
    SOME, ICD_MAP, CTV3_MAP, SAME_AS, REASON, MODULE_DEPENDENCY, MODEL_MODULE, AMBIGUOUS,
)  # fmt: skip
NAMES = {
    "concept": "Terminology/sct2_Concept_Snapshot", "description": "Terminology/sct2_Description_Snapshot-en",
    "relationship": "Terminology/sct2_Relationship_Snapshot",
    "simple": "Refset/Content/der2_Refset_SimpleSnapshot",
    "language": "Refset/Language/der2_cRefset_LanguageSnapshot-en",
    "association": "Refset/Content/der2_cRefset_AssociationSnapshot",
    "attribute-value": "Refset/Content/der2_cRefset_AttributeValueSnapshot",
    "simple-map": "Refset/Map/der2_sRefset_SimpleMapSnapshot",
    "extended-map": "Refset/Map/der2_iisssccRefset_ExtendedMapSnapshot",
    "module-dependency": "Refset/Metadata/der2_ssRefset_ModuleDependencySnapshot",
}  # fmt: skip
_STEMS = (
    "asthma", "cardiac", "renal", "pulmonary", "hepatic", "fracture", "infection", "neoplasm", "chronic",
    "acute", "child", "injury", "disorder", "procedure", "left", "right", "severe", "mild", "congenital",
    "history", "assessment", "tablet", "therapy", "fibrosis", "stenosis", "oedema", "anaemia", "astigmatism",
)  # fmt: skip
_SYLLABLES = ("ba", "co", "di", "fe", "gu", "ha", "lo", "mi", "ne", "pra", "sto", "tre", "vi", "xan", "zo")
Line = tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """How large a release is. Descriptions are about three a concept, relationships three and a half."""

    concepts: int = 60
    members: int = 20
    seed: int = 0


def concept_id(number: int) -> str:
    """An invented concept's identifier."""
    return with_check_digit(f"{number + 1}999999910")


def description_id(number: int) -> str:
    """An invented description's identifier."""
    return with_check_digit(f"{number + 1}999999911")


def relationship_id(number: int) -> str:
    """An invented relationship's identifier."""
    return with_check_digit(f"{number + 1}999999912")


def write_release(
    folder: Path, shape: Shape | None = None, lines: dict[Kind, list[Line]] | None = None, owner: str = OWNER
) -> Path:
    """Write a Snapshot into a folder. ``lines`` stands for what would be made. Its path."""
    made: Iterable[tuple[Kind, Iterable[Line]]] = (
        lines.items() if lines is not None else make_release(shape or Shape())
    )
    columns = {kind: header for header, kind in reversed(HEADERS.items())}
    for kind, rows in made:
        path = folder / "Snapshot" / f"{NAMES[kind]}_{owner}_{DATE}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write("\t".join(columns[kind]) + "\r\n")
            file.writelines("\t".join(row) + "\r\n" for row in rows)
    return folder


def make_lines(shape: Shape) -> dict[Kind, list[Line]]:
    """A release held whole, to be changed by a test."""
    return {kind: list(rows) for kind, rows in make_release(shape)}


def make_release(shape: Shape) -> Iterator[tuple[Kind, Iterable[Line]]]:
    """The files of a release, each as its lines."""
    codes = [*MODEL, *(concept_id(number) for number in range(shape.concepts))]
    parents = _parents(shape)
    inactive = {code for number, code in enumerate(codes[len(MODEL) :], 1) if number % 20 == 0}
    ids = [description_id(number) for number in range(3 * len(codes))]
    yield (
        "concept",
        (
            (code, DATE, "0" if code in inactive else "1", MODULE, DEFINED if at % 3 else PRIMITIVE)
            for at, code in enumerate(codes)
        ),
    )
    yield "description", _descriptions(codes, ids, shape)
    yield "language", _language(ids)
    yield "relationship", _relationships(codes, parents, inactive)
    refset = codes[len(MODEL)]
    plain = [code for code in codes[len(MODEL) + 1 :] if code not in inactive]
    yield "simple", (_member("s", at, refset, code) for at, code in enumerate(plain[: shape.members]))
    yield (
        "association",
        (_member("a", at, SAME_AS, code, plain[at]) for at, code in enumerate(sorted(inactive))),
    )
    yield (
        "attribute-value",
        (_member("v", at, REASON, code, AMBIGUOUS) for at, code in enumerate(sorted(inactive))),
    )
    yield "simple-map", (_member("m", at, CTV3_MAP, code, f"X{at:04x}"[:5]) for at, code in enumerate(plain))
    yield "extended-map", (
        _member("e", 2 * at + priority, ICD_MAP, code, "1", str(priority), "TRUE", "ALWAYS",
                f"{chr(65 + at % 26)}{at // 26 % 100:02d}{priority}", "447561005", "447637006")
        for at, code in enumerate(plain[::3]) for priority in (1, 2)
    )  # fmt: skip
    yield "module-dependency", [_member("d", 0, MODULE_DEPENDENCY, MODULE, DATE, DATE)]


def _member(kind: str, number: int, refset: str, component: str, *rest: str) -> Line:
    name = f"{ord(kind[0]):08x}-0000-4000-8000-{number:012x}"
    return (name, DATE, "1", MODULE, refset, component, *rest)


def _parents(shape: Shape) -> list[list[int]]:
    """A hierarchy some ten to fifteen deep: most have one parent, some two or three."""
    rolled = random.Random(shape.seed)
    model = len(MODEL)
    made: list[list[int]] = []
    for at in range(shape.concepts):
        above = [
            model + int(at * rolled.random() ** 1.5 * 0.6) for _ in range(rolled.choice((1, 1, 1, 2, 2, 3)))
        ]
        made.append(sorted({0 if up >= model + at else up for up in above}) if at > 8 else [0])
    return made


def _relationships(codes: list[str], parents: list[list[int]], inactive: set[str]) -> Iterator[Line]:
    number = 0
    model = len(MODEL)
    for code in codes[1:model]:
        yield _relationship(number := number + 1, code, ROOT, "0", IS_A)
    for at, above in enumerate(parents):
        code = codes[model + at]
        active = "0" if code in inactive else "1"
        for up in above:
            target = codes[up] if codes[up] not in inactive else ROOT
            yield _relationship(number := number + 1, code, target, "0", IS_A, active)
        for group in range(at % 4):
            kind = codes[model + 1 + group]
            yield _relationship(number := number + 1, code, codes[model + at // 2], str(group), kind, active)


def _relationship(number: int, source: str, target: str, group: str, kind: str, active: str = "1") -> Line:
    return (relationship_id(number), DATE, active, MODULE, source, target, group, kind, INFERRED, SOME)


def _descriptions(codes: list[str], ids: list[str], shape: Shape) -> Iterator[Line]:
    rolled = random.Random(shape.seed + 1)
    for at, code in enumerate(codes):
        words = [
            rolled.choice(_STEMS),
            *("".join(rolled.choices(_SYLLABLES, k=3)) for _ in range(at % 4 + 1)),
        ]
        term = " ".join(rolled.sample(words, len(words))).capitalize()
        other = f"{words[0]} of {words[-1]} {at % 977}".capitalize()
        for place, (kind, text) in enumerate(((FSN, f"{term} (finding)"), (SYNONYM, term), (SYNONYM, other))):
            yield (ids[3 * at + place], DATE, "1", MODULE, code, "en", kind, text, CASE)


def _language(ids: list[str]) -> Iterator[Line]:
    for number, code in enumerate(ids):
        yield _member("l", number, GB_ENGLISH, code, ACCEPTABLE if number % 3 == 2 else PREFERRED)
