"""What tells a client where to ask for a token, from what is really there.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html: `.well-known/smart-configuration`. The same
document serves as authorisation server metadata (RFC 8414) and for OpenID Connect Discovery.
"""

from __future__ import annotations

from collections.abc import Collection

from scr.api.oauth.assertion import ALGORITHMS
from scr.api.oauth.endpoints import Endpoints
from scr.api.oauth.offer import FHIR_USER, LAUNCH, LAUNCH_PATIENT, OFFLINE, ONLINE, OPENID
from scr.api.oauth.server import GRANT, GRANTS
from scr.api.oauth.signing import ALGORITHM
from scr.api.signin.person import Population

_CAPABILITIES = ("client-confidential-asymmetric", "permission-v1", "permission-v2")
_OF_APPS = (
    "authorize-post", "client-public", "launch-standalone", "permission-online", "permission-patient",
    "permission-user", "sso-openid-connect",
)  # fmt: skip
_OF_STAFF = ("context-banner", "context-ehr-patient", "launch-ehr")
_OF_CITIZENS = ("context-standalone-patient", "permission-offline")


def configuration(ends: Endpoints, people: Collection[Population] = ()) -> dict[str, object]:
    """The document. ``people``: the populations that can sign in here; without any, nothing is for apps."""
    return {
        "issuer": ends.issuer,
        "jwks_uri": ends.keys,
        "token_endpoint": ends.token,
        "token_endpoint_auth_methods_supported": ["private_key_jwt", *(["none"] if people else [])],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": list(GRANTS) if people else [GRANT],
        "response_types_supported": ["code"] if people else [],
        "scopes_supported": ["system/*.rs", *_scopes(people)],
        "introspection_endpoint": ends.introspect,
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint": ends.revoke,
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", *(["none"] if people else [])],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [*_CAPABILITIES, *_capabilities(people)],
        **(_sign_in(ends) if people else {}),
    }


def _sign_in(ends: Endpoints) -> dict[str, object]:
    return {
        "authorization_endpoint": ends.authorize,
        "authorization_response_iss_parameter_supported": True,
        "response_modes_supported": ["query"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _scopes(people: Collection[Population]) -> list[str]:
    if not people:
        return []
    both = [OPENID, FHIR_USER, ONLINE, LAUNCH_PATIENT, "patient/*.rs", "user/*.rs"]
    return both + [LAUNCH] * ("staff" in people) + [OFFLINE] * ("citizens" in people)


def _capabilities(people: Collection[Population]) -> list[str]:
    if not people:
        return []
    staff = _OF_STAFF if "staff" in people else ()
    return sorted((*_OF_APPS, *staff, *(_OF_CITIZENS if "citizens" in people else ())))
