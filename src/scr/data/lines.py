"""YAML that remembers on which line each key stands, so that an error can name it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scr.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)
Key = tuple[str | int, ...]


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # C where there is
    """YAML 1.2's core schema: ``no`` and ``2026-01-05`` are text, ``01`` stays ``01``."""


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"(?:true|false)\Z", "tf"),
    ("null", r"(?:null|~|)\Z", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)\Z", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z", "-0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain values, with the line of every key."""

    path: Path
    value: object
    lines: dict[Key, int]

    def line(self, *keys: str | int) -> int:
        """The line (from 1) of a key path, or of the nearest thing around it."""
        path: Key = keys
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, *keys: str | int) -> str:
        """``FILE, line N`` of a key path."""
        return f"{self.path}, line {self.line(*keys)}"

    def error(self, message: str, *keys: str | int, code: str = "bad-configuration") -> Invalid:
        """An error at a key path, naming file, line and key."""
        at = ".".join(map(str, keys))
        return Invalid(f"{at}: {message}" if at else message, code=code, where=self.where(*keys))

    def parse(self, model: type[Model]) -> Model:
        """The file as a model. Raises Invalid at the first thing that is wrong."""
        try:
            return model.model_validate(self.value)
        except ValidationError as error:
            raise self._explained(error, model) from None

    def _explained(self, error: ValidationError, model: type[BaseModel]) -> Invalid:
        found = error.errors(include_url=False, include_input=False)
        # A key that is misspelt is also missing: the misspelling is what its writer wants to hear of.
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        keys = tuple(k for k in first["loc"] if not isinstance(k, str) or self._has(k, first["loc"]))
        message = first["msg"]
        if first["type"] == "extra_forbidden":
            known = _field_names(model)
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            message = "unknown key" + (f"; did you mean {near[0]!r}?" if near else "; remove it")
        return self.error(message, *keys)

    def _has(self, key: str, loc: tuple[str | int, ...]) -> bool:
        """Whether a part of an error's path is a key of the file (or one that is missing from it)."""
        return any(key in path for path in self.lines) or key == loc[-1]


def load_yaml(path: Path) -> Document:
    """Read one YAML file. Raises Invalid naming file and line; duplicate keys are refused."""
    lines: dict[Key, int] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
        value = None if node is None else _construct(node, (), lines, path, _PlainLoader(""))
    except UnicodeDecodeError:
        raise Invalid(
            "not UTF-8: save the file as UTF-8", code="bad-configuration", where=str(path)
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        where = f"{path}, line {line}"
        raise Invalid(f"not valid YAML: {error.problem}", code="bad-configuration", where=where) from None
    except yaml.YAMLError:
        raise Invalid(
            "a control character stands in it: remove it", code="bad-configuration", where=str(path)
        ) from None
    return Document(path, value, lines)


def _construct(
    node: yaml.Node, at: Key, lines: dict[Key, int], path: Path, loader: yaml.SafeLoader
) -> object:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*at, i), lines, path, loader) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        made: dict[str, object] = {}
        for key_node, value_node in node.value:
            where = f"{path}, line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise Invalid(
                    'a key is text: put {{ }} in quotes, "{{ … }}"', code="bad-configuration", where=where
                )
            key = str(key_node.value)
            if key in made:
                raise Invalid(f"the key {key!r} stands twice", code="bad-configuration", where=where)
            lines[(*at, key)] = key_node.start_mark.line + 1
            made[key] = _construct(value_node, (*at, key), lines, path, loader)
        return made
    return loader.construct_object(node)


def _field_names(model: type[BaseModel], depth: int = 3) -> list[str]:
    """The keys that a model and the models in it know."""
    names = list(model.model_fields)
    if depth:
        for info in model.model_fields.values():
            for inner in _models_in(info.annotation):
                names.extend(_field_names(inner, depth - 1))
    return names


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]
