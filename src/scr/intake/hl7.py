"""HL7 v2 messages: which feed is it, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from scr.decode.hl7v2 import AckCode, Segment, acknowledge, read_header
from scr.errors import ScrError
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
        self._intake = intake
        self._feeds = [
            (provider, feed, feed.connection)
            for provider in providers.values()
            for feed in provider.feeds
            if isinstance(feed.connection, MllpConnection)
        ]

    async def handle(self, raw: bytes) -> bytes:
        """Take a message in; the acknowledgement is made after the commit.

        AA: filed. AE: kept, and in quarantine until someone has looked; or not kept, because the
        store is down, and then it must be sent again. AR: refused: nobody here expects it.
        """
        header = read_header(raw)
        if header is None:
            return _answer(raw, "AR", "This is not an HL7 v2 message: it must begin with MSH.")
        found = self._feed(header)
        if found is None:
            return _answer(header, "AR", "No feed is configured for this sender (MSH-3, MSH-4) and MSH-9.")
        try:
            receipt = await self._intake.receive(*found, raw)
        except ScrError as error:
            return _answer(header, "AE", str(error))
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


def _answer(message: Segment | bytes, code: AckCode, text: str = "") -> bytes:
    return acknowledge(message, code, random_id()[:20], text, at=datetime.now(UTC))


def _first(value: object) -> str:
    """The first component of a field, whether it is a text or has components."""
    if isinstance(value, Mapping):
        return str(value.get("1") or "")
    return str(value or "")
