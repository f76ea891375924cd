"""The languages of the pages: English as it stands in them, Welsh by the catalogues in ``locale/cy``.

A catalogue is one ``.po`` file for each part of the pages; together they are one. A string without Welsh is
shown in English, and a test fails for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.dates import format_date, format_time
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

from scr.fhir.dates import LONDON, utc
from scr.fhir.shown.plain import Language

COOKIE = "scr_lang"
LANGUAGES: Mapping[str, str] = {"en": "English", "cy": "Cymraeg"}
"""Each in its own name."""
_LOCALES = {"en": "en_GB", "cy": "cy"}


def N_(text: str) -> str:  # noqa: N802 - the name under which catalogues know it
    """Mark a string for the catalogue where it is not yet said: the template says it with ``_``."""
    return text


def chosen(request: Request) -> str:
    """The language of an answer: of the address, or chosen before, or what the browser wants."""
    wanted = request.headers.get("accept-language", "")[:2].lower()
    for code in (request.query_params.get("lang"), request.cookies.get(COOKIE), wanted):
        if code is not None and code in LANGUAGES:
            return code
    return "en"


def language(request: Request) -> Language:
    """The same, for what tells a record in words."""
    return "cy" if chosen(request) == "cy" else "en"


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language: its words, and how it writes a day and a time."""

    code: str
    catalogue: NullTranslations

    def say(self, text: str, values: Mapping[str, object] | None = None) -> str:
        """A string of the catalogue, with the values of its ``%(name)s``."""
        said = self.catalogue.gettext(text)
        return said % values if values else said

    def knows(self, text: str) -> bool:
        """Whether the catalogue has a string."""
        return self.catalogue.gettext(text) != text

    def spoken(self, text: str) -> str:
        """What comes from elsewhere, as it is but for its language: several, with commas, each by itself."""
        whole = self.say(text) if text else ""
        return (
            whole
            if whole != text
            else ", ".join(self.say(part) if part else part for part in text.split(", "))
        )

    def day(self, day: date) -> str:
        """A day as people write it: 5 January 2026."""
        return format_date(day, "d MMMM y", locale=_LOCALES[self.code])

    def short_day(self, day: date) -> str:
        """A day in a table: 5 Jan 2026."""
        return format_date(day, "d MMM y", locale=_LOCALES[self.code])

    def moment(self, ms: int) -> str:
        """Milliseconds UTC as a time in London: 5 January 2026 at 9:30am."""
        at = utc(ms).astimezone(LONDON)
        time = format_time(at, "h:mma", tzinfo=LONDON, locale=_LOCALES[self.code]).lower()
        return self.say(N_("%(day)s at %(time)s"), {"day": self.day(at.date()), "time": time})

    def day_of(self, ms: int) -> str:
        """Milliseconds UTC as a day in London."""
        return self.day(utc(ms).astimezone(LONDON).date())


@lru_cache(maxsize=len(LANGUAGES))
def tongue(code: str) -> Tongue:
    """A language by its code, ``en`` or ``cy``."""
    return Tongue(code, NullTranslations() if code == "en" else _catalogue(code))


def _catalogue(code: str) -> NullTranslations:
    whole = Catalog(locale=code)
    folder = files("scr.api.pages") / "locale" / code
    for part in sorted(folder.iterdir(), key=lambda each: each.name):
        if part.name.endswith(".po"):
            for message in read_po(BytesIO(part.read_bytes()), locale=code):
                if message.id:
                    whole.add(message.id, message.string)
    packed = BytesIO()
    write_mo(packed, whole)
    packed.seek(0)
    return Translations(packed)
