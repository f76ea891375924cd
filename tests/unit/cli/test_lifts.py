"""``scr consent lift``, ``put-back`` and ``lifts``: by name, with a reason, for one person."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from scr.api.services import open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import Conflict, Invalid
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.settings import load

NUMBER = "9995100002"
OF = "Condition/abc"
WHY = ("--by", "Tamsin Arkwright", "--reason", "It was [b]another's[/b] result")


def run(home: Path, *words: str, given: str = NUMBER) -> Result:
    """The verb, with an NHS Number on its standard input."""
    arguments = ["--home", str(home), "consent", *words]
    return CliRunner().invoke(command_line(arguments), arguments, input=given)


def test_from_the_lift_to_what_is_put_back(tmp_path: Path) -> None:
    """The list says who and why, as it was typed; nothing that is printed names the person."""
    home = tmp_path / "home"
    init(home)
    settings = load({"home": home}).settings
    database = open_database(settings)
    number = NHSNumber.parse(NUMBER)
    database.write_now(lambda c: index.register(c, open_keys(settings), number, Demographics(), 0))
    database.close()
    assert "No label" in run(home, "lifts", "--by", "Bo Reed").output
    lifted = run(home, "lift", "hiv", OF, *WHY)
    assert (lifted.exit_code, lifted.output) == (0, "Lifted. 0 entries that are held have a new version.\n")
    assert isinstance(run(home, "lift", "hiv", OF, *WHY).exception, Conflict)
    assert isinstance(run(home, "lift", "hiv", OF, *WHY, given="x").exception, Invalid)
    listed = run(home, "lifts", "--by", "Bo Reed").output
    assert "no" in listed.split()
    assert run(home, "put-back", "hiv", OF, "--by", "Cy Moss", "--reason", "Hers").exit_code == 0
    listed = " ".join(run(home, "lifts", "--by", "Bo Reed").output.split())
    for word in ("hiv", "Condition/abc", "Arkwright", "[b]", "Moss", "Hers"):
        assert word in listed
    assert NUMBER not in listed
