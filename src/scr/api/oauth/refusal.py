"""What a refusal of ours is in the words of OAuth.

RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6. Our own codes are finer, and stand in the audit; a
client reads one of theirs, and the sentence.
"""

from __future__ import annotations

from typing import Final

from scr.errors import ScrError

_THEIRS: Final = {
    "invalid_request": (
        "bad-audience", "bad-launch", "bad-prompt", "bad-response-mode", "no-state", "no-pkce",
        "repeated-parameter", "unknown-app",
    ),
    "invalid_grant": (
        "bad-code", "code-late", "code-used", "grant-over", "bad-refresh", "refresh-used", "wrong-client",
        "wrong-redirect", "wrong-verifier",
    ),
    "invalid_scope": ("no-scope",),
    "unauthorized_client": ("not-an-app", "not-a-launcher", "public-client", "other-client"),
    "unsupported_response_type": ("bad-response-type",),
    "access_denied": ("launch-organisation", "person-refused", "other-people", "no-role"),
    "login_required": ("sign-in-needed", "not-signed-in"),
    "consent_required": ("consent-needed",),
    "unsupported_grant_type": (),
    "request_not_supported": ("request-object",),
    "request_uri_not_supported": ("request-uri",),
    "registration_not_supported": ("registration",),
}  # fmt: skip
_TOLD: Final = {ours: theirs for theirs, codes in _THEIRS.items() for ours in (*codes, theirs)}


def told_as(error: ScrError) -> str:
    """OAuth's word for an error."""
    if error.status == 401:
        return "invalid_client"
    if error.status >= 500:
        return "temporarily_unavailable" if error.status in (503, 504) else "server_error"
    if error.status == 429:
        return "temporarily_unavailable"
    return _TOLD.get(error.code, "invalid_request")
