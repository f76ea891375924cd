"""A care provider: one short file, ``adapters/providers/<ODS code>.yaml``."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from scr.data import DataFiles, load_yaml
from scr.fhir.identifiers import OdsCode

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\S*$")]
Secret = Annotated[str, StringConstraints(pattern=r"^((env|file):.+)?$")]
Seconds = Annotated[float, Field(gt=0, le=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GpConnectConnection(_Strict):
    """GP Connect Access Record: Structured. The ASIDs are those of the Spine's directory."""

    kind: Literal["gpconnect"]
    url: Url
    from_asid: str
    to_asid: str
    timeout_seconds: Seconds = 4.0
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16


class FhirR4Connection(_Strict):
    """A FHIR R4 server. ``search`` names the types to ask for, or ``$everything``.

    ``number_in`` says how the person is searched for: by POST, with the NHS Number in the body where no
    access log sees it, or by GET, in the address, for a server that knows only that.
    """

    kind: Literal["fhir-r4"]
    url: Url
    token: Secret = ""
    number_in: Literal["body", "address"] = "body"
    search: tuple[str, ...] = ("$everything",)
    timeout_seconds: Seconds = 4.0
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16


class MllpConnection(_Strict):
    """HL7 v2 messages that name this sending facility (MSH-4) and, where given, application (MSH-3).

    ``messages`` are the message codes (MSH-9.1) that the feed takes, ``[ADT]``; all where it is empty.
    """

    kind: Literal["mllp"]
    sending_facility: str
    sending_application: str = ""
    messages: tuple[str, ...] = ()


class DropFolderConnection(_Strict):
    """Files of this pattern in the provider's folder below the watched one."""

    kind: Literal["drop-folder"]
    pattern: str = "*"


class HttpPostConnection(_Strict):
    """Payloads that this client of the token issuer sends to us."""

    kind: Literal["http-post"]
    client: str


Connection = Annotated[
    GpConnectConnection | FhirR4Connection | MllpConnection | DropFolderConnection | HttpPostConnection,
    Field(discriminator="kind"),
]


class Feed(_Strict):
    """One way in which a provider's data comes, and the adapter that reads it."""

    name: str
    adapter: str
    connection: Connection


class _Organisation(_Strict):
    ods: str
    name: str
    type: str


class _ProviderFile(_Strict):
    organisation: _Organisation
    go_live: date | None = None
    feeds: tuple[Feed, ...] = Field(min_length=1)


class Provider(_Strict):
    """An organisation, its feeds, and the day that it goes live."""

    ods: OdsCode
    name: str
    organisation_type: str
    go_live: date | None
    feeds: tuple[Feed, ...]

    @property
    def pushes(self) -> bool:
        """Whether any of its feeds sends to us, so that copies are held."""
        return any(
            isinstance(feed.connection, MllpConnection | DropFolderConnection | HttpPostConnection)
            for feed in self.feeds
        )


def load_providers(files: DataFiles) -> dict[OdsCode, Provider]:
    """Every provider by its code. Raises Invalid naming file, line and key of the first thing wrong."""
    found: dict[OdsCode, Provider] = {}
    adapters = [name.split("/")[0] for name, _ in files.walk("adapters", "*/adapter.yaml")]
    for _, path in files.walk("adapters", "providers/*.yaml"):
        provider = _read(path, adapters)
        found[provider.ods] = provider
    return found


def _read(path: Path, adapters: list[str]) -> Provider:
    document = load_yaml(path)
    file = document.parse(_ProviderFile)
    at = ("organisation", "ods")
    try:
        ods = OdsCode.parse(file.organisation.ods)
    except ValueError as error:
        raise document.error(str(error), *at, code="bad-provider") from None
    if path.stem.upper() != ods.value:
        raise document.error(f"the file is named {path.name}: name it {ods}.yaml", *at, code="bad-provider")
    for i, feed in enumerate(file.feeds):
        if feed.adapter not in adapters:
            near = difflib.get_close_matches(feed.adapter, adapters, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`scr adapters list` names those there are"
            message = f"there is no adapter {feed.adapter!r}; {hint}"
            raise document.error(message, "feeds", i, "adapter", code="bad-provider")
    return Provider(
        ods=ods,
        name=file.organisation.name,
        organisation_type=file.organisation.type,
        go_live=file.go_live,
        feeds=file.feeds,
    )
