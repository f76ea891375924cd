"""A former version, out of the project's history, serves while this one brings the tables up beneath it."""

from __future__ import annotations

import asyncio
import io
import itertools
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import ADA
from tests.functional.test_endpoint_server import issuer
from tests.functional.test_stopping import admission, described
from tests.functional.test_topology import environment_of, process
from tests.support.patience import LONG
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer, role

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.intake.mllp_client import connect
from scr.store.engine import Database
from scr.store.migrations import between, downgrade, revisions

__all__ = ["issuer"]

ROOT = Path(__file__).parents[2]
STARTS_ON_NEWER = "0035"
"""From this revision on a version starts on tables that are newer than it."""
DECLARE = (
    "import sys; from pathlib import Path; from scr.onboarding.register import declare_home_live;"
    " declare_home_live(Path(sys.argv[1]), by='tests', evidence='a test', now=1)"
)


def formers() -> list[str]:
    """The revisions whose versions are to live through it: the newest, and the last that needed a stop."""
    stop = max(one.number for one in between("base", "head") if one.needs_stop)
    return sorted({stop, *(one for one in revisions()[1:2] if one > stop)})


def git(*arguments: str) -> bytes:
    """What git says of the project's history. Skips the test where there is none."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the history of the project is not here: a former version cannot be taken out of it")
    return done.stdout


def version_at(revision: str, folder: Path) -> Path:
    """The last version whose tables were at a revision, in a folder; what is to be imported from."""
    following = revisions()[revisions().index(revision) - 1]
    versions = "src/scr/store/migrations/versions"
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", f"{versions}/{following}_*").decode()
    if not added.strip():
        pytest.skip(f"the history of the project does not have {following} yet")
    with tarfile.open(fileobj=io.BytesIO(git("archive", f"{added.strip()}^"))) as archive:
        archive.extractall(folder, filter="data")
    newest = max(path.name for path in (folder / versions).glob("[0-9]*.py"))
    assert newest.startswith(revision)
    return folder / "src"


@dataclass
class Traffic:
    """Those who ask and send all the while: any answer but the right one ends it."""

    web: httpx.AsyncClient
    headers: dict[str, str]
    one_writes: bool
    answered: int = 0
    sent: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def ask(self, port: int) -> httpx.Response:
        """Ask for Ada, once."""
        form = {"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}
        url = f"http://127.0.0.1:{port}/fhir/Patient/_search"
        found = await self.web.post(url, data=form, headers=self.headers)
        assert found.status_code == 200, found.text
        assert found.json()["entry"][0]["resource"]["resourceType"] == "Patient"
        return found

    async def asking(self, port: int) -> None:
        """Ask again and again."""
        while not self.stop.is_set():
            await self.ask(port)
            await self._count("answered")

    async def sending(self, port: int, numbers: Sequence[int] | itertools.count[int]) -> None:
        """Send one message after another, over one connection. SQLite lets one process write at a time, and
        on a busy machine another may not come to it in its five seconds: then it is sent again."""
        async with connect("127.0.0.1", port, timeout=LONG) as exchange:
            for number in numbers:
                said = await exchange(admission(number))
                while self.one_writes and b"MSA|AE" in said:
                    said = await exchange(admission(number))
                assert b"MSA|AA" in said, said
                await self._count("sent")
                if self.stop.is_set():
                    return

    async def go_on(self, count: int = 8) -> None:
        """Wait until so many more were answered, and acknowledged."""
        answered, sent = self.answered + count, self.sent + count
        async with self.moved:
            await self.moved.wait_for(lambda: self.answered >= answered and self.sent >= sent)

    async def _count(self, what: str) -> None:
        async with self.moved:
            setattr(self, what, getattr(self, what) + 1)
            self.moved.notify_all()


async def run(home: Path, source: Path | None, *arguments: str) -> None:
    """Run a command of a version to its end."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment_of(source),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=home,
    )  # fmt: skip
    _, told = await asyncio.wait_for(made.communicate(), LONG)
    assert made.returncode == 0, told.decode()


@pytest.mark.long
@pytest.mark.parametrize("revision", formers())
async def test_a_former_version_serves_while_the_tables_are_brought_up(
    tmp_path: Path, database_url: str, issuer: TestIssuer, revision: str
) -> None:
    """No question and no message fails before, during and after; this version serves beside it; the former
    starts again on the new tables; all that both took is there."""
    source = version_at(revision, tmp_path / "former")
    database = Database.open(database_url)
    downgrade(database, "base")
    database.close()
    home, ports = tmp_path / "home", [free_port() for _ in range(4)]
    described(home, ports[0], ports[1], issuer)
    file = home / "scr.toml"
    file.write_text(f'database_url = "{database_url}"\n{file.read_text("utf-8")}', "utf-8")
    await run(home, source, "-c", DECLARE, str(home))
    headers = {"Authorization": issuer.bearer(nhsid_nrbac_roles=[role("R8000", "RXX")])}
    async with httpx.AsyncClient(timeout=LONG) as web:
        traffic = Traffic(web, headers, one_writes=database_url.startswith("sqlite"))
        async with process(home, ports[0], "serve", source=source):
            await traffic.sending(ports[1], [0])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(traffic.asking(ports[0]))
                tasks.create_task(traffic.sending(ports[1], itertools.count(1)))
                await traffic.go_on()
                await run(home, None, "-m", "scr", "--home", str(home), "tables", "up")
                await traffic.go_on()
                async with process(home, ports[2], "serve", http_port=str(ports[2]), mllp_port=str(ports[3])):
                    tasks.create_task(traffic.asking(ports[2]))
                    tasks.create_task(traffic.sending(ports[3], itertools.count(10_000)))
                    await traffic.go_on(24)
                    traffic.stop.set()
        if revision >= STARTS_ON_NEWER:
            async with process(home, ports[0], "serve", source=source):
                await traffic.ask(ports[0])
                traffic.stop.clear()
                await traffic.sending(ports[1], [20_000])
        async with process(home, ports[0], "serve"):
            [first, *_] = (await traffic.ask(ports[0])).json()["entry"]
            path = f"Encounter?patient={first['resource']['id']}&_count=1&_total=accurate"
            told = await web.get(f"http://127.0.0.1:{ports[0]}/fhir/{path}", headers=headers)
            assert told.json()["total"] == traffic.sent
