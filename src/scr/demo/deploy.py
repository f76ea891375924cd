"""The deployment that the demonstration runs: its ports, its keys, its settings, its provider files."""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from joserfc.jwk import KeySet, RSAKey

from scr.api.oauth.signing import create_signing_key
from scr.data import packaged_root
from scr.demo.places import (
    COUNCIL,
    HOSPITAL,
    NEIGHBOUR,
    ORGANISATIONS,
    PRACTICE_ASIDS,
    PRACTICES,
    RECORD,
    RECORD_ASID,
)
from scr.demo.suppliers.code_flow import CLIENT_ID
from scr.demo.suppliers.gp import BASE as GP_BASE
from scr.demo.suppliers.issuer import CIS2, NHS_LOGIN
from scr.demo.suppliers.neighbour import BASE as NEIGHBOUR_BASE
from scr.demo.suppliers.pds import BASE as PDS_BASE
from scr.demo.suppliers.pds import CLIENT_ID as PDS_CLIENT
from scr.demo.suppliers.pds import TOKEN as PDS_TOKEN
from scr.store.audit.signing import create_sealing_key
from scr.store.keys import create_keys

HOST = "127.0.0.1"
NEIGHBOUR_TOKEN = "keys/neighbour.token"  # noqa: S105 - the name of the file
PDS_KEY = "keys/pds.pem"
PDS_PUBLIC_KEYS = "keys/pds.public.jwks.json"
PDS_KEY_ID = "scr-demo-1"
SIGN_IN_KEY = "keys/sign-in.pem"
SIGN_IN_PUBLIC_KEYS = "keys/sign-in.public.jwks.json"
SIGN_IN_KEY_ID = "scr-demo-sign-in"
GONE_LIVE_DAYS = 60
"""Days since the suppliers' own systems went live, when the demonstration begins."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, on the loopback address."""

    http: int = 8400
    issuer: int = 8401
    mllp: int = 8402
    gp: int = 8411
    neighbour: int = 8412
    pds: int = 8413

    @property
    def base_url(self) -> str:
        """The FHIR base."""
        return f"http://{HOST}:{self.http}/fhir"

    @property
    def pds_url(self) -> str:
        """The Personal Demographics Service."""
        return f"http://{HOST}:{self.pds}"

    @property
    def issuer_url(self) -> str:
        """The token issuer."""
        return f"http://{HOST}:{self.issuer}"


def free_ports(wanted: Ports) -> Ports:
    """The ports that are wanted, others where those are taken."""
    found: dict[str, int] = {}
    for field in fields(Ports):
        port = getattr(wanted, field.name)
        while port in found.values() or not _free(port):
            port = _any_free()
        found[field.name] = port
    return replace(wanted, **found)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return port != 0


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def write_home(home: Path, ports: Ports) -> None:
    """Write the deployment's folder: `scr.toml`, keys, the neighbour's token, one file a provider."""
    (home / "adapters" / "providers").mkdir(parents=True)
    (home / "drop").mkdir()
    (home / "scr.toml").write_text(_settings(ports), encoding="utf-8")
    create_keys(home / "keys")
    create_signing_key(home / "keys" / "signing.json")
    create_sealing_key(home / "keys" / "audit.key")
    _write_labels(home)
    _write_secret(home / NEIGHBOUR_TOKEN, secrets.token_urlsafe(32))
    _write_key_pair(home, PDS_KEY, PDS_PUBLIC_KEYS, PDS_KEY_ID)
    _write_key_pair(home, SIGN_IN_KEY, SIGN_IN_PUBLIC_KEYS, SIGN_IN_KEY_ID)
    for ods, feeds in provider_feeds(ports).items():
        organisation = ORGANISATIONS[ods]
        provider = {
            "organisation": {"ods": ods, "name": organisation.name, "type": organisation.kind},
            "go_live": str(datetime.now(UTC).date() - timedelta(GONE_LIVE_DAYS)),
            "feeds": feeds,
        }
        text = yaml.safe_dump(provider, sort_keys=False, allow_unicode=True)
        (home / "adapters" / "providers" / f"{ods}.yaml").write_text(text, encoding="utf-8")


def _write_labels(home: Path) -> None:
    """Let citizens and carers see codes that no release has classified.

    As it is shipped, what nobody can classify is kept from them until somebody has looked at it: right where
    a release of SNOMED CT is loaded, and much of a record without one. Here every code is on our own lists.
    """
    labels = (packaged_root() / "consent" / "labels.yaml").read_text(encoding="utf-8")
    for who in ("citizen", "carer"):
        labels = labels.replace(f"  {who}: withheld\n", f"  {who}: normal\n", 1)
    (home / "consent").mkdir()
    (home / "consent" / "labels.yaml").write_text(labels, encoding="utf-8")


def _write_secret(file: Path, value: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(value + "\n")


def _write_key_pair(home: Path, private: str, public: str, key_id: str) -> None:
    """A key pair: the private key for scr, the public one for the simulator."""
    key = RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS512"})
    _write_secret(home / private, key.as_pem(private=True).decode("ascii").strip())
    _write_secret(home / public, json.dumps(KeySet([key]).as_dict(private=False)))


def _settings(ports: Ports) -> str:
    """The settings: strings of JSON are strings of TOML too."""
    return "\n".join(
        [
            "# Written by `scr demo`: a stage set. The issuer gives tokens without a password.",
            f"base_url = {json.dumps(ports.base_url)}",
            f"http_port = {ports.http}",
            f"mllp_port = {ports.mllp}",
            'drop_folder = "drop"',
            'pds_mode = "live"',
            f"pds_url = {json.dumps(ports.pds_url + PDS_BASE)}",
            f"pds_token_url = {json.dumps(ports.pds_url + PDS_TOKEN)}",
            f"pds_client_id = {json.dumps(PDS_CLIENT)}",
            f"pds_key = {json.dumps('file:' + PDS_KEY)}",
            f"pds_key_id = {json.dumps(PDS_KEY_ID)}",
            f"pds_organisation = {json.dumps(RECORD)}",
            "",
            "[[issuers]]",
            f"url = {json.dumps(ports.issuer_url)}",
            f"audience = {json.dumps(ports.base_url)}",
            'algorithms = ["RS256"]',
            "",
            *_upstream(CIS2, "NHS CIS2", "staff", ports.issuer_url),
            'algorithms = ["RS256"]',
            'scopes = ["openid", "profile", "nationalrbacaccess", "selectedrole"]',
            'acr_values = "AAL3_ANY"',
            "",
            *_upstream(NHS_LOGIN.strip("/"), "NHS login", "citizens", ports.issuer_url + NHS_LOGIN),
            'algorithms = ["RS512"]',
            'scopes = ["openid", "profile", "delegation"]',
            'vtr = ["P5.Cp.Cd", "P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"]',
            "",
        ]
    )


def _upstream(name: str, title: str, people: str, url: str) -> list[str]:
    return [
        "[[upstreams]]",
        f"name = {json.dumps(name)}",
        f"title = {json.dumps(title)}",
        f"url = {json.dumps(url)}",
        f"people = {json.dumps(people)}",
        f"client_id = {json.dumps(CLIENT_ID)}",
        f"secret = {json.dumps('file:' + SIGN_IN_KEY)}",
        f"key_id = {json.dumps(SIGN_IN_KEY_ID)}",
    ]


def provider_feeds(ports: Ports) -> dict[str, list[dict[str, object]]]:
    """The feeds of each provider, as its file tells them."""
    feeds: dict[str, list[dict[str, object]]] = {ods: _practice(ods, ports) for ods in PRACTICES}
    feeds[HOSPITAL] = [
        _feed(
            "patient-administration", "pas-adt", kind="mllp", sending_facility=HOSPITAL,
            sending_application="PAS", messages=["ADT"],
        ),
        _feed(
            "laboratory", "lab-oru", kind="mllp", sending_facility=HOSPITAL, sending_application="LAB",
            messages=["ORU"],
        ),
    ]  # fmt: skip
    feeds[COUNCIL] = [_feed("social-care", "client-level-data", kind="drop-folder", pattern="cld-*.csv")]
    feeds[NEIGHBOUR] = [
        _feed(
            "record", "fhir-r4-record", kind="fhir-r4", url=f"http://{HOST}:{ports.neighbour}{NEIGHBOUR_BASE}",
            token=f"file:{NEIGHBOUR_TOKEN}", search=["$everything"],
        )
    ]  # fmt: skip
    return feeds


def _practice(ods: str, ports: Ports) -> list[dict[str, object]]:
    return [
        _feed(
            "record", "gp-connect", kind="gpconnect", url=f"http://{HOST}:{ports.gp}{GP_BASE}",
            from_asid=RECORD_ASID, to_asid=PRACTICE_ASIDS[ods],
        ),
        _feed("registrations", "gp-registrations", kind="drop-folder", pattern="registrations*.csv"),
    ]  # fmt: skip


def _feed(name: str, adapter: str, **connection: object) -> dict[str, object]:
    return {"name": name, "adapter": adapter, "connection": connection}
