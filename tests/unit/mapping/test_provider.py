"""Provider files: every connection, and mistakes named with file, line and key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import load_providers

GOOD = """\
organisation: {ods: Z9901, name: Example Surgery, type: gp-practice}
go_live: 2026-01-05
feeds:
  - name: record
    adapter: gp-connect
    connection: {kind: gpconnect, url: "http://127.0.0.1:8411", from_asid: "1", to_asid: "2", attempts: 2}
  - {name: r4, adapter: fhir-r4-record, connection: {kind: fhir-r4, url: "https://n.test/fhir", token: env:T}}
  - {name: adt, adapter: pas-adt, connection: {kind: mllp, sending_facility: RZZ}}
  - {name: list, adapter: gp-registrations, connection: {kind: drop-folder, pattern: "*.csv"}}
  - {name: posted, adapter: pas-adt, connection: {kind: http-post, client: pas}}
  - name: mesh
    adapter: gp-registrations
    connection: {kind: mesh, url: "https://m.test", mailbox: X26AB1, password: env:P, shared_key: env:K,
      workflow_ids: [LIST]}
"""


def home(tmp_path: Path, text: str, name: str = "Z9901.yaml") -> DataFiles:
    """A deployment's folder with one provider."""
    (tmp_path / "adapters" / "providers").mkdir(parents=True)
    (tmp_path / "adapters" / "providers" / name).write_text(text, encoding="utf-8")
    return DataFiles(tmp_path)


def test_a_provider_has_its_feeds(tmp_path: Path) -> None:
    """All six kinds of connection are read."""
    provider = load_providers(home(tmp_path, GOOD))[OdsCode("Z9901")]
    assert provider.go_live == date(2026, 1, 5)
    kinds = [feed.connection.kind for feed in provider.feeds]
    assert kinds == ["gpconnect", "fhir-r4", "mllp", "drop-folder", "http-post", "mesh"]
    assert provider.pushes


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("go_live", "golive", "line 2: golive: unknown key; did you mean 'go_live'?"),
        ("kind: mllp", "kind: mlp", "line 8: feeds.2.connection"),
        ("from_asid", "from_asd", "line 6: feeds.0.connection.from_asd"),
        ("https://n.test/fhir", "n.test", "line 7: feeds.1.connection.url"),
        ("token: env:T", "token: abc123", "line 7: feeds.1.connection.token"),
        ("password: env:P", "password: abc123", "line 13: feeds.5.connection.password"),
        ("password: env:P, ", "", "feeds.5.connection.password: Field required"),
        ("workflow_ids: [LIST]", "workflow_ids: []", "line 14: feeds.5.connection.workflow_ids"),
        ("mailbox: X26AB1", "mailbox: ../x", "line 13: feeds.5.connection.mailbox"),
        ("[LIST]", "[LIST], key: k.pem", "feeds.5.connection.mesh: Value error, `key` is of no use without"),
        ("attempts: 2", "attempts: 99", "line 6: feeds.0.connection.attempts"),
        ("ods: Z9901", "ods: z-1", "line 1: organisation.ods: not an ODS code"),
        ("ods: Z9901", "ods: Z9902", "name it Z9902.yaml"),
        ("2026-01-05", "soon", "line 2: go_live"),
        ("type: gp-practice", "type: gp-pratice", "line 1: organisation.type: GP Connect is a practice's"),
        ("token: env:T", "search: []", "line 7: feeds.1.connection.search"),
        ("sending_facility: RZZ", 'sending_facility: ""', "line 8: feeds.2.connection.sending_facility"),
        ("name: posted", "name: adt", "line 10: feeds.4.name: the name 'adt' is another feed's as well"),
        (
            "adapter: pas-adt",
            "adapter: pas-atd",
            "line 8: feeds.2.adapter: there is no adapter 'pas-atd'; did you mean",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One mistake in the good file."""
    assert old in GOOD
    with pytest.raises(Invalid) as caught:
        load_providers(home(tmp_path, GOOD.replace(old, new, 1)))
    assert says in str(caught.value)
    assert "providers/Z9901.yaml" in str(caught.value)
    assert "abc123" not in str(caught.value)
