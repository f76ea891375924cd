"""A person is told who acts for them from now on, and who does no more: what they did not do themselves."""

from __future__ import annotations

from sqlalchemy import Connection

from scr.store import notices
from scr.store.delegations import Delegated
from scr.store.notices import NoticeKind
from scr.store.people import Person


def tell(connection: Connection, person: Person, one: Delegated, did: str, now: int, *, sends: bool) -> None:
    """Tell of what somebody else did with an access: ``recorded``, ``accepted``, ``suspended``, ``resumed``,
    ``ended``; with the name of the carer whose it is. ``sends``: messages go out."""
    terms = one.terms
    details = {"by": terms.carer_name or terms.calls, "did": did, "delegation": one.id}
    notices.add(connection, person, NoticeKind.PROXY, f"{did}/{one.id}/{now}", details, now, sends=sends)
