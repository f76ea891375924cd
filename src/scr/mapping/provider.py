"""A care provider: one short file, ``adapters/providers/<ODS code>.yaml``, or a row of a provider list."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from scr.data import DataFiles, Document, load_yaml
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import ADDED_SOURCE, WITHDRAWN_SOURCE
from scr.mapping.provider_list import TEMPLATE, read_list

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\S*$")]
Secret = Annotated[str, StringConstraints(pattern=r"^((env|file):.+)?$")]
NeededSecret = Annotated[str, StringConstraints(pattern=r"^(env|file):.+$")]
Seconds = Annotated[float, Field(gt=0, le=60)]


GP_PRACTICE = "gp-practice"
"""The type of organisation that is asked about those only who are registered with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GpConnectConnection(_Strict):
    """GP Connect Access Record: Structured. The ASIDs are those of the Spine's directory.

    ``traced``: it is told of our trace (W3C ``traceparent``), where somebody traces.
    """

    kind: Literal["gpconnect"]
    url: Url
    traced: bool = False
    from_asid: str
    to_asid: str
    timeout_seconds: Seconds = 4.0
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16


class BackendServices(_Strict):
    """We, as another server knows us (SMART backend services): who signs, and for what.

    ``key`` is a private JSON Web Key Set, such as our own signing keys, or a PEM with ``key_id``. Without
    ``token_url`` the server's own SMART configuration says where its tokens are.
    """

    client_id: Annotated[str, Field(min_length=1)]
    key: NeededSecret
    key_id: str = ""
    token_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/]+\S*)?$")] = ""
    scopes: Annotated[tuple[str, ...], Field(min_length=1)] = ("system/*.rs",)


class FhirR4Connection(_Strict):
    """A FHIR R4 server. ``search`` names the types to ask for, or ``$everything``.

    ``number_in`` says how the person is searched for: by POST, with the NHS Number in the body where no
    access log sees it, or by GET, in the address, for a server that knows only that. ``token`` is a bearer
    token that does not change; ``backend_services`` asks for one. A ``neighbour`` is another shared care
    record: it is told who asks, and is not asked what a neighbour asks. One that has ``pointers`` is a
    record locator: it says who holds something, and nothing of what. ``traced``: it is told of our trace.
    """

    kind: Literal["fhir-r4"]
    url: Url
    token: Secret = ""
    backend_services: BackendServices | None = None
    neighbour: bool = False
    pointers: bool = False
    traced: bool = False
    number_in: Literal["body", "address"] = "body"
    search: Annotated[tuple[str, ...], Field(min_length=1)] = ("$everything",)
    timeout_seconds: Seconds = 4.0
    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16


class MllpConnection(_Strict):
    """HL7 v2 messages that name this sending facility (MSH-4) and, where given, application (MSH-3).

    ``messages`` are the message codes (MSH-9.1) that the feed takes, ``[ADT]``; all where it is empty.
    """

    kind: Literal["mllp"]
    sending_facility: Annotated[str, Field(min_length=1)]
    sending_application: str = ""
    messages: tuple[str, ...] = ()


class DropFolderConnection(_Strict):
    """Files of this pattern in the provider's folder below the watched one."""

    kind: Literal["drop-folder"]
    pattern: str = "*"


class HttpPostConnection(_Strict):
    """Payloads that this client sends to us; ``issuer`` is its tokens', where several are trusted."""

    kind: Literal["http-post"]
    client: str
    issuer: str = ""


class MeshConnection(_Strict):
    """Messages of these workflows in a MESH mailbox of ours (NHS England's Message Exchange for Social
    Care and Health).

    ``sender`` is the mailbox that they come from, where several send the same workflow. ``certificate``,
    ``key`` and ``ca`` are PEM files for mutual TLS; no ``ca`` trusts those of the national service. Feeds
    may share a mailbox: it is polled once.
    """

    kind: Literal["mesh"]
    url: Url
    mailbox: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,30}$", to_upper=True)]
    password: NeededSecret
    shared_key: NeededSecret
    workflow_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    sender: Annotated[str, StringConstraints(to_upper=True)] = ""
    certificate: str = ""
    key: str = ""
    ca: str = ""
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    timeout_seconds: Seconds = 30.0

    @model_validator(mode="after")
    def _key_of_what(self) -> Self:
        if self.key and not self.certificate:
            raise ValueError("`key` is of no use without its `certificate`")
        return self


Connection = Annotated[
    GpConnectConnection
    | FhirR4Connection
    | MllpConnection
    | DropFolderConnection
    | HttpPostConnection
    | MeshConnection,
    Field(discriminator="kind"),
]

_PUSHED = MllpConnection | DropFolderConnection | HttpPostConnection | MeshConnection


class Feed(_Strict):
    """One way in which a provider's data comes, and the adapter that reads it.

    ``drift`` says what is done with a payload that departs from what the feed sent before.
    """

    name: str
    adapter: str
    connection: Connection
    drift: Literal["warn", "quarantine"] = "warn"


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
        return any(isinstance(feed.connection, _PUSHED) for feed in self.feeds)

    @property
    def is_locator(self) -> bool:
        """Whether it is a record locator, which is asked live."""
        connections = (feed.connection for feed in self.feeds)
        return any(isinstance(one, FhirR4Connection) and one.pointers for one in connections)

    @property
    def is_neighbour(self) -> bool:
        """Whether it is another shared care record, which is asked live."""
        connections = (feed.connection for feed in self.feeds)
        return any(isinstance(one, FhirR4Connection) and one.neighbour for one in connections)


THE_PERSON = Provider(
    ods=OdsCode(ADDED_SOURCE),
    name="The person and their carers",
    organisation_type="citizen",
    go_live=None,
    feeds=(),
)
"""In whose name stands what the person, or who acts for them, has added here: no file names it."""
_OURS = frozenset({ADDED_SOURCE, WITHDRAWN_SOURCE})


def load_providers(files: DataFiles) -> dict[OdsCode, Provider]:
    """Every provider by its code. Raises Invalid naming file, line (or row and column) and key of the
    first thing wrong; a provider that is given twice is named with both places."""
    found: dict[OdsCode, tuple[Provider, str]] = {}
    adapters = [name.split("/")[0] for name, _ in files.walk("adapters", "*/adapter.yaml")]
    for provider, where in (*_single(files, adapters), *_listed(files, adapters)):
        if provider.ods in found:
            raise Invalid(
                f"the provider {provider.ods} stands in {found[provider.ods][1]} as well: keep one",
                code="provider-twice",
                where=where,
            )
        found[provider.ods] = (provider, where)
    return {ods: provider for ods, (provider, _) in sorted(found.items(), key=lambda item: item[0].value)}


_Error = Callable[..., Invalid]


def _single(files: DataFiles, adapters: list[str]) -> Iterator[tuple[Provider, str]]:
    """The providers that have a file of their own, each with its place."""
    for name, path in files.walk("adapters", "providers/*.yaml"):
        if name.endswith(TEMPLATE):
            continue
        document = load_yaml(path)

        def error(message: str, *keys: str | int, document: Document = document) -> Invalid:
            return document.error(message, *keys, code="bad-provider")

        provider = _provider(document.parse(_ProviderFile), adapters, error)
        if path.stem.upper() != provider.ods.value:
            message = f"the file is named {path.name}: name it {provider.ods}.yaml"
            raise error(message, "organisation", "ods")
        yield provider, str(path)


def _listed(files: DataFiles, adapters: list[str]) -> Iterator[tuple[Provider, str]]:
    """The providers of every list, each with its place."""
    templates = {name.removesuffix(TEMPLATE): path for name, path in _walk(files, TEMPLATE)}
    lists = {name.removesuffix(".csv"): path for name, path in _walk(files, ".csv")}
    for name in sorted(templates.keys() ^ lists.keys()):
        missing = TEMPLATE if name in lists else ".csv"
        path = lists.get(name) or templates[name]
        message = f"a provider list is a CSV file and a template: add {Path(name).name}{missing} beside it"
        raise Invalid(message, code="bad-provider", where=str(path))
    for name, path in lists.items():
        for row in read_list(path, templates[name]):
            yield _provider(row.parse(_ProviderFile), adapters, row.error), row.where


def _walk(files: DataFiles, ending: str) -> Iterator[tuple[str, Path]]:
    return files.walk("adapters", f"providers/*{ending}")


def _provider(file: _ProviderFile, adapters: list[str], error: _Error) -> Provider:
    """The provider of a file or a row; ``error`` makes an error at a key path of it."""
    try:
        ods = OdsCode.parse(file.organisation.ods)
    except ValueError as wrong:
        raise error(str(wrong), "organisation", "ods") from None
    if ods.value in _OURS:
        raise error("this code is no organisation's: here it is the person's", "organisation", "ods")
    for i, feed in enumerate(file.feeds):
        if feed.adapter not in adapters:
            near = difflib.get_close_matches(feed.adapter, adapters, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`scr adapters list` names those there are"
            raise error(f"there is no adapter {feed.adapter!r}; {hint}", "feeds", i, "adapter")
        if feed.name in {before.name for before in file.feeds[:i]}:
            raise error(f"the name {feed.name!r} is another feed's as well", "feeds", i, "name")
        if isinstance(feed.connection, GpConnectConnection) and file.organisation.type != GP_PRACTICE:
            message = f"GP Connect is a practice's: its type is {GP_PRACTICE!r}"
            raise error(message, "organisation", "type")
    return Provider(
        ods=ods,
        name=file.organisation.name,
        organisation_type=file.organisation.type,
        go_live=file.go_live,
        feeds=file.feeds,
    )
