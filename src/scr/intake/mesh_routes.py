"""Which feed a MESH message is of: by its mailbox, its workflow and, where it is given, its sender."""

from __future__ import annotations

from collections.abc import Mapping

from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import Feed, MeshConnection, Provider

Route = tuple[Provider, Feed, MeshConnection]


def mailboxes(providers: Mapping[OdsCode, Provider]) -> list[tuple[Route, ...]]:
    """The feeds of each mailbox.

    Raises Invalid where feeds of one mailbox differ in how it is reached, or a message could be either's.
    """
    found: dict[tuple[str, str], list[Route]] = {}
    for provider in providers.values():
        for feed in provider.feeds:
            if isinstance(feed.connection, MeshConnection):
                connection = feed.connection
                routes = found.setdefault((connection.url.rstrip("/"), connection.mailbox), [])
                for other in routes:
                    _agree(other, (provider, feed, connection))
                routes.append((provider, feed, connection))
    return [tuple(routes) for routes in found.values()]


def _agree(one: Route, other: Route) -> None:
    (first, _, there), (second, feed, here) = one, other
    where = f"adapters/providers/{second.ods}.yaml, feed {feed.name!r}"
    if _reached(there) != _reached(here):
        raise Invalid(
            f"the mailbox {here.mailbox} is reached in another way by {first.ods}: write `password`, "
            "`shared_key`, `certificate`, `key`, `ca`, `poll_seconds` and `timeout_seconds` alike",
            code="bad-feed",
            where=where,
        )
    both = sorted({*there.workflow_ids} & {*here.workflow_ids})
    if both and (not there.sender or not here.sender or there.sender == here.sender):
        raise Invalid(
            f"the workflow {both[0]!r} of mailbox {here.mailbox} is a feed of {first.ods} already: whose a "
            "message is could not be told; name the mailbox that sends it as `sender` in both",
            code="bad-feed",
            where=where,
        )


def _reached(connection: MeshConnection) -> MeshConnection:
    same = {"url": connection.url.rstrip("/"), "workflow_ids": ("",), "sender": ""}
    return connection.model_copy(update=same)
