"""What an app may have: of what it asks for, what it was registered for and its people can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scr.consent.scopes import narrowed, parse
from scr.errors import Invalid
from scr.store.clients import Client

OPENID: Final = "openid"
FHIR_USER: Final = "fhirUser"
LAUNCH: Final = "launch"
LAUNCH_PATIENT: Final = "launch/patient"
ONLINE: Final = "online_access"
OFFLINE: Final = "offline_access"
OF_APPS: Final = frozenset({OPENID, FHIR_USER, LAUNCH, LAUNCH_PATIENT, ONLINE, OFFLINE})
"""The scopes of an app that are none on resources."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is put to the person. ``patient``: the logical id of the one Patient of it, empty for none.

    ``held``: its token opens that record alone. ``banner``: the app has to show whose it is.
    """

    scopes: frozenset[str]
    patient: str = ""
    held: bool = False
    banner: bool = True

    @property
    def scope(self) -> str:
        """As a token has them."""
        return " ".join(sorted(self.scopes))


def make_offer(
    asked: Iterable[str], client: Client, *, launched: str = "", own: str = "", banner: bool = True
) -> Offer:
    """The offer. ``launched`` is the Patient of a launch, ``own`` a citizen's, or of whom they act for.

    Raises Invalid ``no-scope`` where nothing is left.
    """
    staff = client.people == "staff"
    patient = launched if staff else own
    found = {one for one in narrowed(asked, client.scopes) if _may_hold(one, staff=staff, patient=patient)}
    if OPENID not in found:
        found.discard(FHIR_USER)
    if OFFLINE in found:
        found.discard(ONLINE)
    on_resources = [scope for one in found if (scope := parse(one)) is not None]
    if not on_resources and OPENID not in found:
        raise Invalid("none of the scopes that the app asks for is one that it may have", code="no-scope")
    held = any(scope.context == "patient" for scope in on_resources)
    told = patient if held or found & {LAUNCH, LAUNCH_PATIENT} else ""
    return Offer(frozenset(found), told, held, banner)


def _may_hold(scope: str, *, staff: bool, patient: str) -> bool:
    """Whether an app of these people can hold a scope: that of one patient, where there is the one."""
    read = parse(scope)
    if read is not None:
        return read.context == "user" or (read.context == "patient" and (not staff or bool(patient)))
    if scope == LAUNCH:
        return staff and bool(patient)
    if scope == LAUNCH_PATIENT:
        return bool(patient)
    if scope == OFFLINE:  # a role at work is not one for weeks: staff sign in again
        return not staff
    return scope in OF_APPS
