"""The words that a record is told in, in English and in Welsh: headings, types, details, sentences."""

from __future__ import annotations

from collections.abc import Mapping

from scr.fhir.headings import HEADINGS
from scr.fhir.shown.plain import Language

Words = Mapping[str, tuple[str, str]]
"""English and Welsh, by a name."""

_HEADINGS: Words = {
    "demographics": ("About you and how to reach you", "Amdanoch chi a sut i gysylltu â chi"),
    "personal-contacts": ("Your contacts", "Eich cysylltiadau"),
    "about-me": ("About me", "Amdanaf i"),
    "added-by-person": ("Added by you or your carers", "Ychwanegwyd gennych chi neu eich gofalwyr"),
    "legal": ("Legal information", "Gwybodaeth gyfreithiol"),
    "safeguarding": ("Safeguarding", "Diogelu"),
    "risks": ("Alerts and risks", "Rhybuddion a risgiau"),
    "allergies": ("Allergies", "Alergeddau"),
    "medications": ("Medicines and devices", "Meddyginiaethau a dyfeisiau"),
    "problems": ("Health conditions", "Cyflyrau iechyd"),
    "procedures": ("Operations and treatments", "Llawdriniaethau a thriniaethau"),
    "immunisations": ("Vaccinations", "Brechiadau"),
    "results": ("Test results", "Canlyniadau profion"),
    "findings": ("Measurements and findings", "Mesuriadau a chanfyddiadau"),
    "social-context": ("Home, work and habits", "Cartref, gwaith ac arferion"),
    "family-history": ("Health of the family", "Iechyd y teulu"),
    "pregnancy": ("Pregnancy", "Beichiogrwydd"),
    "admissions": ("Stays in hospital", "Arosiadau yn yr ysbyty"),
    "contacts": ("Visits and contacts", "Ymweliadau a chysylltiadau"),
    "appointments": ("Appointments", "Apwyntiadau"),
    "referrals": ("Referrals", "Atgyfeiriadau"),
    "services": ("Services and care", "Gwasanaethau a gofal"),
    "plans": ("Care and support plans", "Cynlluniau gofal a chymorth"),
    "end-of-life": ("End of life care", "Gofal diwedd oes"),
    "assessments": ("Assessments and tasks", "Asesiadau a thasgau"),
    "documents": ("Letters and documents", "Llythyrau a dogfennau"),
    "supporting": ("People and places", "Pobl a lleoedd"),
}

_KINDS: Words = {
    "AllergyIntolerance": ("Allergy", "Alergedd"),
    "Appointment": ("Appointment", "Apwyntiad"),
    "Binary": ("Contents of a document", "Cynnwys dogfen"),
    "CarePlan": ("Care plan", "Cynllun gofal"),
    "CareTeam": ("Care team", "Tîm gofal"),
    "Communication": ("Message", "Neges"),
    "Composition": ("Document", "Dogfen"),
    "Condition": ("Condition", "Cyflwr"),
    "Consent": ("Decision", "Penderfyniad"),
    "DetectedIssue": ("Possible problem", "Problem bosibl"),
    "Device": ("Device", "Dyfais"),
    "DeviceRequest": ("Equipment asked for", "Offer y gofynnwyd amdano"),
    "DeviceUseStatement": ("Use of a device", "Defnydd o ddyfais"),
    "DiagnosticReport": ("Test report", "Adroddiad prawf"),
    "DocumentReference": ("Document", "Dogfen"),
    "Encounter": ("Visit", "Ymweliad"),
    "EpisodeOfCare": ("Time in care", "Cyfnod o ofal"),
    "FamilyMemberHistory": ("Health of a relative", "Iechyd perthynas"),
    "Flag": ("Alert", "Rhybudd"),
    "Goal": ("Goal", "Nod"),
    "HealthcareService": ("Service", "Gwasanaeth"),
    "ImagingStudy": ("Scan or X-ray", "Sgan neu belydr-X"),
    "Immunization": ("Vaccination", "Brechiad"),
    "ImmunizationRecommendation": ("Vaccination recommended", "Brechiad a argymhellir"),
    "Linkage": ("Link between entries", "Cyswllt rhwng cofnodion"),
    "List": ("List", "Rhestr"),
    "Location": ("Place", "Lle"),
    "Media": ("Picture or recording", "Llun neu recordiad"),
    "Medication": ("Medicine", "Meddyginiaeth"),
    "MedicationAdministration": ("Medicine given", "Meddyginiaeth a roddwyd"),
    "MedicationDispense": ("Medicine handed out", "Meddyginiaeth a ddosbarthwyd"),
    "MedicationRequest": ("Prescription", "Presgripsiwn"),
    "MedicationStatement": ("Medicine taken", "Meddyginiaeth a gymerir"),
    "Observation": ("Result or observation", "Canlyniad neu arsylwad"),
    "Organization": ("Organisation", "Sefydliad"),
    "Patient": ("Person", "Person"),
    "Practitioner": ("Professional", "Gweithiwr proffesiynol"),
    "PractitionerRole": ("Role of a professional", "Rôl gweithiwr proffesiynol"),
    "Procedure": ("Treatment", "Triniaeth"),
    "Provenance": ("Where it came from", "O ble y daeth"),
    "QuestionnaireResponse": ("Answers to questions", "Atebion i gwestiynau"),
    "RelatedPerson": ("Contact", "Cyswllt"),
    "RiskAssessment": ("Assessment of a risk", "Asesiad o risg"),
    "ServiceRequest": ("Request or referral", "Cais neu atgyfeiriad"),
    "Specimen": ("Sample", "Sampl"),
    "Task": ("Task", "Tasg"),
}

_NAMED = frozenset(
    {"AllergyIntolerance", "Condition", "Immunization", "Medication", "MedicationAdministration"}
    | {"MedicationDispense", "MedicationRequest", "MedicationStatement", "Procedure"}
)
_NAMELESS = ("(its name is not shown here)", "(nid yw ei enw'n cael ei ddangos yma)")
_LABELS: Words = {
    "dose": ("How to take it", "Sut i'w gymryd"),
    "supply": ("Amount", "Swm"),
    "reason": ("Why", "Pam"),
    "reaction": ("What happened", "Beth ddigwyddodd"),
    "serious": ("How serious", "Pa mor ddifrifol"),
    "site": ("Where on the body", "Ble ar y corff"),
    "outcome": ("Outcome", "Canlyniad"),
    "note": ("Note", "Nodyn"),
    "place": ("Where", "Ble"),
    "with": ("With", "Gyda"),
    "conclusion": ("Conclusion", "Casgliad"),
    "says": ("What it says", "Yr hyn y mae'n ei ddweud"),
    "activity": ("What is planned", "Beth sydd wedi'i gynllunio"),
    "phone": ("How to reach them", "Sut i gysylltu"),
    "address": ("Address", "Cyfeiriad"),
    "related": ("How they are related", "Sut maent yn perthyn"),
    "born": ("Born", "Ganwyd"),
    "died": ("Died", "Bu farw"),
    "sex": ("Gender", "Rhywedd"),
    "nhs": ("NHS Number", "Rhif GIG"),
    "language": ("Language", "Iaith"),
    "practice": ("GP", "Meddyg teulu"),
    "batch": ("Batch", "Swp"),
    "number": ("Serial number", "Rhif cyfresol"),
    "sample": ("Sample", "Sampl"),
    "method": ("How it was measured", "Sut y cafodd ei fesur"),
    "answer": ("Answer", "Ateb"),
    "course": ("Kind of prescription", "Math o bresgripsiwn"),
    "form": ("Form", "Ffurf"),
    "speciality": ("Speciality", "Arbenigedd"),
    "kind": ("Kind", "Math"),
    "left": ("Left to", "Gadawodd i"),
    "how": ("How", "Sut"),
    "holds": ("Entries in it", "Cofnodion ynddo"),
    "until": ("Valid until", "Yn ddilys tan"),
    "lead": ("Responsible", "Cyfrifol"),
}

_SAID: Words = {
    "asked-today": ("asked today {time}", "gofynnwyd heddiw {time}"),
    "asked": ("asked {moment}", "gofynnwyd {moment}"),
    "kept": ("kept copy of {ago}", "copi a gadwyd ers {ago}"),
    "sent": ("received {day}", "derbyniwyd {day}"),
    "added": ("The person and their carers", "Y person a'u gofalwyr"),
    "made": ("Put together from the sources", "Wedi'i roi at ei gilydd o'r ffynonellau"),
    "today": ("today {time}", "heddiw {time}"),
    "since": ("since {day}", "ers {day}"),
    "until": ("until {day}", "hyd at {day}"),
    "span": ("{start} to {end}", "{start} hyd at {end}"),
    "minutes": ("{count} minutes ago", "{count} munud yn ôl"),
    "hours": ("{count} hours ago", "{count} awr yn ôl"),
    "days": ("{count} days ago", "{count} diwrnod yn ôl"),
    "hour": ("1 hour ago", "1 awr yn ôl"),
    "day": ("1 day ago", "1 diwrnod yn ôl"),
    "moment": ("a moment ago", "eiliad yn ôl"),
    "range": ("{low} to {high}", "{low} i {high}"),
    "at-least": ("at least {low}", "o leiaf {low}"),
    "at-most": ("at most {high}", "dim mwy na {high}"),
    "more": ("and {count} more", "a {count} arall"),
    "no-value": ("no value", "dim gwerth"),
    "yes": ("yes", "ydy"),
    "no": ("no", "nac ydy"),
}


def heading_title(heading: str, language: Language = "en", *, plain: bool = False) -> str:
    """The title of a heading: ``plain``, or in Welsh, in words of everyday; else as the standard has it."""
    if not plain and language == "en":
        return HEADINGS.get(heading, heading)
    return of(_HEADINGS, heading, language) or heading


def nameless(kind: str, told: str, language: Language) -> str:
    """What stands in the place of the name of an entry, where whoever looks is not told it, or there is none:
    a dose whose medicine is not named must not read as if it had no more to it."""
    if kind not in _NAMED:
        return told
    return f"{told} {_NAMELESS[language == 'cy']}"


def kind_words(kind: str, language: Language) -> str:
    """What a resource type is called; its own name where it has none."""
    return of(_KINDS, kind, language) or kind


def label(name: str, language: Language) -> str:
    """The name of a detail."""
    return of(_LABELS, name, language)


def said(name: str, language: Language, **values: str) -> str:
    """A sentence with its blanks filled in."""
    return of(_SAID, name, language).format(**values)


def of(words: Words, name: str, language: Language) -> str:
    """A word of a table; empty for what has none."""
    found = words.get(name)
    return "" if found is None else found[language == "cy"]
