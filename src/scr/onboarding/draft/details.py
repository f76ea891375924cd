"""Columns that say something of the person by themselves: a weight, an allergy, an alert, a yes or a no."""

from __future__ import annotations

import re

from scr.onboarding.draft.elements import reading
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.person import Person
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.shapes import UNSAID
from scr.onboarding.draft.writing import Leaf, Rule, Writer, display, slug
from scr.terminology import systems

_MEASURES = (
    (r"weight", systems.LOINC, "29463-7"),
    (r"height", systems.LOINC, "8302-2"),
    (r"bmi|body mass index", systems.LOINC, "39156-5"),
    (r"pulse|heart rate", systems.LOINC, "8867-4"),
    (r"respiratory rate|respirations", systems.LOINC, "9279-1"),
    (r"(body )?temperature", systems.LOINC, "8310-5"),
    (r"oxygen saturation|o2 sats?|sats", systems.LOINC, "59408-5"),
    (r"systolic( blood pressure)?", systems.LOINC, "8480-6"),
    (r"diastolic( blood pressure)?", systems.LOINC, "8462-4"),
    (r"blood pressure", systems.LOINC, "85354-9"),
    (r"news ?2?( score)?", systems.SNOMED_CT, "1104051000000101"),
    (
        r"(must|waterlow|barthel|frailty)( score)?|clinical frailty( scale)?|.* score",
        "",
        "",
    ),
)
_ALERTS = (
    r"dnacpr|dna cpr|cpr|respect|safeguarding|dols|deprivation|lpa|"
    r"risks?|alerts?|warning|hazard|keysafe|key safe|infection|falls?|flag"
)
_SOCIAL = r"accommodation|employment|marital|housing|living|mobility|smok\w+|alcohol|diet|religion"
_CATEGORIES = (
    (r"safeguarding", "safeguarding"),
    (r"dols|deprivation|lpa|dnacpr|dna cpr|cpr|respect", "legal"),
)
NONE_KNOWN = (
    "none", "none known", "nil", "nil known", "nka", "nkda", "no known allergies", "no known drug allergies",
    "no known allergy",
)  # fmt: skip
_NOTHING_KNOWN = {"system": systems.SNOMED_CT, "code": "716186003", "display": "No known allergy"}
"""Words that say that no allergy is known."""


def is_detail(finding: Finding, setting: str) -> bool:
    """Whether a column stands for itself."""
    if finding.is_dated or finding.kind in {Kind.IDENTIFIER, Kind.EMPTY, Kind.NHS_NUMBER}:
        return False
    if finding.kind is Kind.YES_NO:
        return finding.part != "status"
    if _measure(finding) is not None or (finding.kind is Kind.PRESSURE and not finding.column.group):
        return setting != "labs"
    if finding.kind in {Kind.CODES, Kind.TEXT} and re.search(rf"\b({_SOCIAL})\b", finding.words):
        return finding.part not in {"id", "note"}
    return re.search(rf"\b(allerg\w*|{_ALERTS})\b", finding.words) is not None and finding.part not in {
        "id",
        "type",
    }


def _measure(finding: Finding) -> tuple[str, str] | None:
    spoken = re.sub(r"\b(kg|cm|mm|bpm|mmhg|last|latest|current|recorded|today)\b", "", finding.words)
    spoken = " ".join(spoken.split())
    return next(((s, code) for pattern, s, code in _MEASURES if re.fullmatch(pattern, spoken)), None)


def detail(finding: Finding, person: Person, write: Writer) -> list[Rule]:
    """An Observation of a measurement or of how the person lives, or a Flag of what to beware of."""
    if _measure(finding) is None and re.search(rf"\b({_ALERTS})\b", finding.words):
        return [_flag(finding, person, write)]
    return [_reading(finding, person, write)]


def _reading(finding: Finding, person: Person, write: Writer) -> Rule:
    measure = _measure(finding)
    label = display(finding.column.path[-1])
    category = "vital-signs" if measure and measure[0] else "social-history"
    code: dict[str, object] = {"text": label}
    if measure is not None and measure[1]:
        code = {"coding": [{"system": measure[0], "code": measure[1]}], "text": label}
    question = "" if measure else "Should others who care for the person see this, and as an observation?"
    body: dict[str, object] = {
        "resourceType": "Observation",
        "id": _id("Observation", finding, person, write),
        "status": "final",
        "category": [{"coding": [{"system": systems.OBSERVATION_CATEGORY, "code": category}]}],
        "code": code,
    } | reading(finding, None, write, question)
    return Rule(
        f"{label}: no date stands beside it, so the last one holds.", body, f"{{{{ {write.path(finding)} }}}}"
    )


def _flag(finding: Finding, person: Person, write: Writer) -> Rule:
    label = display(finding.column.path[-1])
    path = write.path(finding)
    yes_no = finding.kind is Kind.YES_NO
    question = "An alert in the record: is it one, and who takes it away again?"
    said = (
        f"if(boolean({path}), '{_plain(label)}', `null`)"
        if yes_no
        else f"concat('{_plain(label)}: ', {path})"
    )
    text = write.leaf(finding, "Flag.code", said, question, "medium")
    category = next(
        (code for pattern, code in _CATEGORIES if re.search(rf"\b({pattern})\b", finding.words)), ""
    )
    body: dict[str, object] = {
        "resourceType": "Flag",
        "id": _id("Flag", finding, person, write),
        "status": "active",
    }
    if category:
        body["category"] = [{"coding": [{"system": f"urn:{write.adapter}:flag", "code": category}]}]
    body["code"] = {"text": text}
    return Rule(f"{label}.", body, f"{{{{ boolean({path}) }}}}" if yes_no else f"{{{{ {path} }}}}")


def allergy(finding: Finding, person: Person, write: Writer) -> list[Rule]:
    """Allergies; a word for none becomes 'no known allergy', and never an allergy."""
    if finding.kind is Kind.YES_NO:
        return [_flag(finding, person, write)]
    path = write.text_of(finding)
    none, unsaid = (f"contains([{_list(words)}], lower({path}))" for words in (NONE_KNOWN, UNSAID))
    question = (
        "One text for all allergies, or one each? Which words mean that none is known? "
        "They may never show as an allergy."
    )
    told: dict[str, object] = {
        "resourceType": "AllergyIntolerance",
        "id": _id("AllergyIntolerance", finding, person, write),
        "clinicalStatus": _active(),
        "code": {"text": write.text(finding, "AllergyIntolerance.code.text", question, "medium")},
    }
    nothing: dict[str, object] = {
        "resourceType": "AllergyIntolerance",
        "id": Leaf(f"{{{{ stable_id('AllergyIntolerance', {person.key(write)}, 'none-known') }}}}"),
        "clinicalStatus": _active(),
        "code": {"coding": [dict(_NOTHING_KNOWN)],
                 "text": write.leaf(finding, "AllergyIntolerance.code.text", path, "", "medium")},
    }  # fmt: skip
    said = f"{{{{ {path} && !{none} && !{unsaid} }}}}"
    return [
        Rule("Allergies and adverse reactions.", told, said, write.for_each(), write.scope),
        Rule(
            "A word that says that none is known.", nothing, f"{{{{ {path} && {none} }}}}", write.for_each()
        ),
    ]


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _active() -> dict[str, object]:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    return {"coding": [{"system": system, "code": "active"}]}


def _id(kind: str, finding: Finding, person: Person, write: Writer) -> Leaf:
    own = f"lower({write.text_of(finding)})" if write.scope else f"'{slug(finding.column.name)}'"
    return Leaf(f"{{{{ stable_id('{kind}', {person.key(write)}, {own}) }}}}")


def _plain(label: str) -> str:
    """A label inside of single quotes."""
    return re.sub(r"['\\]", "", label)
