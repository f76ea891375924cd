"""Whom demographics mean, as far as the matching policy can say: each with a grade and a score.

A grade is one of https://hl7.org/fhir/R4/valueset-match-grade.html. *Certain* takes the NHS Number with
demographics that agree, or every fact the same; *probable* that they agree; *possible* is a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity.match import Agreement, Verdict, compare_any
from scr.identity.matching import FACTS, Matching
from scr.identity.names import Level
from scr.identity.tracing import told_of
from scr.store.people import Person

Grade = Literal["certain", "probable", "possible"]
_ORDER: tuple[Grade, ...] = ("certain", "probable", "possible")


class Traced(NamedTuple):
    """Somebody who may be meant, how surely, and the score from 0 to 1."""

    person: Person
    grade: Grade
    score: float


def traced(
    people: Iterable[Person], told: Demographics, number: NHSNumber | None, policy: Matching
) -> list[Traced]:
    """Those whom the demographics may mean, the surest first; whoever they contradict is left out.

    Where a number is told, whoever has another one is at most possible.
    """
    best = sum(policy.weights[fact, Level.SAME] for fact in FACTS)
    found = []
    for person in people:
        verdict = compare_any(told_of(person), told, policy)
        grade = _grade(verdict, number, number is not None and person.nhs_number == number)
        if grade is not None:
            score = 1.0 if grade == "certain" else min(0.99, max(0.01, verdict.score / best))
            found.append(Traced(person, grade, round(score, 2)))
    return sorted(found, key=lambda one: (_ORDER.index(one.grade), -one.score, one.person.patient_id))


def _grade(verdict: Verdict, number: NHSNumber | None, same: bool) -> Grade | None:
    if verdict.agreement is Agreement.AGREE:
        if number is not None:
            return "certain" if same else "possible"
        whole = all(level is Level.SAME for _, level in verdict.levels)
        return "certain" if whole else "probable"
    return "possible" if verdict.agreement is Agreement.DOUBT else None
