"""An operation, asked and answered: from a ``Question`` to a FHIR resource, over a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from scr.errors import Invalid, NotFound
from scr.fhir.entry import Resource
from scr.terminology.operations import resources
from scr.terminology.operations.chosen import find_definition
from scr.terminology.operations.codes import DETAILS, USUAL, Validation, lookup, subsumes, validate_code
from scr.terminology.operations.definition import Definition, read_definition
from scr.terminology.operations.expand import Page, expand, validate_in
from scr.terminology.operations.library import Coded, Library
from scr.terminology.operations.question import Asked, Question
from scr.terminology.operations.translate import Translated, translate

_LONGEST_FILTER = 200
_NAMED = {"*": DETAILS, "inactive": frozenset[str]()}


class Answered(NamedTuple):
    """An answer. ``lacking``: it says no, and a terminology server that knows more might say yes."""

    resource: Resource
    lacking: bool = False


def answer(library: Library, question: Question, *, at: str, warnings: Sequence[str] = ()) -> Answered:
    """The answer of an operation; ``at`` is the instant of an expansion, ``warnings`` go into the answer.

    Raises NotFound (with UnknownCode) for what is not known here, Invalid for what cannot be read, TooCostly.
    """
    if question.operation == "ValueSet/$expand":
        return Answered(_expand(library, question, at, warnings))
    return _ANSWERS[question.operation](library, question, warnings)


def _lookup(library: Library, question: Question, warnings: Sequence[str]) -> Answered:
    coded = _one(question, "coding", "system", "version", library).coded
    named = question.values.get("property", ())
    details = frozenset[str]().union(*(_details(name) for name in named)) if named else USUAL
    return Answered(resources.lookup_parameters(lookup(library, *coded, details), warnings))


def _details(name: str) -> frozenset[str]:
    """What a ``property`` of the request stands for; one that is not known is one of the concept's own."""
    if name in _NAMED:
        return _NAMED[name]
    if name in DETAILS:
        return frozenset({name})
    return frozenset({"attribute"} if name.isdigit() else {"property"})


def _validate_code(library: Library, question: Question, warnings: Sequence[str]) -> Answered:
    default = question.text("url") or question.text("system")
    asked = _several(question, default, "version", library)
    for one in asked:
        if default and one.coded.system not in ("", default):
            raise Invalid("the coding is of another system than the url", code="bad-parameter", where="url")
    found = [validate_code(library, one.coded.system, one.coded.code, one.display) for one in asked]
    best = _best(found)
    lacking = not best.result and any(not library.complete(one.coded.system) for one in asked)
    return Answered(resources.validation_parameters(best, warnings), lacking)


def _best(found: Sequence[Validation]) -> Validation:
    """Of several codings it is enough that one is valid."""
    return next((one for one in found if one.result), found[0])


def _subsumes(library: Library, question: Question, warnings: Sequence[str]) -> Answered:
    left, right = (
        _one(question, f"coding{side}", "system", "version", library, code=f"code{side}").coded
        for side in "AB"
    )
    if left.system != right.system:
        raise Invalid("both codes must be of one system", code="bad-parameter", where="codingB")
    outcome = subsumes(library, left.system, left.code, right.code)
    return Answered(resources.subsumption_parameters(outcome, warnings))


def _definition(library: Library, question: Question) -> Definition:
    if question.value_set is not None:
        if question.text("url"):
            raise Invalid("give url or valueSet, not both", code="bad-parameter", where="valueSet")
        return read_definition(question.value_set)
    definition = find_definition(library, question.need("url"))
    wanted = question.text("valueSetVersion")
    if wanted and wanted != definition.version:
        raise NotFound(
            f"the value set is here in version {definition.version or 'without a name'} only",
            code="unknown-version",
            where="valueSetVersion",
        )
    return definition


def _expand(library: Library, question: Question, at: str, warnings: Sequence[str]) -> Resource:
    if len(question.text("filter")) > _LONGEST_FILTER:
        raise Invalid(
            f"longer than {_LONGEST_FILTER} characters: type fewer words",
            code="bad-parameter",
            where="filter",
        )
    page = Page(
        filter=question.text("filter"),
        offset=question.number("offset") or 0,
        count=question.number("count"),
        active_only=question.truth("activeOnly"),
        designations=question.truth("includeDesignations"),
        language=question.text("displayLanguage"),
    )
    found = expand(library, _definition(library, question), page)
    return resources.expansion_resource(found, at, warnings)


def _validate_in(library: Library, question: Question, warnings: Sequence[str]) -> Answered:
    definition = _definition(library, question)
    asked = _several(question, question.text("system"), "systemVersion", library)
    found = [validate_in(library, definition, one.coded, one.display) for one in asked]
    return Answered(resources.validation_parameters(_best(found), warnings))


def _translate(library: Library, question: Question, warnings: Sequence[str]) -> Answered:
    target_system, reverse = _target_system(library, question), question.truth("reverse")
    found = [
        translate(
            library, one.coded.system, one.coded.code,
            url=question.text("url"), target_system=target_system, reverse=reverse,
        )
        for one in _several(question, question.text("system"), "version", library)
    ]  # fmt: skip
    matches = tuple(match for one in found for match in one.matches)
    whole = Translated(matches, any(one.known for one in found))
    return Answered(resources.translation_parameters(whole, warnings), lacking=not whole.known)


def _target_system(library: Library, question: Question) -> str:
    """The system of ``targetsystem``, or the one whose codes are in the value set ``target``."""
    named, value_set = question.text("targetsystem"), question.text("target")
    if named or not value_set:
        return named
    systems = {one.system for one in find_definition(library, value_set).include}
    if len(systems) != 1:
        raise Invalid(
            "the value set is of several systems: give targetsystem", code="bad-parameter", where="target"
        )
    return systems.pop()


# -- codes


def _one(
    question: Question, coding: str, system: str, version: str, library: Library, *, code: str = "code"
) -> Asked:
    given = question.codings.get(coding)
    if given:
        asked = given[0]
        if not asked.coded.system or not asked.coded.code:
            raise Invalid("a coding needs system and code", code="parameter-needed", where=coding)
    else:
        asked = Asked(Coded(question.need(system), question.need(code)), "")
    _check_version(library, asked.coded.system, question.text(version))
    return asked


def _several(question: Question, system: str, version: str, library: Library) -> tuple[Asked, ...]:
    given = question.codings.get("coding") or question.codings.get("codeableConcept")
    asked = given or (Asked(Coded(system, question.need("code")), question.text("display")),)
    filled = tuple(Asked(Coded(one.coded.system or system, one.coded.code), one.display) for one in asked)
    for one in filled:
        if not one.coded.code:
            raise Invalid("a coding needs a code", code="parameter-needed", where="coding")
        if not one.coded.system and question.operation == "CodeSystem/$validate-code":
            raise Invalid("this parameter is needed", code="parameter-needed", where="url")
        _check_version(library, one.coded.system, question.text(version))
    return filled


def _check_version(library: Library, system: str, wanted: str) -> None:
    """Raises NotFound where another version of a system is asked for than the one that is loaded."""
    here = library.version_of(system)
    if wanted and here != wanted and not here.startswith(wanted.rstrip("/") + "/"):
        raise NotFound(
            f"the system is here in version {here or 'without a name'} only",
            code="unknown-version",
            where=system[:200],
        )


_ANSWERS: dict[str, Callable[[Library, Question, Sequence[str]], Answered]] = {
    "CodeSystem/$lookup": _lookup,
    "CodeSystem/$validate-code": _validate_code,
    "CodeSystem/$subsumes": _subsumes,
    "ValueSet/$validate-code": _validate_in,
    "ConceptMap/$translate": _translate,
}
