"""Who signs in at the demonstration: staff with their role and organisation. None of them exists."""

from __future__ import annotations

from dataclasses import dataclass

from scr.demo.places import COUNCIL, HOSPITAL, ORGANISATIONS, PRACTICES, RECORD, UNRELATED


@dataclass(frozen=True, slots=True)
class Staff:
    """One member of staff: ``client_id`` is what the token is asked for with; ``role`` a national code."""

    client_id: str
    name: str
    role: str
    role_name: str
    organisation: str
    user: str
    expect: str

    @property
    def organisation_name(self) -> str:
        """The name of the organisation."""
        return ORGANISATIONS[self.organisation].name


_STAFF = (
    Staff(
        "gp-millrace", "Dr Imogen Farrant", "R8000", "Clinical Practitioner", PRACTICES[0], "999000000101",
        "sees the patients of Millrace Surgery",
    ),
    Staff(
        "gp-kestrel", "Dr Beatrix Szabo", "R8000", "Clinical Practitioner", PRACTICES[1], "999000000102",
        "sees the patients of Kestrel Hill Practice",
    ),
    Staff(
        "hospital-doctor", "Dr Everard Tolland", "R8000", "Clinical Practitioner", HOSPITAL, "999000000103",
        "sees whom the hospital knows",
    ),
    Staff(
        "social-worker", "Ottilie Braithe", "R8014", "Social Worker", COUNCIL, "999000000104",
        "sees whom the council knows, and less of the record",
    ),
    Staff(
        "receptionist", "Perpetua Lund", "R8009", "Receptionist", PRACTICES[0], "999000000105",
        "refused: the policy gives this role no records",
    ),
    Staff(
        "outsider", "Dr Lazar Winterbourne", "R8000", "Clinical Practitioner", UNRELATED, "999000000106",
        "a doctor of a trust that knows none of these people: refused",
    ),
    Staff(
        "programme-lead", "Halcyon Drewe", "R5007", "System Administrator", RECORD, "999000000107",
        "sees nobody's record; takes providers through their gates at /onboarding",
    ),
    Staff(
        "records-manager", "Sunniva Okoro", "R8013", "Health Records Manager", RECORD, "999000000108",
        "sees nobody's record; says whose a part in doubt is at /review",
    ),
    Staff(
        "privacy-officer", "Tamsin Arkwright", "R0001", "Privacy Officer", RECORD, "999000000109",
        "sees nobody's record; reviews broken glasses and claims of a relationship at /privacy",
    ),
    Staff(
        "hospital-guardian", "Caspian Threlfall", "R5105", "Caldicott Guardian", HOSPITAL, "999000000110",
        "sees nobody's record; records who acts for whom at /proxies, and answers at /disputes",
    ),
)  # fmt: skip


def personas() -> tuple[Staff, ...]:
    """All who can sign in."""
    return _STAFF
