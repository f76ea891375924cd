"""How HTTP listens: within what limits, and with which certificates.

A request's line and headers have 64 KiB and some seconds, its body is timed by ``scr.api.reading``. HTTP/1.1
is spoken and nothing else: HTTP/2 has limits of its own, and ends at the balancer in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from scr.cli.reloading import ReloadingServer
from scr.errors import Invalid
from scr.intake.certificates import server_tls
from scr.settings import Settings

LARGEST_HEAD = 65_536
"""Bytes of a request's line and headers, at most."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of HTTP over TLS; none of them where it ends in front."""

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


def http_tls(settings: Settings) -> Tls:
    """Those of the settings, read once to see that they can be. Raises Invalid, which names the file."""
    names = (settings.http_certificate, settings.http_key, settings.http_client_ca)
    certificate, key, client_ca = (settings.path(name) if name else None for name in names)
    if certificate is None and key is None and client_ca is None:
        return Tls()
    if certificate is None or key is None:
        raise Invalid("HTTP over TLS needs http_certificate and http_key, both", code="bad-setting")
    server_tls(certificate, key, client_ca)
    return Tls(certificate, key, client_ca)


def http_server(settings: Settings) -> ReloadingServer:
    """The server, which has yet to serve. Raises Invalid for certificates that cannot be read."""
    tls = http_tls(settings)
    return ReloadingServer(
        "scr",
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.ASGI,
        workers=1,
        loop=Loops.asyncio,
        log_level=LogLevels.warning,
        log_access=False,
        websockets=False,
        respawn_failed_workers=False,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.http_seconds * 1000, max_buffer_size=LARGEST_HEAD
        ),
        ssl_cert=tls.certificate,
        ssl_key=tls.key,
        ssl_protocol_min=SSLProtocols.tls12,
        ssl_ca=tls.client_ca,
        ssl_client_verify=tls.client_ca is not None,
    )
