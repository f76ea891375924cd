"""Who signed in: the same actor from the session as from a token that says the same."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from tests.unit.api.issuing import TestIssuer

from scr.api.auth import TokenVerifier
from scr.api.auth.token import Acting, NrbacRole
from scr.api.signin.person import SignedIn
from scr.consent.actor import ActorKind
from scr.errors import Unauthenticated

_KEY = ECKey.generate_key("P-256", {"kid": "ec-1"})
_NUMBERS = st.sampled_from(["9995100002", "9995200007", "9995300001"])
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
_VECTORS = st.sampled_from(["", "P9.Cp.Cd", "Cp.P9"])
_ROLES = st.builds(
    NrbacRole,
    person_roleid=_TEXT,
    org_code=st.sampled_from(["A81001", "RXX"]),
    role_code=st.sampled_from(["S8000:G8000:R8000", "R8014"]),
    role_name=_TEXT,
    activity_codes=st.lists(_TEXT, max_size=2),
)
_STAFF = st.builds(
    SignedIn, population=st.just("staff"), upstream=st.just("cis2"), issuer=st.just("https://issuer.example"),
    subject=_TEXT, name=_TEXT, signed_in=st.just(0), user_id=_TEXT, role=st.none() | _ROLES,
    assurance=st.sampled_from(["", "1", "3"]), organisation_name=_TEXT,
)  # fmt: skip
_ACTING = st.builds(
    Acting, sub=_TEXT, name=_TEXT, nhs_number=_NUMBERS, identity_proofing_level=st.just("P9"), vot=_VECTORS
)
_CITIZENS = st.builds(
    SignedIn, population=st.just("citizens"), upstream=st.just("nhs-login"), subject=_TEXT, name=_TEXT,
    issuer=st.just("https://issuer.example"), signed_in=st.just(0), nhs_number=_NUMBERS,
    assurance=st.just("P9"), vot=_VECTORS, act=st.none() | _ACTING,
)  # fmt: skip


@given(person=_STAFF | _CITIZENS)
async def test_a_session_and_a_token_of_the_same_claims_make_the_same_actor(person: SignedIn) -> None:
    """What a token of ours says of somebody reads back as who sits at the page; nothing shows in print."""
    issuer = TestIssuer(_KEY)
    trusted = issuer.settings().model_copy(update={"people": person.population})
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer.respond))
    blank = dict.fromkeys(("nhsid_useruid", "selected_roleid", "nhsid_nrbac_roles", "name", "sub"))
    scope = "user/*.rs"
    bearer = issuer.bearer(**(blank | person.claims() | {"scope": scope, "client_id": "app"}))
    actor = await TokenVerifier([trusted], client).actor(bearer)
    assert actor == person.actor(scope, "app")
    assert actor.kind is person.kind
    assert repr(person) == f"SignedIn(population={person.population!r}, upstream={person.upstream!r})"


@pytest.mark.parametrize(("population", "role"), [("staff", "user"), ("citizens", "patient")])
def test_at_our_own_pages_the_policy_alone_narrows(population: str, role: str) -> None:
    """Everything that a scope of theirs can say, since no app stands between."""
    person = SignedIn(
        "staff" if population == "staff" else "citizens", "u", "i", "s", "n", 0, user_id="u", assurance="P9"
    )
    assert person.actor().scopes == {f"{role}/*.cruds"}
    assert person.kind in (ActorKind.PROFESSIONAL, ActorKind.CITIZEN)


def test_who_contradicts_themselves_is_nobody() -> None:
    """A proofing and a vector that differ, or a number that is none."""
    ada = SignedIn("citizens", "u", "i", "s", "n", 0, nhs_number="9995100002", assurance="P9")
    for changes in ({"vot": "P5.Cp"}, {"nhs_number": "9995100003"}):
        told = {name: getattr(ada, name) for name in ada.__struct_fields__} | changes
        with pytest.raises(Unauthenticated):
            SignedIn(**told).actor()
