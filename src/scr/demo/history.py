"""A clinical history, made by chance and within reason, for one synthetic person."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scr.demo import clinical
from scr.demo.clinical import Coded
from scr.demo.person import (
    GP,
    HOSPITAL,
    NEIGHBOUR,
    Allergy,
    Consultation,
    Holders,
    Immunisation,
    Measurement,
    Medicine,
    Problem,
    Report,
    Visit,
    identifier,
)

AS_OF = date(2025, 12, 31)
"""The day on which the histories end. It is fixed, so that the same seed always gives the same people."""

LONDON = ZoneInfo("Europe/London")
WARDS = ("Osprey Ward", "Swift Ward", "Curlew Ward", "Acute Medical Unit")
CONSULTATION_KINDS = ("GP Surgery", "Telephone call", "Home visit", "Nurse clinic")


def at(day: date, rng: random.Random) -> datetime:
    """Some minute of the working day, in London."""
    return datetime(day.year, day.month, day.day, rng.randint(8, 17), rng.randint(0, 59), tzinfo=LONDON)


def days_ago(days: int) -> date:
    """A date, counted back from the end of the histories."""
    return AS_OF - timedelta(days=days)


def holders(sources: Holders, *wanted: str) -> Holders:
    """Those of the wanted sources that know the person at all."""
    return sources & frozenset(wanted)


def problems(rng: random.Random, names: tuple[str, ...], sources: Holders, age: int) -> tuple[Problem, ...]:
    """The long-term conditions by name; the GP holds all, the others some."""
    found = []
    for name in names:
        disease = clinical.DISEASES[name]
        onset = days_ago(rng.randint(200, min(9000, max(400, (age - disease.from_age + 2) * 365))))
        others = [other for other in (HOSPITAL, NEIGHBOUR) if rng.random() < 0.5]
        found.append(
            Problem(
                Coded(disease.code, disease.term),
                disease.icd10,
                disease.read,
                onset,
                holders(sources, GP, *others),
                ended=days_ago(rng.randint(20, 150))
                if name in {"depression", "anxiety"} and rng.random() < 0.3
                else None,
                major=disease.chance < 20,
            )
        )
    return tuple(found)


def medicines(
    rng: random.Random, names: tuple[str, ...], sources: Holders, changed_dose: str
) -> tuple[Medicine, ...]:
    """Repeat medicines for the conditions and now and then an antibiotic.

    ``changed_dose`` names a drug that the neighbour holds with another dosage; for others chance decides.
    """
    drugs = list(dict.fromkeys(drug for name in names for drug in clinical.DISEASES[name].drugs))
    if changed_dose and changed_dose not in drugs:
        drugs.append(changed_dose)
    found = []
    for name in drugs:
        started = days_ago(rng.randint(120, 2500))
        both = rng.random() < 0.4
        differs = name == changed_dose or (both and rng.random() < 0.3)
        found.append(
            _repeat(
                name,
                started,
                holders(sources, GP, *([NEIGHBOUR] if both and not differs else [])),
                other=False,
            )
        )
        if differs and NEIGHBOUR in sources:
            found.append(_repeat(name, started, frozenset({NEIGHBOUR}), other=True))
    if rng.random() < 0.45:
        name = rng.choice(("amoxicillin", "doxycycline"))
        drug = clinical.DRUGS[name]
        day = days_ago(rng.randint(10, 700))
        found.append(
            Medicine(
                Coded(drug.code, drug.term),
                drug.dosage,
                drug.quantity,
                drug.unit,
                repeat=False,
                started=day,
                issues=(day,),
                held_by=holders(sources, GP),
                ended=day + timedelta(days=7),
            )
        )
    return tuple(medicine for medicine in found if medicine.held_by)


def _repeat(name: str, started: date, held_by: Holders, *, other: bool) -> Medicine:
    drug = clinical.DRUGS[name]
    issues = tuple(
        days_ago(28 * count + 6) for count in range(6, 0, -1) if days_ago(28 * count + 6) >= started
    )
    return Medicine(
        Coded(drug.code, drug.term),
        drug.other_dosage if other else drug.dosage,
        drug.quantity,
        drug.unit,
        repeat=True,
        started=started,
        issues=issues,
        held_by=held_by,
    )


def allergies(
    rng: random.Random, name: str, sources: Holders, *, hospital_denies: bool
) -> tuple[Allergy, ...]:
    """One allergy, often held twice; or none; or two sources that contradict each other; or an ended one."""
    found = []
    recorded = days_ago(rng.randint(300, 8000))
    if name:
        what, reaction, severity = clinical.ALLERGIES[name]
        told = [] if hospital_denies else [HOSPITAL, *([NEIGHBOUR] if rng.random() < 0.5 else [])]
        found.append(Allergy(what, reaction, severity, recorded, holders(sources, GP, *told)))
        if hospital_denies:
            found.append(_none_known(recorded, holders(sources, HOSPITAL)))
    elif rng.random() < 0.5:
        found.append(_none_known(recorded, holders(sources, GP, HOSPITAL)))
    if rng.random() < 0.15:
        ended, reaction, severity = clinical.ALLERGIES["egg"]
        found.append(
            Allergy(
                ended,
                reaction,
                severity,
                days_ago(6000),
                holders(sources, GP),
                ended=days_ago(rng.randint(400, 3000)),
            )
        )
    return tuple(allergy for allergy in found if allergy.held_by)


def _none_known(recorded: date, held_by: Holders) -> Allergy:
    return Allergy(clinical.NO_KNOWN_ALLERGY, None, "", recorded, held_by)


def immunisations(rng: random.Random, age: int, sources: Holders) -> tuple[Immunisation, ...]:
    """Influenza each autumn for the older, pneumococcal once, MMR for the young; some decline."""
    found = []
    if age >= 65:
        for year in range(AS_OF.year - 3, AS_OF.year + 1):
            given = rng.random() > 0.12
            on = date(year, 10, rng.randint(1, 28))
            both = [NEIGHBOUR] if rng.random() < 0.2 else []
            found.append(
                Immunisation(
                    clinical.INFLUENZA,
                    on,
                    f"FL{year % 100}{rng.randint(100, 999)}",
                    holders(sources, GP, *both),
                    given,
                )
            )
        found.append(
            Immunisation(
                clinical.PNEUMOCOCCAL, days_ago(rng.randint(400, 4000)), "PN4471", holders(sources, GP)
            )
        )
    if age < 30:
        found.append(
            Immunisation(clinical.MMR, days_ago(max(40, age * 365 - 420)), "MM1180", holders(sources, GP))
        )
    return tuple(item for item in found if item.held_by)


def reports(
    rng: random.Random, key: str, names: tuple[str, ...], sources: Holders, years: int
) -> tuple[Report, ...]:
    """Blood tests over the years. The hospital's laboratory does them all where it knows the person,
    and the practice files most of them: the same result, held twice."""
    wanted = list(dict.fromkeys(panel for name in names for panel in clinical.DISEASES[name].panels))
    if HOSPITAL in sources and not wanted:
        wanted = ["blood-count"]
    found = []
    for panel in wanted:
        profile = clinical.PROFILES[panel]
        level = [rng.uniform(-0.6, 0.6) for _ in profile.analytes]
        for count in range(years * 2, 0, -1):
            day = days_ago(count * 182 + rng.randint(-40, 40) - 60)
            taken = at(min(day, AS_OF), rng)
            values = tuple(
                round(
                    max(0.1, analyte.usual + analyte.spread * (base + rng.uniform(-0.4, 0.4))), analyte.digits
                )
                for analyte, base in zip(profile.analytes, level, strict=True)
            )
            who = [GP, HOSPITAL] if rng.random() < 0.6 else [rng.choice((GP, HOSPITAL))]
            order = identifier(key, panel, taken.isoformat())[:8].upper()
            found.append(Report(profile, taken, values, order, holders(sources, *who)))
    return tuple(report for report in found if report.held_by)


def measurements(rng: random.Random, age: int, sources: Holders, years: int) -> tuple[Measurement, ...]:
    """Blood pressure, weight and smoking, as the surgery notes them."""
    found = []
    for count in range(years * 2, 0, -1):
        day = days_ago(count * 170 + rng.randint(0, 60))
        if age >= 16:
            found.append(
                Measurement(
                    clinical.BLOOD_PRESSURE,
                    day,
                    (float(rng.randint(108, 168)), float(rng.randint(58, 98))),
                    "mm[Hg]",
                    holders(sources, GP),
                )
            )
    found.append(
        Measurement(
            clinical.BODY_WEIGHT,
            days_ago(rng.randint(5, 400)),
            (round(rng.uniform(52, 104) if age >= 16 else 6 + age * 3.1, 1),),
            "kg",
            holders(sources, GP, NEIGHBOUR),
        )
    )
    if age >= 16:
        smoking = rng.choice((clinical.NEVER_SMOKED, clinical.EX_SMOKER, clinical.SMOKER))
        found.append(Measurement(smoking, days_ago(rng.randint(20, 900)), (), "", holders(sources, GP)))
    return tuple(item for item in found if item.held_by)


def visits(rng: random.Random, key: str, sources: Holders, count: int) -> tuple[Visit, ...]:
    """Admissions and attendances at the hospital, and clinics in the neighbouring area."""
    found = []
    for index in range(count):
        kind = rng.choice(("admission", "emergency", "emergency"))
        reason, icd10 = rng.choice(clinical.ADMISSIONS if kind == "admission" else clinical.EMERGENCIES)
        start = at(days_ago(rng.randint(5, 1100)), rng)
        stay = (
            timedelta(days=rng.randint(1, 12)) if kind == "admission" else timedelta(hours=rng.randint(1, 6))
        )
        ward = rng.choice(WARDS) if kind == "admission" else "Emergency Department"
        number = "V" + identifier(key, "visit", index)[:7].upper()
        found.append(
            Visit(
                kind,
                number,
                start,
                start + stay,
                ward,
                reason,
                icd10,
                rng.randint(0, 3),
                holders(sources, HOSPITAL),
            )
        )
    for index in range(max(1, count // 2)):
        reason, icd10 = rng.choice(clinical.EMERGENCIES)
        start = at(days_ago(rng.randint(20, 800)), rng)
        found.append(
            Visit(
                "outpatient",
                "N" + identifier(key, "clinic", index)[:7].upper(),
                start,
                start + timedelta(minutes=30),
                "Northfen Outpatients",
                reason,
                icd10,
                rng.randint(0, 3),
                holders(sources, NEIGHBOUR),
            )
        )
    return tuple(sorted((item for item in found if item.held_by), key=lambda visit: visit.start))


def consultations(
    rng: random.Random, known: tuple[Problem, ...], sources: Holders, count: int
) -> tuple[Consultation, ...]:
    """Contacts with the practice, oldest first."""
    if GP not in sources:
        return ()
    found = []
    for _ in range(count):
        index = rng.randrange(len(known)) if known and rng.random() < 0.75 else None
        about = known[index].what if index is not None else rng.choice(clinical.EMERGENCIES)[0]
        note = rng.choice(
            (
                "Doing well, no change to treatment.",
                "Reviewed; bloods requested.",
                "Symptoms worse over the last week, safety-netted.",
                "Discussed results, happy with the plan.",
                "Carer present, medication list checked.",
            )
        )
        moment = at(days_ago(rng.randint(3, 1000)), rng)
        found.append(
            Consultation(moment, rng.choice(CONSULTATION_KINDS), about, note, rng.randint(0, 1), index)
        )
    return tuple(sorted(found, key=lambda item: item.at))
