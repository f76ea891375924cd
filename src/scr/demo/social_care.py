"""What a council's adult social care has done for a person, in the words of Client Level Data release 1."""

from __future__ import annotations

import random
from datetime import timedelta

from scr.demo.history import days_ago
from scr.demo.person import CareEvent, identifier

REASONS = (
    "Physical Support: Access & mobility only",
    "Physical Support: Personal care support",
    "Sensory Support: Support for visual impairment",
    "Support with Memory & Cognition",
    "Mental Health Support",
    "Social Support: Support for Social Isolation/Other",
)
ROUTES = ("Community / Other route", "Discharge from Hospital", "Diversion from Hospital Services")
SERVICES = (
    ("Long Term Support: Community", "Home Support", "CASSR Managed Personal Budget", "7", "24.10", "Hourly"),
    ("Long Term Support: Community", "Equipment", "CASSR Commissioned Support", "1", "", ""),
    ("Short Term Support: ST-Max", "Reablement", "CASSR Commissioned Support", "10", "", ""),
    ("Long Term Support: Community", "Day Support", "Direct Payment", "2", "46.00", "Session"),
    ("Long Term Support: Residential Care", "Residential Care", "Direct Payment", "1", "812.00", "Weekly"),
)
PROVIDERS = ("Lantern Home Care", "Wend Valley Care", "Sallow Lodge", "")


def care(rng: random.Random, key: str) -> tuple[CareEvent, ...]:
    """From the first request to the last review: dates follow each other."""
    asked = days_ago(rng.randint(200, 900))
    assessed = asked + timedelta(days=rng.randint(4, 40))
    begun = assessed + timedelta(days=rng.randint(1, 21))
    events = [
        CareEvent(
            "Request", _reference(key, 1), asked, asked + timedelta(days=2), "Contact about support at home",
            "Progress to Assessment", route=rng.choice(ROUTES),
        ),
        CareEvent(
            "Assessment", _reference(key, 2), assessed, assessed + timedelta(days=3), "Care Act assessment",
            "Progress to Support Planning / Services", assessment="Long Term Assessment", needs="Yes",
            method=rng.choice(("Face to face", "Virtual", "Telephone")),
        ),
    ]  # fmt: skip
    for index in range(rng.randint(1, 2)):
        service, component, delivery, units, cost, per = rng.choice(SERVICES)
        ended = begun + timedelta(days=42) if component == "Reablement" else None
        events.append(
            CareEvent(
                "Service", _reference(key, 3 + index), begun + timedelta(days=index * 9), ended, component,
                "Service ended as planned" if ended else "", service=service, component=component,
                delivery=delivery, provider=rng.choice(PROVIDERS), cost=cost, cost_unit=per, units=units,
            )
        )  # fmt: skip
    reviewed = begun + timedelta(days=rng.randint(60, 160))
    outcome = rng.choice(("No change in package", "NFA - 100% NHS-funded care", "NFA- Other"))
    events.append(
        CareEvent(
            "Review", _reference(key, 9), reviewed, reviewed, "Planned review", outcome, reason="Planned",
            achieved="Fully achieved", method="Face to face",
        )
    )  # fmt: skip
    return tuple(events)


def _reference(key: str, index: int) -> str:
    return f"CLD-{identifier(key, 'care', index)[:8].upper()}"
