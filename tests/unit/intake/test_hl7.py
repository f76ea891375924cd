"""Which provider's a message is, by its header."""

from __future__ import annotations

import pytest
from tests.unit.intake.feeder import Feeder

from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.intake.hl7 import Hl7Intake
from scr.intake.receive import Intake
from scr.mapping.provider import Feed, MllpConnection, Provider
from scr.store.engine import Database
from scr.store.keys import KeyRing


def provider(ods: str, application: str, *messages: str) -> Provider:
    """A provider whose messages name the facility SHARED."""
    connection = MllpConnection(
        kind="mllp", sending_facility="SHARED", sending_application=application, messages=messages
    )
    feed = Feed(name="adt", adapter="pas-adt", connection=connection)
    return Provider(ods=OdsCode(ods), name=ods, organisation_type="hospital", go_live=None, feeds=(feed,))


def made(intake: Intake, *providers: Provider) -> Hl7Intake:
    """The intake of these providers' messages."""
    return Hl7Intake(intake, {one.ods: one for one in providers})


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (("", ()), ("", ()), True),
        (("PAS", ()), ("", ()), True),
        (("PAS", ()), ("LAB", ()), False),
        (("PAS", ("ADT",)), ("PAS", ("ORU",)), False),
        (("PAS", ("ADT",)), ("PAS", ()), True),
    ],
)
def test_a_message_is_never_either_of_two_providers(
    database: Database,
    keys: KeyRing,
    one: tuple[str, tuple[str, ...]],
    other: tuple[str, tuple[str, ...]],
    clash: bool,
) -> None:
    """Feeds of two providers that the same header fits are refused at the start, with both named."""
    intake = Feeder(database, keys, "warn").intake
    both = provider("Z9902", one[0], *one[1]), provider("Z9903", other[0], *other[1])
    if not clash:
        made(intake, *both)
        return
    with pytest.raises(Invalid, match=r"Z9902.*") as caught:
        made(intake, *both)
    assert "Z9903" in str(caught.value)
