"""HL7 v2 messages: which feed is it, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations

from scr.decode.hl7v2 import AckCode, Segment, acknowledge, read_header
from scr.errors import Invalid, ScrError
from scr.faults import reach
from scr.fhir.identifiers import OdsCode
from scr.intake.receive import Intake
from scr.mapping.provider import Feed, MllpConnection, Provider
from scr.store.keys import random_id
from scr.store.messages import MessageState

_TOLD = 3
"""Problems that an acknowledgement names; all of them stand in quarantine."""


class Hl7Intake:
    """Handles one message of an MLLP connection."""

    def __init__(self, intake: Intake, providers: Mapping[OdsCode, Provider]) -> None:
        """Take the providers' feeds. Raises Invalid where a message could be either of two providers'."""
        self._intake = intake
        self._feeds = [
            (provider, feed, feed.connection)
            for provider in providers.values()
            for feed in provider.feeds
            if isinstance(feed.connection, MllpConnection)
        ]
        _no_doubt(self._feeds)

    async def handle(self, raw: bytes) -> bytes:
        """Take a message in; the acknowledgement is made after the commit.

        AA: filed; or kept, and filed without anybody's doing when the national register says whose it is
        (the text says so): to send it again would change nothing. AE: kept, and in quarantine until
        someone has looked; or not kept, because the store is down, and then it must be sent again. AR:
        refused: nobody here expects it.
        """
        header = read_header(raw)
        if header is None:
            return _answer(raw, "AR", "This is not an HL7 v2 message: it must begin with MSH.")
        found = self._feed(header)
        if found is None:
            return _answer(header, "AR", "No feed is configured for this sender (MSH-3, MSH-4) and MSH-9.")
        reach("intake.received")
        try:
            receipt = await self._intake.receive(*found, raw)
        except ScrError as error:
            return _answer(header, "AE", str(error))
        if receipt.waiting:
            return _answer(header, "AA", "Kept; it is filed when PDS has said whose it is.")
        if receipt.state is MessageState.FILED:
            return _answer(header, "AA")
        return _answer(header, "AE", "; ".join(f"{p.code}: {p.sentence}" for p in receipt.problems[:_TOLD]))

    def _feed(self, header: Mapping[str, object]) -> tuple[Provider, Feed] | None:
        facility = _first(header.get("sending_facility"))
        application = _first(header.get("sending_application"))
        code = _first(header.get("message_type"))
        for provider, feed, connection in self._feeds:
            if (
                connection.sending_facility == facility
                and connection.sending_application in {"", application}
                and (not connection.messages or code in connection.messages)
            ):
                return provider, feed
        return None


def _no_doubt(feeds: Sequence[tuple[Provider, Feed, MllpConnection]]) -> None:
    for (one, _, a), (other, feed, b) in combinations(feeds, 2):
        if (
            one.ods != other.ods
            and a.sending_facility == b.sending_facility
            and (
                a.sending_application == b.sending_application
                or "" in {a.sending_application, b.sending_application}
            )
            and (not a.messages or not b.messages or not set(a.messages).isdisjoint(b.messages))
        ):
            raise Invalid(
                f"feed {feed.name!r}: messages of the facility {b.sending_facility!r} are a feed of "
                f"{one.ods} as well: whose a message is could not be told; name `sending_application`",
                code="bad-feed",
                where=f"adapters/providers/{other.ods}.yaml",
            )


def _answer(message: Segment | bytes, code: AckCode, text: str = "") -> bytes:
    return acknowledge(message, code, random_id()[:20], text, at=datetime.now(UTC))


def _first(value: object) -> str:
    """The first component of a field, whether it is a text or has components."""
    if isinstance(value, Mapping):
        return str(value.get("1") or "")
    return str(value or "")
