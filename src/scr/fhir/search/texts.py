"""String and uri parameters. https://hl7.org/fhir/R4/search.html#string, #uri"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from scr.fhir.search.escapes import alternatives, bad, plain

Values = Callable[[Sequence[Any]], bool]
_NOT_WORDS = frozenset({"use", "type", "system", "period", "extension", "id"})
"""Parts of a name or an address that are not what it reads as."""


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Without case, without accents, and with one blank between words."""
    if text.isascii():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(sign for sign in apart if not unicodedata.combining(sign)).split())


def strings_of(values: Iterable[Any]) -> Iterator[str]:
    """The texts of values: themselves, or every part of a name or an address."""
    for value in values:
        if type(value) is str:
            yield value
        elif type(value) is dict:
            for name, part in value.items():
                if name not in _NOT_WORDS:
                    several = part if type(part) is list else [part]
                    yield from (text for text in several if type(text) is str)


def by_string(name: str, modifier: str, value: str) -> Values:
    """A string begins so, contains it (``:contains``) or is it to the letter (``:exact``)."""
    wanted = [plain(part) for part in alternatives(name, value)]
    if modifier == "exact":
        letters = frozenset(wanted)
        return lambda values: any(text in letters for text in strings_of(values))
    likes = tuple(map(folded, wanted))
    if not all(likes):
        raise bad(name, "one of the values is empty")
    if modifier == "contains":
        return lambda values: any(like in folded(text) for text in strings_of(values) for like in likes)
    return lambda values: any(folded(text).startswith(likes) for text in strings_of(values))


def by_uri(name: str, modifier: str, value: str) -> Values:
    """A uri is the one that is given, begins with it (``:below``) or is the beginning of it (``:above``).

    One that is given without a version finds a canonical with any.
    """
    wanted = tuple(plain(part) for part in alternatives(name, value))
    if modifier == "below":
        return lambda values: any(type(uri) is str and uri.startswith(wanted) for uri in values)
    if modifier == "above":
        return lambda values: any(
            type(uri) is str and any(one.startswith(uri) for one in wanted) for uri in values
        )
    letters = frozenset(wanted)
    return lambda values: any(
        type(uri) is str and (uri in letters or uri.partition("|")[0] in letters) for uri in values
    )
