"""What a grant holds: who let the app do what; and who asks, where a token of it comes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from scr.api.oauth.offer import FHIR_USER, OFFLINE, ONLINE
from scr.api.pages.sessions import LIFETIME_SECONDS
from scr.api.signin.person import SignedIn
from scr.consent.actor import Actor, ActorKind
from scr.consent.scopes import held_by
from scr.store.grants import Grant, Login
from scr.store.keys import KeyRing

CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 300
OFFLINE_SECONDS: Final = 30 * 24 * 3600
_NOBODY = "-"
"""No Patient has this id."""


class Granted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed in a grant. ``patient`` is a logical id; ``held``: the token opens that record alone."""

    who: SignedIn
    redirect_uri: str
    challenge: str
    scope: str
    nonce: str = ""
    patient: str = ""
    held: bool = False
    banner: bool = True
    fhir_user: str = ""

    def __repr__(self) -> str:
        """Without what it holds."""
        return "Granted()"

    @property
    def scopes(self) -> frozenset[str]:
        """Each of the scopes."""
        return frozenset(self.scope.split())

    @property
    def refreshes(self) -> bool:
        """Whether the app is given refresh tokens."""
        return bool(self.scopes & {ONLINE, OFFLINE})

    def actor(self, client: str, scope: str) -> Actor:
        """Who asks through the app, with these scopes: the same as by the upstream's own token.

        Raises Unauthenticated.
        """
        actor = self.who.actor(scope, client)
        held = held_by(actor.kind, scope.split(), launched=self.held)
        return replace(actor, app=client, scopes=held, launch=(self.patient or _NOBODY) if self.held else "")

    def context(self) -> dict[str, object]:
        """The launch context, as a token answer and an introspection have it."""
        told: dict[str, object] = {}
        if self.patient:
            told |= {"patient": self.patient, "need_patient_banner": self.banner}
        return told

    def told_of_user(self) -> dict[str, object]:
        """``fhirUser``, where the app may know it."""
        return {"fhirUser": self.fhir_user} if self.fhir_user and FHIR_USER in self.scopes else {}


def read_granted(grant: Grant) -> Granted:
    """What a grant holds."""
    return msgspec.json.decode(grant.content, type=Granted)


def login_of(who: SignedIn) -> Login:
    """Whoever signed in, as the store knows them."""
    return Login(who.issuer, who.login, who.signed_in, who.sid)


def approver_of(keys: KeyRing, who: SignedIn) -> str:
    """The keyed hash of whoever need not be asked again: a carer is, for each person whom they act for."""
    return keys.blind("approver", f"{who.issuer}\x1f{who.login}\x1f{who.subject}")


def ends_of(who: SignedIn, scopes: frozenset[str], now: int) -> int:
    """When a grant that is made now ends in any case, in milliseconds."""
    if OFFLINE in scopes:
        return now + OFFLINE_SECONDS * 1000
    if ONLINE in scopes:
        return (who.signed_in + LIFETIME_SECONDS) * 1000
    return now + (CODE_SECONDS + TOKEN_SECONDS) * 1000


def subject_for(keys: KeyRing, client: str, who: SignedIn) -> str:
    """Whoever signed in, as one app knows them: another app knows them by another id (pairwise)."""
    return keys.blind("app subject", f"{client}\x1f{who.issuer}\x1f{who.login}")[:40]


def user_url(keys: KeyRing, base_url: str, who: SignedIn, own: str) -> str:
    """``fhirUser``: a citizen's own Patient, else a resource of who they are; empty where there is none."""
    actor = who.actor("")
    if actor.kind is ActorKind.CITIZEN:
        return f"{base_url}/Patient/{own}" if own else ""
    kind = "Practitioner" if actor.kind is ActorKind.PROFESSIONAL else "Person"
    return f"{base_url}/{kind}/{user_id(keys, actor)}"


def user_id(keys: KeyRing, actor: Actor) -> str:
    """The logical id of somebody who asks, as a resource: the same whichever app they ask through."""
    return f"u-{keys.blind('user', actor.subject)[:40]}"
