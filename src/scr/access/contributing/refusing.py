"""Why a file is not taken, and what no file may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from scr.access.contributing.found import N_

_WEB = re.compile(
    rb"<\s*(?:script|html|svg|iframe|!doctype|\?php|body|object|embed)\b|javascript:", re.IGNORECASE
)
What = Literal["picture", "PDF"]
_TWO_THINGS: Mapping[What, str] = {
    "picture": N_("The picture has something else inside. Save or photograph it again, and send that."),
    "PDF": N_("The PDF has something else inside. Save it again, and send that."),
}
_BROKEN: Mapping[What, str] = {
    "picture": N_("The picture is broken and cannot be opened. Save or photograph it again."),
    "PDF": N_("The PDF is broken and cannot be opened. Save it again."),
}


class Refusal(Exception):
    """A stable code, and a sentence for whoever sent it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence


def two_things(what: What) -> Refusal:
    """For a file that could be read as something else as well."""
    return Refusal("two-things", _TWO_THINGS[what])


def broken(what: What) -> Refusal:
    """For one that cannot be read as what it begins as."""
    return Refusal("broken", _BROKEN[what])


def check_words(data: bytes) -> None:
    """Raises Refusal where the words beside a picture are a web page, or a PDF begins in them."""
    if _WEB.search(data) or b"%PDF-" in data:
        raise two_things("picture")
