"""The proof of who looked, over HTTP: to whom it is given, what it shows, and that it holds without us."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import ADA, NOBODY, SERVER, Tree
from tests.functional.online import Browser, Online, citizen, newcomer

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")
ME = "/access/people/me"
TOLD = {"at", "who", "actor_name", "role", "organisation", "purpose", "asked", "allowed", "glass", "through"}


async def download(browser: Browser, path: str) -> httpx.Response:
    """A page's file."""
    client = browser.deployment.client
    answer = await client.get(f"{SERVER}{path}", headers=browser.headers)
    client.cookies.clear()
    return answer


def run(script: Path, proof: Path, *more: str) -> tuple[int, str]:
    """What the script says of a proof: the exit code and its lines."""
    command = [sys.executable, "-I", str(script), str(proof), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def shown(proof: Tree) -> dict[str, Tree]:
    """What a proof shows of each row, by its id."""
    rows = [{name: value for _, name, value in map(json.loads, row["opened"])} for row in proof["rows"]]
    return {row.pop("id"): row for row in rows}


def assert_tells_the_same(rows: dict[str, Tree], looks: dict[str, Tree]) -> None:
    """No more than the page tells of each, and all of the same looks."""
    assert rows.keys() <= looks.keys()
    for name, row in rows.items():
        look = looks[name]
        assert row.keys() <= TOLD
        assert row["at"] == round(datetime.fromisoformat(look["at"]).timestamp() * 1000)
        assert (row["who"], row["asked"], row["allowed"], row["glass"]) == (
            look["who"],
            look["what"],
            look["allowed"],
            look["brokeTheGlass"],
        )
        assert row["actor_name"] in (look["name"], "")
        assert ("role" in row, "organisation" in row) == (bool(look["role"]), bool(look["organisation"]))


async def test_a_person_takes_the_proof_of_who_looked_away(place: Online, tmp_path: Path) -> None:
    """It shows what they are told of each look, refused ones too, and nothing else; it is checked by the
    script that is packed with it; and taking it is a look of its own."""
    ada = await place.browser(ADAS)
    mine = (await ada.ask(ME)).body["patient"]
    await place.deployment.get(f"Patient/{mine}", role="R0260", at="A81001")
    await place.deployment.get(f"Patient/{mine}", role="R8000", at="QZZ99")
    key = await place.seal()
    proof = (await ada.ask(f"{ME}/looks/proof")).body
    looks = {one["id"]: one for one in (await ada.ask(f"{ME}/looks")).body["looks"]}
    rows = shown(proof)
    assert_tells_the_same(rows, looks)
    assert {(row["who"], row["allowed"]) for row in rows.values()} >= {
        ("professional", True),
        ("professional", False),
    }
    text = json.dumps(proof)
    by_id = {row.id: row for row in place.deployment.audit()}
    untold = {told for name in rows for told in (by_id[name].correlation, by_id[name].actor) if told}
    for one in untold:
        assert one not in text
    assert place.deployment.services.policy.hash not in text
    row = place.rows("access/proof")[0]
    assert (row.actor_name, row.outcome, row.details["proved"]) == ("Ada O'Sample", "success", str(len(rows)))

    packed = zipfile.ZipFile(io.BytesIO((await download(ada, "/my/looked/proof")).content))
    packed.extractall(tmp_path)
    script, file = tmp_path / "verify_audit_proof.py", tmp_path / "who-looked.json"
    code, said = run(script, file, "--key", key)
    assert (code, "The proof holds." in said, "refused" in said) == (0, True, True)
    file.write_text(file.read_text("utf-8").replace("false", "true"), "utf-8")
    assert run(script, file)[0] == 1

    since = json.loads(proof["head"])["size"]
    await place.seal()
    later, kept = tmp_path / "later.json", tmp_path / "kept.json"
    kept.write_text(text)
    later.write_text(json.dumps((await ada.ask(f"{ME}/looks/proof?since={since}")).body))
    code, said = run(script, later, "--earlier", str(kept))
    assert (code, f"Nothing under the head of {since} seals was changed" in said) == (0, True)
    for wrong in ("0", "99999999", "x", "-1"):
        assert (await ada.ask(f"{ME}/looks/proof?since={wrong}")).code == "no-such-head"


async def test_a_carer_takes_the_proof_of_their_own_looks_alone(place: Online) -> None:
    """Of what the person and others did nothing is in it; of somebody else's record nothing is given."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = await ada.ask(f"{ME}/carers", {"calls": "Carl", "until": until})
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    hers = f"/access/people/{(await ada.ask(ME)).body['patient']}"
    assert (await carl.ask(hers)).status == 200
    await place.seal()
    proof = (await carl.ask(f"{hers}/looks/proof")).body
    looks = {one["id"]: one for one in (await carl.ask(f"{hers}/looks")).body["looks"]}
    rows = shown(proof)
    assert_tells_the_same(rows, looks)
    assert {row["actor_name"] for row in rows.values()} == {"Carl Carer"}
    assert "carer" in {row["who"] for row in rows.values()}
    assert {one["id"] for one in proof.get("left", [])} <= looks.keys()
    ended = await ada.ask(f"{ME}/carers/{(await ada.ask(f'{ME}/carers')).body['carers'][0]['id']}/end", {})
    assert ended.status == 200
    gone, none = await carl.ask(f"{hers}/looks/proof"), await carl.ask("/access/people/nobody/looks/proof")
    assert (gone.status, gone.body) == (none.status, none.body) == (404, gone.body)
