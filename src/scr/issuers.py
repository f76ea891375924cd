"""Other people's issuers, as the settings tell of them: whose tokens count, and where people sign in."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
]  # fmt: skip
"""Signatures with a key pair (RFC 7518, RFC 8037): a shared secret or no signature is not trusted."""


class Introspection(BaseModel):
    """Where an issuer says what its opaque tokens are (RFC 7662), and who we are to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = Field(pattern=r"^https?://\S+$", description="Its introspection endpoint.")
    client_id: str = Field(min_length=1, description="We, as the issuer knows us.")
    secret: str = Field(description="Reference to our client secret.")
    cache_seconds: float = Field(default=5.0, ge=0, le=30, description="How long an answer counts.")


class Issuer(BaseModel):
    """One token issuer that is trusted: nobody else's tokens are."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = Field(description="The exact `iss` of its tokens; its discovery document is below it.")
    audience: str = Field(description="The `aud` that its tokens must name.")
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256",), min_length=1, description="Signature algorithms it may use."
    )
    people: Literal["staff", "citizens"] = Field(
        default="staff",
        description="Whom its tokens name: `staff` (NHS CIS2) and systems, or `citizens` (NHS login).",
    )
    types: tuple[str, ...] = Field(
        default=("at+jwt", "JWT"),
        min_length=1,
        description="The `typ` that its tokens may have; a token without one has `JWT`.",
    )
    longest_seconds: int = Field(
        default=86_400, gt=0, description="The longest time for which a token may be good."
    )
    one_time: bool = Field(default=False, description="Each token counts once; its `jti` is needed.")
    grace_seconds: int = Field(
        default=3600, ge=0, description="How long its known keys go on counting while it is down."
    )
    introspection: Introspection | None = Field(
        default=None, description="For opaque tokens; one issuer at most may have it."
    )


def told_apart(issuers: tuple[Issuer, ...]) -> tuple[Issuer, ...]:
    """Whose a token is must be plain: by its ``iss``, or, opaque, because one issuer alone has such."""
    if len({issuer.url for issuer in issuers}) != len(issuers):
        raise ValueError("an issuer stands twice")
    if sum(issuer.introspection is not None for issuer in issuers) > 1:
        raise ValueError("more than one issuer has an introspection endpoint")
    return issuers


class Upstream(BaseModel):
    """One issuer through which people sign in to the pages: we are a client of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Its word in our addresses: `/signin/NAME/callback`."
    )
    title: str = Field(min_length=1, description="What people know it by.")
    url: str = Field(
        pattern=r"^https?://\S+$",
        description="The exact `iss` of its ID tokens; its discovery document is below it.",
    )
    people: Literal["staff", "citizens"] = Field(
        description="Who signs in there: `staff` (NHS CIS2) or `citizens` (NHS login). One issuer for each."
    )
    client_id: str = Field(min_length=1, description="We, as it knows us.")
    authentication: Literal["private_key_jwt", "client_secret_basic", "client_secret_post"] = Field(
        default="private_key_jwt", description="How we show that it is we."
    )
    secret: str = Field(description="Reference to our RSA private key (PEM), or to our client secret.")
    key_id: str = Field(default="", description="The `kid` under which it has our public key, if it has one.")
    signing: Literal["RS256", "RS384", "RS512"] = Field(
        default="RS512", description="The algorithm that our key signs with."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256",), min_length=1, description="Signature algorithms that its ID tokens may have."
    )
    scopes: tuple[str, ...] = Field(
        default=("openid", "profile"), description="What we ask for; `delegation` lets people act for others."
    )
    acr_values: str = Field(
        default="", description="How surely to sign in, as CIS2 is asked; empty: not asked."
    )
    vtr: tuple[str, ...] = Field(
        default=(), description="How surely, as NHS login is asked; one of these has to be its `vot`."
    )
    vtm: str = Field(default="", description="The trust mark that its ID tokens must name; empty: any.")
    grace_seconds: int = Field(
        default=3600, ge=0, description="How long its known keys and addresses count while it is down."
    )

    @field_validator("scopes")
    @classmethod
    def _of_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("`openid` has to be among them")
        return scopes


def one_for_each(upstreams: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
    """Whoever signs in is asked nothing first: each population has one place for it."""
    for words, values in (
        ("the same name", [each.name for each in upstreams]),
        ("the same `url`", [each.url for each in upstreams]),
        ("the same `people`", [each.people for each in upstreams]),
    ):
        if len(set(values)) != len(values):
            raise ValueError(f"two have {words}")
    return upstreams
