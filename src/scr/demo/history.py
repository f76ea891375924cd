"""A clinical history, made by chance and within reason: conditions, medicines, allergies.

What happened on a day (results, visits, contacts) is in ``happenings``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scr.demo import clinical
from scr.demo.clinical import Coded
from scr.demo.person import GP, HOSPITAL, NEIGHBOUR, Allergy, Holders, Medicine, Problem

AS_OF = date(2025, 12, 31)
"""The day on which the histories end. It is fixed, so that the same seed always gives the same people."""

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Life:
    """Whom a history is made for: his own chance, a key for what is his, his sources, his age in days."""

    rng: random.Random
    key: str
    sources: Holders
    days: int

    @property
    def age(self) -> int:
        """Years."""
        return self.days * 4 // 1461

    def ago(self, least: int, most: int) -> date:
        """Some day between so many days ago, and never before birth."""
        return self.back(self.rng.randint(least, max(least, most)))

    def back(self, days: int) -> date:
        """A day so many days ago, and never before birth."""
        return days_ago(min(days, self.days))

    def at(self, day: date) -> datetime:
        """Some minute of the working day, in London."""
        hour, minute = self.rng.randint(8, 17), self.rng.randint(0, 59)
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON)

    def known_to(self, *wanted: str) -> Holders:
        """Those of the wanted sources that know the person at all."""
        return self.sources & frozenset(wanted)


def days_ago(days: int) -> date:
    """A date, counted back from the end of the histories."""
    return AS_OF - timedelta(days=days)


def problems(life: Life, names: tuple[str, ...]) -> tuple[Problem, ...]:
    """The long-term conditions by name; the GP holds all, the others some."""
    found = []
    for name in names:
        disease = clinical.DISEASES[name]
        onset = life.ago(200, min(9000, max(400, (life.age - disease.from_age + 2) * 365)))
        others = [other for other in (HOSPITAL, NEIGHBOUR) if life.rng.random() < 0.5]
        found.append(
            Problem(
                Coded(disease.code, disease.term),
                disease.icd10,
                disease.read,
                onset,
                life.known_to(GP, *others),
                ended=life.ago(20, 150)
                if name in {"depression", "anxiety"} and life.rng.random() < 0.3
                else None,
                major=disease.chance < 20,
            )
        )
    return tuple(problem for problem in found if problem.held_by)


def medicines(life: Life, names: tuple[str, ...], changed_dose: str, allergy: str) -> tuple[Medicine, ...]:
    """Repeat medicines for the conditions and now and then an antibiotic.

    ``changed_dose`` names a drug that the neighbour holds with another dosage; for others chance decides.
    Nobody is given what he is allergic to.
    """
    drugs = list(dict.fromkeys(drug for name in names for drug in clinical.DISEASES[name].drugs))
    if changed_dose and changed_dose not in drugs:
        drugs.append(changed_dose)
    if allergy == "aspirin":
        drugs = ["clopidogrel" if name == "aspirin" else name for name in drugs]
    found = []
    for name in dict.fromkeys(drugs):
        started = life.ago(120, 2500)
        both = life.rng.random() < 0.4
        differs = name == changed_dose or (both and life.rng.random() < 0.3)
        found.append(
            _repeat(
                name,
                started,
                life.known_to(GP, *([NEIGHBOUR] if both and not differs else [])),
                other=False,
            )
        )
        if differs and NEIGHBOUR in life.sources:
            found.append(_repeat(name, started, frozenset({NEIGHBOUR}), other=True))
    if life.rng.random() < 0.45:
        name = "doxycycline" if allergy == "penicillin" else life.rng.choice(("amoxicillin", "doxycycline"))
        drug = clinical.DRUGS[name]
        day = life.ago(10, 700)
        found.append(
            Medicine(
                Coded(drug.code, drug.term),
                drug.dosage,
                drug.quantity,
                drug.unit,
                repeat=False,
                started=day,
                issues=(day,),
                held_by=life.known_to(GP),
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


def allergies(life: Life, name: str, *, hospital_denies: bool) -> tuple[Allergy, ...]:
    """One allergy, often held twice; or none; or two sources that contradict each other; or an ended one."""
    found = []
    recorded = life.ago(300, 8000)
    if name:
        what, reaction, severity = clinical.ALLERGIES[name]
        told = [] if hospital_denies else [HOSPITAL, *([NEIGHBOUR] if life.rng.random() < 0.5 else [])]
        found.append(Allergy(what, reaction, severity, recorded, life.known_to(GP, *told)))
        if hospital_denies:
            found.append(_none_known(recorded, life.known_to(HOSPITAL)))
    elif life.rng.random() < 0.5:
        found.append(_none_known(recorded, life.known_to(GP, HOSPITAL)))
    if life.rng.random() < 0.15:
        ended, reaction, severity = clinical.ALLERGIES["latex" if name == "egg" else "egg"]
        since = life.ago(4000, 8000)
        found.append(
            Allergy(
                ended,
                reaction,
                severity,
                since,
                life.known_to(GP),
                ended=max(since, life.ago(400, 3000)),
            )
        )
    return tuple(allergy for allergy in found if allergy.held_by)


def _none_known(recorded: date, held_by: Holders) -> Allergy:
    return Allergy(clinical.NO_KNOWN_ALLERGY, None, "", recorded, held_by)
