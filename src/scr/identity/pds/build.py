"""The PDS client of a deployment, from its settings."""

from __future__ import annotations

import time
from functools import partial

import httpx

from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.identity.pds.access import AccessTokens, Application
from scr.identity.pds.client import Limits, PdsClient
from scr.settings import Settings


def open_pds(settings: Settings, client: httpx.AsyncClient) -> PdsClient | None:
    """The client; None where PDS is not connected. Raises Invalid for a setting that is not there."""
    if settings.pds_mode == "off":
        return None
    try:
        organisation = OdsCode.parse(settings.pds_organisation)
    except ValueError:
        raise _missing("pds_organisation", "the ODS code of the organisation that asks") from None
    return PdsClient(
        client,
        settings.pds_url,
        organisation,
        _tokens(settings, client) if settings.pds_client_id else None,
        clock=time.monotonic,
        limits=Limits(settings.pds_timeout_seconds, settings.pds_at_once),
    )


def _tokens(settings: Settings, client: httpx.AsyncClient) -> AccessTokens:
    if not settings.pds_key_id:
        raise _missing("pds_key_id", "the `kid` of our key")
    settings.secret(settings.pds_key)  # one that is not there is told now, and not by a call
    application = Application(
        settings.pds_token_url,
        settings.pds_client_id,
        settings.pds_key_id,
        partial(settings.secret, settings.pds_key),
    )
    return AccessTokens(client, application, time.time)


def _missing(name: str, what: str) -> Invalid:
    return Invalid(
        f"with `pds_mode` live this is needed: {what}", code="bad-setting", where=f"setting {name!r}"
    )
