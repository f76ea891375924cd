"""HL7 v2.4 as a hospital in England sends it (ITK): ADT of its patient administration, ORU of its laboratory.

Segments end in a carriage return alone, text is UTF-8 (MSH-18), times are London's without a zone, and
Z-segments carry what the standard has no place for (ZU8-2: consent to share).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from scr.demo.history import AS_OF, LONDON
from scr.demo.person import HOSPITAL, Allergy, Person, Report, Visit, held, identifier
from scr.demo.places import HOSPITAL as FACILITY
from scr.demo.places import ORGANISATIONS, Address

PAS, LABORATORY = "PAS", "LAB"
CONSULTANTS = (
    ("C9990001", "Achterberg", "Roisin"),
    ("C9990002", "Tolland", "Everard"),
    ("C9990003", "Igwe", "Chidinma"),
    ("C9990004", "Varga", "Helena"),
)
_SEVERITY = {"mild": "MI", "moderate": "MO", "severe": "SV"}
_CLASS = {"admission": "I", "emergency": "E"}
_STRUCTURE = {"A28": "A05", "A31": "A05", "A04": "A01", "A08": "A01", "A40": "A39"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its place in time, its control id (MSH-10) and its text."""

    at: datetime
    control: str
    text: str


def escape(text: str) -> str:
    """Text with the delimiters escaped (HL7 v2.4, chapter 2.10)."""
    for character, code in (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R")):
        text = text.replace(character, "\0" if character == "\\" else f"\\{code}\\")
    return text.replace("\0", "\\E\\")


def when(moment: datetime | date) -> str:
    """A time stamp: to the minute, or a day."""
    return moment.strftime("%Y%m%d%H%M" if isinstance(moment, datetime) else "%Y%m%d")


def segment(name: str, **fields: str) -> str:
    """A segment from its fields by number: ``segment("PID", f1="1", f7="19500101")``."""
    numbered = {int(key[1:]): value for key, value in fields.items()}
    return "|".join([name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))])


def message(kind: str, at: datetime, control: str, segments: Sequence[str]) -> Message:
    """A message: ``kind`` is ``ADT^A01`` or ``ORU^R01``."""
    event = kind.partition("^")[2]
    structure = kind.replace("^", "_") if event == "R01" else f"ADT_{_STRUCTURE.get(event, event)}"
    sender = LABORATORY if event == "R01" else PAS
    header = (
        f"MSH|^~\\&|{sender}|{FACILITY}|SCR|ZZS01|{at.strftime('%Y%m%d%H%M%S')}||{kind}^{structure}|{control}"
        "|P|2.4|||||GBR|UNICODE UTF-8|EN||iTKv1.0"
    )
    return Message(at, control, "\r".join([header, *segments]) + "\r")


def _identity(person: Person, address: Address, *, laboratory: bool = False) -> str:
    sex = ("F", "M") if laboratory else ("2", "1")
    died = when(person.died) if person.died else ""
    return segment(
        "PID",
        f1="1",
        f3=f"H{person.local_id(HOSPITAL)}^^^{FACILITY}^PI~{person.nhs_number}^^^NHS^NH",
        f5=f"{escape(person.family_at(HOSPITAL).upper())}^{escape(person.given.upper())}^^^{person.prefix}^^L",
        f7=when(person.birth_date),
        f8=sex[0] if person.female else sex[1],
        f11=f"{escape(address.line)}^^{escape(address.city)}^{address.district}^{address.postcode}^GBR^H",
        f13=f"{person.phone}^PRN",
        f29=died,
        f30="Y" if died else "N",
        f32="NSTS01",
    )


def _practice(person: Person) -> str:
    practice = ORGANISATIONS[person.practice]
    return segment("PD1", f3=f"{escape(practice.name.upper())}^^{practice.ods}")


def _consultant(index: int) -> str:
    number, family, given = CONSULTANTS[index]
    return f"{number}^{family}^{given}^^^Dr^^^GMC"


def _allergies(items: Sequence[Allergy]) -> list[str]:
    return [
        segment(
            "AL1",
            f1=str(index),
            f2="DA" if "food" not in item.what.term else "FA",
            f3=f"{item.what.code}^{escape(item.what.term)}^SCT",
            f4=_SEVERITY.get(item.severity, "U"),
            f5=escape(item.reaction.term) if item.reaction else "",
            f6=when(item.recorded),
        )
        for index, item in enumerate(items, start=1)
    ]


def _consent(person: Person) -> str:
    return segment("ZU8", f1="U", f2="2" if person.dissents else "1", f3="Yes")


def registration(person: Person, event: str, at: datetime, control: str, address: Address) -> Message:
    """A28 (a person is added) or A31 (what is known of one changed), with allergies and consent."""
    return message(
        f"ADT^{event}",
        at,
        control,
        [
            segment("EVN", f2=when(at), f6=when(at)),
            _identity(person, address),
            _practice(person),
            *_allergies(held(person.allergies, HOSPITAL)),
            _consent(person),
        ],
    )


def attendance(person: Person, visit: Visit, event: str, at: datetime, control: str) -> Message:
    """A01 (admitted), A04 (registered in the Emergency Department), A08 (changed) or A03 (discharged)."""
    discharged = event == "A03"
    stay = segment(
        "PV1",
        f1="1",
        f2=_CLASS[visit.kind],
        f3=f"{visit.ward}^BAY{visit.clinician + 1}^{visit.number[-1]}^{FACILITY}",
        f4="21" if visit.kind == "admission" else "",
        f7=_consultant(visit.clinician),
        f10="300" if visit.kind == "admission" else "180",
        f14="19" if visit.kind == "admission" else "",
        f19=f"{visit.number}^^^{FACILITY}^VISITID",
        f36="19" if discharged else "",
        f44=when(visit.start),
        f45=when(visit.end) if discharged else "",
    )
    diagnosis = segment(
        "DG1",
        f1="1",
        f3=f"{visit.icd10}^{escape(visit.reason.term)}^I10",
        f5=when(visit.start),
        f6="F" if discharged else "W",
    )
    ward = segment("ZU1", f1=when(visit.start), f2="1", f3="C")
    identity = _identity(person, person.address_at(HOSPITAL))
    return message(
        f"ADT^{event}",
        at,
        control,
        [
            segment("EVN", f2=when(at), f6=when(at)),
            identity,
            _practice(person),
            stay,
            diagnosis,
            ward,
            _consent(person),
        ],
    )


def results(person: Person, report: Report, at: datetime, control: str) -> Message:
    """ORU^R01: one report of the laboratory, its own codes first and SNOMED CT beside them."""
    profile = report.profile
    request = segment(
        "OBR",
        f1="1",
        f2=report.order,
        f3=f"{report.order}-R",
        f4=f"{profile.local}^{_short(profile.term)}^{LABORATORY}^{profile.code}^{_short(profile.term)}^SCT",
        f7=when(report.taken),
        f14=when(report.taken + timedelta(hours=2)),
        f15="BLD^Venous blood",
        f16=_consultant(0),
        f22=when(at),
        f24="LAB",
        f25="F",
    )
    segments = [
        _identity(person, person.address_at(HOSPITAL), laboratory=True),
        segment("PV1", f1="1", f2="O", f3=f"PATH^^^{FACILITY}"),
        segment("ORC", f1="RE", f2=report.order, f3=f"{report.order}-R", f5="CM"),
        request,
    ]
    for index, (analyte, value) in enumerate(zip(profile.analytes, report.values, strict=True), start=1):
        flag = "H" if value > analyte.high else "L" if value < analyte.low else "N"
        segments.append(
            segment(
                "OBX",
                f1=str(index),
                f2="NM",
                f3=f"{analyte.local}^{_short(analyte.term)}^{LABORATORY}^{analyte.code}^{escape(analyte.term)}^SCT",
                f5=f"{value:.{analyte.digits}f}",
                f6=escape(analyte.unit),
                f7=f"{analyte.low:g} - {analyte.high:g}",
                f8=flag,
                f11="F",
                f14=when(report.taken),
            )
        )
        if flag != "N":
            segments.append(segment("NTE", f1="1", f3=escape("Outside the usual range: repeat & review.")))
    return message("ORU^R01", at, control, segments)


def _short(term: str) -> str:
    return escape(term[:40].strip())


def history(people: Sequence[Person]) -> list[Message]:
    """Everything that the hospital has to tell, in the order in which it happened."""
    messages = [item for person in people for item in _told_of(person)]
    return sorted(messages, key=lambda item: (item.at, item.control))


def _told_of(person: Person) -> Iterator[Message]:
    def control(*parts: object) -> str:
        return identifier(person.nhs_number, "message", *parts)[:18].replace("-", "").upper()

    visits = held(person.visits, HOSPITAL)
    reports = held(person.reports, HOSPITAL)
    began = min(
        [visit.start for visit in visits] + [report.taken for report in reports],
        default=datetime(AS_OF.year, 1, 2, 9, 30, tzinfo=LONDON),
    ) - timedelta(days=3)
    first = person.old_address or person.address_at(HOSPITAL)
    yield registration(person, "A28", began, control("A28"), first)
    if first != person.address_at(HOSPITAL):
        moved = datetime(AS_OF.year, AS_OF.month, 20, 14, 5, tzinfo=LONDON)
        yield registration(person, "A31", moved, control("A31"), person.address_at(HOSPITAL))
    for visit in visits:
        event = "A01" if visit.kind == "admission" else "A04"
        yield attendance(person, visit, event, visit.start, control(event, visit.number))
        if visit.kind == "admission":
            changed = visit.start + timedelta(hours=5)
            yield attendance(person, visit, "A08", changed, control("A08", visit.number))
        yield attendance(person, visit, "A03", visit.end, control("A03", visit.number))
    for report in reports:
        told = report.taken + timedelta(hours=7)
        yield results(person, report, told, control("R01", report.order))


def mistakes(people: Sequence[Person]) -> list[Message]:
    """What a hospital also sends, and what no record may take without a look: a merge of two patients, an
    NHS Number whose check digit is wrong, and a result under somebody else's number.

    Of people without a part in the story, where there are any: whose part is held back, their record says so.
    """
    at = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 23, 50, tzinfo=LONDON)
    one, other, third = sorted(people, key=lambda person: bool(person.persona))[:3]
    merge = message(
        "ADT^A40",
        at,
        "MERGE0001",
        [
            segment("EVN", f2=when(at), f6=when(at)),
            _identity(one, one.address_at(HOSPITAL)),
            segment("MRG", f1=f"H{other.local_id(HOSPITAL)}^^^{FACILITY}^PI"),
        ],
    )
    last = other.nhs_number[-1]
    mistyped = replace(other, nhs_number=other.nhs_number[:-1] + str((int(last) + 1) % 10))
    wrong = registration(mistyped, "A31", at, "MISTYPED0001", other.address_at(HOSPITAL))
    report = next(item for person in people for item in held(person.reports, HOSPITAL) if person is not third)
    stranger = replace(third, nhs_number=other.nhs_number)
    return [merge, wrong, results(stranger, report, at, "STRANGER0001")]
