"""Check a proof of the audit, with Python alone: ``python verify_audit_proof.py PROOF [--key PUBLIC_KEY]``.

A proof says: these rows are in the audit, exactly so, under this signed head. It is JSON with the rows as
they were hashed, and their ways up two trees of hashes (RFC 9162, chapter 2.1). The signature is Ed25519
(RFC 8032). Any Python from 3.8 on will do. The public key in the proof is only as good as where the proof is
from: give the key that the deployment published, in base64, to be sure of whose head it is.

Of a row some fields may be shown and the others not. Of each field the row has the SHA-256 of ``[salt, name,
value]``, as JSON; the proof has that text for what is shown. What is not shown cannot be guessed: its salt is
not known. ``--earlier FILE``, a proof that was kept, checks that nothing under its head was changed since.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import time
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


_TOP = {"format", "head", "signature", "public_key", "rows", "earlier", "left"}
_ROW = {"row", "before", "seal", "index", "size", "path", "seal_index", "seal_path", "opened"}
_LEFT = {
    "unsealed": "too new: ask again in a minute",
    "former": "from before the audit could show some fields without the others",
}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _hex(text: str) -> bytes:
    """Written in one way alone: a changed character is never read as the same."""
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError("not in hexadecimal digits")
    return found


def _base64(text: str) -> bytes:
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError("not in base64")
    return found


def _read(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row that are shown. Raises ValueError where what opens one does not fit the row."""
    told: dict[str, Any] = _read(row["row"])
    if "version" not in told:
        if row.get("opened"):
            raise ValueError("a row that is shown whole has nothing to open")
        return told
    if told["version"] != 2:
        raise ValueError("a row of a version that this script does not know")
    found: dict[str, Any] = {}
    for text in row["opened"]:
        _, name, value = _read(text)
        if name in found or hashlib.sha256(text.encode()).hexdigest() != told["fields"].get(name):
            raise ValueError("a field that is shown is not the one that was written")
        found[name] = value
    found.update(found.get("rest", {}))
    return found


def _row_problems(row: dict[str, Any], size: int, root: bytes) -> list[str]:
    name = "?"
    try:
        name = shown(row).get("id", "?")
    except (ValueError, TypeError, AttributeError) as wrong:
        return [f"a row cannot be read: {wrong}"]
    if set(row) - _ROW:
        return [f"row {name} has something with it that is not proved"]
    if not row.get("seal"):
        return [f"row {name} is not sealed yet: ask for the proof again in a minute"]
    found = []
    own = _sha(_hex(row["before"]), row["row"].encode())
    path = [_hex(one) for one in row["path"]]
    seal_path = [_hex(one) for one in row["seal_path"]]
    seal = _hex(_read(row["seal"])["root"])
    if not is_included(_sha(b"\x00", own), row["index"], row["size"], path, seal):
        found.append(f"row {name} is not under its seal")
    if not is_included(_sha(b"\x00", row["seal"].encode()), row["seal_index"], size, seal_path, root):
        found.append(f"the seal of row {name} is not under the head")
    return found


def problems(proof: dict[str, Any], public: bytes, kept: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with a proof; nothing where it holds. ``kept`` is one that was given before."""
    found = []
    content = proof["head"].encode()
    head = _read(proof["head"])
    root, size = _hex(head["root"]), head["size"]
    version = 2 if any("opened" in row for row in proof["rows"]) or not proof["rows"] else 1
    if set(proof) - _TOP or proof["format"] != f"scr-audit-proof/{version}":
        found.append("this is not a proof that this script knows")
    if _base64(proof["public_key"]) != public:
        found.append("the proof names another key")
    if not is_signed(public, content, _base64(proof["signature"])):
        found.append("the head is not signed by the key")
    rows = [row["row"] for row in proof["rows"]]
    if len(set(rows)) != len(rows):
        found.append("a row is there twice")
    for row in proof["rows"]:
        found += _row_problems(row, size, root)
    earlier = proof.get("earlier")
    if earlier:
        old, path = _hex(earlier["root"]), [_hex(one) for one in earlier["path"]]
        if not is_consistent(earlier["size"], old, size, root, path):
            found.append("the tree is not the earlier one gone on")
    return found + (_kept_problems(kept, public, head, earlier) if kept else [])


def _kept_problems(
    kept: dict[str, Any], public: bytes, head: dict[str, Any], earlier: dict[str, Any] | None
) -> list[str]:
    told = _read(kept["head"])
    if not is_signed(public, kept["head"].encode(), _base64(kept["signature"])):
        return ["the head of the proof that was kept is not signed by the key"]
    at = earlier or head
    if at["size"] != told["size"]:
        return [f"this proof does not go on from the one that was kept: ask with since={told['size']}"]
    return [] if at["root"] == told["root"] else ["what was there before is not what is there now"]


def _plain(text: object) -> str:
    return "".join(one if one.isprintable() else "?" for one in str(text))


def _time(at: object) -> str:
    if not isinstance(at, int):
        return "?"
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at // 1000))


def line(fields: dict[str, Any]) -> str:
    """A row in words, as far as it is shown."""
    who = fields.get("actor_name") or {"system": "a system"}.get(fields.get("who", ""), "somebody not named")
    told = [
        who,
        {"you": "the person themselves", "carer": "a carer"}.get(fields.get("who", ""), ""),
        *(
            f"{word} {fields[name]}"
            for name, word in (("role", "role"), ("organisation", "at"))
            if fields.get(name)
        ),
        f"through {fields['through']}" if fields.get("through") else "",
        f"for {fields['purpose']}" if fields.get("purpose") else "",
        f"asked for: {fields['asked']}"
        if "asked" in fields
        else f"{fields.get('action', '')} {fields.get('what', '')}",
        {True: "allowed", False: "refused"}.get(fields.get("allowed", ""), str(fields.get("outcome", ""))),
        "in an emergency" if fields.get("glass") is True else "",
    ]
    return _plain(f"{_time(fields.get('at'))}: {', '.join(one for one in told if one.strip())}")


def said(proof: dict[str, Any]) -> list[str]:
    """What a proof that holds shows, and what it does not."""
    head = json.loads(proof["head"])
    rows = sorted((shown(row) for row in proof["rows"]), key=lambda fields: fields.get("at", 0))
    told = [line(fields) for fields in rows]
    told += [
        f"{len(rows)} rows are in the audit, under the head of {head['size']} seals, signed by key "
        f"{_plain(head['key'])} at {_time(head['at'])}.",
        "What is shown of them is what was written then.",
    ]
    if any(
        len(row.get("opened", ())) < len(json.loads(row["row"]).get("fields", ())) for row in proof["rows"]
    ):
        told.append(
            "What is not shown of them was written too, and cannot be read or guessed from this file."
        )
        told.append("Whose record they are about is not shown: it is said by whoever gave this file.")
    told.append("That there are no other rows is not proved.")
    for one in proof.get("left", ()):
        told.append(_plain(f"Not proved: row {one['id']}, {_LEFT.get(one['why'], one['why'])}."))
    if proof.get("earlier"):
        told.append(
            f"Nothing under the head of {proof['earlier']['size']} seals was changed or taken out since."
        )
    told.append(
        f"Keep this file, and ask for a proof later with ?since={head['size']} at the end of the address:"
    )
    told.append("checked with --earlier and this file, it shows whether anything was changed in between.")
    return told


def checked(path: Path, earlier: Path | None, key: bytes) -> tuple[list[str], list[str]]:
    """What is wrong with the proof in a file, and what it shows where nothing is. Without a key, its own."""
    try:
        proof = _read(path.read_text("utf-8"))
        kept = _read(earlier.read_text("utf-8")) if earlier else None
        found = problems(proof, key or _base64(proof["public_key"]), kept)
        return found, [] if found else said(proof)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError):
        return ["this is not a proof, or not a whole one"], []


def main() -> int:
    """Check a file; the exit code is 0 where the proof holds, 1 where it does not."""
    parser = argparse.ArgumentParser(description="Check a proof of the audit.")
    parser.add_argument("proof", type=Path)
    parser.add_argument("--key", default="", help="the deployment's public key, in base64")
    parser.add_argument("--earlier", type=Path, help="a proof that was kept")
    read = parser.parse_args()
    found, told = checked(read.proof, read.earlier, base64.b64decode(read.key))
    heading = "THE PROOF DOES NOT HOLD:" if found else "The proof holds."
    sys.stdout.write("\n".join([heading, *found, *told]) + "\n")
    if not read.key:
        sys.stdout.write("The key is the proof's own: compare it with the one that was published.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
