"""A picture made anew of its points: upright, no larger than of use, and with nothing beside them."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from scr.access.contributing.refusing import broken

LONGEST = 2_400
"""Points of its longer side, at most."""


def made_anew(data: bytes, kind: Literal["JPEG", "PNG"]) -> bytes:
    """The picture again. Its form and size were checked before. Raises Refusal where it cannot be drawn."""
    try:
        with Image.open(BytesIO(data), formats=[kind]) as found:
            upright = ImageOps.exif_transpose(found)
            upright.thumbnail((LONGEST, LONGEST))
            return _saved(upright, kind)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise broken("picture") from None


def _saved(found: Image.Image, kind: Literal["JPEG", "PNG"]) -> bytes:
    """Its points alone, in a picture that never had anything else."""
    mode = "RGB" if kind == "JPEG" else "RGBA" if found.has_transparency_data else "RGB"
    points = found.convert(mode)
    bare = Image.frombytes(mode, points.size, points.tobytes())
    made = BytesIO()
    if kind == "JPEG":
        bare.save(made, "JPEG", quality=85, optimize=True)
    else:
        bare.save(made, "PNG", optimize=True)
    return made.getvalue()
