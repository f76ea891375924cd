"""Check a proof of the audit, with Python alone: ``python verify_audit_proof.py PROOF [--key PUBLIC_KEY]``.

A proof says: these rows are in the audit, exactly so, under this signed head. It is JSON with the rows as
they were hashed, and their ways up two trees of hashes (RFC 9162, chapter 2.1). The signature is Ed25519
(RFC 8032). The public key in the proof is only as good as where the proof is from: give the key that the
deployment published, in base64, to be sure of whose head it is.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_L = 2**252 + 27742317777372353535851937790883648493
_I = pow(2, (_P - 1) // 4, _P)


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _recover(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    return _P - x if x & 1 != sign else x


def _point(data: bytes) -> tuple[int, int, int, int] | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover(y, number >> 255) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _add(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % _P, (one[1] + one[0]) * (other[1] + other[0]) % _P
    c, d = 2 * one[3] * other[3] * _D % _P, 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def is_signed(public: bytes, content: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature stands under the content (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, first = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    base = _point(bytes([0x58] + [0x66] * 31))
    if key is None or first is None or base is None or scalar >= _L:
        return False
    digest = hashlib.sha512(signature[:32] + public + content).digest()
    left, right = _times(scalar, base), _add(first, _times(int.from_bytes(digest, "little") % _L, key))
    return not any((left[n] * right[2] - right[n] * left[2]) % _P for n in (0, 1))


def is_included(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    at, last, found = index, size - 1, leaf
    if not 0 <= index < size:
        return False
    for beside in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _sha(b"\x01", beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _sha(b"\x01", found, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(before: int, old: bytes, size: int, new: bytes, path: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2."""
    if not 0 < before <= size:
        return False
    if before == size:
        return not path and old == new
    steps = [old, *path] if before & (before - 1) == 0 else path
    if not steps:
        return False
    at, last = before - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = _sha(b"\x01", step, first), _sha(b"\x01", step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = _sha(b"\x01", second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old and second == new


def problems(proof: dict[str, Any], public: bytes) -> list[str]:
    """What is wrong with a proof; nothing where it holds."""
    found = []
    content = proof["head"].encode()
    head = json.loads(content)
    root, size = bytes.fromhex(head["root"]), head["size"]
    if not is_signed(public, content, base64.b64decode(proof["signature"])):
        found.append("the head is not signed by the key")
    for row in proof["rows"]:
        name = json.loads(row["row"])["id"]
        if not row.get("seal"):
            found.append(f"row {name} is not sealed yet: ask for the proof again in a minute")
            continue
        own = _sha(bytes.fromhex(row["before"]), row["row"].encode())
        path = [bytes.fromhex(one) for one in row["path"]]
        seal_path = [bytes.fromhex(one) for one in row["seal_path"]]
        seal = bytes.fromhex(json.loads(row["seal"])["root"])
        if not is_included(_sha(b"\x00", own), row["index"], row["size"], path, seal):
            found.append(f"row {name} is not under its seal")
        if not is_included(_sha(b"\x00", row["seal"].encode()), row["seal_index"], size, seal_path, root):
            found.append(f"the seal of row {name} is not under the head")
    earlier = proof.get("earlier")
    if earlier:
        old, path = bytes.fromhex(earlier["root"]), [bytes.fromhex(one) for one in earlier["path"]]
        if not is_consistent(earlier["size"], old, size, root, path):
            found.append("the tree is not the earlier one gone on")
    return found


def main() -> int:
    """Check a file; the exit code is 0 where the proof holds."""
    parser = argparse.ArgumentParser(description="Check a proof of the audit.")
    parser.add_argument("proof", type=Path)
    parser.add_argument("--key", default="", help="the deployment's public key, in base64")
    read = parser.parse_args()
    proof = json.loads(read.proof.read_bytes())
    key = base64.b64decode(read.key or proof["public_key"])
    found = problems(proof, key)
    size = json.loads(proof["head"])["size"]
    told = f"{len(proof['rows'])} rows are in the audit, under the head of {size} seals"
    sys.stdout.write("\n".join(found or [told]) + "\n")
    if not read.key:
        sys.stdout.write("The key is the proof's own: compare it with the one that was published.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
