"""About one code, or two: ``$lookup``, ``$validate-code`` and ``$subsumes`` of CodeSystem.

https://hl7.org/fhir/R4/codesystem-operations.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

from scr.errors import UnknownCode
from scr.terminology.operations.library import Known, Library
from scr.terminology.release.answers import Designation, Property
from scr.terminology.systems import SNOMED_CT

Subsumption = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]
DETAILS = frozenset({"designation", "parent", "child", "attribute", "property", "replaced-by"})
"""What a look-up can tell beside the concept itself."""
USUAL = frozenset({"designation", "parent", "property", "replaced-by"})
"""What it tells on the endpoint where nothing is asked for by name."""
_NOTHING: frozenset[str] = frozenset()
_WORD = re.compile(r"[^\W_]+")


class Lookup(NamedTuple):
    """What is known of a code. ``designations`` are the active ones."""

    system: str
    version: str
    name: str
    code: str
    display: str
    active: bool
    definition: str
    designations: tuple[Designation, ...]
    properties: tuple[Property, ...]


class Validation(NamedTuple):
    """Whether a code is valid, in a sentence where it is not or not quite; ``display`` is the right one."""

    result: bool
    display: str
    message: str


def lookup(library: Library, system: str, code: str, details: frozenset[str] = _NOTHING) -> Lookup:
    """A code of a system, with the details that are asked for (of ``DETAILS``).

    Raises NotFound for a system that is not known, UnknownCode for a code that it does not have.
    """
    release = library.release
    found = None if release is None else release.concept(system, code)
    if release is None or found is None:
        return _lookup_shipped(library, system, code, details)
    info = library.systems[system]
    designations: tuple[Designation, ...] = ()
    properties: tuple[Property, ...] = ()
    if details:
        if "designation" in details:
            designations = tuple(one for one in release.designations(system, code) if one.active)
        properties = tuple(_properties(library, system, code, details))
    return Lookup(
        system, info.version, info.name, found.code, found.display, found.active, found.definition,
        designations, properties,
    )  # fmt: skip


def _lookup_shipped(library: Library, system: str, code: str, details: frozenset[str]) -> Lookup:
    small = library.shipped.concept(system, code)
    if small is None:
        raise unknown(library, system, code)
    shipped = library.shipped.systems[system]
    properties = [Property("parent", "code", small.parent)] if small.parent and "parent" in details else []
    if "child" in details:
        properties += [Property("child", "code", child) for child in shipped.children(code)]
    return Lookup(system, "", shipped.name, code, small.display, True, "", (), tuple(properties))


def unknown(library: Library, system: str, code: str) -> UnknownCode:
    """The error of a code that its system does not have. Raises NotFound where the system is not known."""
    library.need_system(system)
    known = "" if library.complete(system) else "; only a part of this system is known here"
    return UnknownCode(f"{system[:200]} has no code {code[:40]!r}{known}")


def _properties(library: Library, system: str, code: str, details: frozenset[str]) -> Iterable[Property]:
    release = library.release
    if release is None:
        return
    if "parent" in details:
        yield from (Property("parent", "code", one) for one in sorted(release.parents(system, code)))
    if "child" in details:
        yield from (Property("child", "code", one) for one in sorted(release.children(system, code)))
    if "property" in details:
        concept = release.concept(system, code)
        if concept is not None and system == SNOMED_CT:
            yield Property("moduleId", "code", concept.module)
            yield Property("effectiveTime", "string", concept.effective)
            yield Property("sufficientlyDefined", "boolean", str(concept.defined).lower())
        yield from release.properties(system, code)
    if "attribute" in details:
        for one in release.attributes(system, code):
            kind = "code" if one.target else "string"
            yield Property(one.type, kind, one.target or one.value)
    if "replaced-by" in details:
        yield from (Property(one.kind, "code", one.code) for one in release.replacements(system, code))


def validate_code(library: Library, system: str, code: str, display: str = "") -> Validation:
    """Whether a system has a code, and calls it so. Raises NotFound for a system that is not known."""
    known = library.known(system, code)
    if known is None:
        return Validation(False, "", unknown(library, system, code).message)
    return of_known(library, known, display)


def of_known(library: Library, known: Known, display: str) -> Validation:
    """The validation of a code that is there: by what it is called."""
    if display and not called(library, known, display):
        return Validation(False, known.display, "the display is not one of the terms of the code")
    return Validation(True, known.display, "" if known.active else "the code is no longer used")


def called(library: Library, known: Known, display: str) -> bool:
    """Whether a code is called so, whatever the case, accents and spaces."""
    wanted = plain(display)
    if wanted == plain(known.display):
        return True
    if library.release is None:
        return False
    terms = library.release.designations(known.system, known.code)
    return any(one.active and one.use != "definition" and plain(one.term) == wanted for one in terms)


def subsumes(library: Library, system: str, left: str, right: str) -> Subsumption:
    """How the code ``left`` stands to ``right``.

    Raises NotFound for a system that is not known, UnknownCode for a code that it does not have.
    """
    if left == right:
        if library.known(system, left) is None:
            raise unknown(library, system, left)
        return "equivalent"
    if subsumed(library, system, left, right):
        return "subsumes"
    if subsumed(library, system, right, left):
        return "subsumed-by"
    for code in (left, right):
        if library.known(system, code) is None:
            raise unknown(library, system, code)
    return "not-subsumed"


def subsumed(library: Library, system: str, ancestor: str, descendant: str) -> bool:
    """Whether one code is another or is below it; false for what is not known. Some microseconds."""
    if library.release is not None and library.release.subsumes(system, ancestor, descendant):
        return True
    small = library.shipped.systems.get(system)
    return small is not None and small.subsumes(ancestor, descendant)


def plain(text: str) -> str:
    """A text without case, accents, punctuation and double spaces, to compare by."""
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """The words of a text, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return [word.casefold() for word in _WORD.findall(bare)]
