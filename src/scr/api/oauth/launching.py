"""An app that a clinician's system opens for one patient: the handle that it gives to the app's browser.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html, EHR launch. The handle is opaque, good for one
app, once, for five minutes, and for staff of the system's own organisation.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scr.api.oauth.asked import Asked
from scr.api.oauth.endpoints import Form
from scr.api.oauth.offer import LAUNCH
from scr.api.signin.person import SignedIn
from scr.errors import Forbidden, Invalid
from scr.store import launches
from scr.store.clients import Client, ClientKind, find
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.launches import Launch

LAUNCH_SECONDS: Final = 300
_LOGICAL = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Launching:
    """Gives handles, and says what they stand for. ``clock`` gives seconds since 1970."""

    database: Database
    keys: KeyRing
    clock: Callable[[], float]

    async def launch(self, system: Client, form: Form) -> dict[str, object]:
        """A handle, for a system that may open apps.

        Whether anybody has the patient's id is not told: whoever signs in is shown what they may see.
        Raises Invalid ``not-a-launcher``, ``unknown-app``, ``invalid_request``.
        """
        if system.kind is not ClientKind.SYSTEM or LAUNCH not in system.scopes:
            raise Invalid("this client was not registered to open apps (scope launch)", code="not-a-launcher")
        app, patient = form.get("app", ""), form.get("patient", "")
        if not _LOGICAL.match(patient):
            raise Invalid("patient has to be the logical id of a Patient", code="invalid_request")
        banner = form.get("need_patient_banner", "true")
        if banner not in ("true", "false"):
            raise Invalid("need_patient_banner is true or false", code="invalid_request")
        found = await self.database.read(lambda connection: find(connection, app))
        if found is None or found.kind is not ClientKind.APP or LAUNCH not in found.scopes:
            raise Invalid("no app of this id is one that can be opened for a patient", code="unknown-app")
        handle = secrets.token_urlsafe(32)
        opened = Launch(system.id, system.organisation, app, patient, banner == "true")
        until = int((self.clock() + LAUNCH_SECONDS) * 1000)
        await self.database.write(
            lambda connection: launches.keep(connection, self.keys, handle, opened, until)
        )
        return {"launch": handle, "expires_in": LAUNCH_SECONDS}

    async def of(self, asked: Asked, who: SignedIn) -> Launch | None:
        """The launch that an app names; None where it names none. Raises Invalid, Forbidden."""
        wanted = LAUNCH in asked.scopes
        if not asked.launch and not wanted:
            return None
        if not asked.launch or not wanted or asked.client.people != "staff":
            raise Invalid("launch and the scope launch come together, from a system", code="bad-launch")
        now = int(self.clock() * 1000)
        found = await self.database.read(
            lambda connection: launches.look(connection, self.keys, asked.launch, asked.client.id, now)
        )
        if found is None:
            raise Invalid("the launch is over, or was used: open the app again", code="bad-launch")
        if who.actor("").organisation != found.organisation:
            raise Forbidden(
                "the app was opened at another organisation than that of the selected role",
                code="launch-organisation",
            )
        return found
