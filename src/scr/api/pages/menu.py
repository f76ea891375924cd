"""What the menu of each site leads to, in its order. A page that is to stand in it adds its line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scr.api.pages.tongue import N_

Place = Literal["my", "viewer", "none"]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu. It is the current one on its own address and on those below it.

    ``hint`` says on the site's first page what is there, in a sentence. ``own``: who acts for somebody has
    no such page.
    """

    address: str
    text: str
    hint: str = ""
    own: bool = False

    def holds(self, path: str) -> bool:
        """Whether a page stands below this line; a site's first page holds itself alone."""
        return path == self.address or (self.address.count("/") > 1 and path.startswith(f"{self.address}/"))


MENUS: dict[Place, tuple[Item, ...]] = {
    "my": (
        Item("/my", N_("Home")),
        Item("/my/record", N_("Your record"), N_("Read it by heading, in plain words, and keep a copy.")),
        Item("/my/looked", N_("Who looked"), N_("See everybody who asked to see your record, and ask why.")),
        Item("/my/added", N_("What you added"), N_("Add readings, notes and documents, and correct them.")),
        Item(
            "/my/challenges",
            N_("Something is wrong"),
            N_("See what you said is wrong, and what was answered."),
        ),
        Item("/my/notices", N_("Notices"), N_("See what is new, and choose how you are told.")),
        Item(
            "/my/could",
            N_("Who could look"),
            N_("See what somebody would see, and which rule says so."),
            own=True,
        ),
        Item(
            "/my/choices",
            N_("Your choices"),
            N_("Hide your record or parts of it, and change your mind."),
            own=True,
        ),
        Item(
            "/my/carers",
            N_("People who act for you"),
            N_("Let someone you trust look for you, and see what they did."),
        ),
    ),
    "viewer": (Item("/viewer", N_("Find a person")),),
    "none": (),
}
SERVICES: dict[Place, tuple[str, str]] = {
    "my": ("/my", N_("Your shared care record")),
    "viewer": ("/viewer", N_("Shared care record viewer")),
    "none": ("/my", N_("Your shared care record")),
}
"""The first page of each site, and its name in the header."""
