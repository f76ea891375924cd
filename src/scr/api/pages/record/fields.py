"""The fields of the forms by which people add something, as the pages show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scr.access.contributing import forms
from scr.access.contributing.found import NotTaken
from scr.access.contributing.rules import ReadingRules
from scr.api.pages.frame import FormError
from scr.api.pages.tongue import N_
from scr.errors import ScrError


@dataclass(frozen=True, slots=True)
class Shown:
    """One field. ``kind``: text, area, choose, number, file or yes; ``suffix`` is a unit."""

    name: str
    label: str
    kind: str
    hint: str = ""
    suffix: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)

    def said(self, typed: str) -> str:
        """What was typed, in words."""
        words = self.answers.get(typed, typed)
        return f"{words} {self.suffix}".strip()


@dataclass(frozen=True, slots=True)
class Asked:
    """A form. ``lead`` stands above it, ``note`` is what it cannot do."""

    title: str
    lead: str
    fields: Sequence[Shown]
    note: str = ""
    upload: bool = False


def in_words(asked: Asked, say: Callable[[str], str]) -> Asked:
    """A form in a language."""

    def told(text: str) -> str:
        return say(text) if text else ""

    fields = [
        replace(
            one,
            label=told(one.label),
            hint=told(one.hint),
            suffix=told(one.suffix),
            answers={code: told(text) for code, text in one.answers.items()},
        )
        for one in asked.fields
    ]
    return replace(
        asked, title=told(asked.title), lead=told(asked.lead), note=told(asked.note), fields=fields
    )


_KINDS = {"choice": "choose", "yes": "yes", "scale": "number"}
_WHEN = Shown(
    "at", N_("When was it?"), "text", N_("For example, 31/1/2026 09:30. Leave it empty if it was just now.")
)


def asked_of(form: forms.Form) -> Asked:
    """A form of words."""
    fields = [
        Shown(
            one.name,
            one.label,
            _KINDS.get(one.sort, "area" if one.lines > 1 else "text"),
            one.hint,
            answers={"yes": N_("Yes")} if one.sort == "yes" else one.answers,
        )
        for one in form.fields
    ]
    return Asked(form.title, form.lead, fields)


def reading_fields(rules: ReadingRules, always: str) -> Asked:
    """A form of a reading."""
    parts = [Shown(name, part.name, "number", part.hint, part.unit) for name, part in rules.parts.items()]
    choices = [
        Shown(name, one.name, "choose", answers=dict(one.answers)) for name, one in rules.choices.items()
    ]
    note = Shown("note", N_("Anything else"), "area")
    return Asked(rules.name, "", [*parts, *choices, _WHEN, note], always)


def document_fields(most: int, *, again: bool = False) -> Asked:
    """The form of a document. ``again``: its words are corrected, and the file stays."""
    hint = N_("A PDF, a JPEG or PNG picture, or plain text. What a picture says of its place is taken out.")
    file = [] if again else [Shown("file", N_("Choose a file"), "file", hint)]
    title = Shown("title", N_("What is it?"), "text", N_("For example: letter from the eye clinic"))
    text = Shown("text", N_("Anything else"), "area")
    return Asked(N_("A document or a picture"), "", [title, *file, text], upload=not again)


def errors_of(error: ScrError | None) -> list[FormError]:
    """What is to be changed in a form."""
    if error is None:
        return []
    if isinstance(error, NotTaken):
        return [FormError(one.where, one.text, one.values) for one in error.findings]
    return [FormError.of(error)]
