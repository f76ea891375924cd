"""When an appointment is, and which parts of a VXU belong to which vaccination."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scr.decode.hl7v2 import Message, parse
from scr.fhir.dates import LONDON

HEAD = "MSH|^~\\&|A|B|C|D|20260101||{}|1|T|2.5.1\r"


def message(kind: str, *segments: str) -> Message:
    """A message of some segments."""
    return parse((HEAD.format(kind) + "\r".join(segments)).encode())


def timing(*segments: str) -> dict[str, Any] | None:
    """When the appointment of some segments is."""
    found: dict[str, Any] | None = message("SIU^S12", *segments).get("timing")
    return found


def instant(text: str) -> datetime:
    """An HL7 time stamp with or without its offset."""
    if len(text) > 14:
        return datetime.strptime(text, "%Y%m%d%H%M%S%z")
    return datetime.strptime(text[:12], "%Y%m%d%H%M").replace(tzinfo=LONDON)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - local times of the sender
    st.integers(1, 3000),
    st.sampled_from(["", "+0000", "+0100", "-0530"]),
)
@example(datetime(2026, 3, 29, 0, 30), 60, "")  # noqa: DTZ001 - an hour that summer time cuts
@example(datetime(2026, 10, 25, 0, 30), 120, "")  # noqa: DTZ001 - an hour that comes twice
def test_the_end_is_the_start_and_the_length(start: datetime, minutes: int, zone: str) -> None:
    """In real time, over the changes of the clock, in whatever zone the sender writes."""
    text = f"{start:%Y%m%d%H%M}{zone}"
    found = timing("SCH|1", f"AIS|1||X|{text}|||{minutes}|min")
    assert found is not None
    assert found["start"] == text
    assert found["minutes"] == minutes
    begins = datetime.strptime(text, "%Y%m%d%H%M%z") if zone else instant(text)
    assert instant(found["end"]).astimezone(UTC) - begins.astimezone(UTC) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["SCH|1||||||||20|min|^^^202605010900^202605010930"], ("202605010900", "202605010930", 30)),
        (["SCH|1||||||||20|min", "TQ1|1||||||202605010900"], ("202605010900", "20260501092000+0100", 20)),
        (["SCH|1", "TQ1|1|||||1^h|202605010900"], ("202605010900", "20260501100000+0100", 60)),
        (["SCH|1", "AIL|1||W|||202605010900|||90|S"], ("202605010900", "20260501090130+0100", 1)),
        (["SCH|1", "AIP|1||P|||202605010900"], ("202605010900", None, None)),
        (["SCH|1||||||||0|min", "AIS|1||X|202605010900"], ("202605010900", None, None)),
        (["SCH|1||||||||9|fortnights", "AIS|1||X|202605010900"], ("202605010900", None, None)),
        (["SCH|1||||||||||^^^202605010900^202605010800"], ("202605010900", None, None)),
    ],
)
def test_it_is_read_from_where_the_sender_puts_it(segments: list[str], expected: tuple[Any, ...]) -> None:
    """SCH-11, TQ1, the resources; the length from each, or from SCH; nothing is made up."""
    found = timing(*segments)
    assert found is not None
    assert (found["start"], found.get("end"), found.get("minutes")) == expected


@pytest.mark.parametrize("start", ["999912312359", "000101010000", "202613010900", "soon"])
def test_a_start_that_cannot_be_is_left_to_the_reader_of_dates(start: str) -> None:
    """It is counted as unread there; here it stops nothing."""
    assert timing("SCH|1", f"AIS|1||X|{start}|||366|d") == {"day": start[:8]}


def test_a_day_is_no_time_and_no_start_is_none() -> None:
    """A clinic that tells only the day; a message that tells nothing."""
    assert timing("SCH|1", "AIS|1||X|20260501") == {"day": "20260501"}
    assert timing("SCH|1") is None


def test_a_vaccination_has_what_stands_between_it_and_the_next() -> None:
    """Its order, route, observations and notes; also where there is no order, or two doses under one."""
    tree = message(
        "VXU^V04", "ORC|RE||9", "RXA|0|1|20260101||A", "RXR|IM", "OBX|1|NM|X||1", "NTE|1||a",
        "RXA|0|1|20260101||B", "ORC|RE|8", "NTE|1||of the order", "RXA|0|1|20260102||C", "RXR|SC",
    )  # fmt: skip
    found = tree["vaccinations"]
    assert [each["identity"] for each in found] == ["9", "9|2", "8"]
    assert [len(each["OBX"]) for each in found] == [1, 0, 0]
    assert [len(each["NTE"]) for each in found] == [1, 0, 0]
    routes = [each["RXR"] and each["RXR"].get("route").get("identifier") for each in found]
    assert routes == ["IM", None, "SC"]
    alone = message("VXU^V04", "RXA|0|1|20260101||A^Alpha", "RXA|0|1|20260101||A^Alpha")
    assert [each["identity"] for each in alone["vaccinations"]] == ["20260101|A", "20260101|A|2"]
