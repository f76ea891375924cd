"""Every setting, its meaning, its default, and where its value came from.

Nearest wins: the environment (``SCR_DATABASE_URL``), then ``scr.toml`` in the deployment's folder
(``SCR_HOME``), then the default. This module alone reads the environment. A secret is never a
value here: it is a reference, ``file:PATH`` or ``env:NAME``, read when it is needed.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from scr.errors import Invalid
from scr.issuers import Algorithm as Algorithm
from scr.issuers import Introspection as Introspection
from scr.issuers import Issuer as Issuer
from scr.issuers import Upstream as Upstream
from scr.issuers import one_for_each, told_apart
from scr.keeping import Keeping
from scr.outgoing import Outgoing
from scr.serving import Serving

PREFIX = "SCR_"


class Settings(Outgoing, Serving, Keeping):
    """The settings in force. Frozen: a change needs a restart."""

    home: Path = Field(
        default=Path("scr-home"), description="The deployment's folder: scr.toml, overrides, keys, data."
    )
    database_url: str = Field(
        default="",
        pattern=r"^$|^(sqlite|postgresql)(\+\w+)?:",
        description="SQLAlchemy address of the database; empty: `scr.db`, SQLite, in the home.",
    )
    encryption_key: str = Field(
        default="file:keys/encryption.key", description="Reference to the key that wraps each person's key."
    )
    index_key: str = Field(
        default="file:keys/index.key", description="Reference to the key of opaque ids and the blind index."
    )
    signing_keys: str = Field(
        default="file:keys/signing.json",
        description="Reference to the keys that sign our own tokens; without them systems are given none.",
    )
    audit_key: str = Field(
        default="file:keys/audit.key",
        description="Reference to the key that signs the heads of the audit; without it nothing is sealed.",
    )
    audit_heads: str = Field(
        default="audit-heads.jsonl",
        description="File to which each signed head is added; best where no keeper of the database writes.",
    )
    base_url: str = Field(
        default="http://127.0.0.1:8400/fhir",
        pattern=r"^https?://[^\s/]+(/[^\s/]+)*$",
        description="The FHIR base as clients see it, without a slash.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address that the HTTP server listens on.")
    http_port: int = Field(default=8400, ge=0, le=65535, description="Port that the HTTP server listens on.")
    mllp_host: str = Field(default="127.0.0.1", description="Address that the MLLP server listens on.")
    mllp_port: int = Field(default=8402, ge=0, le=65535, description="Port that the MLLP server listens on.")
    mllp_certificate: str = Field(default="", description="PEM chain for MLLP over TLS; empty: no TLS.")
    mllp_key: str = Field(default="", description="PEM private key for MLLP over TLS.")
    mllp_client_ca: str = Field(
        default="", description="PEM of the authority whose clients MLLP admits; empty: all."
    )
    drop_folder: str = Field(default="drop", description="Watched folder, with one sub-folder per provider.")
    issuers: Annotated[tuple[Issuer, ...], AfterValidator(told_apart)] = Field(
        default=(), description="Token issuers that are trusted."
    )
    upstreams: Annotated[tuple[Upstream, ...], AfterValidator(one_for_each)] = Field(
        default=(), description="Where people sign in to the pages; without one they paste a token."
    )
    pds_mode: Literal["off", "live"] = Field(
        default="off", description="`live`: ask the Personal Demographics Service whose a number is."
    )
    pds_url: str = Field(
        default="https://api.service.nhs.uk/personal-demographics/FHIR/R4",
        pattern=r"^https?://[^\s/]+(/[^\s/]+)*$",
        description="The FHIR base of PDS, without a slash.",
    )
    pds_token_url: str = Field(
        default="https://api.service.nhs.uk/oauth2/token",
        pattern=r"^https?://[^\s/]+(/[^\s/]+)*$",
        description="Where PDS's access tokens are given; also the audience of our assertions.",
    )
    pds_client_id: str = Field(default="", description="We, as the API platform knows us; empty: no token.")
    pds_key: str = Field(
        default="file:keys/pds.pem", description="Reference to the RSA private key (PEM) that signs for PDS."
    )
    pds_key_id: str = Field(default="", description="The `kid` under which the platform has our public key.")
    pds_organisation: str = Field(default="", description="ODS code of the organisation that asks PDS.")
    pds_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long one answer of PDS may take."
    )
    pds_at_once: int = Field(default=8, ge=1, le=64, description="Calls of PDS under way at once.")
    pds_check_days: int = Field(
        default=30, ge=1, le=3650, description="Days after which a person is asked about again."
    )
    terminology_server: str = Field(
        default="",
        pattern=r"^$|^https?://[^\s/]+(/[^\s/]+)*$",
        description="FHIR base of a terminology server behind the release here; empty: none.",
    )
    terminology_server_token: str = Field(
        default="", description="Reference to the bearer token for the terminology server; empty: none."
    )
    terminology_server_seconds: float = Field(
        default=2.0, gt=0, le=60, description="How long one answer of the terminology server may take."
    )
    terminology_server_first: bool = Field(
        default=False, description="Ask the terminology server first, and not for what is missing here only."
    )
    deadline_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long a question waits for its sources."
    )
    longest_wait_seconds: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="The longest that a question may wait for its sources by `Prefer: wait=`.",
    )
    async_seconds: float = Field(
        default=60.0,
        gt=0,
        le=600,
        description="How long a question whose asker fetches the answer later waits for its sources.",
    )
    stream_seconds: float = Field(
        default=60.0, gt=0, le=600, description="How long a streamed answer may take, its reading included."
    )
    pulled_fresh_seconds: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="How long what a live source told is given again without asking it; 0: it is asked.",
    )
    pulled_stale_hours: float = Field(
        default=24.0,
        ge=0,
        le=24 * 31,
        description="How long what a live source told is kept for when it does not answer; 0: not at all.",
    )
    max_payload_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Largest payload taken in, or answer taken from a source."
    )
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0, description="Largest HL7 v2 message.")
    snapshot_seconds: int = Field(default=900, gt=0, description="How long a search's pages stay pinned.")
    refusals_per_address: int = Field(
        default=300,
        ge=1,
        description="Refused calls for tokens and sign-ins that one address may make at once; "
        "one more each ten seconds.",
    )
    address_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header in which the proxy in front writes an address, last; empty: no proxy.",
    )
    upload_scanner: str = Field(
        default="",
        pattern=r"^$|^(command|clamd):.+$",
        description="What scans what citizens send for viruses: `command:clamdscan -`, "
        "`clamd:/run/clamd.sock`; empty: nothing does.",
    )
    max_upload_bytes: int = Field(
        default=10 * 1024 * 1024, gt=0, description="Largest file that a citizen may send."
    )
    intake: bool = Field(
        default=True,
        description="Whether `scr serve` also takes MLLP, the drop folder and MESH; "
        "no: `listen`, `watch` and `poll` do.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of the operators' port.")
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The operators' port: `/metrics` for Prometheus, and `/health`; not public. 0: none.",
    )
    drain_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="How long a process that is to stop still takes requests, while `/health/ready` says no.",
    )
    drain_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="How long the requests and messages under way may take after that.",
    )
    begun_file: str = Field(
        default="", description="A file that a worker makes once it takes requests; `scr serve` names it."
    )
    writers: int = Field(default=2, ge=1, le=32, description="Writing threads (SQLite always has one).")
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least that is logged."
    )

    @property
    def resolved_database_url(self) -> str:
        """The database's address, the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'scr.db'}"

    def path(self, text: str) -> Path:
        """A path of a setting: relative ones are below the home."""
        return self.home / text

    def secret(self, reference: str) -> bytes:
        """What a reference (``file:PATH`` or ``env:NAME``) stands for.

        Raises Invalid, which names the reference and never the value.
        """
        kind, _, rest = reference.partition(":")
        if kind == "env" and rest in os.environ:
            return os.environ[rest].encode()
        if kind == "file" and self.path(rest).is_file():
            return self.path(rest).read_bytes().strip()
        raise Invalid(
            f"the secret {reference!r} is not there; `scr init` makes the keys of a new deployment",
            code="no-secret",
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each name where it came from."""

    settings: Settings
    origins: dict[str, str]


def load(overrides: dict[str, object] | None = None) -> Loaded:
    """Read the settings; ``overrides`` (from the command line) are nearest of all.

    Raises Invalid with the file and the key that is wrong.
    """
    overrides = overrides or {}
    home = Path(str(overrides.get("home") or os.environ.get(PREFIX + "HOME") or "scr-home")).absolute()
    values: dict[str, object] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    file = home / "scr.toml"
    layers: list[tuple[str, dict[str, object]]] = []
    if file.is_file():
        layers.append((str(file), _read(file)))
        if "home" in layers[0][1]:
            raise Invalid(
                "the home cannot be set in the file that is in it", code="bad-setting", where=str(file)
            )
    layers.append(("environment", _environment()))
    layers.append(("command line", overrides))
    for origin, layer in layers:
        for name, value in layer.items():
            values[name] = value
            origins[name] = f"environment {PREFIX}{name.upper()}" if origin == "environment" else origin
    values["home"] = home
    if "home" not in overrides and os.environ.get(PREFIX + "HOME"):
        origins["home"] = f"environment {PREFIX}HOME"
    try:
        return Loaded(Settings.model_validate(values), origins)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise Invalid(
            f"setting {'.'.join(map(str, first['loc']))!r}: {first['msg']}; `scr config` lists the settings",
            code="bad-setting",
            where=origins.get(name, str(file)),
        ) from None


def hand_down(loaded: Loaded, **more: str) -> None:
    """Put what was set on the command line, and more, into the environment: for a server's worker process."""
    os.environ[PREFIX + "HOME"] = str(loaded.settings.home)
    for name, origin in loaded.origins.items():
        if origin == "command line" and name != "home":
            os.environ[PREFIX + name.upper()] = str(getattr(loaded.settings, name))
    for name, value in more.items():
        os.environ[PREFIX + name.upper()] = value


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"not valid TOML: {error}", code="bad-setting", where=str(file)) from None


def _environment() -> dict[str, object]:
    """Scalars only: tables are for scr.toml. A name that is nearly a setting's is a slip."""
    names = set(Settings.model_fields) - {"home", "issuers", "upstreams"}
    given = {key.removeprefix(PREFIX).lower(): key for key in os.environ if key.startswith(PREFIX)}
    for name, key in given.items():
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
        if near and name not in names:
            raise Invalid(
                f"there is no setting {name!r}; did you mean {PREFIX}{near[0].upper()}?",
                code="bad-setting",
                where=f"environment {key}",
            )
    return {name: os.environ[key] for name, key in given.items() if name in names}
