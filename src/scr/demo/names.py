"""Names that people in England bear, from several of its traditions, put together by chance.

Each pool holds given names for women and for men and family names, so that a name is of one piece;
now and then a family name is taken from another pool, as families do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """Names of one tradition, and how many in a hundred people bear them."""

    share: int
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


POOLS: tuple[Pool, ...] = (
    Pool(
        58,
        (
            "Margaret",
            "Dorothy",
            "Susan",
            "Karen",
            "Emily",
            "Charlotte",
            "Hannah",
            "Lucy",
            "Alison",
            "Jean",
            "Sheila",
            "Rebecca",
            "Grace",
            "Pauline",
            "Olivia",
        ),
        (
            "John",
            "Peter",
            "Alan",
            "Graham",
            "Thomas",
            "Oliver",
            "Jack",
            "Keith",
            "Stephen",
            "Ronald",
            "Daniel",
            "George",
            "Simon",
            "Nigel",
            "Harry",
        ),
        (
            "Thistlewood",
            "Hargrove",
            "Penhallow",
            "Ashworth",
            "Bickerdyke",
            "Marlowe",
            "Fairbairn",
            "Ellingham",
            "Cartwright",
            "Stainforth",
            "Wetherby",
            "Haldane",
            "Lockyer",
            "Pemberton",
            "Rudge",
        ),
    ),
    Pool(
        8,
        ("Siân", "Bronwen", "Niamh", "Aoife", "Morag", "Catrin"),
        ("Gethin", "Rhys", "Ciarán", "Hamish", "Declan", "Iwan"),
        ("O'Rourke", "Prosser", "MacAskill", "Cadwallader", "Ní Bhriain", "Dunleavy"),
    ),
    Pool(
        14,
        ("Ayesha", "Priya", "Fatima", "Harpreet", "Nusrat", "Lakshmi", "Sunita"),
        ("Imran", "Rajesh", "Gurdeep", "Tariq", "Arjun", "Mohammed", "Sanjay"),
        ("Chaudhry", "Patel", "Dhaliwal", "Rahman", "Iyer", "Bhattacharya", "Qureshi"),
    ),
    Pool(
        9,
        ("Blessing", "Adaeze", "Yewande", "Marcia", "Abena", "Fadumo"),
        ("Kwame", "Chukwudi", "Delroy", "Femi", "Abdi", "Winston"),
        ("Okonjo", "Adeyemi", "Mensah", "Campbell", "Warsame", "Nwosu"),
    ),
    Pool(
        7,
        ("Zofia", "Agnieszka", "Elena", "Ioana", "Katarína", "Daiva"),
        ("Wojciech", "Andrei", "Łukasz", "Tomáš", "Mihai", "Jonas"),
        ("Wiśniewska", "Kowalczyk", "Popescu", "Novák", "Dragan", "Petraitis"),
    ),
    Pool(
        4,
        ("Mei Ling", "Thuy", "Hiroko", "Wing Yan"),
        ("Wei", "Minh", "Ka Ho", "Kenji"),
        ("Cheung", "Nguyen", "Leung", "Tanaka"),
    ),
)
