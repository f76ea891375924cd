"""The value sets and maps that SNOMED CT has without anybody writing them down.

https://terminology.hl7.org/SNOMEDCT.html: ``http://snomed.info/sct?fhir_vs``, ``=isa/[id]``, ``=refset``,
``=refset/[id]``, ``=ecl/[expression]``; ``http://snomed.info/sct?fhir_cm=[id]``. The address before the
question mark may name an edition and a version; it must be the one of the release.
"""

from __future__ import annotations

from urllib.parse import unquote

from scr.errors import Invalid, NotFound
from scr.terminology.operations.definition import Definition, Filter, Include
from scr.terminology.operations.library import Library
from scr.terminology.systems import SNOMED_CT

CONSTRAINT = "constraint"
REFSETS = "refsets"
_VALUE_SET, _MAP = "fhir_vs", "fhir_cm"


def implicit_definition(library: Library, url: str) -> Definition | None:
    """The value set of an implicit address; None for an address of another kind.

    Raises Invalid for one that cannot be read, NotFound for another edition than that which is loaded.
    """
    what = _query(library, url, _VALUE_SET)
    if what is None:
        return None
    kind, _, rest = what.partition("/")
    if kind == "":
        filters: tuple[Filter, ...] = ()
    elif kind == "isa" and rest:
        filters = (Filter("concept", "is-a", rest),)
    elif kind == "refset":
        filters = (Filter("concept", "in", rest) if rest else Filter(REFSETS, "exists", "true"),)
    elif kind == "ecl" and rest:
        filters = (Filter(CONSTRAINT, "=", unquote(rest)),)
    else:
        raise Invalid(
            "after fhir_vs= comes isa/[id], refset, refset/[id] or ecl/[expression]",
            code="bad-value-set",
            where=url[:200],
        )
    return Definition(url=url, include=(Include(SNOMED_CT, filters=filters),))


def implicit_map(library: Library, url: str) -> str | None:
    """The reference set of an implicit map; None for an address of another kind. Raises as above."""
    what = _query(library, url, _MAP)
    if what is None:
        return None
    if not (what.isascii() and what.isdigit()):
        raise Invalid("after fhir_cm= comes the number of a map", code="bad-map", where=url[:200])
    return what


def _query(library: Library, url: str, name: str) -> str | None:
    """What stands after ``?fhir_vs=`` in an address of SNOMED CT; nothing for ``?fhir_vs`` alone."""
    base, mark, query = url.partition("?")
    key, _, what = query.partition("=")
    if not mark or key != name or not (base == SNOMED_CT or base.startswith(SNOMED_CT + "/")):
        return None
    library.need_system(SNOMED_CT)
    version = library.version_of(SNOMED_CT)
    if base != SNOMED_CT and not f"{version}/".startswith(base.rstrip("/") + "/"):
        raise NotFound(
            f"another edition or version is loaded: {version or 'without a name'}",
            code="unknown-edition",
            where=base[:200],
        )
    return what
