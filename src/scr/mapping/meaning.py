"""What is added to the resources of a unit before they are packed: codings beside codes, and labels.

A step gets all resources of a unit at once, with the source's own ids and references, and changes
them in place. What is pushed and what is pulled go through the same steps, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable

from scr.fhir.entry import Resource
from scr.terminology.coding import Untranslated as Untranslated

Step = Callable[[list[Resource]], list[Untranslated]]
"""Changes a unit's resources, and tells which codes it found no translation for."""
