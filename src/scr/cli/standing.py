"""How a person stands: what the national register said of their number, and what is doubtful of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from scr.cli.acts import act
from scr.cli.context import console
from scr.cli.trace import VERIFICATIONS
from scr.fhir.dates import LONDON, utc
from scr.identity import index, links
from scr.identity.heard import SENTENCES
from scr.store import doubts
from scr.store.doubts import PersonDoubt
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.trail import append


@dataclass(frozen=True, slots=True)
class Shown:
    """A person, whoever is read as one with them, and what is in doubt."""

    person: Person = field(repr=False)
    linked: tuple[str, ...]
    doubts: tuple[PersonDoubt, ...]


def read(conn: Connection, keys: KeyRing, patient_id: str) -> Shown | None:
    """The person whose Patient has the id, with the look at them in the audit; None where there is none."""
    person = index.by_patient_id(conn, keys, patient_id)
    if person is None:
        return None
    view = links.view_of(conn, keys, person)
    append(conn, act("read", "identity show", person=person.key))
    others = tuple(one.patient_id for one in view if one.key != person.key)
    return Shown(person, others, tuple(doubts.about(conn, person)))


def tell(shown: Shown, *, evidence: bool) -> None:
    """Print it: ``evidence`` with the number, too."""
    standing = shown.person.standing
    lines = {
        "number": shown.person.nhs_number.spaced if evidence else "",
        "status": f"out of use since {_time(standing.invalidated)}"
        if standing.invalidated
        else " ".join(filter(None, (standing.verification, VERIFICATIONS.get(standing.verification, "")))),
        "asked": _time(standing.checked) if standing.checked else "never",
        "restricted": "their whereabouts are kept back" if standing.restricted else "",
        "deceased": " ".join(filter(None, (standing.deceased, standing.deceased_on if evidence else ""))),
        "former": f"{len(standing.former)} numbers gave way to theirs" if standing.former else "",
        "read with": ", ".join(shown.linked),
        "otherwise": ", ".join(f"told by {one.source}" for one in shown.person.otherwise),
    }
    for name, value in lines.items():
        if value:
            console.print(f"{name:12}{value}", markup=False, soft_wrap=True)
    for one in shown.doubts:
        text = f"in doubt    {one.code}, since {_time(one.since)}: {SENTENCES[one.code]}"
        console.print(text, markup=False, soft_wrap=True)


def _time(ms: int) -> str:
    return f"{utc(ms).astimezone(LONDON):%d %b %Y %H:%M}"
