"""Who uses an app, as a resource: what ``fhirUser`` leads to. To be read by that user alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scr.api.look import Answer, Look, Looks
from scr.api.oauth.granted import user_id
from scr.api.routing import Router
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.consent.request import AccessRequest, Decision, Interaction, Reason
from scr.errors import NotFound
from scr.store.keys import KeyRing

_SDS_USER = "https://fhir.nhs.uk/Id/sds-user-id"
_OWN = Reason("permitted", "Everybody may read who they are.")


@dataclass(frozen=True, slots=True)
class UserRoutes:
    """Below the FHIR base and before those of resource types, whose ids have no dash."""

    looks: Looks
    keys: KeyRing

    def router(self) -> Router:
        """The routes."""
        router = Router(include_in_schema=False)
        router.add_api_route("/Practitioner/u-{rest}", self.read, methods=["GET"])
        router.add_api_route("/Person/u-{rest}", self.read, methods=["GET"])
        return router

    async def read(self, request: Request, rest: str) -> Response:
        """The resource of whoever asks; of anybody else it is not there."""
        kind = request.url.path.rsplit("/", 2)[-2]

        async def answer(_look: Look, actor: Actor) -> Answer:
            mine = "Practitioner" if actor.kind is ActorKind.PROFESSIONAL else "Person"
            own = user_id(self.keys, actor)
            if actor.kind is ActorKind.SYSTEM or (kind, f"u-{rest}") != (mine, own):
                raise NotFound(f"no {kind} with this id, or none that you may see")
            return Answer(orjson.dumps(_resource(mine, own, actor)))

        return await self.looks.serve(
            request, action="read", what=kind, interaction=Interaction.READ, handler=answer, admit=_anybody
        )


def _anybody(_asked: AccessRequest, policy: Policy, _now: datetime) -> Decision:
    """It tells nothing of any record."""
    return Decision(True, (_OWN,), policy.hash)


def _resource(kind: str, logical: str, actor: Actor) -> dict[str, object]:
    told: dict[str, object] = {"resourceType": kind, "id": logical}
    if actor.user_id:
        told["identifier"] = [{"system": _SDS_USER, "value": actor.user_id}]
    if actor.name:
        told["name"] = [{"text": actor.name}]
    return told
