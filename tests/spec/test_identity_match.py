"""Whose is it? The scenarios that the comparison of demographics must get right, as one table."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.demographics import Demographics
from scr.identity.match import Agreement, compare


def _who(line: str) -> Demographics:
    """One person of the table; what is empty was not told."""
    family, given_names, birth, sex, postcode = (part.strip() or None for part in line.split("|"))
    sexes = {"f": "female", "m": "male"}
    return Demographics(family, tuple((given_names or "").split()), birth, sexes.get(sex or ""), postcode)


class Scenario(NamedTuple):
    """What is held, what is told, and what must come of it."""

    agreement: Agreement
    name: str
    known: Demographics
    told: Demographics

    @classmethod
    def read(cls, line: str) -> Scenario:
        """One line of the table."""
        verdict, name, known, told = (cell.strip() for cell in line.split(";"))
        return cls(Agreement(verdict), name, _who(known), _who(told))


_TABLE = """
agree      ; all the same                      ; Finch|Jane|1980-05-17|f|Z1     ; Finch|Jane|1980-05-17|f|Z1
agree      ; capitals, accents, punctuation    ; O'Néill-Moor|Zoë|1980-05-17||  ; ONEILL MOOR|ZOE|1980-05-17||
agree      ; letters that stay whole           ; Sørensen|Łucja|1980-05-17||    ; SORENSEN|LUCJA|1980-05-17||
agree      ; another address: people move      ; Finch|Jane|1980-05-17|f|Z1     ; Finch|Jane|1980-05-17|f|Z9
agree      ; married, another family name      ; Finch|Jane|1980-05-17|f|       ; Heron|Jane|1980-05-17|f|
agree      ; a double name, one half told      ; Finch-Heron|Jane|1980-05-17||  ; Heron|Jane|1980-05-17||
agree      ; a slip in the family name         ; Finch|Jane|1980-05-17||        ; Fincch|Jane|1980-05-17||
agree      ; an initial for the given name     ; Finch|Jane|1980-05-17|f|       ; Finch|J|1980-05-17|f|
agree      ; known by the middle name          ; Finch|Jane Ann|1980-05-17||    ; Finch|Ann|1980-05-17||
agree      ; given names in another order      ; Finch|Jane Ann|1980-05-17||    ; Finch|Ann Jane|1980-05-17||
agree      ; names exchanged                   ; Finch|Jane|1980-05-17||        ; Jane|Finch|1980-05-17||
agree      ; a short form                      ; Finch|Christopher|1980-05-17|| ; Finch|Chris|1980-05-17||
agree      ; a spelling                        ; Finch|Catherine|1980-05-17||   ; Finch|Katherine|1980-05-17||
agree      ; a newborn without a name yet      ; Finch|Baby|2024-05-17|m|       ; Finch|Oliver|2024-05-17|m|
agree      ; only the birth date told          ; Finch|Jane|1980-05-17||        ; ||1980-05-17||
agree      ; no birth date, both names         ; Finch|Jane|1980-05-17||        ; Finch|Jane|||
agree      ; day and month exchanged           ; Finch|Jane|1980-05-07||        ; Finch|Jane|1980-07-05||
agree      ; one digit of the day wrong        ; Finch|Jane|1980-05-17||        ; Finch|Jane|1980-05-12||
agree      ; a year off                        ; Finch|Jane|1980-05-17||        ; Finch|Jane|1981-05-17||
agree      ; the sex recorded otherwise        ; Finch|Jane|1980-05-17|f|       ; Finch|Jane|1980-05-17|m|
doubt      ; a twin                            ; Finch|Jane|1980-05-17|f|Z1     ; Finch|Rose|1980-05-17|f|Z1
doubt      ; a twin with a name much alike     ; Finch|Jane|1980-05-17|f|       ; Finch|Jade|1980-05-17|f|
doubt      ; a twin of the other sex, unnamed  ; Finch|Jane|1980-05-17|f|       ; Finch||1980-05-17|m|
doubt      ; newborn twins by number           ; Finch|Twin One|2024-05-17||    ; Finch|Second|2024-05-17||
doubt      ; a parent of the same name         ; Finch|John|1950-05-17|m|       ; Finch|John|1980-05-17|m|
doubt      ; other family, only an initial     ; Finch|Jane|1980-05-17||        ; Heron|J|1980-05-17||
doubt      ; another family name and sex       ; Finch|Alex|1980-05-17|f|       ; Heron|Alex|1980-05-17|m|
doubt      ; same birthday, both names other   ; Finch|Jane|1980-05-17||        ; Heron|Rose|1980-05-17||
doubt      ; a slip in the date, a twin's name ; Finch|Jane|1980-05-17||        ; Finch|Rose|1980-05-12||
doubt      ; a family name alone               ; Finch|Jane|1980-05-17||        ; Finch||||
doubt      ; a birth date that is none         ; Finch|Jane|1980-05-17||        ; Finch||1980-13-17||
doubt      ; a year alone confirms nothing     ; Finch|Jane|1980-05-17||        ; Finch||1980||
contradict ; a wrong year speaks against       ; Finch|Jane|1980-05-17||        ; Finch|Rose|1951||
contradict ; all different                     ; Finch|Jane|1980-05-17|f|       ; Heron|Rose|1951-02-03|f|
contradict ; a child of the house              ; Finch|Jane|1980-05-17||Z1      ; Finch|Rose|2011-11-29||Z1
contradict ; the same first name only          ; Finch|Jane|1980-05-17||        ; Heron|Jane|1951-02-03||
contradict ; only another birth date           ; Finch|Jane|1980-05-17||        ; ||1951-02-03||
contradict ; no birth date, other names        ; Finch|Jane|1980-05-17||        ; Heron|Rose|||
unknown    ; nothing told                      ; Finch|Jane|1980-05-17||        ; ||||
unknown    ; nothing held                      ; ||||                           ; Finch|Jane|1980-05-17||
unknown    ; a given name and a sex            ; Finch|Jane|1980-05-17|f|       ; |Jane||f|
unknown    ; a family name that says nothing   ; Finch|Jane|1980-05-17||        ; UNKNOWN|Jane|||
"""
"""Verdict ; what happened ; who is held ; who is told: family | given | birth date | sex | postcode."""

SCENARIOS = [Scenario.read(line) for line in _TABLE.strip().splitlines()]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    """What is told of the person agrees, is in doubt, contradicts, or says nothing; from either side."""
    assert compare(scenario.known, scenario.told).agreement is scenario.agreement
    assert compare(scenario.told, scenario.known).agreement is scenario.agreement


_names = st.sampled_from(["Finch", "FINCH", "Finch-Heron", "Heron", "Jane", "Baby", "O", ""])
_people = st.builds(
    Demographics,
    family=st.none() | _names,
    given=st.lists(_names, max_size=3).map(tuple),
    birth_date=st.none() | st.dates().map(str) | st.sampled_from(["1980-05-17", "1980", "1980-13-01", "?"]),
    sex=st.sampled_from([None, "male", "female", "other", "unknown"]),
    postcode=st.sampled_from([None, "", "ZZ1 1ZZ", "zz11zz", "ZZ9 9ZZ"]),
)


@given(_people, _people)
def test_the_order_does_not_matter(one: Demographics, other: Demographics) -> None:
    """Held and told may be exchanged: the verdict and its reasons stay."""
    assert compare(one, other) == compare(other, one)


@given(_people)
def test_nobody_contradicts_themselves(one: Demographics) -> None:
    """What is told twice never contradicts, and agrees where there is a birth date."""
    verdict = compare(one, one).agreement
    assert verdict is not Agreement.CONTRADICT
    if one.birth_date and len(one.birth_date) == 10 and "-13-" not in one.birth_date:
        assert verdict is Agreement.AGREE


@given(_people, _people)
def test_reasons_hold_no_data(one: Demographics, other: Demographics) -> None:
    """A reason is made of our own words."""
    words = {"birth-date", "family-name", "given-name", "sex", "postcode"}
    for reason in compare(one, other).reasons:
        fact, _, how = reason.rpartition("-")
        assert fact in words
        assert how in {"near", "other", "untold"}
