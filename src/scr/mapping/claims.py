"""Profiles are claimed only where they hold: a step that takes out of ``meta.profile`` what does not.

A source says that its resources keep to UK Core; what comes of them here is asked whether it does. By the
tables of ``conformance/uk-core-required.yaml``, and by the profiles themselves where a deployment has loaded
them. A claim that nobody here can look at is no claim of ours, but for those of others than UK Core.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from scr.fhir.entry import Resource
from scr.fhir.profiles.check import Checker, Holds
from scr.fhir.profiles.tree import Profile
from scr.fhir.subjects import SUBJECT_FIELDS
from scr.mapping.uk_core import PROFILES, Requirement, missing
from scr.terminology.coding import Untranslated

_UK_CORE = re.compile(re.escape(PROFILES) + r"(UKCore-([A-Za-z]+)(?:-[A-Za-z-]+)?)(?:\|.*)?\Z")


class ProfileClaims:
    """The step. Threads may share one."""

    def __init__(
        self,
        requirements: tuple[Requirement, ...],
        profiles: Mapping[str, Profile],
        value_sets: Callable[[str], Holds | None] = lambda _: None,
    ) -> None:
        self._required = {
            kind: tuple(each for each in requirements if each.type == kind)
            for kind in {each.type for each in requirements}
        }
        self._profiles = profiles
        self._value_sets = value_sets
        self._in_table = frozenset(each.profile for each in requirements)

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        """Leave in each resource the claims that hold. No code is told as untranslated."""
        for place, resource in enumerate(resources):
            claims = (resource.get("meta") or {}).get("profile")
            if isinstance(claims, list) and claims:
                kept = [claim for claim in claims if self._holds(resource, claim)]
                if len(kept) < len(claims):
                    resources[place] = _claiming(resource, kept)
        return []

    def apart(self, _resource: Resource) -> bool:
        """What a resource claims hangs on nothing beside it."""
        return True

    def _holds(self, resource: Resource, claim: object) -> bool:
        if not isinstance(claim, str):
            return False
        resource = _about_somebody(resource)
        loaded = claim.partition("|")[0] in self._profiles
        if loaded:
            found = Checker(self._profiles, self._value_sets).check(resource, claim)
            if any(one.severity == "error" for one in found):
                return False
        match = _UK_CORE.match(claim)
        if match is None:
            return not claim.startswith(PROFILES)
        name, kind = match[1], match[2]
        if kind != resource.get("resourceType"):
            return False
        if not loaded and name != f"UKCore-{kind}" and not self._known(name):
            return False
        alone = resource if len(resource["meta"]["profile"]) == 1 else _claiming(resource, [claim])
        required = self._required.get(kind, ())
        return not any(name.startswith(profile) for profile, _ in missing(alone, required))

    def _known(self, name: str) -> bool:
        return any(name.startswith(profile) for profile in self._in_table)


def _about_somebody(resource: Resource) -> Resource:
    """The resource with a person whom it is about, who is told after this step."""
    field = SUBJECT_FIELDS.get(str(resource.get("resourceType")))
    if field is None or field in resource:
        return resource
    return {**resource, field: {"reference": "Patient/person"}}


def _claiming(resource: Resource, claims: list[str]) -> Resource:
    """The resource with these claims; ``meta`` goes with the last of what stood in it."""
    meta = {name: value for name, value in resource["meta"].items() if name != "profile"}
    if claims:
        meta["profile"] = claims
    made = {name: value for name, value in resource.items() if name != "meta"}
    return {**made, "meta": meta} if meta else made
