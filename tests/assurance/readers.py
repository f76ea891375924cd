"""Everything here that reads bytes which somebody else wrote, each with samples of what it reads.

A reader takes bytes and gives nothing; it may raise what it declares, which is ``ScrError`` for most.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qsl

import orjson
from fpdf import FPDF
from tests.functional.test_contributing import picture

from scr.access.contributing.forms import check_form
from scr.access.contributing.found import NotTaken
from scr.access.contributing.uploads import check_file
from scr.data import DataFiles
from scr.decode import fhir_json, fhir_xml
from scr.decode.hl7v2.acknowledge import acknowledge
from scr.decode.hl7v2.message import read_header
from scr.decode.tree import BadUnit
from scr.errors import ScrError
from scr.fhir.batch import parts_of
from scr.fhir.dates import interval
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.parameters import asked_of
from scr.fhir.pds_answers import read_matches, read_patient, read_problem, read_related
from scr.fhir.search import searched_types
from scr.fhir.search.predicate import predicate
from scr.fhir.strict_json import resource_from
from scr.fhir.validate import validate
from scr.fhir.xml import xml_of
from scr.intake.frames import FrameReader, FrameTooLarge, frame
from scr.intake.mesh import MeshFailure
from scr.intake.mesh_content import unfolded
from scr.mapping.adapter import Adapter, load_adapters
from scr.mapping.samples import load_samples
from scr.mapping.trial import outcomes

BASE = "https://record.test/fhir"
_MOST_FRAME = 4096
_LONGEST_UNFOLDED = 1 << 16
_PARAMETERS = (
    b'{"resourceType":"Parameters","parameter":[{"name":"code","valueCode":"38341003"},'
    b'{"name":"resource","resource":{"resourceType":"Patient","birthDate":"1941-07-05"}},'
    b'{"name":"coding","valueCoding":{"system":"http://snomed.info/sct","code":"1"}}]}',
    b'{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/x"}},'
    b'{"fullUrl":"urn:uuid:a","resource":{"resourceType":"Flag"},"request":{"method":"POST","url":"Flag"}}]}',
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","details":'
    b'{"coding":[{"system":"https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode","code":"X"}]}}]}',
)
_QUERIES = (
    b"code=http://snomed.info/sct|38341003&date=ge2024-01-01&date=lt2025&status=final,amended",
    b"code:text=blood&value-quantity=gt5.4|http://unitsofmeasure.org|mg&_lastUpdated=sa2024",
    b"component-code-value-quantity=http://loinc.org|8480-6$gt120&category:not=laboratory&_id=a,b",
    b"name=O%27Sample&birthdate=1941-07-05&identifier=https://fhir.nhs.uk/Id/nhs-number|9995100002",
    b"subject:identifier=a|b&encounter:missing=true&_tag=x&_content=word&_text=a%5C,b",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads, and samples. ``declared`` are the failures that it tells its callers of.

    ``folded``: the samples are archives, whose parts are changed as well as their bytes.
    """

    name: str
    read: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    declared: tuple[type[Exception], ...] = (ScrError,)
    folded: bool = False


@cache
def readers() -> Mapping[str, Reader]:
    """All of them, by name."""
    files = DataFiles()
    found = [_of_adapter(files, adapter) for adapter in load_adapters(files).values()]
    by_adapter = {one.name: one.samples for one in found}
    messages, resources = by_adapter["pas-adt"], by_adapter["fhir-r4-record"]
    written = tuple(xml_of(body) for body in resources if body.startswith(b"{"))
    found += [
        Reader("hl7-header", _header, messages, declared=()),
        Reader("mllp-frames", _frames, tuple(frame(one) * 2 for one in messages), (FrameTooLarge,)),
        Reader("fhir-json-stu3", _units_of(fhir_json.decode, "STU3"), by_adapter["gp-connect"]),
        Reader("fhir-xml-r4", _units_of(fhir_xml.decode, "R4"), written),
        Reader("fhir-xml-stu3", _units_of(fhir_xml.decode, "STU3"), written),
        Reader("fhir-xml-body", fhir_xml.resource, written),
        Reader("fhir-body", _body, (*resources, *_PARAMETERS)),
        Reader("search", _search, _QUERIES),
        Reader("pds-patient", read_patient, resources),
        Reader("pds-matches", read_matches, resources),
        Reader("pds-related", read_related, resources),
        Reader("pds-problem", read_problem, _PARAMETERS, declared=()),
        Reader("upload", check_file, _uploads(), declared=()),
        Reader("form", _form, (b"text=I+fell&at=2025-01-01&once=x", b"text=%00&at=now"), (NotTaken,)),
        Reader(
            "mesh-content",
            _mesh,
            tuple(gzip.compress(one, mtime=0) for one in messages),
            (ScrError, MeshFailure),
        ),
        Reader("words", _words, (b"9995100002", b"A81001", b"2025-01-01T10:00:00+01:00", b"ge2024-02-30")),
    ]
    return {one.name: one for one in found}


def _of_adapter(files: DataFiles, adapter: Adapter) -> Reader:
    samples = tuple(one.raw for one in load_samples(files, adapter))
    folded = any(one.startswith(b"PK") for one in samples)

    def read(raw: bytes) -> None:
        for outcome in outcomes(adapter, raw):
            for body in outcome.bodies:
                validate(body)

    return Reader(adapter.name, read, samples, folded=folded)


def _units_of(decode: Callable[..., Iterator[object]], version: str) -> Callable[[bytes], None]:
    def read(raw: bytes) -> None:
        for unit in decode(raw, version):
            assert isinstance(unit, BadUnit) or unit is not None

    return read


def _header(raw: bytes) -> None:
    """An answer can be given to anything: at worst that nothing could be read."""
    read_header(raw)
    said = acknowledge(raw, "AE", "1", "not taken")
    assert said


def _frames(raw: bytes) -> None:
    """Whatever pieces they come in, the same frames, and never more kept than the limit and a piece."""
    pieces = [raw[at : at + 97] for at in range(0, len(raw), 97)]
    told = [list(_framed([raw])), list(_framed(pieces))]
    assert told[0] == told[1]


def _framed(pieces: list[bytes]) -> Iterator[bytes]:
    reader = FrameReader(_MOST_FRAME)
    for piece in pieces:
        reader.feed(piece)
        while (message := reader.next()) is not None:
            yield message


def _body(raw: bytes) -> None:
    resource = resource_from(raw)
    validate(resource)
    try:
        asked_of(resource)
    except ScrError:
        parts_of(resource, BASE)
    if not validate(resource):
        xml_of(orjson.dumps(resource))


def _search(raw: bytes) -> None:
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
    kinds = searched_types()
    predicate(kinds[len(raw) % len(kinds)], pairs)


def _form(raw: bytes) -> None:
    typed = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    check_form("note", typed, datetime(2026, 1, 1, tzinfo=UTC))


def _mesh(raw: bytes) -> None:
    assert len(unfolded(raw, _LONGEST_UNFOLDED)) <= max(_LONGEST_UNFOLDED, len(raw))


def _words(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    interval(text)
    for kind in (NHSNumber, OdsCode):
        try:
            kind(text)
        except ValueError:
            continue


def _uploads() -> tuple[bytes, ...]:
    paper = FPDF()
    paper.add_page()
    paper.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
    return (picture("PNG"), picture("JPEG"), bytes(paper.output()), "Plain words, é.\n".encode())
