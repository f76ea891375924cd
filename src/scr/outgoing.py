"""The settings of what goes out of the house, and of tests of crashes. Part of ``scr.settings``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Outgoing(BaseModel):
    """Where to, and signed by what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert_webhook: str = Field(
        default="",
        pattern=r"^$|^https?://\S+$",
        description="Where alerts (broken glasses, claimed relationships, misuse) are sent; empty: nowhere.",
    )
    alert_secret: str = Field(
        default="file:keys/alerts.key",
        description="Reference to the secret (32 characters or more) that signs what is sent there.",
    )
    alert_folder: str = Field(
        default="", description="Folder into which each alert is written as a file; empty: none."
    )
    outbound: bool = Field(
        default=True,
        description="Whether `scr serve` also sends what goes out of the house; no: `scr work` does.",
    )
    outbound_days: float = Field(
        default=7.0,
        gt=0,
        le=365,
        description="Days after which what could not be sent is not tried any more, and told as undelivered.",
    )
    fault_point: str = Field(
        default="",
        description="For tests of crashes alone: the place at which the process ends (`scr/faults.py`). "
        "Refused, unless the home is one of a test.",
    )
