"""The invented Integrated Care System of the demonstration: its organisations and its streets.

The codes are well formed and belong to nobody (`ZZ…`, `Z99…`), and the postcodes are of the ZZ99 series,
which the Office for National Statistics keeps for pseudo-postcodes, so that no letter could arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

PRACTICES = ("Z99001", "Z99002")
HOSPITAL = "ZZH01"
COUNCIL = "ZZC01"
NEIGHBOUR = "ZZN01"
UNRELATED = "ZZX01"
RECORD = "ZZS01"
"""The shared care record itself, as GP systems know it: the requesting organisation."""

RECORD_ASID = "999000000001"
PRACTICE_ASIDS = {"Z99001": "999000000011", "Z99002": "999000000012"}


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation of the area; ``kind`` is the word that a provider file uses."""

    ods: str
    name: str
    kind: str
    line: str
    city: str
    postcode: str
    phone: str


ORGANISATIONS: dict[str, Organisation] = {
    organisation.ods: organisation
    for organisation in (
        Organisation(
            "Z99001",
            "Millrace Surgery",
            "gp-practice",
            "2 Weir Walk",
            "Harrowmere",
            "ZZ99 1AA",
            "01632 960101",
        ),
        Organisation(
            "Z99002",
            "Kestrel Hill Practice",
            "gp-practice",
            "41 Kestrel Hill",
            "Upper Sallow",
            "ZZ99 2AA",
            "01632 960102",
        ),
        Organisation(
            "ZZH01",
            "Harrowmere General Hospital",
            "hospital",
            "Infirmary Road",
            "Harrowmere",
            "ZZ99 1HG",
            "01632 960200",
        ),
        Organisation(
            "ZZC01", "Sallowshire Council", "council", "County Hall", "Harrowmere", "ZZ99 1CC", "01632 960300"
        ),
        Organisation(
            "ZZN01",
            "Northfen Shared Care Record",
            "shared-care-record",
            "8 Fen Wharf",
            "Northfen",
            "ZZ99 9NF",
            "01632 960400",
        ),
        Organisation(
            "ZZX01",
            "Farholt University Hospitals",
            "hospital",
            "1 Farholt Way",
            "Farholt",
            "ZZ99 8FH",
            "01632 960500",
        ),
        Organisation(
            "ZZS01",
            "Sallowshire Shared Care Record",
            "shared-care-record",
            "County Hall",
            "Harrowmere",
            "ZZ99 1SR",
            "01632 960600",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person lives, or lived."""

    line: str
    city: str
    postcode: str

    district: str = "Sallowshire"


STREETS = (
    "Weir Walk",
    "Tannery Row",
    "Osier Lane",
    "Saltmarket",
    "Kestrel Hill",
    "Lantern Street",
    "Quaker's Yard",
    "Plum Orchard",
    "Chapel Steps",
    "Drovers Way",
    "Withy Close",
    "Beacon Terrace",
    "Old Ropewalk",
    "Heron Court",
    "Maltings Gardens",
    "Copperfield Rise",
)
TOWNS = (("Harrowmere", "1"), ("Upper Sallow", "2"), ("Little Wend", "3"), ("Thornby Cross", "4"))
"""Town, and the figure that its postcodes begin with after ZZ99."""
