"""What an event becomes in FHIR R4: each topic, its resource type, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable

from scr.onboarding.draft.care import appointment, assessment, encounter, equipment, plan, request, service
from scr.onboarding.draft.elements import Body, Slots
from scr.onboarding.draft.health import (
    allergy,
    condition,
    immunisation,
    medication,
    observation,
    procedure,
)
from scr.onboarding.draft.writing import Writer

Build = Callable[[Slots, Writer, str], Body]

TOPICS: dict[str, tuple[str, Build]] = {
    "service": ("EpisodeOfCare", service),
    "assessment": ("Task", assessment),
    "request": ("ServiceRequest", request),
    "equipment": ("DeviceRequest", equipment),
    "appointment": ("Appointment", appointment),
    "encounter": ("Encounter", encounter),
    "plan": ("CarePlan", plan),
    "medication": ("MedicationStatement", medication),
    "immunisation": ("Immunization", immunisation),
    "procedure": ("Procedure", procedure),
    "condition": ("Condition", condition),
    "observation": ("Observation", observation),
    "allergy": ("AllergyIntolerance", allergy),
}
"""By topic; the order is that of the file."""
