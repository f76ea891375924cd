"""The MLLP server on real sockets, with real certificates: what a hospital's engine would meet."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.patience import LONG

from scr.decode.hl7v2 import acknowledge, parse
from scr.errors import Fault, Invalid, Unavailable
from scr.intake.certificates import server_tls
from scr.intake.frames import frame
from scr.intake.mllp import Handler, MllpServer
from scr.intake.mllp_client import connect, send


def message(control_id: str, note: str = "") -> bytes:
    """A message of that control id."""
    return f"MSH|^~\\&|PAS|RXX|SCR|ICS|2026||ADT^A08|{control_id}|P|2.4\rNTE|1||{note}\r".encode()


async def accept(raw: bytes) -> bytes:
    """Accepts everything."""
    return acknowledge(raw, "AA")


@asynccontextmanager
async def serving(
    handler: Handler = accept,
    *,
    tls: ssl.SSLContext | None = None,
    max_bytes: int = 100_000,
    idle_seconds: float = 20.0,
    max_connections: int = 50,
) -> AsyncIterator[MllpServer]:
    """A server on a free port, stopped at the end."""
    server = MllpServer(
        handler,
        "127.0.0.1",
        0,
        ssl=tls,
        max_bytes=max_bytes,
        idle_seconds=idle_seconds,
        max_connections=max_connections,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def said(ack: bytes) -> tuple[str, str]:
    """The code and the control id that an acknowledgement answers."""
    msa = parse(ack)["MSA"]
    return msa["acknowledgement_code"], msa.get("message_control_id", "")


async def raw_exchange(port: int, *chunks: bytes, close: bool = False, enough: int | None = None) -> bytes:
    """Everything that the server answers to these bytes, until it closes or has sent ``enough`` messages."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        if close:
            writer.write_eof()
        async with asyncio.timeout(LONG):
            while (enough is None or got.count(b"\x1c\r") < enough) and (data := await reader.read(65536)):
                got += data
    except ConnectionError:
        pass
    finally:
        writer.close()
    return got


async def test_a_message_is_answered_and_the_connection_kept() -> None:
    """A hundred messages over one connection, each with its own acknowledgement, in order."""
    async with serving() as server, connect("127.0.0.1", server.port) as exchange:
        answers = [said(await exchange(message(f"M{n}"))) for n in range(100)]
    assert answers == [("AA", f"M{n}") for n in range(100)]
    assert (server.counts.messages, server.counts.connections) == (100, 1)


async def test_two_messages_in_one_packet_and_one_byte_by_byte() -> None:
    """TCP has no messages: neither packing nor dripping changes anything."""
    async with serving() as server:
        packed = await raw_exchange(server.port, frame(message("A")) + b"?!" + frame(message("B")), enough=2)
        dripped = await raw_exchange(server.port, *(bytes([b]) for b in frame(message("C"))), enough=1)
    answers = [said(part.lstrip(b"\x0b")) for part in packed.split(b"\x1c\r")[:-1]]
    assert answers == [("AA", "A"), ("AA", "B")]
    assert said(dripped.strip(b"\x0b\x1c\r") + b"\r") == ("AA", "C")
    assert server.counts.garbage == 2


async def test_messages_of_one_connection_are_handled_one_at_a_time_and_in_order() -> None:
    """The second waits for the first, also where both have arrived."""
    running, order, most = 0, [], 0

    async def slow(raw: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if raw.find(b"|A|") > 0 else 0)
        order.append(parse(raw).control_id)
        running -= 1
        return acknowledge(raw, "AA")

    async with serving(slow) as server:
        await raw_exchange(server.port, b"".join(frame(message(c)) for c in "ABCD"), enough=4)
    assert (order, most) == (["A", "B", "C", "D"], 1)


async def test_eight_senders_at_once_each_get_their_own_answers() -> None:
    """No acknowledgement goes to another sender, and the senders do not wait for each other."""
    together = asyncio.Barrier(8)

    async def handler(raw: bytes) -> bytes:
        await together.wait()
        return acknowledge(raw, "AA")

    async def sender(port: int, name: str) -> list[tuple[str, str]]:
        async with connect("127.0.0.1", port) as exchange:
            return [said(await exchange(message(f"{name}{n}"))) for n in range(20)]

    async with serving(handler) as server:
        answers = await asyncio.gather(*(sender(server.port, name) for name in "ABCDEFGH"))
    assert answers == [[("AA", f"{name}{n}") for n in range(20)] for name in "ABCDEFGH"]


async def test_a_handler_that_fails_is_answered_ae_and_the_next_message_is_taken() -> None:
    """A fault costs one message its acceptance, not the connection and not the server."""

    async def handler(raw: bytes) -> bytes:
        if b"|BAD|" in raw:
            raise RuntimeError("Nia Ash, 999 000 0018")
        return acknowledge(raw, "AA")

    async with serving(handler) as server, connect("127.0.0.1", server.port) as exchange:
        failed = await exchange(message("BAD"))
        assert said(failed) == ("AE", "BAD")
        assert b"Nia" not in failed
        assert said(await exchange(message("GOOD"))) == ("AA", "GOOD")
    assert server.counts.faults == 1


async def test_an_oversize_message_is_refused_and_the_connection_closed() -> None:
    """AR with the message's own control id, long before all of it was sent."""
    async with serving(max_bytes=5000) as server:
        got = await raw_exchange(server.port, b"\x0b" + message("BIG", "x" * 20_000))
        assert said(got.strip(b"\x0b\x1c\r") + b"\r") == ("AR", "BIG")
        assert said(await send("127.0.0.1", server.port, message("NEXT"))) == ("AA", "NEXT")
    assert server.counts.too_large == 1


async def test_a_cut_off_frame_is_never_handled() -> None:
    """A peer that closes in the middle of a message gets no answer, and it is counted."""
    async with serving() as server:
        assert await raw_exchange(server.port, frame(message("HALF"))[:-12], close=True) == b""
    assert (server.counts.messages, server.counts.cut_off) == (0, 1)


async def test_a_peer_that_hangs_is_dropped() -> None:
    """Silent, stuck in a frame, or sending a byte now and then: none keeps its place."""
    async with serving(idle_seconds=0.3) as server:

        async def drip() -> bytes:
            return await raw_exchange(server.port, *[b"\x0b", *[b"A"] * 3])

        async def dripping_for_ever() -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            async with asyncio.timeout(LONG):
                while not (reader.at_eof() or reader.exception()):  # closed, or reset
                    writer.write(b"\x0bA")
                    await asyncio.sleep(0.05)
            writer.close()
            return True

        silent, stuck, dripping = await asyncio.gather(raw_exchange(server.port), drip(), dripping_for_ever())
    assert (silent, stuck, dripping) == (b"", b"", True)
    assert server.counts.timed_out == 3


async def test_a_connection_over_the_limit_is_closed_and_the_others_go_on() -> None:
    """One peer cannot take the places of all."""
    async with serving(max_connections=1) as server, connect("127.0.0.1", server.port) as exchange:
        assert said(await exchange(message("A"))) == ("AA", "A")
        with pytest.raises((Unavailable, ConnectionError)):
            await send("127.0.0.1", server.port, message("B"))
        assert said(await exchange(message("C"))) == ("AA", "C")
    assert server.counts.refused == 1


async def test_stop_finishes_what_is_being_handled() -> None:
    """The message in hand is acknowledged, idle peers are closed, and nobody new gets in."""
    begun, finish = asyncio.Event(), asyncio.Event()

    async def handler(raw: bytes) -> bytes:
        begun.set()
        await finish.wait()
        return acknowledge(raw, "AA")

    server = MllpServer(handler, "127.0.0.1", 0)
    await server.start()
    port = server.port
    async with connect("127.0.0.1", port):
        in_hand = asyncio.create_task(send("127.0.0.1", port, message("LAST")))
        await begun.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        finish.set()
        assert said(await in_hand) == ("AA", "LAST")
        await stopping
        with pytest.raises(ConnectionError):
            await send("127.0.0.1", port, message("LATE"))
    with pytest.raises(Fault):
        _ = server.port


async def test_stop_gives_up_on_a_handler_that_never_ends() -> None:
    """After the grace the server goes, whatever the handler does."""

    begun = asyncio.Event()

    async def handler(raw: bytes) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return raw

    server = MllpServer(handler, "127.0.0.1", 0)
    await server.start()
    sending = asyncio.create_task(send("127.0.0.1", server.port, message("A")))
    await begun.wait()
    await server.stop(grace_seconds=0.1)
    with pytest.raises((Unavailable, ConnectionError)):
        await sending


class Certificates:
    """A certificate authority of the test's own, and what it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.ca = folder / "ca.pem"
        certificate = self._certificate(self.name, self.key, authority=True)
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """The certificate and key files of somebody at 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._certificate(subject, key, authority=False)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One authority for the module."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


def client_tls(certificates: Certificates, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """A client that trusts the authority, with a certificate of its own or without."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    if own is not None:
        context.load_cert_chain(*own)
    return context


async def test_mllp_over_tls(certificates: Certificates) -> None:
    """With a server certificate alone, any client that trusts it gets in; plain text gets nothing."""
    tls = server_tls(*certificates.issue("server"))
    assert tls.minimum_version >= ssl.TLSVersion.TLSv1_2
    async with serving(tls=tls) as server:
        ack = await send("127.0.0.1", server.port, message("T"), ssl=client_tls(certificates))
        assert said(ack) == ("AA", "T")
        assert b"MSA" not in await raw_exchange(server.port, frame(message("PLAIN")))
    assert server.counts.messages == 1


async def test_only_clients_of_the_authority_get_in(certificates: Certificates, tmp_path: Path) -> None:
    """With a client authority: its own client is let in, one without a certificate or of another is not."""
    stranger = Certificates(tmp_path).issue("stranger")
    tls = server_tls(*certificates.issue("server"), certificates.ca)
    async with serving(tls=tls) as server:
        own = client_tls(certificates, certificates.issue("hospital"))
        assert said(await send("127.0.0.1", server.port, message("T"), ssl=own)) == ("AA", "T")
        for context in (client_tls(certificates), client_tls(certificates, stranger)):
            with pytest.raises((OSError, Unavailable)):
                await send("127.0.0.1", server.port, message("NO"), ssl=context)
    assert server.counts.messages == 1


def test_a_certificate_that_cannot_be_read_is_named(certificates: Certificates, tmp_path: Path) -> None:
    """The error says which file, for each of the three."""
    good = certificates.issue("server")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for files in ((junk, good[1]), (good[0], junk), (*good, junk), (*good, tmp_path / "absent.pem")):
        with pytest.raises(Invalid, match=r"junk\.pem|absent\.pem"):
            server_tls(*files)
