"""The people of the demonstration that are worth asking for by name: each rich in all four sources.

None of them exists. Everything about them that is not said here follows from the seed, as for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Persona:
    """What is fixed about one of them; ``story`` says what to look for in the answer."""

    name: str
    given: str
    family: str
    prefix: str
    female: bool
    birth_date: date
    practice: str
    diseases: tuple[str, ...]
    allergy: str
    support_reason: str
    story: str
    old_family: str = ""
    behind: str = ""
    hospital_denies_allergy: bool = False
    changed_dose: str = ""
    list_warning: str = ""


PERSONAS: tuple[Persona, ...] = (
    Persona(
        "edith",
        "Edith",
        "Ashdown-Wray",
        "Mrs",
        True,
        date(1938, 3, 14),
        "Z99001",
        (
            "heart-failure",
            "atrial-fibrillation",
            "diabetes",
            "kidney",
            "dementia",
            "osteoarthritis",
            "frailty",
        ),
        "penicillin",
        "Support with Memory & Cognition",
        "frail, in every source; her furosemide dose differs next door, the hospital has her old address",
        behind="hospital",
        changed_dose="furosemide",
    ),
    Persona(
        "tariq",
        "Tariq",
        "Mahmood-Ellery",
        "Mr",
        False,
        date(1961, 8, 2),
        "Z99001",
        ("diabetes", "hypertension", "heart-disease", "gout"),
        "latex",
        "Physical Support: Access & mobility only",
        "diabetes with years of results, some of them held twice; moved, and the council does not know",
        behind="council",
        changed_dose="metformin",
    ),
    Persona(
        "blessing",
        "Blessing",
        "Okonjo-Hart",
        "Ms",
        True,
        date(1979, 11, 27),
        "Z99002",
        ("asthma", "reflux", "anxiety"),
        "peanut",
        "Social Support: Support to Carer",
        "the GP knows of anaphylaxis to peanut, the hospital says 'no known allergy' and her maiden name",
        old_family="Okonjo",
        behind="hospital",
        hospital_denies_allergy=True,
        changed_dose="omeprazole",
    ),
    Persona(
        "gwilym",
        "Gwilym",
        "Prosser-Dane",
        "Mr",
        False,
        date(1949, 1, 19),
        "Z99002",
        ("copd", "depression", "hypertension", "reflux", "hiv"),
        "erythromycin",
        "Physical Support: Personal care support",
        "in and out of hospital with his chest; a diagnosis and its contacts are withheld",
        behind="neighbour",
        changed_dose="citalopram",
    ),
    Persona(
        "zofia",
        "Zofia",
        "Lindqvist-Marek",
        "Miss",
        True,
        date(2003, 6, 5),
        "Z99001",
        ("epilepsy", "anxiety", "asthma"),
        "egg",
        "Learning Disability Support",
        "the practice keeps confidential items back and says so",
        behind="council",
        changed_dose="salbutamol",
        list_warning="confidential-items",
    ),
    Persona(
        "harjit",
        "Harjit",
        "Sandhu-Cole",
        "Mrs",
        True,
        date(1955, 9, 30),
        "Z99002",
        ("stroke", "hypothyroidism", "hypertension", "depression", "osteoarthritis"),
        "penicillin",
        "Physical Support: Personal care support",
        "at home after a stroke; her record is still on its way from her last practice",
        old_family="Sandhu",
        behind="neighbour",
        changed_dose="levothyroxine",
        list_warning="data-in-transit",
    ),
)
