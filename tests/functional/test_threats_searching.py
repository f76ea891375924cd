"""Threats: searches that try to reach another person, or past what is withheld."""

from __future__ import annotations

import pytest
from tests.functional.besieged import Besieged

_TWO = "several-persons"
_BAD = "bad-parameter"
_NEW = "unknown-parameter"

REFUSED = [
    ("two persons", "Observation?patient={ada}&patient={bert}", _TWO),
    ("two persons, by synonyms", "Observation?patient={ada}&subject=Patient/{bert}", _TWO),
    ("two persons, by a type", "Observation?patient={ada}&patient:Patient={bert}", _TWO),
    ("two persons, the second encoded", "Observation?patient={ada}&%70atient={bert}", _TWO),
    ("two persons, one at our address",
     "Condition?patient={ada}&subject=https://record.test/fhir/Patient/{bert}", _TWO),
    ("two persons, in one value", "Observation?patient={ada},{bert}", _BAD),
    ("the patient of another server", "Observation?subject=http://other.test/fhir/Patient/{ada}", _BAD),
    ("a server whose name begins as ours",
     "Observation?subject=https://record.test.evil/fhir/Patient/{ada}", _BAD),
    ("a group", "Observation?subject=Group/{ada}", _BAD),
    ("a group, by a type", "Observation?subject:Group={ada}", _BAD),
    ("a version of the patient", "Observation?subject=Patient/{ada}/_history/1", _BAD),
    ("a way up", "Observation?patient=../Patient/{ada}", _BAD),
    ("a NUL behind the id", "Observation?patient={ada}%00", _BAD),
    ("a line behind the id", "Observation?patient={ada}%0A", _BAD),
    ("a blank before the id", "Observation?patient=%20{ada}", _BAD),
    ("letters of another width", "Observation?patient=%EF%BC%A1", _BAD),
    ("no id", "Observation?patient=", _BAD),
    ("everybody", "Observation?patient=*", _BAD),
    ("everybody, by a missing patient", "Observation?patient:missing=true", _BAD),
    ("everybody but one", "Observation?patient:not={bert}", _BAD),
    ("nobody", "Observation?code=1", "patient-needed"),
    ("nobody, all the same", "Observation", "patient-needed"),
    ("by identifier, of a number", "Observation?patient:identifier={system}|{ada#}", "number-in-search"),
    ("by a chain to the number", "Observation?patient.identifier={system}|{bert#}", "number-in-search"),
    ("by a chain of a type", "Observation?subject:Patient.identifier={system}|{bert#}", ""),
    ("by a chain to the name", "Observation?patient.name=Sample", "patient-needed"),
    ("by a chain out of the record", "Observation?patient={ada}&subject:Group.identifier=1", _BAD),
    ("by a chain to a number, beside the person", "Observation?patient={ada}&patient.identifier={bert#}",
     "number-in-search"),
    ("by a chain to a number with its system", "Observation?patient={ada}&subject.identifier={system}|{ada#}",
     "number-in-search"),
    ("by the identifier of what is referred to",
     "Observation?patient={ada}&performer:identifier={system}|{bert#}",
     "number-in-search"),
    ("by a number as a code", "Observation?patient={ada}&code={system}|{bert#}", "number-in-search"),
    ("by what refers to a patient", "Patient?_has:Observation:patient:code=165816005", "identifier-needed"),
    ("patients by name", "Patient?family=Sample", "identifier-needed"),
    ("patients by birth date", "Patient?birthdate=1968-09-12", "identifier-needed"),
    ("patients by a number of another system", "Patient?identifier=urn:other|{bert#}", "bad-identifier"),
    ("patients by a system alone", "Patient?identifier={system}|", "bad-nhs-number"),
    ("patients by a bar alone", "Patient?identifier=|{ada#}", "bad-identifier"),
    ("two numbers in one value", "Patient?identifier={ada#},{bert#}", "bad-nhs-number"),
    ("two numbers", "Patient?identifier={ada#}&identifier={bert#}", "identifier-needed"),
    ("a number and another's id", "Patient?identifier={ada#}&_id={bert}", "identifier-needed"),
    ("a number in other digits",
     "Patient?identifier=%D9%A9%D9%A9%D9%A9%D9%A5%D9%A1%D9%A0%D9%A0%D9%A0%D9%A0%D9%A2", "bad-nhs-number"),
    ("all patients", "Patient", "identifier-needed"),
    ("all patients, a few at a time", "Patient?_count=5", "identifier-needed"),
    ("a number as the name of a parameter", "Observation?patient={ada}&{bert#}=1", _NEW),
    ("a number as a modifier", "Observation?patient={ada}&code:{bert#}=1", ""),
    ("a number as the modifier of the person", "Observation?patient:{bert#}={ada}", _BAD),
    ("a number as a sort key", "Observation?patient={ada}&_sort={bert#}", _BAD),
    ("a number as a type", "Patient/{ada}/$everything?_type={bert#}", _BAD),
    ("a number, in groups, as a name", "Patient?{ada#}", ""),
    ("a number as a kind", "{bert#}?patient={ada}", "unknown-type"),
    ("a filter of its own language", "Observation?patient={ada}&_filter=patient%20eq%20{bert}", _NEW),
    ("a stored query", "Observation?patient={ada}&_query=everything", _NEW),
    ("two sizes of a page", "Observation?patient={ada}&_count=1&_count=1000", _BAD),
    ("two orders", "Observation?patient={ada}&_sort=date&_sort=-date", _BAD),
    ("a negative page", "Observation?patient={ada}&_count=-1", _BAD),
    ("an endless page", "Observation?patient={ada}&_count=99999999999999999999", _BAD),
    ("digits of another script", "Observation?patient={ada}&_count=%D9%A1", _BAD),
    ("an empty narrowing", "Observation?patient={ada}&code=", _BAD),
    ("an empty part", "Observation?patient={ada}&code=1,", _BAD),
    ("a bar for a code", "Observation?patient={ada}&code=|", _BAD),
    ("a date that is none", "Observation?patient={ada}&date=2025-02-30", _BAD),
    ("a date with a leap second", "Observation?patient={ada}&date=2016-12-31T23:59:60Z", _BAD),
    ("a prefix that is none", "Observation?patient={ada}&date=xx2025", _BAD),
    ("a parameter in capitals", "Observation?patient={ada}&CODE=1", _NEW),
    ("a parameter with a blank", "Observation?patient={ada}&code%20=1", _NEW),
    ("what is no query", "Observation?patient={ada}&&", "bad-query"),
    ("bytes that are no text", "Observation?patient={ada}&code=%FF%FE", "bad-query"),
    ("a type in small letters", "observation?patient={ada}", "unknown-type"),
    ("every type at once", "_search?patient={ada}", "unknown-type"),
    ("the whole server by types", "?_type=Observation,Condition", "patient-needed"),
    ("a cursor and more", "?_page=x&patient={bert}", ""),
    ("two cursors", "?_page=x&_page=y", ""),
    ("a compartment of another", "Patient/{bert}/Observation?patient={ada}", "no-route"),
    ("the history of the type", "Observation/_history?patient={ada}", ""),
    ("the history of the server", "_history", "unknown-type"),
    ("a format that is not served", "Observation/{cleo}?_format=ttl", "bad-format"),
    ("a parameter on a read", "Observation/{cleo}?patient={ada}", _NEW),
    ("a trimmed read", "Observation/{cleo}?_summary=everything", _BAD),
]  # fmt: skip


@pytest.mark.parametrize(("target", "code"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_a_search_past_one_person_is_refused(besieged: Besieged, target: str, code: str) -> None:
    """With a code, nobody's data, and a row in the audit; a parameter that narrows is never dropped."""
    told = besieged.ask(f"/fhir/{target}" if not target.startswith("?") else f"/fhir{target}")
    assert told.status in {400, 404, 406}
    assert code in ("", told.code)


TRIMMED = [
    "_elements=id,meta", "_elements=subject", "_summary=true", "_summary=text", "_summary=data",
    "_summary=count", "_summary=false", "_total=none", "_total=accurate", "_contained=true",
    "_containedType=contained", "_include=*", "_include=Observation:patient",
    "_include=Observation:encounter", "_include:iterate=Observation:derived-from",
    "_revinclude=DiagnosticReport:result",
    "_revinclude=Provenance:target", "_revinclude=*", "_has:DiagnosticReport:result:status=final",
    "_security=R", "_security:not=N", "_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|",
    "code=165816005", "code:not=1", "code:text=zz", "code:in=http://snomed.info/sct?fhir_vs", "status:not=x",
    "date=2025-02-02", "date=gt1900", "_lastUpdated=gt1900", "_sort=-date", "_sort=_security", "_sort=note",
    "_count=0", "_count=1", "encounter=Encounter/x", "encounter={encounter}", "_id={observation}",
    "_id:not=x", "_list=$current-problems", "_type=Observation", "_tag=x", "_profile=x", "_source=QXX",
    "identifier=x", "value-quantity=gt0", "combo-code=165816005", "note=zzhidden", "category:not=x",
    "subject.birthdate=1968-09-12", "subject.name=sample", "encounter.status=finished",
    "encounter.location.name=zzhid", "_content=zzhid", "_text=zzhid",
    "subject:Patient={ada}", "patient=https://record.test/fhir/Patient/{ada}", "performer:missing=true",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["Observation", "DiagnosticReport", "Patient/{ada}/$everything"])
def test_no_parameter_reaches_what_is_withheld(besieged: Besieged, kind: str) -> None:
    """Understood or refused: what comes is of Ada, and of what is seen without the parameter."""
    beside = "" if "$" in kind else "patient={ada}&"
    for parameter in TRIMMED:
        told = besieged.ask(f"/fhir/{kind}?{beside}{parameter}")
        assert told.status in {200, 400}, parameter
        if told.status == 200:
            assert told.ids <= besieged.all, parameter


POSTED = [
    ("twice, and different", "Observation/_search?patient={ada}", "patient={bert}", "several-persons"),
    ("a number of two people",
     "Patient/_search?identifier={ada#}", "identifier={bert#}", "identifier-needed"),
    ("JSON", "Observation/_search", '{"patient":"{ada}"}', ""),
    ("parts of a form", "Observation/_search", "--x\r\nContent-Disposition: form-data", ""),
    ("too much", "Observation/_search", "patient={ada}&code=" + "x" * 9000, "query-too-long"),
    ("bytes that are no text", "Observation/_search", "patient={ada}&code=%FF", "bad-query"),
    ("an operation that is not there", "Patient/{ada}/$everything/_search", "x=1", ""),
    ("the whole server", "_search", "_type=Observation", "patient-needed"),
    ("a search of a patient's", "Patient/{bert}/_search", "patient={ada}", ""),
]  # fmt: skip


@pytest.mark.parametrize(("target", "body", "code"), [pytest.param(*row[1:], id=row[0]) for row in POSTED])
def test_a_posted_search_has_the_same_limits(besieged: Besieged, target: str, body: str, code: str) -> None:
    """Its body is read as a query is, and together with it."""
    content = besieged.filled(body).encode()
    form = [("content-type", "application/x-www-form-urlencoded")]
    told = besieged.ask(f"/fhir/{target}", method="POST", body=content, headers=form)
    assert told.status in {400, 404, 405, 413}
    assert code in ("", told.code)


LENIENT = [
    ("a number as a name", "Observation?patient={ada}&{bert#}=1"),
    ("a number in a name", "Observation?patient={ada}&x{bert#}=1"),
    ("another person, by what is not known", "Observation?patient={ada}&person={bert}"),
    ("another person, by a chain", "Observation?patient={ada}&patient.identifier={system}|{bert#}"),
    ("another person, by identifier", "Observation?patient={ada}&patient:identifier={system}|{bert#}"),
    ("another person, twice", "Observation?patient={ada}&patient={bert}"),
    ("the person, in capitals", "Observation?Patient={ada}"),
    ("the person, misspelt", "Observation?patiant={ada}"),
    ("nobody", "Observation?x=1"),
    ("everybody", "?x=1"),
    ("patients by what is not known", "Patient?x=1"),
    ("patients by number and what is not known", "Patient?identifier={ada#}&x={bert#}"),
    ("a narrowing that cannot be read", "Observation?patient={ada}&date=never"),
    ("a narrowing of two kinds", "Observation?patient={ada}&code:exact=1"),
]  # fmt: skip


@pytest.mark.parametrize("target", [pytest.param(row[1], id=row[0]) for row in LENIENT])
def test_leniency_widens_nothing(besieged: Besieged, target: str) -> None:
    """Whatever is passed over, it is said; whose record it is, is not among that; no number is repeated."""
    path = f"/fhir{'' if target.startswith('?') else '/'}{target}"
    told = besieged.ask(path, headers=[("prefer", "handling=lenient")])
    assert told.status in {200, 400, 404}
    assert told.ids <= {*besieged.all, f"Patient/{besieged.ada}"}
    if told.status == 200:
        assert "ignored-parameter" in told.text
        assert besieged.filled("{bert#}") not in told.text


def test_no_format_shows_more(besieged: Besieged) -> None:
    """XML, and JSON made pretty, hold what JSON holds, and refusals and what is withheld read alike."""
    for asked in ("_format=xml", "_format=application/fhir%2Bxml", "_format=json&_pretty=true"):
        told = besieged.ask("/fhir/Patient/{ada}/$everything?" + asked)
        assert told.status in {200, 400}
        for target in ("/fhir/{observation}", "/fhir/Observation/" + "y" * 26):
            assert besieged.ask(f"{target}?{asked}").status in {400, 404}
    for accept in (
        "application/fhir+xml",
        "application/fhir+json;q=0, */*",
        "text/html",
        "x" * 5000,
        ";;,,=",
    ):
        told = besieged.ask("/fhir/Observation?patient={ada}", headers=[("accept", accept)])
        assert told.status in {200, 406}


def test_no_heading_is_said_to_be_empty_of_what_is_withheld(besieged: Besieged) -> None:
    """Ada's one letter may not be shown: nobody is told that none is recorded, nor that one is."""
    [composition] = [
        one
        for one in besieged.ask("/fhir/Patient/{ada}/$record-document").entries
        if one["resourceType"] == "Composition"
    ]
    [letters] = [section for section in composition["section"] if section["title"] == "Documents"]
    assert "entry" not in letters
    assert "None that may be shown is recorded" in letters["text"]["div"]
    assert "None that may be shown is recorded" in letters["emptyReason"]["text"]
