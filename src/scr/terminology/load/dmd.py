"""The dictionary of medicines and devices (dm+d): moieties, products and packs, virtual and actual.

A product is below its moiety, an actual product below its virtual one, a pack below its product, an actual
pack below its virtual one and below its actual product. Earlier identifiers are concepts too, no longer
used, with what replaced them. BNF and ATC codes come with the supplementary file, if it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scr.errors import Invalid
from scr.terminology.load.dmd_files import Fields, choose, date_of, needed, records
from scr.terminology.load.package import Member
from scr.terminology.load.source import Source, Writing
from scr.terminology.release.build import Row
from scr.terminology.systems import ATC, BNF, DMD

EDITION = "dmd"
BNF_MAP, ATC_MAP = f"{DMD}/map/bnf", f"{DMD}/map/atc"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing: its element, identifier and earlier one, names, what it is below, details."""

    element: str
    code: str
    previous: str = ""
    names: tuple[str, ...] = ("NM",)
    above: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "ingredient": Kind("ING", "ISID", "ISIDPREV"),
    "vtm": Kind("VTM", "VTMID", "VTMIDPREV", ("NM", "ABBREVNM")),
    "vmp": Kind("VMP", "VPID", "VPIDPREV", ("NM", "ABBREVNM", "NMPREV"), ("VTMID",),
                ("PRES_STATCD", "NON_AVAILCD")),
    "amp": Kind("AMP", "APID", "", ("DESC", "NM", "ABBREVNM", "NM_PREV"), ("VPID",),
                ("SUPPCD", "LIC_AUTHCD", "AVAIL_RESTRICTCD")),
    "vmpp": Kind("VMPP", "VPPID", "", ("NM", "ABBREVNM"), ("VPID",), ("QTYVAL", "QTY_UOMCD")),
    "ampp": Kind("AMPP", "APPID", "", ("NM", "ABBREVNM"), ("VPPID", "APID"), ("LEGAL_CATCD", "DISCCD")),
}  # fmt: skip
"""In the order of reading: what is above comes first."""
_CODED_LISTS = ("FORM", "ROUTE", "UNIT_OF_MEASURE", "SUPPLIER")
_PARTS = {"VPI": "ISID", "DFORM": "FORMCD", "DROUTE": "ROUTECD", "CONTROL_INFO": "CATCD"}
"""Elements that add to a virtual product: its ingredients, forms, routes, controlled drug category."""
_NAMED_BY = {
    "PRES_STATCD": "VIRTUAL_PRODUCT_PRES_STATUS", "NON_AVAILCD": "VIRTUAL_PRODUCT_NON_AVAIL",
    "LIC_AUTHCD": "LICENSING_AUTHORITY", "AVAIL_RESTRICTCD": "AVAILABILITY_RESTRICTION",
    "LEGAL_CATCD": "LEGAL_CATEGORY", "DISCCD": "DISCONTINUED_IND", "CATCD": "CONTROL_DRUG_CATEGORY",
}  # fmt: skip
"""The list whose words stand for a code of four digits."""


@dataclass(slots=True)
class _Reading:
    """What has been read so far: numbers by code, and the words of the lists."""

    writing: Writing
    system: int
    ids: dict[str, int] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    previous: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, code: str, names: list[str], active: bool, kind: str) -> int:
        """Put a concept in, with its names, the first preferred."""
        builder = self.writing.builder
        number = self.ids[code] = builder.concept_id()
        builder.insert("concept", [(number, self.system, code, int(active), names[0], "", "", 0, "")])
        builder.insert("designation", self._names(number, names, active))
        self.tell(number, "type", "code", kind)
        return number

    def _names(self, number: int, names: list[str], active: bool) -> Iterator[Row]:
        for at, name in enumerate(dict.fromkeys(names)):
            place = self.writing.builder.designation_id(self.system, name, min(at, 1), active=active)
            yield place, number, "synonym", "en-GB", name, 1, 1 if at else 2, None

    def tell(self, number: int, name: str, type_: str, value: str) -> None:
        """Put a property in."""
        self.writing.builder.insert("property", [(number, name, type_, value)])


def source(members: Iterable[Member]) -> Source:
    """The dictionary's files as one source. Raises Invalid where they make none."""
    files = choose(members)
    version = max(map(date_of, files.values()))
    return Source(
        name=EDITION,
        format="dmd",
        version=version,
        members=tuple(files.values()),
        write=lambda writing: _write(files, version, writing),
        systems=frozenset({DMD}),
        maps=frozenset({BNF_MAP, ATC_MAP}),
    )


def _write(files: Mapping[str, Member], version: str, writing: Writing) -> None:
    system = writing.builder.system(DMD, version, "NHS dictionary of medicines and devices", writing.edition)
    reading = _Reading(writing, system)
    _read_lists(reading, files["lookup"])
    for name, kind in KINDS.items():
        _read_kind(reading, files[name], name, kind)
    _read_parts(reading, files["vmp"])
    _add_previous(reading)
    if "gtin" in files:
        _read_gtins(reading, files["gtin"])
    if "bnf" in files:
        _read_bnf(reading, files["bnf"], version)
    writing.close_hierarchy(system)


def _read_lists(reading: _Reading, member: Member) -> None:
    reading.writing.progress.step(member.base)
    for number, (name, _, fields) in enumerate(records(member, "INFO"), 1):
        code, words = needed(fields, "CD", number, member), fields.get("DESC", "").strip()
        reading.words[name, code] = words
        if name in _CODED_LISTS and code not in reading.ids:
            reading.add(code, [words or code], fields.get("INVALID") != "1", name.lower())


def _read_kind(reading: _Reading, member: Member, name: str, kind: Kind) -> None:
    reading.writing.progress.step(member.base)
    parents: set[tuple[int, int]] = set()
    count = 0
    for count, (_, _, fields) in enumerate(records(member, kind.element), 1):
        code = needed(fields, kind.code, count, member)
        names = [fields[each] for each in kind.names if fields.get(each)]
        if not names:
            needed(fields, kind.names[0], count, member)
        if code in reading.ids and name == "ingredient":
            continue  # a substance that is in one of the lists too
        if code in reading.ids:
            raise _refused(f"record {count}: {code} is there already", member)
        number = reading.add(code, names, fields.get("INVALID") != "1", name)
        above = filter(None, map(fields.get, kind.above))
        parents.update((number, _known(reading, each, count, member)) for each in above)
        _details(reading, number, fields, kind.details)
        if previous := fields.get(kind.previous):
            reading.previous.append((previous, number, names[0]))
    if not count:
        raise _refused(f"has no {kind.element} in it: download it again", member)
    reading.writing.builder.insert("parent", sorted(parents))


def _read_parts(reading: _Reading, member: Member) -> None:
    for number, (_, name, fields) in enumerate(records(member, *_PARTS), 1):
        product = _known(reading, needed(fields, "VPID", number, member), number, member)
        _details(reading, product, fields, (_PARTS[name],))


def _details(reading: _Reading, number: int, fields: Fields, names: Iterable[str]) -> None:
    """Properties: a code of a list in its words, a concept's code as it is."""
    for name in names:
        if value := fields.get(name):
            words = reading.words.get((_NAMED_BY.get(name, ""), value))
            reading.tell(number, name, "string" if words else "code", words or value)


def _add_previous(reading: _Reading) -> None:
    builder = reading.writing.builder
    for code, number, name in reading.previous:
        before = reading.ids.get(code) or reading.add(code, [name], False, "previous")
        if before != number:
            builder.connection.execute(
                "INSERT OR IGNORE INTO replacement VALUES (?, 'previous', ?)", (before, number)
            )


def _read_gtins(reading: _Reading, member: Member) -> None:
    reading.writing.progress.step(member.base)
    for number, (_, _, fields) in enumerate(records(member, "AMPP"), 1):
        pack = reading.ids.get(needed(fields, "AMPPID", number, member))
        if pack is not None:
            for code in fields.get("GTINDATA", "").split():
                reading.tell(pack, "gtin", "string", code)


def _read_bnf(reading: _Reading, member: Member, version: str) -> None:
    builder, edition = reading.writing.builder, reading.writing.edition
    reading.writing.progress.step(member.base)
    bnf = builder.map(BNF_MAP, version, DMD, BNF, edition)
    atc = builder.map(ATC_MAP, version, DMD, ATC, edition)
    for number, (_, name, fields) in enumerate(records(member, "VMP", "AMP"), 1):
        code = fields.get("VPID" if name == "VMP" else "APID", "")
        if code not in reading.ids:
            continue
        for map_, target in ((bnf, fields.get("BNF")), (atc, fields.get("ATC"))):
            if target:
                row = (map_, code, "", 1, 1, number, target, "", "", "", "relatedto", 1)
                builder.insert("mapping", [row])


def _known(reading: _Reading, code: str, number: int, member: Member) -> int:
    try:
        return reading.ids[code]
    except KeyError:
        raise _refused(
            f"record {number} belongs to {code}, which is in no file: give all files of one week", member
        ) from None


def _refused(message: str, member: Member) -> Invalid:
    return Invalid(message, code="bad-terminology", where=member.where)
