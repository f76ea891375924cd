"""``python -m tests.assurance.fuzz``: payloads of the real shape, changed at random, given to all that reads.

Whatever is read, a reader fails in no way but those that it declares, does work and takes memory in
proportion to what it was given, and ends. Work is counted in calls of functions, so that a slow machine finds
what a quick one finds; what loops without calling anything is ended by a watch, and told with its stack.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import secrets
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.assurance.readers import Reader, readers

_CALLS, _CALLS_A_BYTE = 4_000_000, 4_000
_BYTES, _BYTES_A_BYTE = 200 << 20, 2_000
_LONGEST = 1 << 18
"""Bytes of a changed payload, at most: what is repeated is repeated no further."""
_STUCK_SECONDS = 600
HOSTILE = (
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\x1c", b"\x0b", b"|", b"^~\\&", b"~", b"'",
    b"+", b":", b"?", b'"', b",", b"\t", b"{", b"}", b"[", b"]", b"<", b">", b"/>", b"&", b"&#0;", b"]]>",
    b"<!--", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"%00", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\\X0D\\",
    b"\\.br\\", b"0", b"-1", b"1e999999", b"NaN", b"9" * 400, b"0.1" * 50, b"2025-13-32",
    b"99991231235959.9999+2359", b"00000000", b"0001-01-01", b"null", b"true", b"[[[[", b'{"a":', b"Patient",
    b"resourceType", b"Bundle", b"9995100002", b"MSH|^~\\&|", b"UNA:+.? '", b"UNB+", b"PK\x03\x04", b"..",
    b"\xf0\x9f\x98\x80", b"\xcc\x81" * 40, b"(" * 60, b"a" * 2000, b" " * 2000, b"$", b"%", b"_x0041_",
)  # fmt: skip
"""What means something to one reader or another, or is more of it than anybody sends."""


class TooMuch(BaseException):
    """A reader did more, or took more, than what it was given is worth."""


Change = tuple[str, float, float, bytes, int]
_CHANGES = st.tuples(
    st.sampled_from(("put", "over", "drop", "twice", "move", "bit", "cut", "many", "other")),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 0.2),
    st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=12)),
    st.integers(0, 255),
)


@st.composite
def payloads(draw: st.DrawFn, reader: Reader) -> bytes:
    """A sample of a reader's, with some changes."""
    sample = draw(st.sampled_from(reader.samples))
    changes = draw(st.lists(_CHANGES, min_size=1, max_size=6))
    if reader.folded and sample.startswith(b"PK") and draw(st.booleans()):
        return _refolded(sample, changes)
    return changed(sample, changes, reader.samples)


def changed(sample: bytes, changes: Sequence[Change], others: Sequence[bytes]) -> bytes:
    """A payload after all of some changes, of a size that stays bounded."""
    for kind, place, length, piece, number in changes:
        at = int(place * (len(sample) + 1))
        end = at + 1 + int(length * len(sample))
        sample = _KINDS[kind](sample, at, end, piece, number, others)[:_LONGEST]
    return sample


_Change = Callable[[bytes, int, int, bytes, int, Sequence[bytes]], bytes]
_KINDS: Mapping[str, _Change] = {
    "put": lambda raw, at, _end, piece, _n, _o: raw[:at] + piece + raw[at:],
    "over": lambda raw, at, _end, piece, _n, _o: raw[:at] + piece + raw[at + len(piece) :],
    "drop": lambda raw, at, end, _piece, _n, _o: raw[:at] + raw[end:],
    "twice": lambda raw, at, end, _piece, _n, _o: raw[:end] + raw[at:],
    "move": lambda raw, at, end, _piece, _n, _o: raw[:at] + raw[end:] + raw[at:end],
    "bit": lambda raw, at, _end, _piece, n, _o: raw[:at] + bytes([n]) + raw[at + 1 :],
    "cut": lambda raw, at, _end, _piece, _n, _o: raw[:at],
    "many": lambda raw, at, end, piece, n, _o: raw[:at] + (piece or raw[at:end]) * (n * 8) + raw[at:],
    "other": lambda raw, at, _end, _piece, n, others: raw[:at] + others[n % len(others)][at:],
}


def _refolded(sample: bytes, changes: Sequence[Change]) -> bytes:
    """An archive, with the changes made inside of one of its parts."""
    with zipfile.ZipFile(io.BytesIO(sample)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    names = sorted(parts)
    name = names[changes[0][4] % len(names)]
    parts[name] = changed(parts[name], changes, tuple(parts.values()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(zipfile.ZipInfo(each), content)
    return made.getvalue()


@contextmanager
def bounded(size: int, *, memory: bool, calls: int = _CALLS) -> Iterator[None]:
    """Hold what is done within it to what so many bytes are worth. Raises TooMuch."""
    most, made = calls + _CALLS_A_BYTE * size, 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}
        if made > most:
            sys.setprofile(None)
            raise TooMuch(f"more than {most} calls for {size} bytes")

    before = sys.getprofile()
    if memory:
        tracemalloc.start()
    sys.setprofile(counted)
    try:
        yield
    finally:
        sys.setprofile(before)
        peak = tracemalloc.get_traced_memory()[1] if memory else 0
        if memory:
            tracemalloc.stop()
    if peak > _BYTES + _BYTES_A_BYTE * size:
        raise TooMuch(f"{peak} bytes of memory for {size} bytes")


def hold(reader: Reader, raw: bytes, *, memory: bool = False) -> None:
    """Give something to a reader. Raises whatever it does not declare, and TooMuch."""
    with bounded(len(raw), memory=memory):
        try:
            reader.read(raw)
        except reader.declared:
            return


def attack(reader: Reader, examples: int, start: int, *, memory: bool = False) -> None:
    """So many payloads, the same for the same ``start``. Raises what the smallest that fails raises."""

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(payloads(reader))
    def each(raw: bytes) -> None:
        hold(reader, raw, memory=memory)

    each()


def main() -> int:
    """For so many seconds; the exit code is 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=secrets.randbits(31), help="that of another run")
    parser.add_argument("--only", default="", help="the name of one reader")
    read = parser.parse_args()
    sys.stdout.write(f"seed {read.seed}\n")
    there = {name: one for name, one in readers().items() if read.only in {"", name}}
    wrong: dict[str, str] = {}
    until, turn = time.monotonic() + read.seconds, 0
    while time.monotonic() < until:
        for name, reader in there.items():
            if name in wrong or time.monotonic() >= until:
                continue
            faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)
            try:
                attack(reader, 100, read.seed + turn, memory=turn % 4 == 0)
            except (Exception, TooMuch) as failed:  # noqa: BLE001 - that is what is looked for
                told = "\n".join(getattr(failed, "__notes__", ()))
                wrong[name] = f"{name}, seed {read.seed + turn}: {failed!r}\n{told}"
                sys.stdout.write(f"{wrong[name]}\n")
        turn += 1
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(f"{turn * 100} payloads for each of {len(there)} readers, {len(wrong)} found wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
