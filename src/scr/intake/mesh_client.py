"""One MESH mailbox, as its owner meets it: what waits, a message whole, its acknowledgement.

The session, the authorisation, TLS and the addresses are the mesh-client library's (the API is NHS
England's Message Exchange for Social Care and Health). A message's bytes are read here, because the
library unfolds them without a limit and takes a compressed chunk that broke off for a whole one.
Everything here blocks: it is called in a thread.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import requests
import urllib3
from cryptography import x509
from mesh_client import MeshClient

from scr.errors import Invalid
from scr.intake.mesh import Head, MeshFailure, NotThere
from scr.intake.mesh_content import Content, unfolded
from scr.mapping.provider import MeshConnection
from scr.settings import Settings

_PIECE = 64 * 1024
_MOST_WAITING = 20_000
_MESSAGE_SECONDS = 900.0
"""For all chunks of one message: a server that drips holds a mailbox no longer."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
_RANGE = re.compile(r"([0-9]{1,6}):([0-9]{1,6})\Z")


class Mailbox:
    """An open session with one mailbox. Every call raises MeshFailure where the service does not do it;
    ``greet`` is the first."""

    def __init__(self, connection: MeshConnection, settings: Settings) -> None:
        """Raises Invalid where a secret or a PEM file is not there."""
        self._session = _open(connection, settings)
        self._stopped = threading.Event()

    def greet(self) -> None:
        """Say that we are here, which the service asks of every mailbox once a day."""
        self._session.check_certificate()
        with _asking():
            self._session.greet()

    def waiting(self) -> list[str]:
        """The ids of the messages in the inbox, as the service orders them."""
        try:
            with _asking():
                found = list(islice(self._session.iterate_message_ids(), _MOST_WAITING))
            fine = all(_ID.match(each) for each in found)
        except (TypeError, AttributeError):  # JSON, and no list of ids
            fine = False
        if not fine:
            raise MeshFailure(_NO_SERVER, code="unreadable")
        return found

    @contextmanager
    def look(self, message: str) -> Iterator[Waiting]:
        """A message whose headers are read, and whose content is still to be taken."""
        with _asking():
            response = self._session.retrieve_message_chunk(message, 1)
        with closing(response):
            yield Waiting(self._session, message, response, self._stopped)

    def acknowledge(self, message: str) -> None:
        """Let the service delete a message: it is not given again."""
        with _asking():
            self._session.acknowledge_message(message)

    def stop(self) -> None:
        """Break off what is being read, from another thread."""
        self._stopped.set()

    def close(self) -> None:
        """End the session."""
        self._session.end()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of which only the first chunk's headers were read."""

    session: _Session
    message: str
    response: requests.Response
    stopped: threading.Event

    @property
    def head(self) -> Head:
        """What the service says of the message."""
        header = self.response.headers
        return Head(
            workflow=header.get("Mex-WorkflowID", "").strip(),
            sender=header.get("Mex-From", "").strip().upper(),
            report=header.get("Mex-MessageType", "").strip().upper() == "REPORT",
            status=header.get("Mex-StatusCode", "").strip(),
            linked=header.get("Mex-LinkedMsgID", "").strip(),
        )

    def take(self, max_bytes: int) -> bytes:
        """The whole content, unfolded. Raises TooLarge over ``max_bytes``, MeshFailure where it is not whole.

        A content that its sender compressed (``Mex-Content-Compressed``) and that cannot be unfolded is
        given as it is: it is for the intake to keep and to refuse.
        """
        content = Content(max_bytes)
        until = time.monotonic() + _MESSAGE_SECONDS
        total = self._read(self.response, 1, content, until)
        for number in range(2, total + 1):
            with _asking():
                response = self.session.retrieve_message_chunk(self.message, number)
            with closing(response):
                if self._read(response, number, content, until) != total:
                    raise MeshFailure("its chunks disagree on how many they are", code="truncated")
        whole = content.whole()
        if self.response.headers.get("Mex-Content-Compressed", "").strip().upper() in {"Y", "TRUE"}:
            return unfolded(whole, max_bytes)
        return whole

    def _read(self, response: requests.Response, number: int, content: Content, until: float) -> int:
        """Add one chunk; how many chunks the message has."""
        at = _RANGE.match(response.headers.get("Mex-Chunk-Range", "1:1").strip())
        if at is None or int(at[1]) != number or int(at[2]) < number:
            raise MeshFailure("a chunk says that it is another one", code="truncated")
        zipped = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
        if not (zipped or {"Content-Length", "Transfer-Encoding"} & response.headers.keys()):
            raise MeshFailure("a chunk does not say where it ends", code="truncated")
        with _asking():
            for piece in response.raw.stream(_PIECE, decode_content=False):
                content.add(piece, zipped=zipped)
                if self.stopped.is_set():
                    raise MeshFailure("broken off: we are stopping", code="stopped")
                if time.monotonic() > until:
                    raise MeshFailure("no whole message came in time", code="timed-out")
        return int(at[2])


class _Session(MeshClient):
    """mesh-client's session, held to what the feed says: no proxy and no authority of the environment, no
    redirect, and where a CA is given, that one alone (the library would trust the public ones as well).

    Nothing is tried again in it: the poller knows better when.
    """

    def __init__(self, connection: MeshConnection, settings: Settings, password: str, key: bytes) -> None:
        self._certificate = settings.path(connection.certificate) if connection.certificate else None
        ca = str(settings.path(connection.ca)) if connection.ca else None
        try:
            super().__init__(
                connection.url,
                connection.mailbox,
                password,
                shared_key=key,
                cert=_certificate(connection, settings),
                verify=ca,
                max_retries=0,
                timeout=connection.timeout_seconds,
                application_name="scr",
            )
        except (OSError, ValueError):
            self.end()
            raise
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.verify = ca or True

    def check_certificate(self) -> None:
        """Whether our certificate is in date: what a service says of one that is not differs too much."""
        if not self._certificate:
            return
        until = x509.load_pem_x509_certificate(self._certificate.read_bytes()).not_valid_after_utc
        if until < datetime.now(UTC):
            raise MeshFailure(f"our `certificate` expired on {until.date().isoformat()}", code="tls")

    def greet(self) -> None:
        self.handshake()  # type: ignore[no-untyped-call]

    def end(self) -> None:
        self.close()  # type: ignore[no-untyped-call]


def _certificate(connection: MeshConnection, settings: Settings) -> tuple[str, str, str] | None:
    """The client's certificate and key, with an empty passphrase, so that nobody is asked for one."""
    if not connection.certificate:
        return None
    certificate = settings.path(connection.certificate)
    return str(certificate), str(settings.path(connection.key) if connection.key else certificate), ""


def _open(connection: MeshConnection, settings: Settings) -> _Session:
    password, key = settings.secret(connection.password), settings.secret(connection.shared_key)
    try:
        return _Session(connection, settings, password.decode("ascii"), key)
    except (OSError, ValueError):
        raise Invalid(
            f"the MESH mailbox {connection.mailbox} cannot be opened: its password must be ASCII, and "
            "`certificate`, `key` and `ca`, where they are given, PEM files that belong together, without "
            "a passphrase",
            code="bad-certificate",
        ) from None


_NO_SERVER = "the answer is not that of a MESH server"
_OF_THE_WIRE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (
        requests.exceptions.SSLError,
        "tls",
        "a certificate is not trusted or not valid, on either side: look at the dates and the authority of "
        "`certificate` and `ca`",
    ),
    ((requests.Timeout, urllib3.exceptions.TimeoutError), "timed-out", "no answer came in time"),
    (requests.TooManyRedirects, "redirect", "it sent us elsewhere; no redirect is followed"),
    (
        (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError),
        "truncated",
        "the answer broke off",
    ),
    (requests.JSONDecodeError, "unreadable", _NO_SERVER),
    (
        (requests.RequestException, urllib3.exceptions.HTTPError, OSError),
        "unreachable",
        "no connection could be made, or it was closed without an answer, as some services do where they do "
        "not accept our `certificate`",
    ),
)
"""What the library and the wire raise, the code and the sentence of it; the first that fits."""


@contextmanager
def _asking() -> Iterator[None]:
    """Turn an error of the wire into MeshFailure, which holds no address and no content."""
    try:
        yield
    except requests.HTTPError as error:
        raise _status(0 if error.response is None else error.response.status_code) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        code, sentence = next((code, why) for kinds, code, why in _OF_THE_WIRE if isinstance(error, kinds))
        raise MeshFailure(sentence, code=code) from None


def _status(status: int) -> MeshFailure:
    if status in {404, 410}:
        return NotThere("it knows no such mailbox or message", code=f"http-{status}")
    refused = ": it does not accept us; look at `mailbox`, `password`, `shared_key` and `certificate`"
    why = {401: refused, 403: refused, 429: ": too many calls"}
    return MeshFailure(f"it answered with status {status}{why.get(status, '')}", code=f"http-{status}")
