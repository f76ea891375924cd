"""What can be written down beside readings and documents: the fields of each, and what is taken.

About Me follows the PRSB's About Me standard, heading by heading.
https://theprsb.org/standards/aboutme/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from scr.access.contributing.found import N_, Finding
from scr.access.contributing.times import when_it_was

Sort = Literal["text", "phone", "email", "scale", "when", "choice", "yes"]
ABOUT_ME, WISHES, MATTERS = "about-me", "wishes", "what-matters"
SYMPTOM, NOTE, CONTACT = "symptom", "note", "contact"
ONCE = frozenset({ABOUT_ME, WISHES})
"""Of these there is one: it is corrected, and not written a second time."""

AT_HINT = "For example, 31/1/2026 09:30. Leave it empty if it was just now."

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_PHONE = re.compile(r"\+?[0-9 ()-]{7,25}\Z")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,190}\.[A-Za-z]{2,24}\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``most`` characters, ``lines`` high; ``answers`` of a choice by their code."""

    name: str
    label: str
    hint: str = ""
    most: int = 4_000
    lines: int = 4
    needed: bool = False
    sort: Sort = "text"
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of contribution. ``some``: at least one of its fields has to be filled."""

    kind: str
    title: str
    lead: str
    fields: tuple[Field, ...]
    some: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it: ``values`` as they are kept, None where something is ``wrong``.

    ``at`` is when what is told was, where the form asks for it.
    """

    values: Mapping[str, str] | None
    wrong: tuple[Finding, ...] = ()
    at: datetime | None = None


RELATIONS = {
    "partner": "Husband, wife or partner",
    "parent": "Parent",
    "child": "Son or daughter",
    "sibling": "Brother or sister",
    "relative": "Another relative",
    "friend": "Friend",
    "neighbour": "Neighbour",
    "carer": "Unpaid carer",
    "attorney": "Attorney or deputy",
    "advocate": "Advocate",
    "other": "Somebody else",
}
"""How somebody is related to the person."""

FORMS: dict[str, Form] = {
    one.kind: one
    for one in (
        Form(
            ABOUT_ME,
            "About me",
            "What you want everybody who cares for you to know. Write in your own words.",
            (
                Field(
                    "important", "What is most important to me", "Values, beliefs, interests, routines, pets."
                ),
                Field("people", "People who are important to me", "Who they are, and how you keep in touch."),
                Field(
                    "communicate",
                    "How I communicate and how to communicate with me",
                    "Language, hearing aids, signs, pictures, how you show pain or that you are unwell.",
                ),
                Field("wellness", "My wellness", "What a good day is like, and a bad one."),
                Field("please", "Please do and please don't", "What helps, and what upsets you."),
                Field("support", "How and when to support me", "With what you want help, and with what not."),
                Field(
                    "worth-knowing",
                    "Also worth knowing about me",
                    "Where you grew up, what you did, what you like.",
                ),
                Field(
                    "helped-by",
                    "Supported to write this by",
                    "If somebody helped you: their name, and who they are to you.",
                    most=200,
                    lines=1,
                ),
            ),
            some=True,
        ),
        Form(
            MATTERS,
            "What matters to me",
            "One thing that you want your care to be about, now or soon.",
            (
                Field(
                    "text",
                    "What matters to me",
                    "For example: to be able to walk to the shop again.",
                    needed=True,
                ),
            ),
        ),
        Form(
            SYMPTOM,
            "Symptoms diary",
            "Nobody looks at this as soon as you send it. If you feel very unwell call 111, or 999 in an "
            "emergency.",
            (
                Field(
                    "what",
                    "What did you notice?",
                    "For example: headache, short of breath.",
                    200,
                    1,
                    needed=True,
                ),
                Field(
                    "how-bad",
                    "How bad was it, from 0 to 10?",
                    "0 is nothing, 10 is as bad as it can be.",
                    2,
                    1,
                    sort="scale",
                ),
                Field("at", "When was it?", AT_HINT, 40, 1, sort="when"),
                Field("text", "Anything else", "What made it better or worse.", 2_000),
            ),
        ),
        Form(
            NOTE,
            "A note",
            "Something that whoever cares for this person should know. It is no message: nobody answers it.",
            (Field("text", "Your note", needed=True),),
        ),
        Form(
            CONTACT,
            "Somebody to contact",
            "Ask them first whether they agree.",
            (
                Field("name", "Their name", "", 200, 1, needed=True),
                Field(
                    "relation",
                    "Who they are to you",
                    "",
                    20,
                    1,
                    needed=True,
                    sort="choice",
                    answers=RELATIONS,
                ),
                Field("phone", "Phone number", "", 30, 1, sort="phone"),
                Field("email", "Email address", "", 254, 1, sort="email"),
                Field("emergency", "Call them in an emergency", "", 3, 1, sort="yes"),
                Field("text", "Anything else", "When to call, what they know.", 1_000),
            ),
        ),
        Form(
            WISHES,
            "My wishes for future care",
            "What you would want if you could not say it yourself. This is what you say. It is no decision "
            "of a doctor, and no legal form: talk with your GP about a ReSPECT plan or an advance decision.",
            (
                Field("matters", "What would matter most to me"),
                Field("wanted", "Care and treatment that I would want"),
                Field("not-wanted", "Care and treatment that I would not want"),
                Field("place", "Where I would want to be cared for"),
                Field(
                    "forms",
                    "Forms that I have, and where they are",
                    "A ReSPECT plan, an advance decision to refuse treatment (ADRT), a power of attorney.",
                ),
                Field("ask", "Who should be asked", "Their name, and who they are to you.", 1_000),
            ),
            some=True,
        ),
    )
}
"""Every form by its kind."""


def check_form(kind: str, typed: Mapping[str, str], now: datetime) -> Checked:
    """Check what was typed into a form of ``FORMS``: fields by name; others are not looked at."""
    form = FORMS[kind]
    wrong: list[Finding] = []
    values: dict[str, str] = {}
    at: datetime | None = None
    for one in form.fields:
        text = clean(typed.get(one.name, ""))
        if one.sort == "when":
            at = when_it_was(text, now, wrong, one.name)
        elif not text:
            if one.needed:
                wrong.append(Finding(one.name, "missing", N_("Fill in: %(name)s"), {"name": one.label}))
        elif found := _wrong(one, text):
            wrong.append(found)
        else:
            values[one.name] = text
    if form.some and not values and not wrong:
        wrong.append(Finding(form.fields[0].name, "empty", N_("Fill in at least one of these.")))
    if kind == CONTACT and not wrong and not {"phone", "email"} & values.keys():
        wrong.append(Finding("phone", "no-way", N_("Give a phone number or an email address.")))
    return Checked(None, tuple(wrong)) if wrong else Checked(values, (), at)


def clean(text: str) -> str:
    """A text without what does not print and could turn or break it, and with plain ends of lines."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _wrong(one: Field, text: str) -> Finding | None:
    if len(text) > one.most:
        return Finding(
            one.name,
            "too-long",
            N_("%(name)s: %(most)s characters or fewer, please."),
            {"name": one.label, "most": one.most},
        )
    if one.sort == "choice" and text not in one.answers:
        return Finding(one.name, "not-chosen", N_("Choose an answer: %(name)s"), {"name": one.label})
    if one.sort == "scale" and text not in {str(number) for number in range(11)}:
        return Finding(one.name, "no-number", N_("Enter a whole number from 0 to 10."))
    if one.sort == "yes" and text != "yes":
        return Finding(one.name, "not-chosen", N_("Say yes, or leave it empty."))
    if one.sort == "phone" and not _PHONE.match(text):
        return Finding(one.name, "no-phone", N_("Enter a phone number, like 01632 960 001."))
    if one.sort == "email" and not _EMAIL.match(text):
        return Finding(one.name, "no-email", N_("Enter an email address, like name@example.com."))
    return None
