"""Why a file is not taken, and what no file may hold."""

from __future__ import annotations

import re

_WEB = re.compile(
    rb"<\s*(?:script|html|svg|iframe|!doctype|\?php|body|object|embed)\b|javascript:", re.IGNORECASE
)


class Refusal(Exception):
    """A stable code, and a sentence for whoever sent it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence


def two_things(what: str) -> Refusal:
    """For a file that could be read as something else as well. ``what``: A picture, The PDF."""
    return Refusal(
        "two-things", f"{what} has something else inside. Save or photograph it again, and send that."
    )


def broken(what: str) -> Refusal:
    """For one that cannot be read as what it begins as."""
    return Refusal("broken", f"{what} is broken and cannot be opened. Save or photograph it again.")


def check_words(data: bytes) -> None:
    """Raises Refusal where the words beside a picture are a web page, or a PDF begins in them."""
    if _WEB.search(data) or b"%PDF-" in data:
        raise two_things("The picture")
