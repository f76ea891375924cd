"""What tells a client where to ask for a token, from what is really there.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html: `.well-known/smart-configuration`. The same
document serves as authorisation server metadata (RFC 8414).
"""

from __future__ import annotations

from scr.api.oauth.assertion import ALGORITHMS
from scr.api.oauth.server import GRANT, Endpoints

_CAPABILITIES = ("client-confidential-asymmetric", "permission-v1", "permission-v2")


def configuration(ends: Endpoints) -> dict[str, object]:
    """The document. Nobody is sent anywhere to sign in: there is no authorisation endpoint."""
    return {
        "issuer": ends.issuer,
        "jwks_uri": ends.keys,
        "token_endpoint": ends.token,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
        "scopes_supported": ["system/*.rs"],
        "introspection_endpoint": ends.introspect,
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint": ends.revoke,
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": list(_CAPABILITIES),
    }
