"""Every secret and every token through what fails: none is in a log, an error, an answer or the audit."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import yaml
from tests.functional import misbehaving
from tests.functional.deployment import BASE, SERVER, Deployment, make_home, running
from tests.functional.online import UPSTREAM
from tests.functional.tour import STAFF

from scr.api.app import create_app, mount
from scr.api.services import open_services
from scr.cli.app import command_line
from scr.errors import ScrError
from scr.settings import Settings
from scr.sources.http import open_client

MARK = "zzsecretzz"
SECRETS = sorted(
    name for name, one in Settings.model_fields.items() if (one.description or "").startswith("Reference to")
)
IN_USE: dict[str, object] = {
    "pds_mode": "live", "pds_client_id": "us", "pds_key_id": "one", "pds_organisation": "ZZZ99",
    "terminology_server": "https://codes.test/fhir", "traces_url": "http://127.0.0.1:9/v1/traces",
    "alert_webhook": "https://alerts.test/", "upstreams": (UPSTREAM, STAFF),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At the chattiest level, of every library."""
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path) -> Path:
    """Where a deployment will be, its database beside it."""
    (tmp_path / "scr.db").write_bytes(sqlite_template.read_bytes())
    return tmp_path / "home"


def _kept(folder: Path, name: str, value: str = "") -> str:
    """The reference to a secret that is none of its kind, and that one would know again."""
    (folder / name).write_text(value or f"{MARK}-{name}", encoding="utf-8")
    return f"file:{folder / name}"


def _database(home: Path) -> str:
    return f"sqlite:///{home.parent / 'scr.db'}"


def _silent(told: str) -> None:
    assert MARK not in told
    assert quote(MARK) not in told


@pytest.mark.parametrize("name", SECRETS)
async def test_a_secret_of_the_wrong_kind_is_told_by_its_reference(
    name: str, home: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is made of it at the start, or not: no failure, and nothing that one was made of, has it."""
    make_home(home)
    given = {"home": home, "database_url": _database(home), "base_url": BASE, **IN_USE}
    given[name] = _kept(home.parent, name)
    told = ""
    try:
        settings = Settings.model_validate(given)
        async with open_services(settings) as services:
            mount(create_app(settings, listen=False), services)
    except (ScrError, ValueError) as error:
        told = "".join(traceback.format_exception(error))
    _silent(told + "".join(capfd.readouterr()) + caplog.text)


def test_the_commands_that_look_at_settings_show_references(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``scr config`` and ``scr doctor`` over a deployment all of whose secrets are of the wrong kind."""
    make_home(home)
    lines = [f'{name} = "{_kept(home.parent, name)}"' for name in SECRETS]
    (home / "scr.toml").write_text("\n".join([*lines, f'base_url = "{BASE}"', ""]), encoding="utf-8")
    monkeypatch.delenv("SCR_HOME", raising=False)
    shown = ""
    for command in ("config", "doctor"):
        with suppress(SystemExit, ScrError):
            given = ["--home", str(home), command]
            command_line(given)(given, standalone_mode=False)
        shown += "".join(capfd.readouterr())
    assert "traces_token" in shown
    _silent(shown)


@dataclass
class _Split(httpx.AsyncBaseTransport):
    """The token issuer in this process, everything else over the network."""

    issuer: httpx.AsyncBaseTransport
    network: httpx.AsyncClient

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        if request.url.host == "127.0.0.1":
            return await self.network._transport.handle_async_request(request)
        return await self.issuer.handle_async_request(request)


@asynccontextmanager
async def _failing(deployment: Deployment, url: str, token: str, folder: Path) -> AsyncIterator[Deployment]:
    """The deployment once more, whose neighbour and terminology server are at an address that fails."""
    before = deployment.services.settings
    file = before.home / "adapters/providers/QXX.yaml"
    provider = yaml.safe_load(file.read_text("utf-8"))
    provider["feeds"][0]["connection"] |= {"url": url, "token": _kept(folder, "token", token), "attempts": 2}
    file.write_text(yaml.safe_dump(provider), "utf-8")
    more = {"terminology_server": url, "terminology_server_token": f"file:{folder / 'token'}"}
    settings = before.model_copy(update=more)
    issuer = httpx.MockTransport(deployment.issuer.respond)
    async with open_client() as network, open_services(settings, transport=_Split(issuer, network)) as made:
        app = create_app(settings, listen=False)
        mount(app, made)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            yield Deployment(made, app, deployment.issuer, deployment.neighbour, client)


FAILING: list[tuple[misbehaving.Behaviour, str]] = [
    (misbehaving.answers(b"{}", 401), MARK),
    (misbehaving.answers(MARK.encode(), 500, "text/plain"), MARK),
    (misbehaving.resets, MARK),
    (misbehaving.answers(b"{}"), f"{MARK}\r\nX: {MARK}"),  # it cannot be sent
]


async def test_a_token_that_we_show_is_in_no_failure(
    home: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """To a source and a terminology server that refuse it, tell it again or break off, and where it cannot be
    sent: not in the log, the answer or the audit."""
    async with running(home, _database(home)) as deployment:
        for behave, token in FAILING:
            told = ""
            async with (
                misbehaving.serve(behave) as there,
                _failing(deployment, there.url, token, home.parent) as failing,
            ):
                headers = {"authorization": failing.bearer()}
                subject = await failing.subject()
                for path in (f"Patient/{subject}/$everything", "CodeSystem/$lookup?system=http://a&code=1"):
                    said = await failing.client.get(f"{BASE}/{path}", headers=headers)
                    told += f"{said.headers}{said.text}"
                assert there.requests or token != MARK
                assert '"down"' in told
            _silent(told + "".join(capfd.readouterr()) + caplog.text)
        _silent(str(deployment.audit()))


async def test_a_token_that_somebody_shows_is_in_no_failure(
    home: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """In a header, a cookie, a form, an address, wherever people and apps may show one, or should not."""
    form = {"token": MARK, "client_assertion": f"{MARK}.{MARK}.{MARK}", "code": MARK, "csrf": MARK,
            "grant_type": "client_credentials", "client_id": MARK, "password": MARK}  # fmt: skip
    told = ""
    async with running(home, _database(home), upstreams=(UPSTREAM,)) as made:
        stolen = made.bearer()
        cookies = "; ".join(f"{name}={MARK}" for name in ("__Host-scr_visit", "scr_session"))
        for shown in (
            f"Bearer {MARK}",
            f"Basic {MARK}",
            f"{stolen[:-9]}{MARK}",
            f"Bearer {MARK}.{MARK}.{MARK}",
        ):
            for path in ("/fhir/Patient?identifier=x", "/onboarding/providers", "/access/me", "/intake/adt"):
                said = await made.client.get(f"{SERVER}{path}", headers={"authorization": shown})
                told += f"{said.headers}{said.text}"
        for path in (
            "/fhir/auth/token", "/fhir/auth/introspect", "/fhir/auth/revoke", "/privacy/session",
            "/my/accept", "/access/invitations/look", "/signin/choose", "/fhir/Patient/_search",
        ):  # fmt: skip
            said = await made.client.post(f"{SERVER}{path}", data=form, headers={"cookie": cookies})
            told += f"{said.headers}{said.text}"
        for path in (
            f"/fhir/Patient?access_token={MARK}",
            f"/signin/nhs-login/callback?code={MARK}&state={MARK}",
        ):
            said = await made.client.get(f"{SERVER}{path}", headers={"cookie": cookies})
            told += f"{said.headers}{said.text}"
        made.client.cookies.clear()
        told += str(made.audit())
    _silent(told + "".join(capfd.readouterr()) + caplog.text)
