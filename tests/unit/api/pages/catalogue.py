"""What the pages say, and what the Welsh catalogue has.

``python -m tests.unit.api.pages.catalogue`` lists what lacks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import scr.api.pages
from scr.access.contributing.forms import FORMS
from scr.access.contributing.rules import load_readings
from scr.access.looked import PURPOSES
from scr.access.preview import PLAIN
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.fhir.headings import HEADINGS
from scr.store.audit.telling import WORDS

PAGES = Path(str(scr.api.pages.__file__)).parent
ACCESS = PAGES.parents[1] / "access"
_UNITS = {"mmHg", "kg", "cm", "mmol/L", "%", "°C", "L/min"}
"""Written the same in both languages."""
_WORDS = ("_", "gettext", "ngettext", "N_")
_KEYWORDS: dict[str, tuple[int, ...] | None] = dict.fromkeys(_WORDS)
_OPTIONS = {"trimmed": "true", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
MessageId = str | tuple[str, str]


def said() -> dict[MessageId, str]:
    """Every string that a page can say, with a place where it stands."""
    found: dict[MessageId, str] = {}
    for path in sorted((PAGES / "templates").rglob("*.html")):
        for line, word, message, _ in babel_extract(BytesIO(path.read_bytes()), _WORDS, [], dict(_OPTIONS)):
            for each in _ids(str(word), message):
                found.setdefault(each, f"{path.relative_to(PAGES)}:{line}")
    for path in sorted([*PAGES.parent.rglob("*.py"), *ACCESS.rglob("*.py")]):
        for number, name, text, _ in extract_python(BytesIO(path.read_bytes()), _KEYWORDS, [], {}):
            for each in _ids(str(name), text):
                found.setdefault(each, f"{path.relative_to(ACCESS.parent)}:{number}")
    for deeper in _from_deeper():
        found.setdefault(deeper, "scr.access, consent/labels.yaml")
    return found


def _from_deeper() -> Iterator[str]:
    """What is said by other layers, and shown as it is."""
    yield from PLAIN.values()
    yield from PURPOSES.values()
    yield from WORDS.values()
    yield from HEADINGS.values()
    policy = load_policy(DataFiles())
    yield from (label.name for label in policy.labels.labels.values())
    yield from (role.name for role in policy.roles.values())
    yield from _typed_into()


def _typed_into() -> Iterator[str]:
    """What the forms of contributions say of themselves."""
    for form in FORMS.values():
        yield from filter(None, (form.title, form.lead))
        for one in form.fields:
            yield from filter(None, (one.label, one.hint, *one.answers.values()))
    rules = load_readings(DataFiles())
    yield rules.always
    for each in rules.readings.values():
        yield from (each.name, *(one.text for one in each.advice))
        for part in each.parts.values():
            yield from filter(None, (part.name, part.hint, "" if part.unit in _UNITS else part.unit))
        for choice in each.choices.values():
            yield from (choice.name, *choice.answers.values())


def _ids(word: str, message: object) -> Iterator[MessageId]:
    parts = message if isinstance(message, tuple | list) else (message,)
    if word == "ngettext":
        yield (str(parts[0]), str(parts[1]))
    elif isinstance(parts[0], str) and parts[0]:
        yield parts[0]


def written() -> dict[MessageId, Message]:
    """Every string of the catalogue, with its Welsh. Two files that hold the same one are an error."""
    found: dict[MessageId, Message] = {}
    for path in sorted((PAGES / "locale" / "cy").glob("*.po")):
        for message in read_po(BytesIO(path.read_bytes()), locale="cy"):
            if message.id:
                key = message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
                assert key not in found, f"{key!r} stands in two catalogues, one is {path.name}"
                found[key] = message
    return found


def main() -> None:
    """Print what lacks Welsh, as entries for a catalogue, and what nobody says any more."""
    pages, catalogue = said(), written()
    for key, place in pages.items():
        if key not in catalogue:
            one = f"msgid {_quoted(key if isinstance(key, str) else key[0])}"
            more = "" if isinstance(key, str) else f"\nmsgid_plural {_quoted(key[1])}"
            forms = [""] if isinstance(key, str) else [f"[{number}]" for number in range(5)]
            lines = [f"#: {place}", f"{one}{more}", *(f'msgstr{form} ""' for form in forms)]
            sys.stdout.write("\n".join(lines) + "\n\n")
    for key in catalogue:
        if key not in pages:
            sys.stdout.write(f"stale: {key!r}\n")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


if __name__ == "__main__":
    main()
