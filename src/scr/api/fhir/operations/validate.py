"""``[type]/$validate``: whether a resource is valid R4, and what profiles have to say of it.

Nothing is filed and nobody's record is looked at. https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.fhir.outcome import issue, operation_outcome, to_bytes
from scr.fhir.parameters import Asked
from scr.fhir.profiles.check import Checker, Finding, Holds
from scr.fhir.profiles.tree import Profile
from scr.fhir.validate import validate
from scr.mapping.uk_core import Requirement, missing
from scr.terminology.operations.searched import SearchedCodes
from scr.terminology.profiles import load_profiles

_KNOWN = frozenset({"resource", "mode", "profile", "_format", "_pretty"})
_MODES = frozenset({"", "create", "update", "profile"})
_MOST_PROFILES = 20


class Validate:
    """Checks resources. The profiles in the deployment's folder are read when they are first needed."""

    def __init__(self, home: Path, requirements: Sequence[Requirement], codes: SearchedCodes) -> None:
        self._home = home
        self._requirements = tuple(requirements)
        self._codes = codes
        self._profiles: Mapping[str, Profile] | None = None

    async def __call__(self, look: Look, actor: Actor, asked: Asked, _logical: str) -> Answer:
        """What is amiss, as an OperationOutcome: each issue with its place."""
        asked.only("validate", _KNOWN)
        mode, resource = asked.text("mode"), asked.whole or asked.resources.get("resource")
        if mode not in _MODES:
            raise Invalid(
                "create, update or profile; nothing is deleted here", code="bad-parameter", where="mode"
            )
        if resource is None:
            raise Invalid("a resource has to stand in the body", code="parameter-needed", where="resource")
        wanted = [value for name, value in asked.pairs if name == "profile"]
        found = await asyncio.to_thread(self._found, asked.kind, resource, mode, wanted)
        issues = [_issue(one) for one in found] or [
            issue("information", "informational", "Nothing is amiss with it, as far as it is looked at here.")
        ]
        return Answer(to_bytes(operation_outcome(issues)))

    def _found(self, kind: str, resource: Resource, mode: str, wanted: Sequence[str]) -> list[Finding]:
        told = [Finding("error", one.code, one.path, one.sentence) for one in validate(resource)]
        if resource.get("resourceType") != kind:
            told.insert(0, Finding("error", "invalid", "", f"the resource is no {kind}"))
        if mode == "update" and "id" not in resource:
            told.append(Finding("error", "required", f"{kind}.id", "what is updated has an id"))
        if any(one.severity == "error" for one in told):
            return told  # what is no R4 is held to no profile of it
        told += self._uk_core(resource, wanted)
        told += self._by_profiles(kind, resource, wanted)
        return list(dict.fromkeys(told))

    def _by_profiles(self, kind: str, resource: Resource, wanted: Sequence[str]) -> Iterator[Finding]:
        if self._profiles is None:
            self._profiles = load_profiles(self._home)
        checker = Checker(self._profiles, self._value_set)
        claimed = [str(one) for one in resource.get("meta", {}).get("profile", ())]
        urls = [(f"{kind}.meta.profile[{number}]", url) for number, url in enumerate(claimed)]
        for place, url in [*((kind, one) for one in wanted), *urls][:_MOST_PROFILES]:
            if url.partition("|")[0] in self._profiles:
                yield from checker.check(resource, url)
            elif url.partition("|")[0] != f"http://hl7.org/fhir/StructureDefinition/{kind}":
                severity = "error" if place == kind else "warning"
                yield Finding(severity, "not-found", place, "this profile is not loaded here")

    def _uk_core(self, resource: Resource, wanted: Sequence[str]) -> Iterator[Finding]:
        """By the tables that are there without any package; what is claimed or asked for has to hold."""
        named = [*wanted, *resource.get("meta", {}).get("profile", ())]
        for profile, path in missing(resource, self._requirements):
            held = any(f"/{profile}" in str(one) for one in named)
            where = path.partition(" ")[0]
            yield Finding("error" if held else "warning", "required", where, f"{profile} asks for {path}")

    def _value_set(self, url: str) -> Holds | None:
        try:
            return self._codes.value_set(url)
        except Invalid:
            return None


def _issue(finding: Finding) -> Resource:
    made = issue(finding.severity, finding.code, finding.sentence)
    if finding.path:
        made["expression"] = [finding.path]
        made["location"] = [finding.path]
    return made
