"""What the JSON API tells, as JSON. Instants are ISO 8601, in UTC."""

from __future__ import annotations

import msgspec

from scr.access.choices import Chosen
from scr.access.looked import Looked
from scr.access.preview import Preview
from scr.api.access.who import Caller, Visitor
from scr.fhir.dates import instant_text
from scr.store.delegations import Delegated
from scr.store.look_questions import Question


class Shown(msgspec.Struct, rename="camel", omit_defaults=False):
    """What every answer is made of."""


class ShownPerson(Shown):
    """Whose record somebody may see. ``basis`` is on what, ``until`` until when; empty for one's own.

    ``csrf`` is what ``X-CSRF-Token`` has to say where the sign-in is a browser's session.
    """

    patient: str
    name: str
    own: bool
    basis: str = ""
    until: str = ""
    contributes: bool = True
    csrf: str = ""


class ShownMe(Shown):
    """Who is there, and whose records they may see."""

    name: str
    people: list[ShownPerson]
    csrf: str = ""


class ShownEvent(Shown):
    """Something that was done with an access."""

    at: str
    what: str
    by: str
    note: str = ""


class ShownAccess(Shown):
    """An access of a carer. ``code`` takes up the invitation: it is shown once, to who made it."""

    id: str
    state: str
    basis: str
    calls: str
    carer: str
    since: str
    until: str
    headings: list[str] | None
    contributes: bool
    suspended: bool
    events: list[ShownEvent]
    code: str = ""
    code_until: str = ""


class ShownInvitation(Shown):
    """An invitation, to who holds its code: whose record, and what they would be let do."""

    of: str
    basis: str
    headings: list[str] | None
    contributes: bool
    until: str


class ShownQuestion(Shown):
    """A question about a look, and its answer."""

    id: str
    look: str
    asked: str
    by: str
    about: str
    text: str
    answered: str = ""
    answer: str = ""
    answered_by: str = ""


def person_of(visitor: Visitor) -> ShownPerson:
    """Whose record it is."""
    delegation = visitor.online.delegation
    return ShownPerson(
        patient=visitor.patient,
        name=visitor.of,
        own=visitor.own,
        basis="" if delegation is None else delegation.basis,
        until="" if delegation is None or delegation.until is None else instant_text(delegation.until),
        contributes=visitor.own or (delegation is not None and delegation.contributes),
        csrf=visitor.csrf,
    )


def me_of(caller: Caller, people: list[Visitor]) -> ShownMe:
    """Who is there."""
    return ShownMe(caller.name, [person_of(each) for each in people], caller.csrf)


def access_of(one: Delegated, now: int, code: str = "") -> ShownAccess:
    """An access, to the person or to staff."""
    terms = one.terms
    events = [ShownEvent(instant_text(each.at), each.what, each.name, each.note) for each in terms.events]
    return ShownAccess(
        id=one.id,
        state=one.state(now).value,
        basis=terms.basis,
        calls=terms.calls,
        carer=terms.carer_name,
        since=instant_text(one.since),
        until=instant_text(one.until),
        headings=None if terms.headings is None else list(terms.headings),
        contributes=terms.contributes,
        suspended=bool(terms.suspended),
        events=events,
        code=code,
        code_until="" if one.code_until is None or one.accepted else instant_text(one.code_until),
    )


def invitation_of(of: str, one: Delegated) -> ShownInvitation:
    """An invitation, to who holds its code."""
    headings = None if one.terms.headings is None else list(one.terms.headings)
    return ShownInvitation(of, one.terms.basis, headings, one.terms.contributes, instant_text(one.until))


def look_json(one: Looked) -> dict[str, object]:
    """One look at the record."""
    return {
        "id": one.id,
        "at": instant_text(one.at),
        "who": one.who,
        "name": one.name,
        "role": one.role,
        "organisation": one.organisation,
        "purpose": one.purpose,
        "what": one.what,
        "allowed": one.allowed,
        "brokeTheGlass": one.glass,
        "through": one.through,
    }


def question_of(one: Question) -> ShownQuestion:
    """A question, with its answer where there is one."""
    shown = ShownQuestion(
        one.id,
        one.look,
        instant_text(one.asked),
        one.question.name,
        one.question.about,
        one.question.text,
    )
    if one.answer is None or one.answered is None:
        return shown
    return msgspec.structs.replace(
        shown,
        answered=instant_text(one.answered),
        answer=one.answer.text,
        answered_by=one.answer.name,
    )


def chosen_json(one: Chosen) -> dict[str, object]:
    """A choice, in words and as FHIR."""
    return {
        "id": one.id,
        "version": one.version,
        "active": one.active,
        "at": instant_text(one.at),
        "does": list(one.does),
        "costs": list(one.costs),
        "consent": one.consent,
    }


def preview_json(one: Preview) -> dict[str, object]:
    """What somebody would see."""
    return {
        "permit": one.permit,
        "code": one.code,
        "why": one.why,
        "keptBack": one.kept_back,
        "headings": [
            {"heading": each.heading, "title": each.title, "opens": each.opens, "why": list(each.why)}
            for each in one.headings
        ],
    }
