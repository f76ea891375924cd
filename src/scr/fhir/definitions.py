"""Operations, parameters and extensions of this project's own, as FHIR defines such things.

They are data: ``conformance/definitions.yaml``. https://hl7.org/fhir/R4/operationdefinition.html,
https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from scr.data import DataFiles, load_yaml
from scr.fhir.canonical import BASE
from scr.fhir.entry import Resource

FILE = "definitions.yaml"
TYPES = ("OperationDefinition", "SearchParameter", "StructureDefinition")
_SINCE = "2026-01-01"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Parameter(_Model):
    type: str
    min: int = 0
    about: str


class _Operation(_Model):
    name: str
    title: str
    on: str
    instance: bool = False
    writes: bool = False
    takes: Mapping[str, _Parameter] = Field(default_factory=dict, alias="in")
    gives: Mapping[str, _Parameter] = Field(default_factory=dict, alias="out")


class _Search(_Model):
    code: str
    type: str
    about: str


class _Extension(_Model):
    on: str
    about: str


class _File(_Model):
    operations: Mapping[str, _Operation]
    parameters: Mapping[str, _Search]
    extensions: Mapping[str, _Extension]


Definitions = Mapping[tuple[str, str], Resource]
"""By type and id."""


def load_definitions(files: DataFiles) -> Definitions:
    """All of them. Raises Invalid with file and line."""
    return _load(files.find("conformance", FILE))


@lru_cache(maxsize=8)
def _load(path: Path) -> Definitions:
    parsed = load_yaml(path).parse(_File)
    found = [_operation(name, one) for name, one in parsed.operations.items()]
    found += [_search(name, one) for name, one in parsed.parameters.items()]
    found += [_extension(name, one) for name, one in parsed.extensions.items()]
    return {(one["resourceType"], one["id"]): one for one in found}


def _head(kind: str, logical: str, name: str, about: str) -> Resource:
    return {
        "resourceType": kind,
        "id": logical,
        "url": f"{BASE}/{kind}/{logical}",
        "name": "".join(part.capitalize() for part in name.strip("_").split("-")),
        "status": "active",
        "date": _SINCE,
        "description": about.strip(),
    }


def _operation(logical: str, one: _Operation) -> Resource:
    return {
        **_head("OperationDefinition", logical, one.name, one.title),
        "kind": "operation",
        "affectsState": one.writes,
        "code": one.name,
        "resource": [one.on],
        "system": False,
        "type": not one.instance,
        "instance": one.instance,
        "parameter": [
            {
                "name": name,
                "use": use,
                "min": told.min,
                "max": "1",
                "documentation": told.about.strip(),
                "type": told.type,
            }
            for use, parameters in (("in", one.takes), ("out", one.gives))
            for name, told in parameters.items()
        ],
    }


def _search(logical: str, one: _Search) -> Resource:
    told = {"code": one.code, "base": ["Resource"], "type": one.type}
    return {**_head("SearchParameter", logical, one.code, one.about), **told}


def _extension(logical: str, one: _Extension) -> Resource:
    head = _head("StructureDefinition", logical, logical, one.about)
    base = "http://hl7.org/fhir/StructureDefinition/Extension"
    return {
        **head,
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": one.on}],
        "type": "Extension",
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Extension", "path": "Extension", "short": one.about.strip()},
                {"id": "Extension.url", "path": "Extension.url", "fixedUri": head["url"]},
            ]
        },
    }
