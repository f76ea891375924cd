"""What can be wrong in an ``adapter.yaml`` beside its shape; each error names file, line and key."""

from __future__ import annotations

import difflib

from scr.data import Document
from scr.decode.sheets import OWN
from scr.mapping.adapter_file import AdapterFile
from scr.mapping.formats import FHIR, IN_ROWS, SheetOfWorkbook, WorkbookFormat
from scr.mapping.template import Compiler
from scr.mapping.template_source import single_expression


def check_id(kind: str, text: object, keys: tuple[str | int, ...], compiler: Compiler) -> None:
    """An id is one expression; where it is made by ``stable_id``, of the type of the resource. Raises
    Invalid.
    """
    alone = single_expression(text) if isinstance(text, str) else None
    if alone is None:
        raise compiler.error(f"write one expression: id: \"{{{{ stable_id('{kind}', …) }}}}\"", keys)
    node = compiler.compiled(alone, keys).node
    if node["type"] == "function_expression" and node["value"] == "stable_id":
        named = node["children"][0].get("value")
        if named != kind:
            raise compiler.error(f"stable_id names {named!r} where the resource is a {kind}", keys)


def check_whole(file: AdapterFile, compiler: Compiler) -> None:
    """What can only be seen when all expressions are compiled. Raises Invalid."""
    if file.resources == "all" and file.decode.format not in FHIR:
        raise compiler.error(
            "all is for FHIR payloads (decode.format fhir-json or fhir-xml): write rules", ("resources",)
        )
    if not file.nhs_number and file.decode.format not in FHIR:
        raise compiler.error("nhs_number is missing: say where the NHS Number stands", ())
    if isinstance(file.decode, IN_ROWS):
        _check_columns(file, set(file.decode.columns), compiler)
    if isinstance(file.decode, WorkbookFormat):
        _check_cells(file.decode.sheets, compiler)


def _check_columns(file: AdapterFile, columns: set[str], compiler: Compiler) -> None:
    """Every field that an expression or ``ignore`` names is a declared column."""
    for place, expression in compiler.expressions.items():
        for path in sorted(expression.reads):
            if path[0] not in columns:
                raise compiler.error(_no_column(path[0], columns), _keys(place, compiler.document))
    for i, ignored in enumerate(file.ignore):
        for j, name in enumerate(ignored.fields):
            if name not in columns:
                raise compiler.error(_no_column(name, columns), ("ignore", i, "fields", j))


def check_rules(file: AdapterFile, compiler: Compiler) -> None:
    """Every rule of a workbook names its sheet; elsewhere no rule does. Raises Invalid."""
    sheets = file.decode.sheets if isinstance(file.decode, WorkbookFormat) else {}
    for number, rule in enumerate(() if file.resources == "all" else file.resources):
        if rule.sheet not in (sheets or {""}):
            names = f"one of {', '.join(sheets)}" if sheets else "only a workbook has sheets: remove it"
            raise compiler.error(f"sheet {rule.sheet!r} is not declared; {names}", ("resources", number))


def _check_cells(sheets: dict[str, SheetOfWorkbook], compiler: Compiler) -> None:
    """Every path that an expression reads is a sheet and a column of it."""
    for place, expression in compiler.expressions.items():
        for name, *column in sorted(expression.reads):
            if name == OWN or (name in sheets and not column):
                continue
            if name not in sheets:
                hint = f"begin with a sheet: {', '.join(sheets)}"
                raise compiler.error(f"{name!r} is not a sheet; {hint}", _keys(place, compiler.document))
            if column[0] not in sheets[name].columns:
                message = f"{_no_column(column[0], set(sheets[name].columns))} of sheet {name!r}"
                raise compiler.error(message, _keys(place, compiler.document))


def _no_column(name: str, columns: set[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "add it to decode.columns"
    return f"{name!r} is not a declared column; {hint}"


def _keys(place: str, document: Document) -> tuple[str | int, ...]:
    return next((keys for keys in document.lines if ".".join(map(str, keys)) == place), ())
