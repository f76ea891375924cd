"""The page on which somebody is asked whether an app may act for them."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import Response

from scr.api.oauth.asked import Asked
from scr.api.oauth.offer import Offer
from scr.api.oauth.words import how_long, lines
from scr.api.pages.render import page
from scr.api.signin.person import SignedIn
from scr.api.signin.routes import SITE


def ask_page(asked: Asked, who: SignedIn, offer: Offer, *, action: str, csrf: str, query: str) -> Response:
    """The page. Its form goes to ``action``, with the app's request and what tells that it is ours."""
    answer = page(
        "app_ask.html",
        site=SITE,
        session=None,
        app=asked.client,
        lines=lines(offer, staff=who.population == "staff"),
        how_long=how_long(offer.scopes),
        you=_you(who),
        patient=_whose(who, offer),
        once=asked.client.consent == "once",
        action=action,
        csrf=csrf,
        query=query,
    )
    # The form is answered by sending the browser on to the app, which a browser counts as its target.
    policy, own = (
        answer.headers["Content-Security-Policy"],
        f"form-action 'self' {_source(asked.redirect_uri)}",
    )
    answer.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", own)
    return answer


def _you(who: SignedIn) -> str:
    if who.role is None:
        name = who.name if who.act is None else who.act.name
        return name or "signed in by NHS login"
    parts = (who.name, who.role.role_name.strip('"'), who.organisation_name or who.role.org_code)
    return ", ".join(part for part in parts if part)


def _whose(who: SignedIn, offer: Offer) -> str:
    if who.population == "staff":
        return "The one patient whom the app was opened for, and nobody else" if offer.held else ""
    if who.act is not None:
        return f"{who.name or 'The person'}, for whom you act"
    return "Your own"


def _source(redirect_uri: str) -> str:
    """An address as a source of the content security policy: its origin, or its scheme."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
