"""The certificates of HTTP over TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.functional.test_mllp import Certificates

from scr.cli.listening import Tls, http_tls
from scr.errors import Invalid
from scr.settings import Settings


def test_certificates_are_read_before_anything_is_served(tmp_path: Path) -> None:
    """None, or a chain and its key that belong together, below the home; a half is refused by name."""
    authority = Certificates(tmp_path)
    authority.issue("server")
    authority.issue("other")
    assert http_tls(Settings(home=tmp_path)) == Tls()
    made = http_tls(
        Settings(home=tmp_path, http_certificate="server.pem", http_key="server.key", http_client_ca="ca.pem")
    )
    assert made == Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    for wrong in (
        {"http_certificate": "server.pem"},
        {"http_client_ca": "ca.pem"},
        {"http_certificate": "server.pem", "http_key": "other.key"},
        {"http_certificate": "server.pem", "http_key": "server.key", "http_client_ca": "none.pem"},
    ):
        with pytest.raises(Invalid):
            http_tls(Settings.model_validate({"home": tmp_path, **wrong}))
