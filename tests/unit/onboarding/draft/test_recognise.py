"""What a column is taken for: by its content first, then by its name."""

from __future__ import annotations

import pytest

from scr.onboarding.draft.columns import Column
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.recognise import recognise
from scr.onboarding.draft.shapes import is_loinc, is_snomed

CASES = [
    ("X1", ("9990000026", "999 000 0018", "9990000034"), Kind.NHS_NUMBER, ""),
    ("DOB", ("31/01/1950", "01/02/1960"), Kind.DATE, "birth"),
    ("seen", ("2025-01-31T10:05:00", "2025-02-01T11:00:00"), Kind.DATETIME, ""),
    ("Slot", ("09:15", "10:30"), Kind.TIME, "time"),
    ("SNOMED", ("73211009", "22298006"), Kind.SNOMED, ""),
    ("Drug code", ("73211009", "22298006"), Kind.DMD, "id"),
    ("Read code", ("C10F.", "H33.."), Kind.READ_V2, "id"),
    ("CTV3", ("XaBVJ", "X00x1"), Kind.CTV3, ""),
    ("ICD10 diagnosis", ("I50.0", "E119"), Kind.ICD_10, ""),
    ("OPCS procedure", ("H01.1", "W371"), Kind.OPCS_4, ""),
    ("Test code", ("718-7", "2160-0"), Kind.LOINC, "id"),
    ("GP Practice Code", ("Z99001", "Z99002"), Kind.ODS, "id"),
    ("GP code", ("G9999981", "G9999998"), Kind.GMP, "id"),
    ("Consultant GMC", ("9999998", "9999981"), Kind.GMC, ""),
    ("Surname", ("HARGREAVES", "O'Hara"), Kind.NAME, "family"),
    ("client.name.first", ("Edith", "Walter"), Kind.NAME, "given"),
    ("col9", ("Edith Pike", "Doris Lunt", "Walter Tull"), Kind.NAME, ""),
    ("Postcode", ("ZZ99 3AB", "zz99 3ac"), Kind.POSTCODE, "postcode"),
    ("Tel", ("01632 960123", "07700 900123"), Kind.PHONE, "phone"),
    ("contact", ("a.b@example.org", "c@example.org"), Kind.EMAIL, ""),
    ("Gender", ("M", "F"), Kind.SEX, "sex"),
    ("Lives alone", ("Yes", "No", "Unknown"), Kind.YES_NO, ""),
    ("Status", ("Active", "Ended", "Active"), Kind.CODES, "status"),
    ("LoanRef", ("L-10001", "L-10002"), Kind.IDENTIFIER, "id"),
    ("Weight", ("72.5 kg", "70 kg"), Kind.QUANTITY, ""),
    ("Weight (kg)", ("72.5", "70"), Kind.NUMBER, ""),
    ("BP", ("120/80", "135/85 mmHg", "n/a"), Kind.PRESSURE, ""),
    ("Reading", ("120/80", "96/60"), Kind.PRESSURE, ""),
    ("Order ref", ("12/2025", "80/120"), Kind.IDENTIFIER, "id"),
    ("Temp", ("36.6", "n/a", "37.1"), Kind.NUMBER, ""),
    ("Pulse", ("72 bpm", "refused"), Kind.QUANTITY, ""),
    ("PatientDoB", ("31/01/1950", "n/a"), Kind.DATE, "birth"),
    ("ToDoDate", ("31/01/2026", "02/02/2026"), Kind.DATE, "date"),
    ("Obs taken", ("45992.5", "45993"), Kind.NUMBER, "start"),
    ("Care Notes", ("Slept well and ate a good breakfast.", "Walked."), Kind.TEXT, "note"),
    ("Anything", ("", ""), Kind.EMPTY, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "kind", "part"), CASES)
def test_a_column_is_recognised(name: str, values: tuple[str, ...], kind: Kind, part: str) -> None:
    """By check digits, formats, lists and shapes; the name says which part of the person or event it is."""
    found = recognise(Column(tuple(name.split(".")), values))
    assert found.kind is kind
    if part:
        assert found.part == part


DATES = [
    (("31/01/2025", "02/03/2025"), ("%d/%m/%Y",), True, ""),
    (("01/31/2025", "02/03/2025"), ("%m/%d/%Y",), False, "month comes first"),
    (("01/02/2025", "02/03/2025"), ("%d/%m/%Y",), False, "reads both ways"),
    (("2025-01-31", "2025-03-02"), ("%Y-%m-%d",), True, ""),
    (("31-Jan-25", "02-Mar-25"), ("%d-%b-%y",), False, "two digits"),
    (("31/01/2025", "2025-03-02"), ("%Y-%m-%d", "%d/%m/%Y"), False, "mixed"),
    (("20250131", "20250302"), ("%Y%m%d",), True, ""),
]


@pytest.mark.parametrize(("values", "formats", "sure", "question"), DATES)
def test_dates_are_read_by_the_evidence_of_all_rows(
    values: tuple[str, ...], formats: tuple[str, ...], sure: bool, question: str
) -> None:
    """A day over 12 settles it; where nothing does, the day is first and the human is asked."""
    found = recognise(Column(("When",), values))
    assert found.times is not None
    assert set(found.times.formats) == set(formats)
    assert (found.confidence == "high") is sure
    assert question in found.question


def test_a_list_of_people_is_never_a_list_of_codes() -> None:
    """Values that may be somebody are not written down, whatever the column is called."""
    for name in ("Type", "Key worker", "Status", "Client"):
        values = ("Edith Pike", "Doris Lunt", "Edith Pike", "Doris Lunt")
        assert recognise(Column((name,), values)).values == ()


@pytest.mark.parametrize(("code", "right"), [("73211009", True), ("73211008", False), ("73211509", False)])
def test_a_snomed_code_has_its_check_digit_and_partition(code: str, right: bool) -> None:
    """Verhoeff's check digit, and one of the partitions that there are."""
    assert is_snomed(code) is right


@pytest.mark.parametrize(("code", "right"), [("718-7", True), ("29463-7", True), ("718-8", False)])
def test_a_loinc_code_has_its_check_digit(code: str, right: bool) -> None:
    """Modulus 10."""
    assert is_loinc(code) is right
