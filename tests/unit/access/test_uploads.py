"""A zoo of files: what is taken, by its content, and what could be two things at once."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scr.access.contributing.uploads import MOST_KEPT, Taken, check_file


def picture(kind: str, size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    """A picture."""
    made = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(made, kind, **more)
    return made.getvalue()


def pdf(**replaced: str) -> bytes:
    """A PDF of one page; ``catalogue`` is put into its catalogue."""
    made = FPDF()
    made.add_page()
    made.set_font("helvetica")
    made.cell(text="A letter")
    raw = bytes(made.output())
    return raw.replace(b"/Type /Catalog", b"/Type /Catalog " + replaced.get("catalogue", "").encode())


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk before its picture."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    place = png.index(b"IDAT") - 4
    return png[:place] + chunk + png[place:]


def object_stream(inside: bytes, filters: bytes = b"/Filter /FlateDecode", *, packed: bool = True) -> bytes:
    """A PDF with an object stream."""
    data = zlib.compress(inside) if packed else inside
    head = b"9 0 obj\n<< /Type /ObjStm /N 1 /First 4 " + filters + b" /Length %d >>\nstream\n" % len(data)
    raw = pdf()
    place = raw.rindex(b"xref")
    return raw[:place] + head + data + b"\nendstream\nendobj\n" + raw[place:]


JPEG, PNG, PDF = picture("JPEG"), picture("PNG"), pdf()
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!" + b"$H+H*"
_ACTION = "/OpenAction << /S /{} /JS (app.alert\\(1\\)) >>"

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "a program": (b"MZ\x90\x00\x03", "other-type"),
    "a GIF": (b"GIF89a" + b"\0" * 20, "other-type"),
    "a web page": (b"  <!DOCTYPE html><p>hi", "two-things"),
    "an SVG": (b"<svg xmlns='x'/>", "two-things"),
    "text with a PDF": (b"hello\n%PDF-1.7\n", "two-things"),
    "Latin 1": ("caf\u00e9".encode("latin-1"), "other-type"),
    "EICAR": (EICAR, "infected"),
    "EICAR in a text": (b"see " + EICAR + b" there", "infected"),
    "EICAR in a PDF": (PDF[:-6] + EICAR + b"\n%%EOF\n", "infected"),
    "JPEG, cut": (JPEG[:-20], "broken"),
    "JPEG, more behind": (JPEG + b"<script>", "two-things"),
    "JPEG and ZIP": (JPEG + b"PK\x05\x06" + b"\0" * 18, "two-things"),
    "JPEG with a PDF inside": (picture("JPEG", comment=b"%PDF-1.7 1 0 obj"), "two-things"),
    "JPEG with HTML inside": (picture("JPEG", comment=b"<script>alert(1)</script>"), "two-things"),
    "JPEG of nothing": (b"\xff\xd8\xff\xd9", "broken"),
    "PNG, cut": (PNG[:-5], "broken"),
    "PNG, more behind": (PNG + b"%PDF-1.7", "two-things"),
    "PNG with HTML in its words": (with_chunk(PNG, b"tEXt", b"Comment\0<HTML><body>"), "two-things"),
    "PNG with packed HTML": (with_chunk(PNG, b"zTXt", b"C\0\0" + zlib.compress(b"<script>")), "two-things"),
    "PNG with a PDF": (with_chunk(PNG, b"prVt", b"%PDF-1.4"), "two-things"),
    "PNG with a wrong sum": (PNG[:-1] + b"\0", "broken"),
    "PNG, far too large": (
        PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:29]
        + struct.pack(">I", zlib.crc32(b"IHDR" + struct.pack(">II", 60_000, 60_000) + PNG[24:29])) + PNG[33:],
        "too-many-points",
    ),
    "PDF, cut": (PDF[: PDF.rindex(b"%%EOF")], "broken"),
    "PDF, more behind": (PDF + b"<html>", "two-things"),
    "PDF and ZIP": (PDF.replace(b"xref", b"% PK\x05\x06\nxref", 1), "two-things"),
    "PDF with a script": (pdf(catalogue=_ACTION.format("JavaScript")), "acting"),
    "PDF with a coded script": (pdf(catalogue=_ACTION.format("J#61v#61Script")), "acting"),
    "PDF that starts a program": (pdf(catalogue="/AA << /O << /S /Launch /F (cmd.exe) >> >>"), "acting"),
    "PDF that carries a file": (pdf(catalogue="/Names << /EmbeddedFiles 5 0 R >>"), "acting"),
    "PDF with a password": (PDF.replace(b"trailer\n<<", b"trailer\n<< /Encrypt 8 0 R"), "password"),
    "PDF with a packed script": (object_stream(b"1 0 << /S /JavaScript /JS (x) >>"), "acting"),
    "PDF packed in another way": (object_stream(b"x", b"/Filter [/ASCII85Decode /FlateDecode]"), "unusual"),
    "PDF packed with a predictor": (
        object_stream(b"x", b"/Filter /FlateDecode /DecodeParms << /Predictor 12 >>"), "unusual",
    ),
    "PDF whose objects cannot be read": (object_stream(b"no zlib", packed=False), "unusual"),
    "PDF behind something": (b"\n" + PDF, "other-type"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_plain_thing_is_refused(name: str) -> None:
    """Each with its code, and a sentence that says what to do."""
    data, code = REFUSED[name]
    found = check_file(data)
    assert not isinstance(found, Taken)
    assert (found.code, found.where) == (code, "file"), found
    assert found.sentence.endswith(".")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PDF, "application/pdf"),
        (object_stream(b"1 0 << /Type /Page >>"), "application/pdf"),
        (JPEG, "image/jpeg"),
        (picture("JPEG", progressive=True), "image/jpeg"),
        (picture("JPEG", size=(3000, 10)), "image/jpeg"),
        (PNG, "image/png"),
        ("caf\u00e9, \u0175\n\tand so on".encode(), "text/plain; charset=utf-8"),
        (b"\xef\xbb\xbfwith a mark", "text/plain; charset=utf-8"),
    ],
    ids=["pdf", "pdf with object streams", "jpeg", "progressive", "wide", "png", "text", "text with a mark"],
)
def test_what_is_one_plain_thing_is_taken(data: bytes, media_type: str) -> None:
    """By its content; a picture is made anew, within a size."""
    found = check_file(data)
    assert isinstance(found, Taken), found
    assert found.media_type == media_type
    if media_type.startswith("image/"):
        with Image.open(BytesIO(found.data)) as again:
            assert max(again.size) <= 2_400
    assert isinstance(check_file(found.data), Taken)


def test_nothing_but_the_points_of_a_picture_is_kept() -> None:
    """No place, no camera, no comment, no words, no profile; and it stands upright."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "SECRET"
    words = PngInfo()
    words.add_text("Comment", "SECRET")
    for data in (
        picture("JPEG", exif=exif, comment=b"SECRET", icc_profile=b"SECRET" * 30),
        picture("PNG", exif=exif, pnginfo=words, icc_profile=b"SECRET" * 30),
    ):
        assert b"SECRET" in data or b"iCCP" in data
        found = check_file(data)
        assert isinstance(found, Taken), found
        assert b"SECRET" not in found.data
        with Image.open(BytesIO(found.data)) as again:
            assert again.size == (30, 40)
            assert not again.getexif()
            assert not {"icc_profile", "comment", "Comment", "exif"} & again.info.keys()


def test_what_is_too_large_to_keep_is_refused() -> None:
    """As it would be kept."""
    found = check_file(b"a" * (MOST_KEPT + 1))
    assert not isinstance(found, Taken)
    assert found.code == "too-large"


@given(st.sampled_from([JPEG, PNG, PDF]), st.data())
def test_a_file_that_was_damaged_is_taken_or_refused_and_never_a_fault(whole: bytes, data: Any) -> None:
    """Wherever bytes are lost or changed."""
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=4)) + whole[place + data.draw(st.integers(0, 4)) :]
    found = check_file(damaged)
    assert isinstance(found, Taken) or found.sentence
