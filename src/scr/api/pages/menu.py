"""What the menu of each site leads to, in its order. A page that is to stand in it adds its line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scr.api.pages.tongue import N_

Place = Literal["my", "viewer", "none"]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu. It is the current one on its own address and on those below it.

    ``hint`` says on the site's first page what is there, in a sentence.
    """

    address: str
    text: str
    hint: str = ""

    def holds(self, path: str) -> bool:
        """Whether a page stands below this line; a site's first page holds itself alone."""
        return path == self.address or (self.address.count("/") > 1 and path.startswith(f"{self.address}/"))


MENUS: dict[Place, tuple[Item, ...]] = {
    "my": (Item("/my", N_("Home")),),
    "viewer": (),
    "none": (),
}
SERVICES: dict[Place, tuple[str, str]] = {
    "my": ("/my", N_("Your shared care record")),
    "viewer": ("/viewer", N_("Shared care record viewer")),
    "none": ("/my", N_("Your shared care record")),
}
"""The first page of each site, and its name in the header."""
