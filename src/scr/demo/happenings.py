"""What happened on a day, in a synthetic history: vaccines, results, measurements, visits, contacts."""

from __future__ import annotations

from datetime import date, timedelta

from scr.demo import clinical
from scr.demo.history import AS_OF, Life
from scr.demo.laboratory import PROFILES
from scr.demo.person import (
    GP,
    HOSPITAL,
    NEIGHBOUR,
    Consultation,
    Immunisation,
    Measurement,
    Problem,
    Report,
    Visit,
    identifier,
)

WARDS = ("Osprey Ward", "Swift Ward", "Curlew Ward", "Acute Medical Unit")
CONSULTATION_KINDS = ("GP Surgery", "Telephone call", "Home visit", "Nurse clinic")


def immunisations(life: Life) -> tuple[Immunisation, ...]:
    """Influenza each autumn for the older, pneumococcal once, MMR for the young; some decline."""
    found = []
    if life.age >= 65:
        for year in range(AS_OF.year - 3, AS_OF.year + 1):
            given = life.rng.random() > 0.12
            on = date(year, 10, life.rng.randint(1, 28))
            both = [NEIGHBOUR] if life.rng.random() < 0.2 else []
            found.append(
                Immunisation(
                    clinical.INFLUENZA,
                    on,
                    f"FL{year % 100}{life.rng.randint(100, 999)}",
                    life.known_to(GP, *both),
                    given,
                )
            )
        found.append(Immunisation(clinical.PNEUMOCOCCAL, life.ago(400, 4000), "PN4471", life.known_to(GP)))
    if life.age < 30:
        found.append(
            Immunisation(clinical.MMR, life.back(max(40, life.days - 420)), "MM1180", life.known_to(GP))
        )
    return tuple(item for item in found if item.held_by)


def reports(life: Life, names: tuple[str, ...], years: int) -> tuple[Report, ...]:
    """Blood tests over the years. The hospital's laboratory does them all where it knows the person,
    and the practice files most of them: the same result, held twice."""
    wanted = list(dict.fromkeys(panel for name in names for panel in clinical.DISEASES[name].panels))
    if HOSPITAL in life.sources and not wanted:
        wanted = ["blood-count"]
    found = []
    for panel in wanted:
        profile = PROFILES[panel]
        level = [life.rng.uniform(-0.6, 0.6) for _ in profile.analytes]
        for count in range(years * 2, 0, -1):
            day = life.back(count * 182 + life.rng.randint(-40, 40) - 60)
            taken = life.at(day)
            values = tuple(
                analyte.value(base + life.rng.uniform(-0.4, 0.4))
                for analyte, base in zip(profile.analytes, level, strict=True)
            )
            who = [GP, HOSPITAL] if life.rng.random() < 0.6 else [life.rng.choice((GP, HOSPITAL))]
            order = identifier(life.key, panel, taken.isoformat())[:8].upper()
            found.append(Report(profile, taken, values, order, life.known_to(*who)))
    return tuple(report for report in found if report.held_by)


def measurements(life: Life, years: int) -> tuple[Measurement, ...]:
    """Blood pressure, weight and smoking, as the surgery notes them."""
    found = []
    for count in range(years * 2, 0, -1):
        day = life.back(count * 170 + life.rng.randint(0, 60))
        if life.age >= 16:
            found.append(
                Measurement(
                    clinical.BLOOD_PRESSURE,
                    day,
                    (float(life.rng.randint(108, 168)), float(life.rng.randint(58, 98))),
                    "mm[Hg]",
                    life.known_to(GP),
                )
            )
    found.append(
        Measurement(
            clinical.BODY_WEIGHT,
            life.ago(5, 400),
            (round(life.rng.uniform(52, 104) if life.age >= 16 else 6 + life.age * 3.1, 1),),
            "kg",
            life.known_to(GP, NEIGHBOUR),
        )
    )
    if life.age >= 16:
        smoking = life.rng.choice((clinical.NEVER_SMOKED, clinical.EX_SMOKER, clinical.SMOKER))
        found.append(Measurement(smoking, life.ago(20, 900), (), "", life.known_to(GP)))
    return tuple(item for item in found if item.held_by)


def visits(life: Life, count: int) -> tuple[Visit, ...]:
    """Admissions and attendances at the hospital, and clinics in the neighbouring area."""
    found = []
    for index in range(count):
        kind = life.rng.choice(("admission", "emergency", "emergency"))
        reason, icd10 = life.rng.choice(clinical.ADMISSIONS if kind == "admission" else clinical.EMERGENCIES)
        start = life.at(life.ago(5, 1100))
        days, hours = life.rng.randint(1, 12), life.rng.randint(1, 6)
        stay = timedelta(days=days) if kind == "admission" else timedelta(hours=hours)
        ward = life.rng.choice(WARDS) if kind == "admission" else "Emergency Department"
        number = "V" + identifier(life.key, "visit", index)[:7].upper()
        found.append(
            Visit(
                kind,
                number,
                start,
                start + stay,
                ward,
                reason,
                icd10,
                life.rng.randint(0, 3),
                life.known_to(HOSPITAL),
            )
        )
    for index in range(max(1, count // 2)):
        reason, icd10 = life.rng.choice(clinical.EMERGENCIES)
        start = life.at(life.ago(20, 800))
        found.append(
            Visit(
                "outpatient",
                "N" + identifier(life.key, "clinic", index)[:7].upper(),
                start,
                start + timedelta(minutes=30),
                "Northfen Outpatients",
                reason,
                icd10,
                life.rng.randint(0, 3),
                life.known_to(NEIGHBOUR),
            )
        )
    return tuple(sorted((item for item in found if item.held_by), key=lambda visit: visit.start))


def consultations(life: Life, known: tuple[Problem, ...], count: int) -> tuple[Consultation, ...]:
    """Contacts with the practice, oldest first."""
    if GP not in life.sources:
        return ()
    found = []
    for _ in range(count):
        index = life.rng.randrange(len(known)) if known and life.rng.random() < 0.75 else None
        about = known[index].what if index is not None else life.rng.choice(clinical.EMERGENCIES)[0]
        note = life.rng.choice(
            (
                "Doing well, no change to treatment.",
                "Reviewed; bloods requested.",
                "Symptoms worse over the last week, safety-netted.",
                "Discussed results, happy with the plan.",
                "Carer present, medication list checked.",
            )
        )
        began = (AS_OF - known[index].onset).days if index is not None else 1000
        moment = life.at(life.ago(5, min(began, 1000)))
        kind, clinician = life.rng.choice(CONSULTATION_KINDS), life.rng.randint(0, 1)
        found.append(Consultation(moment, kind, about, note, clinician, index))
    return tuple(sorted(found, key=lambda item: item.at))
