"""``scr terminology gaps`` and ``remap``: from a code that no map has to a coding in what is stored."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.support.small_release import Small, SmallRelease
from tests.unit.store.samples import nhs_number
from typer.testing import CliRunner, Result

from scr.api.services import open_database, open_services
from scr.cli.app import command_line
from scr.cli.config import init
from scr.data import packaged_root
from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.settings import load
from scr.store.records import load_history, load_record
from scr.store.trail import AuditRow, recent
from scr.terminology.systems import SNOMED_CT

PRACTICE = OdsCode("Z99001")
LOCAL = "urn:practicelink:local-code"
SAMPLE = packaged_root() / "adapters" / "gp-flat-extract" / "samples" / "extract.tsv"
PROVIDER = """\
organisation: {ods: Z99001, name: Example Surgery, type: gp-practice}
feeds:
  - {name: extract, adapter: gp-flat-extract, connection: {kind: drop-folder, pattern: "*.csv"}}
"""
SMALL = SmallRelease(
    concepts={
        SNOMED_CT: {
            "195967001": Small("Asthma"),
            "161546008": Small("Own problem"),
        }
    }
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment of one practice, with a small release."""
    folder = tmp_path / "home"
    init(folder)
    (folder / "adapters" / "providers" / "Z99001.yaml").write_text(PROVIDER, encoding="utf-8")
    SMALL.put_in_force(folder)
    return folder


def run(home: Path, *words: str) -> Result:
    """Run ``scr terminology``."""
    runner = CliRunner(env={"COLUMNS": "200"})
    return runner.invoke(command_line(["terminology"]), ["--home", str(home), "terminology", *words])


def receive(home: Path, *rows: dict[str, str]) -> None:
    """Problems come in, in one file."""
    columns = SAMPLE.read_text(encoding="utf-8").splitlines()[0].split("\t")
    lines = ["\t".join(columns)]
    for number, row in enumerate(rows):
        told = {
            "RecordType": "PROBLEM", "RecordID": f"R{number}", "PatientID": f"P{row['NHSNumber']}",
            "Surname": "Sample", "DateOfBirth": "05/07/1941", "PracticeCode": "Z99001",
            "EventDate": "02/03/2026", "CodeScheme": "LOCAL", "Status": "Active", **row,
        }  # fmt: skip
        lines.append("\t".join(told.get(name, "") for name in columns))

    async def file() -> None:
        async with open_services(load({"home": home}).settings) as services:
            provider = services.providers[PRACTICE]
            raw = "\n".join(lines).encode()
            receipt = await services.intake.receive(provider, provider.feeds[0], raw)
            assert receipt.problems == ()

    asyncio.run(file())


def problems(home: Path, serial: int = 0) -> dict[str, list[Entry]]:
    """The versions of each problem of a person, the newest first."""

    async def read() -> dict[str, list[Entry]]:
        async with open_services(load({"home": home}).settings) as services:
            keys = services.keys

            def work(conn: Connection) -> dict[str, list[Entry]]:
                person = index.find(conn, keys, nhs_number(serial))
                assert person is not None
                held = load_record(conn, keys, person)
                return {
                    each.id: [entry for _, entry in load_history(conn, keys, each.id)]
                    for each in held
                    if each.type == "Condition"
                }

            return await services.database.read(work)

    return asyncio.run(read())


def audited(home: Path) -> list[AuditRow]:
    """The audit, the newest first."""
    database = open_database(load({"home": home}).settings)
    try:
        return database.read_now(recent)
    finally:
        database.close()


def row(serial: int, code: str, term: str) -> dict[str, str]:
    """A problem of a person."""
    return {"NHSNumber": nhs_number(serial).value, "Code": code, "Term": term}


def test_from_a_gap_to_what_is_stored(home: Path, tmp_path: Path) -> None:
    """A code comes in, is listed, is filled in and taken, and stands beside the original after a remap."""
    receive(home, *(row(n, "ASTH1", "Asthma") for n in range(3)), row(0, "OWN7", "Only one has it"))
    listed = run(home, "gaps")
    assert listed.exit_code == 0, listed.output
    assert [line.split()[:4] for line in listed.output.splitlines()[1:3]] == [
        ["Z99001", LOCAL, "ASTH1", "Asthma"],
        ["Z99001", LOCAL, "OWN7", "no-map"],
    ]
    assert "195967001 Asthma" in " ".join(listed.output.split())
    assert "2 codes in 4 places" in listed.output
    file = tmp_path / "gaps.csv"
    assert run(home, "gaps", "--csv", str(file)).exit_code == 0
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(r["source_code"], r["target_code"], r["count"], r["provider"]) for r in rows] == [
        ("ASTH1", "", "3", "Z99001"),
        ("OWN7", "", "1", "Z99001"),
    ]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows([rows[0] | {"target_system": SNOMED_CT, "target_code": "195967001"}, rows[1]])
    taken = run(home, "gaps", "--take", str(file))
    assert taken.exit_code == 0, taken.output
    assert "1 rows are new, 0 changed, 0 were there" in taken.output
    assert "ASTH1" not in run(home, "gaps").output
    done = run(home, "remap")
    assert done.exit_code == 0, done.output
    assert "3 people" in done.output
    assert "3 have a new version" in done.output
    for serial in range(3):
        for newest, *older in problems(home, serial).values():
            local = [code for code in newest.codes if code.startswith(LOCAL)]
            wanted = [*local, f"{SNOMED_CT}|195967001"] if local == [f"{LOCAL}|ASTH1"] else local
            assert list(newest.codes) == wanted
            assert [list(each.codes) for each in older] == ([local] if wanted != local else [])
    (row_, *_) = audited(home)
    assert (row_.what, row_.details["changed"], row_.details["people"]) == ("terminology remap", 3, 3)
    assert "0 have a new version" in run(home, "remap").output


def test_a_code_that_comes_in_after_is_coded_at_once(home: Path, tmp_path: Path) -> None:
    """Without a remap; a decision that there is none ends the gap too."""
    file = tmp_path / "gaps.csv"
    file.write_text(
        "source_system,source_code,target_system,target_code,target_display,match\n"
        f"{LOCAL},ASTH1,{SNOMED_CT},195967001,,\n{LOCAL},OWN7,,,,none\n",
        encoding="utf-8",
    )
    assert run(home, "gaps", "--take", str(file)).exit_code == 0
    receive(home, row(0, "ASTH1", "Asthma"), row(0, "OWN7", "Own"))
    codes = sorted(list(versions[0].codes) for versions in problems(home).values())
    assert codes == [[f"{LOCAL}|ASTH1", f"{SNOMED_CT}|195967001"], [f"{LOCAL}|OWN7"]]
    assert "No code is without" in run(home, "gaps").output


def test_a_wrong_file_changes_nothing(home: Path, tmp_path: Path) -> None:
    """Its faults are told with their lines, and the command fails."""
    file = tmp_path / "gaps.csv"
    file.write_text(
        "source_system,source_code,target_system,target_code,target_display\n"
        f"{LOCAL},ASTH1,{SNOMED_CT},195967010,\n",
        encoding="utf-8",
    )
    failed = run(home, "gaps", "--take", str(file))
    assert isinstance(failed.exception, Invalid)
    assert "line 2: there is no 195967010" in str(failed.exception)
    assert not (home / "terminology" / "gaps").exists()


def test_a_text_in_a_spreadsheet_is_no_formula(home: Path, tmp_path: Path) -> None:
    """A payload's text that would be worked out when the file is opened is set off."""
    receive(home, *(row(n, "X1", "=HYPERLINK(1)") for n in range(3)))
    file = tmp_path / "gaps.csv"
    assert run(home, "gaps", "--csv", str(file), "--provider", "Z99001", "--system", LOCAL).exit_code == 0
    assert ",'=HYPERLINK(1)," in file.read_text(encoding="utf-8")
    assert "No code is without" in run(home, "gaps", "--provider", "Z99009").output
