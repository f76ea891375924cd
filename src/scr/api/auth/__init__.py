"""Who is asking: bearer tokens, from trusted issuers only, and what they say of the actor."""

from __future__ import annotations

from scr.api.auth.verifier import TokenVerifier as TokenVerifier
from scr.api.auth.verifier import authorization_of as authorization_of
