"""Provider lists: one CSV file and one template; mistakes named with file, row and column."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import GpConnectConnection, load_providers

TEMPLATE = """\
organisation: {ods: "{ods}", name: "{name}", type: gp-practice}
go_live: "{go live}"
feeds:
  - name: record
    adapter: gp-connect
    connection:
      kind: gpconnect
      url: "https://gp.test/{ods}/{path}"
      from_asid: "200000000115"
      to_asid: "{asid}"
      timeout_seconds: "{timeout}"
"""
LIST = """\
ods,name,asid,path,go live,timeout,note
Z9901,"Mill, Brook and Weir",1,structured,2026-01-05,2.5,said by telephone
Z9902,Upper Weir Surgery,2,structured,,,

Z9903,Lower Weir Surgery,3,structured,2026-02-01,4,
"""


def home(tmp_path: Path, **files: str) -> DataFiles:
    """A deployment's folder with these files of providers (``__`` for a dot)."""
    folder = tmp_path / "adapters" / "providers"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return DataFiles(tmp_path)


def test_each_row_is_a_provider(tmp_path: Path) -> None:
    """Cells stand where the template names them; an empty one leaves the key to its default."""
    found = load_providers(home(tmp_path, gps__csv=LIST, gps__template__yaml=TEMPLATE))
    assert [str(ods) for ods in found] == ["Z9901", "Z9902", "Z9903"]
    first, second = found[OdsCode("Z9901")], found[OdsCode("Z9902")]
    assert (first.name, first.go_live) == ("Mill, Brook and Weir", date(2026, 1, 5))
    assert second.go_live is None
    connections = [provider.feeds[0].connection for provider in (first, second)]
    for connection, asid, timeout in zip(connections, ("1", "2"), (2.5, 4.0), strict=True):
        assert isinstance(connection, GpConnectConnection)
        assert (connection.to_asid, connection.timeout_seconds) == (asid, timeout)
    assert connections[0].kind == "gpconnect"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Z9902,", "z-2,", "gps.csv, row 3, column ods: organisation.ods: not an ODS code"),
        ("Z9902,", ",", "gps.csv, row 3, column ods: organisation.ods: Field required"),
        ("2026-02-01", "1 Feb", "gps.csv, row 5, column go live: go_live: Input should be a valid date"),
        ("01,4,", "01,soon,", "gps.csv, row 5, column timeout: feeds.0.connection.timeout_seconds"),
        ("structured,,,", "a path,,,", "gps.csv, row 3, columns ods, path: feeds.0.connection.url"),
        ("Z9903", "Z9901", "gps.csv, row 5: the provider Z9901 stands in"),
        (",asid,", ",azid,", "did you mean 'azid'?"),
        ('"Mill, Brook and Weir"', "Mill, Brook", "gps.csv, row 2: 8 cells where the header has 7"),
        ("note", "name", "gps.csv, row 1: the column 'name' stands twice"),
    ],
)
def test_a_mistake_in_the_list_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One mistake in the good list: file, row, column and key."""
    assert old in LIST
    text = LIST.replace(old, new, 1)
    with pytest.raises(Invalid) as caught:
        load_providers(home(tmp_path, gps__csv=text, gps__template__yaml=TEMPLATE))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("from_asid", "from_asd", "gps.template.yaml, line 9: feeds.0.connection.from_asd: unknown key"),
        ("gp-connect", "gp-conect", "gps.template.yaml, line 5: feeds.0.adapter: there is no adapter"),
        (
            "{asid}",
            "{asids}",
            "gps.template.yaml, line 10: feeds.0.connection.to_asid: gps.csv has no column",
        ),
    ],
)
def test_a_mistake_in_the_template_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One mistake in the good template: file, line and key."""
    with pytest.raises(Invalid) as caught:
        load_providers(home(tmp_path, gps__csv=LIST, gps__template__yaml=TEMPLATE.replace(old, new, 1)))
    assert says in str(caught.value)


def test_one_without_the_other_is_refused(tmp_path: Path) -> None:
    """A list needs its template, and a template its list."""
    with pytest.raises(Invalid, match=r"gps\.csv: .*add gps\.template\.yaml"):
        load_providers(home(tmp_path / "a", gps__csv=LIST))
    with pytest.raises(Invalid, match=r"gps\.template\.yaml: .*add gps\.csv"):
        load_providers(home(tmp_path / "b", gps__template__yaml=TEMPLATE))


def test_a_provider_given_twice_is_named_with_both_places(tmp_path: Path) -> None:
    """Once in a file of its own and once in a list."""
    own = TEMPLATE.replace("{ods}", "Z9903").replace("{name}", "X").replace('"{go live}"', "2026-01-01")
    own = own.replace("{path}", "p").replace("{asid}", "9").replace('"{timeout}"', "4")
    with pytest.raises(Invalid) as caught:
        load_providers(home(tmp_path, gps__csv=LIST, gps__template__yaml=TEMPLATE, Z9903__yaml=own))
    assert "gps.csv, row 5" in str(caught.value)
    assert "Z9903.yaml as well" in str(caught.value)
