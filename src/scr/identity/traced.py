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
    some = ((person, weighed(person, told_of(person), told, number, policy)) for person in people)
    found = [one for _, one in some if one is not None]
    return sorted(found, key=lambda one: (_ORDER.index(one.grade), -one.score, one.person.patient_id))


def weighed(
    person: Person,
    known: Iterable[Demographics],
    told: Demographics,
    number: NHSNumber | None,
    policy: Matching,
) -> Traced | None:
    """One of them, by what is ``known`` of them (not empty); None where the demographics contradict it."""
    verdict = compare_any(known, told, policy)
    grade = _grade(verdict, number, number is not None and person.nhs_number == number)
    if grade is None:
        return None
    best = sum(policy.weights[fact, Level.SAME] for fact in FACTS)
    score = 1.0 if grade == "certain" else min(0.99, max(0.01, verdict.score / best))
    return Traced(person, grade, round(score, 2))


def _grade(verdict: Verdict, number: NHSNumber | None, same: bool) -> Grade | None:
    if verdict.agreement is Agreement.AGREE:
        if number is not None:
            return "certain" if same else "possible"
        whole = all(level is Level.SAME for _, level in verdict.levels)
        return "certain" if whole else "probable"
    return "possible" if verdict.agreement is Agreement.DOUBT else None
