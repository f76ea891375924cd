"""The checks of the conformance pack, as ``conformance/checks/*.yaml`` writes them (docs/conformance.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scr.data import DataFiles, load_yaml

PATTERN = "checks/*.yaml"
For = Literal["once", "each-type", "each-parameter", "each-include", "each-operation", "each-own-definition"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expect(_Model):
    """What has to hold of an answer; what is left out is not asked. All but ``status`` is asked of a success
    only where the status allows others too.

    ``type``: the resource type. ``holds``: elements of the resource with their values. ``headers``: those
    that are there. ``bundle``: the type of a Bundle; ``only``: of which type every match is; ``among``: a
    reference that is among the matches; ``matches``: how many entries there are (at least one where it is
    1); ``self``: there is a self link, which names ``self_with`` and not ``self_without``. ``tagged``: the
    code of a tag on every match. ``statuses``: of each entry. ``empty``: there is no body. ``xml``: the root
    of an XML document. ``ledger``: the last entry tells of each source.
    """

    status: tuple[int, ...] = Field(min_length=1)
    type: str = ""
    holds: Mapping[str, str] = Field(default_factory=dict)
    headers: tuple[str, ...] = ()
    bundle: str = ""
    only: str = ""
    among: str = ""
    matches: int | None = None
    self_: bool = Field(default=False, alias="self")
    self_with: str = ""
    self_without: str = ""
    tagged: str = ""
    statuses: tuple[str, ...] = ()
    empty: bool = False
    xml: str = ""
    ledger: bool = False

    @model_validator(mode="after")
    def _of_a_bundle(self) -> Expect:
        asked = (self.only, self.among, self.self_, self.self_with, self.self_without, self.tagged)
        if not self.bundle and (any(asked) or self.statuses or self.ledger or self.matches is not None):
            raise ValueError("what is expected of a Bundle needs its type: bundle")
        return self


class Step(_Model):
    """One request: exactly one of ``get``, ``post``, ``put`` and ``delete`` gives method and address."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    delete: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: Any = None
    form: str = ""
    token: Literal["", "none", "wrong"] = ""
    keep: Mapping[str, str] = Field(default_factory=dict)
    pages: bool = False
    expect: Expect

    @model_validator(mode="after")
    def _one_method(self) -> Step:
        if sum(one is not None for one in (self.get, self.post, self.put, self.delete)) != 1:
            raise ValueError("a step has one of get, post, put and delete")
        return self

    @property
    def request(self) -> tuple[str, str]:
        """Method and address."""
        given = (("GET", self.get), ("POST", self.post), ("PUT", self.put), ("DELETE", self.delete))
        return next((method, at) for method, at in given if at is not None)


class Check(_Model):
    """One check. Which endpoints it is for: see the head of ``conformance/checks/rest.yaml``."""

    name: str
    about: str
    chapter: str
    for_: For = Field(alias="for")
    when: str = ""
    unless: str = ""
    when_system: str = ""
    unless_system: str = ""
    operation: str = ""
    types: tuple[str, ...] = ()
    format: str = ""
    software: str = ""
    writes: bool = False
    steps: tuple[Step, ...] = Field(min_length=1)


class _File(_Model):
    checks: tuple[Check, ...] = Field(min_length=1)


def load_checks(files: DataFiles) -> tuple[Check, ...]:
    """All checks, those of a deployment's own too. Raises Invalid with file and line."""
    return tuple(
        check
        for _, path in files.walk("conformance", PATTERN)
        for check in load_yaml(path).parse(_File).checks
    )
