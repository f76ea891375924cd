"""What is added to the resources of a unit before they are packed: codings beside codes, and labels.

A step gets all resources of a unit at once, with the source's own ids and references, and changes
them in place. What is pushed and what is pulled go through the same steps, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeGuard

from scr.fhir.entry import Resource
from scr.terminology.coding import Untranslated as Untranslated

Step = Callable[[list[Resource]], list[Untranslated]]
"""Changes a unit's resources, and tells which codes it found no translation for."""


class Apart(Protocol):
    """A step that can tell whether a resource is as it is by itself, whatever stands beside it in the unit.

    Then what it made of the resource once holds wherever the resource is met again.
    """

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        """As any step."""

    def apart(self, resource: Resource) -> bool:
        """Whether what came of this resource is the same for any others, if it is so for each of them."""


def is_apart(step: Step | Apart) -> TypeGuard[Apart]:
    """Whether a step can tell."""
    return hasattr(step, "apart")
