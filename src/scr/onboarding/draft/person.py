"""Who a record is about and those around them: Patient, RelatedPerson, what identity is checked by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from scr.onboarding.draft import words
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.shapes import is_nhs, share
from scr.onboarding.draft.writing import Leaf, Rule, Writer, joined

_GENDERS = ("male", "female", "other", "unknown")
_GENDER_SYSTEM = "http://hl7.org/fhir/administrative-gender"
_IN_SHIPPED_MAP = frozenset(["male", "female", "other", "unknown", "m", "f", "o", "u", "0", "1", "2", "9"])


@dataclass(slots=True)
class Person:
    """The columns of the person, by part; ``key`` is the expression of an identity that stays."""

    parts: dict[str, list[Finding]] = field(default_factory=dict)
    nhs: Finding | None = None
    ids: list[Finding] = field(default_factory=list)
    gp: list[Finding] = field(default_factory=list)
    contacts: list[Finding] = field(default_factory=list)

    def one(self, part: str) -> Finding | None:
        """The first column of a part."""
        return next(iter(self.parts.get(part, ())), None)

    def key(self, write: Writer) -> str:
        """The person's own number, or else the NHS Number, as an expression."""
        paths = [write.path(f) for f in self.ids[:1]]
        if self.nhs is not None:
            path = write.path(self.nhs)
            paths += [path] if paths else [f"nhs_number({path})", path]
        return " || ".join(paths) or "'nobody'"


def person_of(findings: Iterable[Finding]) -> tuple[Person, list[Finding]]:
    """The columns that are the person's, and the others, in their order."""
    all_found = [f for f in findings if f.kind is not Kind.EMPTY]
    person = Person(nhs=_nhs(all_found))
    rest: list[Finding] = []
    for finding in all_found:
        if finding is person.nhs:
            continue
        (rest if finding.column.group or not _take(person, finding) else []).append(finding)
    return person, rest


def _nhs(found: list[Finding]) -> Finding | None:
    """Of the columns with NHS Numbers the person's own: by its name, then by how many are right."""
    candidates = [f for f in found if f.kind is Kind.NHS_NUMBER and not f.column.group]

    def worth(finding: Finding) -> tuple[bool, bool, float, int]:
        filled = finding.column.filled
        return (finding.about == "", finding.part == "nhs", share(filled, is_nhs), len(filled))

    return max(candidates, key=worth, default=None)


def _take(person: Person, finding: Finding) -> bool:
    """Put a column with the person's, if it is; whether it was."""
    if finding.kind is Kind.NHS_NUMBER:
        return False
    if finding.about == "gp" and finding.kind in {
        Kind.ODS,
        Kind.GMP,
        Kind.NAME,
        Kind.TEXT,
        Kind.CODES,
        Kind.IDENTIFIER,
    }:
        person.gp.append(finding)
        return True
    if finding.about == "contact" and finding.kind in _OF_CONTACT and finding.part not in {"status", "note"}:
        person.contacts.append(finding)
        return True
    if finding.about:
        return False
    if (
        finding.kind in {Kind.IDENTIFIER, Kind.NUMBER}
        and finding.part == "id"
        and words.is_person_id(finding.words)
    ):
        person.ids.append(finding)
        return True
    part = _part(finding)
    if part:
        person.parts.setdefault(part, []).append(finding)
    return bool(part)


_OF_CONTACT = frozenset(
    {Kind.NAME, Kind.PHONE, Kind.EMAIL, Kind.ADDRESS, Kind.POSTCODE, Kind.TEXT, Kind.CODES, Kind.TITLE}
)
_BY_KIND = {Kind.POSTCODE: "postcode", Kind.PHONE: "phone", Kind.EMAIL: "email", Kind.ADDRESS: "address",
            Kind.SEX: "sex", Kind.TITLE: "title"}  # fmt: skip


def _part(finding: Finding) -> str:
    """The part of the person, where kind and name agree."""
    if finding.kind in _BY_KIND:
        return _BY_KIND[finding.kind]
    if finding.part in {"birth", "death"}:
        return finding.part if finding.is_dated else ""
    if finding.kind is Kind.NAME:
        return (
            finding.part
            if finding.part in {"family", "given", "preferred"}
            else ("name" if finding.part in {"name", ""} else "")
        )
    if finding.part in {"ethnicity", "language"} and finding.kind in {Kind.CODES, Kind.TEXT}:
        return finding.part
    return ""


def demographics(person: Person, write: Writer) -> dict[str, Leaf]:
    """The expressions of what a number is checked against."""
    made: dict[str, Leaf] = {}
    family, given, whole = person.one("family"), person.one("given"), person.one("name")
    if family is not None:
        made["family"] = write.text(family, "Patient.name.family")
    if given is not None:
        made["given"] = write.leaf(given, "Patient.name.given", _given(given, write))
    if whole is not None and family is None:
        made |= _whole_name(whole, write)
    birth = person.one("birth")
    if birth is not None and not _is_guessed(birth):
        made["birth_date"] = write.day(birth, "Patient.birthDate")
    sex = person.one("sex")
    if sex is not None:
        made["sex"] = _sex(sex, write)
    postcode = person.one("postcode")
    if postcode is not None:
        made["postcode"] = write.leaf(
            postcode, "Patient.address.postalCode", f"postcode({write.path(postcode)})"
        )
    return made


def _is_guessed(birth: Finding) -> bool:
    """A birth date whose century is guessed would put a person of 1945 into 2045: it is left out."""
    return birth.times is not None and birth.times.two_digits


def _given(given: Finding, write: Writer) -> str:
    return f"split({write.path(given)}, ' ')"


def _whole_name(whole: Finding, write: Writer) -> dict[str, Leaf]:
    """Family and given name out of one column: before and after a comma, or the last word and the others."""
    path = write.path(whole)
    if share(whole.column.filled, lambda value: "," in value) >= 0.5:
        question = "Is the family name always before the comma?"
        return {
            "family": write.leaf(whole, "Patient.name.family", f"split({path}, ',')[0]", question, "medium"),
            "given": write.leaf(
                whole, "Patient.name.given", f"split(split({path}, ',')[1], ' ')", question, "medium"
            ),
        }
    question = "Is the last word the family name? Can the supplier send the names apart?"
    return {
        "family": write.leaf(whole, "Patient.name.family", f"split({path}, ' ')[-1]", question, "low"),
        "given": write.leaf(whole, "Patient.name.given", f"split({path}, ' ')[:-1]", question, "low"),
    }


def _sex(sex: Finding, write: Writer) -> Leaf:
    known = all(value.lower() in _IN_SHIPPED_MAP for value in sex.values)
    name = "sex" if known else write.map_of(sex, _GENDER_SYSTEM, _GENDERS)
    question = "" if known else f"Fill in terminology/maps/{name}.csv."
    return write.leaf(sex, "Patient.gender", f"translate('{name}', {write.path(sex)})", question)


def patient(person: Person, write: Writer) -> Rule:
    """The rule of the Patient as this source has it."""
    body: dict[str, object] = {
        "resourceType": "Patient",
        "id": Leaf(f"{{{{ stable_id('Patient', {person.key(write)}) }}}}"),
    }
    identifiers: list[object] = []
    if person.nhs is not None:
        value = write.leaf(person.nhs, "Patient.identifier", f"nhs_number({write.path(person.nhs)})")
        identifiers.append({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": value})
    identifiers += [write.identifier(f, "Patient.identifier") for f in person.ids]
    told = demographics(person, write)
    name: dict[str, object] = {"use": "official"} | {k: told[k] for k in ("family",) if k in told}
    if "given" in told:
        name["given"] = [told["given"]]
    titles = person.parts.get("title", [])
    if titles:
        name["prefix"] = [write.text(titles[0], "Patient.name.prefix")]
    names: list[object] = [name] if len(name) > 1 else []
    names += [
        {"use": "usual", "given": [write.text(f, "Patient.name.given")]}
        for f in person.parts.get("preferred", [])[:1]
    ]
    body |= {"identifier": identifiers} | ({"name": names} if names else {})
    body |= _telecom(person.parts, "Patient", write)
    body |= {"gender": told["sex"]} if "sex" in told else {}
    body |= {"birthDate": told["birth_date"]} if "birth_date" in told else {}
    died = person.one("death")
    if died is not None and not _is_guessed(died):
        body["deceasedDateTime"] = write.when(died, "Patient.deceased")
    body |= _address(person.parts, "Patient", write)
    body |= _language(person, write) | _practice(person, write)
    return Rule("The person, as this system has them.", body)


def _telecom(parts: dict[str, list[Finding]], kind: str, write: Writer) -> dict[str, object]:
    found: list[object] = [
        {"system": system, "value": write.text(f, f"{kind}.telecom")}
        for part, system in (("phone", "phone"), ("email", "email"))
        for f in parts.get(part, [])
    ]
    return {"telecom": found} if found else {}


def _address(parts: dict[str, list[Finding]], kind: str, write: Writer) -> dict[str, object]:
    lines, codes = parts.get("address", []), parts.get("postcode", [])
    if not lines and not codes:
        return {}
    made: dict[str, object] = {"use": "home"} if kind == "Patient" else {}
    if lines:
        made["line"] = [write.text(f, f"{kind}.address.line") for f in lines]
    if codes:
        made["postalCode"] = write.leaf(
            codes[0], f"{kind}.address.postalCode", f"postcode({write.path(codes[0])})"
        )
    return {"address": [made]}


def _language(person: Person, write: Writer) -> dict[str, object]:
    made: dict[str, object] = {}
    language, ethnicity = person.one("language"), person.one("ethnicity")
    if language is not None:
        made["communication"] = [{"language": write.concept(language, "Patient.communication.language")}]
    if ethnicity is not None:
        question = "A code is better than words: shall terminology/maps/cld-ethnicity.csv be used?"
        concept = write.concept(ethnicity, "Patient.extension (ethnic category)", question, "medium")
        url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"
        made["extension"] = [{"url": url, "valueCodeableConcept": concept}]
    return made


_GP_SYSTEMS = {
    Kind.ODS: "https://fhir.nhs.uk/Id/ods-organization-code",
    Kind.GMP: "https://fhir.hl7.org.uk/Id/gmp-number",
}


def _practice(person: Person, write: Writer) -> dict[str, object]:
    """The person's GP: an organisation by its ODS code, a doctor by name."""
    if not person.gp:
        return {}
    codes = [f for f in person.gp if f.kind in _GP_SYSTEMS]
    others = [f for f in person.gp if f.kind in {Kind.NAME, Kind.TEXT, Kind.CODES}]
    made: dict[str, object] = {}
    if codes:
        value = write.leaf(codes[0], "Patient.generalPractitioner", f"upper({write.path(codes[0])})")
        made["identifier"] = {"system": _GP_SYSTEMS[codes[0].kind], "value": value}
    if others:
        said = joined((write.text_of(f) for f in others), ", ")
        made["display"] = write.leaf(others[0], "Patient.generalPractitioner", said)
        for other in others[1:]:
            write.text(other, "Patient.generalPractitioner")
    return {"generalPractitioner": [made]} if made else {}


def contact(found: list[Finding], person: Person, write: Writer) -> Rule | None:
    """A RelatedPerson of the columns about a next of kin or carer."""
    parts: dict[str, list[Finding]] = {}
    for finding in found:
        if finding.kind not in _OF_CONTACT:
            continue
        part = _part(finding) or (
            "relationship" if finding.part == "relationship" or finding.kind is Kind.CODES else "name"
        )
        parts.setdefault(part, []).append(finding)
    body: dict[str, object] = {"resourceType": "RelatedPerson"}
    named = [f for p in ("title", "given", "preferred", "family", "name") for f in parts.get(p, [])]
    keys = [write.text_of(f) for f in named or (f for held in parts.values() for f in held)]
    if not keys:
        return None
    body["id"] = Leaf(
        f"{{{{ stable_id('RelatedPerson', {person.key(write)}, join(' ', [{', '.join(keys)}])) }}}}"
    )
    if "relationship" in parts:
        body["relationship"] = [write.concept(f, "RelatedPerson.relationship") for f in parts["relationship"]]
    if named:
        family, given = parts.get("family"), parts.get("given")
        name: dict[str, object] = {}
        if family:
            name["family"] = write.text(family[0], "RelatedPerson.name.family")
        if given:
            name["given"] = [write.text(given[0], "RelatedPerson.name.given")]
        if not name:
            name["text"] = write.text(named[0], "RelatedPerson.name.text")
        body["name"] = [name]
    body |= _telecom(parts, "RelatedPerson", write) | _address(parts, "RelatedPerson", write)
    when = f"{{{{ {' || '.join(dict.fromkeys(keys))} }}}}"
    return Rule("Next of kin, carer or other contact.", body, when, write.for_each(), write.scope)


def local_ids(person: Person, write: Writer) -> list[dict[str, object]]:
    """The supplier's own numbers of the person."""
    return [write.identifier(f, "Patient.identifier") for f in person.ids]
