"""The forms of contributions in both languages."""

from __future__ import annotations

from scr.access.contributing.forms import FORMS
from scr.access.contributing.rules import load_readings
from scr.api.pages.record.adding_words import WORDS
from scr.data import DataFiles

_UNITS = {"mmHg", "kg", "cm", "mmol/L", "%", "°C", "L/min"}


def test_every_title_and_label_of_a_form_is_in_the_catalogue() -> None:
    """And nothing that no form says."""
    said: set[str] = set()
    for form in FORMS.values():
        said |= {form.title, *(one.label for one in form.fields)}
        said |= {text for one in form.fields for text in one.answers.values()}
    for rules in load_readings(DataFiles()).readings.values():
        said |= {rules.name, *(text for part in rules.parts.values() for text in (part.name, part.unit))}
        said |= {text for one in rules.choices.values() for text in (one.name, *one.answers.values())}
    assert set(WORDS) == said - _UNITS
