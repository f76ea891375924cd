"""The functions that a template may call, registered through JMESPath's own ``Functions`` interface.

All of them take null and give null. A value that cannot be read (a date with month 13, a number
with letters) gives null too, and is noted, so that it is counted and shown. The functions of the
JMESPath specification (https://jmespath.org/specification.html#built-in-functions) are there as
well; given null where they need a value, they give null. The docstrings here are the reference for
those who write adapters: ``reference_table`` makes the page of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from jmespath import functions

from scr.fhir.identifiers import NHSNumber
from scr.mapping.times import Unreadable, parse_date, parse_datetime, parse_hl7
from scr.mapping.values import as_text, decimal, is_true, local_id
from scr.terminology.conceptmap import ConceptMaps, Target

_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})\Z")
_TRUE = frozenset({"y", "yes", "true", "t", "1"})
_FALSE = frozenset({"n", "no", "false", "f", "0"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # of no XML 1.0 document
_NOT_LETTERS = re.compile(r"[\W_]+")


class UnmappedCode(NamedTuple):
    """A code for which a concept map has no row."""

    map: str
    code: str


@dataclass(slots=True)
class Notes:
    """What could not be carried over while one unit was mapped: it is counted, never dropped in silence."""

    unread: list[str] = field(default_factory=list)
    unmapped: list[UnmappedCode] = field(default_factory=list)


def signature(*arguments: dict[str, Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """JMESPath's own decorator, typed."""
    decorate: Callable[[Callable[..., Any]], Callable[..., Any]] = functions.signature(*arguments)  # type: ignore[arg-type]
    return decorate


_ONE: dict[str, Any] = {"types": []}
_MANY: dict[str, Any] = {"types": [], "variadic": True}


class MappingFunctions(functions.Functions):
    """The functions, over the concept maps and the notes of one unit."""

    def __init__(self, maps: ConceptMaps, notes: Notes | None = None) -> None:
        self.maps = maps
        self.notes = notes or Notes()

    def call_function(self, function_name: str, resolved_args: Iterable[Any], at: str = "") -> Any:
        """Call one by its name; ``at`` is the source's field, for the notes.

        Raises JMESPath's own errors: UnknownFunctionError, ArityError, JMESPathTypeError.
        """
        arguments = list(resolved_args)
        spec = self.FUNCTION_TABLE.get(function_name)
        if spec is not None and _lacks_value(arguments, spec["signature"]):
            return None
        try:
            if function_name in OWN and spec is not None:
                return spec["function"](self, *arguments)  # takes anything: no types to check
            return super().call_function(function_name, arguments)
        except Unreadable:
            self.notes.unread.append(f"{at}: {function_name}" if at else function_name)
            return None

    # Dates and times

    @signature(_MANY)
    def _func_date(self, value: Any, *formats: str) -> str | None:
        """`date(value, format…)`: a FHIR date. The formats are Python's (`%d/%m/%Y`), tried in order;
        without one, ISO 8601. A format without a day or a month gives a date that stops there.
        """
        text = as_text(value)
        return None if text is None else parse_date(text, formats)

    @signature(_MANY)
    def _func_datetime(self, value: Any, *formats: str) -> str | None:
        """`datetime(value, format…)`: a FHIR dateTime with its offset. A time without a zone is
        Europe/London. A value without a time gives a date.
        """
        text = as_text(value)
        return None if text is None else parse_datetime(text, formats)

    @signature(_ONE)
    def _func_hl7_date(self, value: Any) -> str | None:
        """`hl7_date(value)`: the date of an HL7 v2 time stamp of any precision."""
        text = as_text(value)
        return None if text is None else (parse_hl7(text) or "")[:10] or None

    @signature(_ONE)
    def _func_hl7_datetime(self, value: Any) -> str | None:
        """`hl7_datetime(value)`: an HL7 v2 time stamp of any precision as a FHIR dateTime; without a zone it
        is Europe/London.
        """
        text = as_text(value)
        return None if text is None else parse_hl7(text)

    # Codes

    @signature(_ONE, _ONE)
    def _func_translate(self, map_name: str, value: Any) -> str | None:
        """`translate('map', value)`: the code that the concept map `terminology/maps/map.csv` gives; null,
        and counted, where it gives none. What its row `*` falls back on is given, and counted as well.
        """
        target = self._translated(map_name, value)
        return None if target is None else target.code

    @signature(_ONE, _ONE)
    def _func_translate_coding(self, map_name: str, value: Any) -> dict[str, str] | None:
        """`translate_coding('map', value)`: the same as a Coding: system, code and display."""
        target = self._translated(map_name, value)
        if target is None:
            return None
        coding = {"system": target.system, "code": target.code}
        return {**coding, "display": target.display} if target.display else coding

    def _translated(self, map_name: str, value: Any) -> Target | None:
        known = self.maps.maps.get(map_name)
        met = known.met.get(("", value)) if known is not None and value.__class__ is str else None
        if met is not None and met.code and not met.unlisted:
            return met
        text = as_text(value)
        if text is None:
            return None
        target = self.maps.translate(map_name, text)
        if target is None or target.unlisted:
            self.notes.unmapped.append(UnmappedCode(map_name, text[:80]))
        return target if target is not None and target.code else None

    # Identifiers

    @signature(_ONE, _MANY)
    def _func_stable_id(self, _kind: str, *parts: Any) -> str | None:
        """`stable_id('Type', part…)`: the id of a resource, made from the source's own identifiers. The same
        parts give the same id in every message; null where a part is missing.
        """
        return local_id(parts)

    @signature(_ONE, _MANY)
    def _func_reference(self, kind: str, *parts: Any) -> str | None:
        """`reference('Type', part…)`: a reference to the resource whose id `stable_id` makes from the same
        type and parts; null where a part is missing.
        """
        local = local_id(parts)
        return None if local is None else f"{kind}/{local}"

    @signature(_ONE)
    def _func_nhs_number(self, value: Any) -> str | None:
        """`nhs_number(value)`: ten digits without spaces, if the check digit is right; otherwise null, and
        counted.
        """
        text = as_text(value)
        if text is None:
            return None
        try:
            return NHSNumber.parse(text).value
        except ValueError:
            raise Unreadable from None

    @signature(_ONE)
    def _func_postcode(self, value: Any) -> str | None:
        """`postcode(value)`: in capitals with one space before the last three characters; what has not that
        form is kept as it is.
        """
        text = as_text(value)
        if text is None:
            return None
        match = _POSTCODE.match(_NOT_LETTERS.sub("", text).upper())
        return f"{match[1]} {match[2]}" if match else text

    # Text, numbers, choices

    @signature(_ONE)
    def _func_text(self, value: Any) -> str | None:
        """`text(value)`: the value as text, without space around it; null where there is none."""
        return as_text(value)

    @signature(_MANY)
    def _func_concat(self, *parts: Any) -> str | None:
        """`concat(part…)`: the parts one after another; a missing one counts as nothing."""
        return "".join([str(part) for part in parts if part is not None]).strip() or None

    @signature(_ONE, _ONE)
    def _func_join(self, separator: Any, parts: Any) -> str | None:
        """`join(separator, list)`: the parts with the separator between them; missing ones are left out."""
        texts = [as_text(part) for part in parts] if isinstance(parts, list) else [as_text(parts)]
        return str(separator).join([text for text in texts if text is not None]) or None

    @signature(_ONE)
    def _func_narrative(self, value: Any) -> dict[str, str] | None:
        """`narrative(value)`: a Narrative of the text, its line breaks kept, for a Composition's section."""
        text = as_text(value)
        if text is None:
            return None
        inside = "<br/>".join(escape(_CONTROL.sub(" ", line)) for line in text.splitlines())
        return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'}

    @signature(_ONE)
    def _func_lower(self, value: Any) -> str | None:
        """`lower(value)`: in small letters."""
        text = as_text(value)
        return None if text is None else text.lower()

    @signature(_ONE)
    def _func_upper(self, value: Any) -> str | None:
        """`upper(value)`: in capitals."""
        text = as_text(value)
        return None if text is None else text.upper()

    @signature(_ONE)
    def _func_trim(self, value: Any) -> str | None:
        """`trim(value)`: without space around it, and with single spaces inside."""
        text = as_text(value)
        return None if text is None else " ".join(text.split())

    @signature(_ONE, _ONE)
    def _func_split(self, value: Any, separator: str) -> list[str] | None:
        """`split(value, separator)`: a list of the parts, trimmed, empty ones left out."""
        text = as_text(value)
        if text is None:
            return None
        return [part.strip() for part in text.split(separator) if part.strip()]

    @signature(_ONE, _ONE, _ONE)
    def _func_replace(self, value: Any, old: str, new: str) -> str | None:
        """`replace(value, old, new)`: with each `old` replaced by `new`."""
        text = as_text(value)
        return None if text is None else text.replace(old, new)

    @signature(_ONE)
    def _func_slug(self, value: Any) -> str | None:
        """`slug(value)`: small letters and digits with hyphens between words."""
        text = as_text(value)
        return None if text is None else _slug(text)

    @signature(_ONE)
    def _func_number(self, value: Any) -> int | float | None:
        """`number(value)`: a number, whole or decimal; anything else is null, and counted."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        text = as_text(value)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            return decimal(text)

    @signature(_ONE)
    def _func_boolean(self, value: Any) -> bool | None:
        """`boolean(value)`: true for Y, yes, true, T and 1, false for N, no, false, F and 0; anything else
        is null, and counted.
        """
        if isinstance(value, bool):
            return value
        text = as_text(value)
        if text is None:
            return None
        low = text.lower()
        if low not in _TRUE and low not in _FALSE:
            raise Unreadable
        return low in _TRUE

    @signature(_ONE, _ONE, _ONE)
    def _func_if(self, condition: Any, then: Any, otherwise: Any) -> Any:
        """`if(condition, then, otherwise)`: one of two values; the condition holds as JMESPath has it: null,
        false, and what is empty do not.
        """
        return then if is_true(condition) else otherwise


OWN: dict[str, str] = {
    name: " ".join((spec["function"].__doc__ or "").split())
    for name, spec in MappingFunctions.FUNCTION_TABLE.items()
    if name not in functions.Functions.FUNCTION_TABLE or name == "join"
}
"""Our own functions by name, with what they do."""


def reference_table() -> str:
    """The functions as a Markdown table, for the documentation."""
    rows = (doc.partition(": ") for _, doc in sorted(OWN.items()))
    return "| call | gives |\n|---|---|\n" + "".join(f"| {call} | {what} |\n" for call, _, what in rows)


@lru_cache(maxsize=4096)
def _slug(text: str) -> str | None:
    return _NOT_LETTERS.sub("-", text.lower()).strip("-") or None


def _lacks_value(arguments: list[Any], signatures: list[dict[str, Any]]) -> bool:
    """Whether a null stands where the JMESPath specification wants a value."""
    return any(
        argument is None and wanted["types"] and "null" not in wanted["types"]
        for argument, wanted in zip(arguments, signatures, strict=False)
    )
