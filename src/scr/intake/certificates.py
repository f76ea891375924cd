"""The certificates of what listens over TLS, MLLP and HTTP alike."""

from __future__ import annotations

import ssl
from pathlib import Path

from scr.errors import Invalid


def server_tls(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later from PEM files; with ``client_ca``, only clients that it signed get in.

    Raises Invalid, which names the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError):
        raise Invalid(
            f"no PEM certificate and key that belong together could be read from {certificate} and {key}",
            code="bad-certificate",
        ) from None
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ValueError):
            raise Invalid(
                f"no PEM certificate could be read from {client_ca}", code="bad-certificate"
            ) from None
    return context
