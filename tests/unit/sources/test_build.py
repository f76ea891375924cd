"""The live sources that providers' files give."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.unit.sources import given

from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import Feed, Provider
from scr.settings import Settings
from scr.sources.build import build_sources
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.gpconnect import GpConnectSource
from scr.sources.protocol import Source

GP: dict[str, object] = {"kind": "gpconnect", "url": "http://gp.example", "from_asid": "1", "to_asid": "2"}
REST: dict[str, object] = {
    "kind": "fhir-r4",
    "url": "https://there.example",
    "token": "file:token",
    "timeout_seconds": 2,
    "attempts": 3,
    "concurrency": 4,
}
DROP: dict[str, object] = {"kind": "drop-folder"}


def build(home: Path, **feeds: list[tuple[str, dict[str, object]]]) -> dict[OdsCode, Source]:
    """The sources of providers, each with its feeds: adapter and connection."""
    providers = {}
    for name, of_one in feeds.items():
        made = tuple(
            Feed.model_validate({"name": f"f{n}", "adapter": adapter, "connection": connection})
            for n, (adapter, connection) in enumerate(of_one)
        )
        ods = OdsCode.parse(name)
        providers[ods] = Provider(ods=ods, name=name, organisation_type="x", go_live=None, feeds=made)
    adapters = {version.lower(): given.adapter(home, version) for version in ("STU3", "R4")}
    settings = Settings(home=home, max_payload_bytes=1000)
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    return build_sources(providers, adapters, client, settings, id_key=b"k" * 32, clock=lambda: given.NOW)


def test_feeds_that_are_asked_become_sources_and_others_do_not(tmp_path: Path) -> None:
    """Each kind of connection gets its source, with the limits of its file and of the settings."""
    (tmp_path / "token").write_text("abc\n")
    found = build(tmp_path, a81001=[("stu3", GP), ("r4", DROP)], qxx=[("r4", REST)], e09=[("r4", DROP)])
    assert {ods.value: type(source) for ods, source in found.items()} == {
        "A81001": GpConnectSource,
        "QXX": FhirRestSource,
    }
    rest = found[OdsCode("QXX")]
    assert isinstance(rest, FhirRestSource)
    assert (rest.limits.timeout_seconds, rest.limits.attempts, rest.limits.max_bytes) == (2, 3, 1000)
    assert rest.token() == "abc"
    (tmp_path / "token").write_text("def")
    assert rest.token() == "def"
    assert "problems" in rest.headings


def test_a_feed_without_its_adapter_is_refused_by_name(tmp_path: Path) -> None:
    """The message names provider, feed and adapter."""
    with pytest.raises(Invalid, match=r"provider QXX, feed 'f0': there is no adapter 'nothing'"):
        build(tmp_path, qxx=[("nothing", REST)])


def test_a_provider_is_asked_in_one_way(tmp_path: Path) -> None:
    """Two live feeds of one provider would count everything twice."""
    with pytest.raises(Invalid, match="already"):
        build(tmp_path, qxx=[("r4", REST), ("stu3", GP)])
