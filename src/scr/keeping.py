"""The settings of what is kept beside the database. Part of ``scr.settings``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Keeping(BaseModel):
    """Lists that outlive a database which is put back to an earlier day, and where keys are unwrapped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    erased: str = Field(
        default="erased.jsonl",
        description="File that lists who was erased, by opaque keys: a restored backup erases them again.",
    )
    kms: str = Field(
        default="",
        pattern=r"^$|^(vault:https?://\S+|command:.+)$",
        description="What unwraps the encryption keys, where they stand wrapped (`kms:PATH`): "
        "`vault:https://vault.example/v1/transit/keys/scr`, `command:unwrap-key`.",
    )
    kms_token: str = Field(default="", description="Reference to the token that is shown to it; empty: none.")
    kms_ca: str = Field(
        default="", description="PEM of the authority that it is known by; empty: those of the system."
    )
