"""What is wrong with the keys of a sign-in is told before anything is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.api.oauth.build import check_sign_in
from scr.api.oauth.signing import create_signing_key
from scr.errors import Invalid
from scr.settings import Introspection, Issuer, Settings


def test_keys_and_secrets_are_looked_at_before_the_start(tmp_path: Path) -> None:
    """No signing keys are no mistake; ones that cannot be read are, and so is a secret that is not there."""
    check_sign_in(Settings(home=tmp_path))
    create_signing_key(tmp_path / "keys" / "signing.json")
    check_sign_in(Settings(home=tmp_path))
    asks = Introspection(url="https://issuer.example/introspect", client_id="scr", secret="file:secret")
    issuer = Issuer(url="https://issuer.example", audience="a", introspection=asks)
    with pytest.raises(Invalid) as caught:
        check_sign_in(Settings(home=tmp_path, issuers=(issuer,)))
    assert caught.value.code == "no-secret"
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    check_sign_in(Settings(home=tmp_path, issuers=(issuer,)))
    (tmp_path / "keys" / "signing.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        check_sign_in(Settings(home=tmp_path))
    assert caught.value.code == "bad-key"
