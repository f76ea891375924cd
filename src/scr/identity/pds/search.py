"""A search of PDS by demographics.

https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir, Patient search. Only a
single match is of use here, so no more than one is asked for: PDS says when there are more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode

_GENDERS = ("", "male", "female", "other", "unknown")


@dataclass(frozen=True, slots=True)
class Search:
    """Whom to look for. Names and the postcode may end in ``*`` where the search is not fuzzy.

    ``birth_date`` is ``YYYY-MM-DD``. ``exact`` wants every fact to match; ``fuzzy`` takes names that sound
    alike, or are exchanged, and former ones; ``history`` takes former names and addresses. A restricted
    person is never found by postcode or practice.
    """

    family: str = ""
    given: tuple[str, ...] = ()
    birth_date: str = ""
    gender: str = ""
    postcode: str = ""
    practice: OdsCode | None = None
    phone: str = ""
    email: str = ""
    exact: bool = False
    fuzzy: bool = False
    history: bool = False

    def parameters(self) -> dict[str, str | tuple[str, ...]]:
        """The query. Raises Invalid for a combination that PDS does not take."""
        self._check()
        facts: dict[str, str | tuple[str, ...]] = {
            "_max-results": "1",
            "family": self.family,
            "given": self.given,
            "birthdate": f"eq{self.birth_date}" if self.birth_date else "",
            "gender": self.gender,
            "address-postalcode": self.postcode,
            "general-practitioner": self.practice.value if self.practice else "",
            "phone": self.phone,
            "email": self.email,
            "_exact-match": "true" if self.exact else "",
            "_fuzzy-match": "true" if self.fuzzy else "",
            "_history": "true" if self.history else "",
        }
        return {name: value for name, value in facts.items() if value}

    def _check(self) -> None:
        if self.exact and self.fuzzy:
            raise Invalid("a search is exact or fuzzy, not both", code="bad-search")
        wild = any("*" in text for text in (self.family, *self.given, self.postcode))
        if wild and (self.exact or self.fuzzy):
            raise Invalid("`*` is for searches that are neither exact nor fuzzy", code="bad-search")
        if not self.birth_date or not (self.family or self.fuzzy):
            raise Invalid("a search needs a family name and a birth date", code="bad-search")
        if not _is_date(self.birth_date):
            raise Invalid("the birth date is no date: write it as 1941-07-05", code="bad-search")
        if self.gender not in _GENDERS:
            raise Invalid(f"the gender is one of {', '.join(_GENDERS[1:])}", code="bad-search")
        told = bool(self.given) + bool(self.family) + bool(self.gender and self.postcode)
        if self.fuzzy and told < 2:
            raise Invalid(
                "a fuzzy search needs a birth date and two of: family name, given name, gender with postcode",
                code="bad-search",
            )


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False
