"""Text that turns no other: a name may hold characters that let what stands after it read backwards.

https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing. Letters that are written from right to left
turn by themselves, and stay as they are.
"""

from __future__ import annotations

import re

from markupsafe import Markup

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates, and what ends them."""


def straight(value: object) -> object:
    """What a page is to show of a value: text without what turns the direction of its surroundings."""
    if not isinstance(value, str) or value.isascii() or _TURNS.search(value) is None:
        return value
    told = _TURNS.sub("", str(value))
    return Markup(told) if isinstance(value, Markup) else told  # noqa: S704 - it was markup before
