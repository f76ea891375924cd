"""The settings of how HTTP is served, and of who is told how that went. Part of ``scr.settings``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Serving(BaseModel):
    """How HTTP is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    http_certificate: str = Field(
        default="",
        description="PEM chain for HTTP over TLS; empty: no TLS here, but at the balancer in front.",
    )
    http_key: str = Field(default="", description="PEM private key for HTTP over TLS.")
    http_client_ca: str = Field(
        default="", description="PEM of the authority whose clients HTTP admits; empty: all."
    )
    http_seconds: int = Field(
        default=30,
        ge=1,
        le=600,
        description="How long the head of a request may take, and its body, which has a second more for each "
        "16 KiB that have come.",
    )
    looks_per_user: int = Field(
        default=0, ge=0, description="Looks a minute that one user may make; 0: no limit."
    )
    looks_per_client: int = Field(
        default=0,
        ge=0,
        description="Looks a minute that all users of one client may make; 0: no limit.",
    )
    traces_url: str = Field(
        default="",
        pattern=r"^$|^https?://\S+$",
        description="Where spans are sent by OTLP over HTTP (`http://collector:4318/v1/traces`); "
        "empty: nowhere.",
    )
    traces_share: float = Field(
        default=1.0, ge=0, le=1, description="The share of requests of which spans are sent."
    )
    traces_token: str = Field(
        default="", description="Reference to the bearer token that the collector wants; empty: none."
    )
