"""On what a carer's access rests: to the day of a review, and as far as a deployment's own file goes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.unit.consent.test_loaded import changed

from scr.consent.proxies import BasisRule, Carers, Delegation, Online, carer_denial, load_proxies
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.dates import milliseconds

LONDON = ZoneInfo("Europe/London")
DUE = datetime(2025, 1, 1, tzinfo=LONDON)
"""When a child born in 2012, on a day that nobody knows, may have turned thirteen."""
AT = milliseconds(DUE)
DAY = 86_400_000
BASES = {
    "both": BasisRule(name="Both", until_age=16, review_age=13),
    "review": BasisRule(name="A review alone", review_age=13),
    "end": BasisRule(name="An end alone", until_age=13),
    "neither": BasisRule(name="Neither"),
}
RULES = [
    ("both", -1, None, ""),
    ("both", 0, None, "review-due"),
    ("both", 0, AT - 1, "review-due"),
    ("both", 0, AT, ""),
    ("both", 3 * 366 * DAY, AT, "birthday"),
    ("review", -1, None, ""),
    ("review", 0, None, "review-due"),
    ("review", 0, AT, ""),
    ("review", 3 * 366 * DAY, AT, ""),
    ("end", -1, None, ""),
    ("end", 0, AT, "birthday"),
    ("neither", 0, None, ""),
]


@pytest.mark.parametrize(("basis", "later", "reviewed", "code"), RULES)
def test_an_access_rests_from_the_first_day_that_the_birthday_can_be(
    basis: str, later: int, reviewed: int | None, code: str
) -> None:
    """A review counts from that day on; of what a basis does not say, nothing is asked. A birth date that is
    not known, or yet to come, is none."""
    shipped = load_proxies(DataFiles()).carer
    assert shipped is not None
    carers: Carers = shipped.model_copy(update={"bases": BASES})
    now = datetime.fromtimestamp((AT + later) / 1000, LONDON)
    given = Delegation(basis, AT - DAY, AT + 5000 * DAY, reviewed, used=AT + later)
    found = carer_denial(Online(born="2012", delegation=given), carers, now)
    assert ("" if found is None else found[0]) == code
    for born in ("", f"{now:%Y}-13", f"{now.year + 1}"):
        unknown = carer_denial(Online(born=born, delegation=given), carers, now)
        assert ("" if unknown is None else unknown[0]) == ("" if basis == "neither" else "no-birth-date")


def test_a_carer_without_an_access_or_with_their_own_record_is_told_so() -> None:
    """Neither is anybody's on whose behalf they could act."""
    shipped = load_proxies(DataFiles()).carer
    assert shipped is not None
    given = Delegation("consent", AT - DAY, AT + DAY, used=AT)
    for online in (Online(), Online(own=True), Online(own=True, delegation=given)):
        found = carer_denial(online, shipped, DUE)
        assert found is not None
        assert found[0] == "no-delegation"
    assert carer_denial(Online(delegation=given), shipped, DUE) is None


def test_a_deployment_may_know_fewer_bases(tmp_path: Path) -> None:
    """The law is asked of those that are there; what nobody adds is refused at its key."""
    text = DataFiles().find("consent", "proxies.yaml").read_text(encoding="utf-8")
    bases = "  bases:\n    consent:\n      name: The person's own consent\n"
    files = changed(tmp_path, "proxies.yaml", text[text.index("  bases:\n") :], bases)
    carers = load_proxies(files).carer
    assert carers is not None
    assert list(carers.bases) == ["consent"]
    with pytest.raises(Invalid, match=r"citizen\.adds: nobody adds Flag here") as refused:
        load_proxies(changed(tmp_path, "proxies.yaml", "adds: [Binary,", "adds: [Flag,"))
    assert refused.value.code == "bad-policy"
