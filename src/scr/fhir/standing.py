"""How a person stands in the national register: what is known of their number and of their state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Death = Literal["", "informal", "formal"]
"""Notified by a relative or a ward, or registered. UKCore-DeathNotificationStatus: 1 and 2."""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """As last heard; the default is: never heard.

    ``verification`` is a code of UKCore-NHSNumberVerificationStatusEngland, 01 to 08. ``restricted``: the
    person's whereabouts are told to nobody without the activity for it. ``deceased_on`` is a FHIR date.
    ``former`` are NHS Numbers that were superseded by the present one. ``checked`` is ms UTC, when the
    register was last asked; 0 is never. ``invalidated`` is ms UTC, since when it is known that the register
    took their number out of use; 0 is not.
    """

    verification: str = ""
    restricted: bool = False
    deceased: Death = ""
    deceased_on: str = ""
    former: tuple[str, ...] = ()
    checked: int = 0
    invalidated: int = 0


NOT_HEARD = Standing()
"""Of somebody whom the register was never asked about."""


def joined(standings: Iterable[Standing]) -> Standing:
    """That of persons who are read as one, the one retained first: restricted or dead where any is.

    Whether the number is in use is that of the one retained: who gave way to it may well be out of use.
    """
    several = tuple(standings)
    if len(several) == 1:
        return several[0]
    dead = next((one for one in several if one.deceased), several[0])
    return msgspec.structs.replace(
        several[0],
        restricted=any(one.restricted for one in several),
        deceased=dead.deceased,
        deceased_on=dead.deceased_on,
    )
