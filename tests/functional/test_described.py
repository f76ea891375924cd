"""The whole API as it is described, asked by Schemathesis: what is answered is what was described, and to
somebody only."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from zlib import crc32

import pytest
import pytest_asyncio
from tests.assurance.described import PUBLIC
from tests.assurance.examined import Examined, Operation, cases, examined, open_to_nobody
from tests.functional.tour import Tour, touring

pytestmark = pytest.mark.asyncio(loop_scope="session")
_PART = re.compile(r"{\w+}")
_READING = ("GET", "$validate", "_search", "$lookup", "$match")
"""What changes nothing, by label: of a deployment that other tests go on with."""


_TYPE = re.compile(r"/fhir/[A-Z]\w+")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def each(session_tour: Tour) -> Examined:
    """Everything that there is, as it is described."""
    return await examined(session_tour)


async def test_every_address_receives_nobody_as_nobody(each: Examined) -> None:
    """Whoever comes without a token and a cookie, or with ones that nobody gave, is refused at every address
    that is not for anybody, and told of nobody."""
    closed = {_TYPE.sub("/fhir/Type", one.label): one for one in each.operations if not _is_public(one)}
    assert len(closed) > 150
    for number, (label, one) in enumerate(closed.items()):
        path = _PART.sub("x", one.path.replace("{whose}", "me"))
        told = await each.unknown(one.method.upper(), path, silent=number % 2 == 0)
        assert open_to_nobody(told) == "", label


async def test_what_is_answered_is_what_was_described(each: Examined) -> None:
    """Two cases of one in sixty operations that read: a status and a type that are described, no fault."""
    reading = [one for one in each.operations if any(word in one.label for word in _READING)]
    for operation in (one for one in reading if crc32(one.label.encode()) % 60 == 3):
        for case in cases(operation, 2):
            await each.hold(case)
    assert each.wrong == []
    assert each.good > 5


async def test_bytes_that_are_no_text_are_refused(each: Examined) -> None:
    """In any field of a body of JSON: what is no UTF-8 is a mistake of whoever sent it, and no fault."""
    names = ("text", "reason", "values", "code", "heading", "calls", "until", "to", "entry", "ids", "kinds")
    bodies = [b'{"%s":"\x80"}' % name.encode() for name in names]
    bodies += [
        b'{"values":{"text":"\xff"}}',
        b'{"values":{"\xff":"x"}}',
        b'{"ids":["\xff"]}',
        b"\xff",
        b'"\xff"',
    ]
    taking = [
        one for one in each.operations if one.path.startswith("/access/") and one.method in ("post", "put")
    ]
    assert len(taking) > 15
    for number, one in enumerate(taking):
        several = len(bodies) if re.search("contributions|challenges", one.path) else 4
        for turn in range(several):
            body = bodies[(number * 4 + turn) % len(bodies)]
            told = await each.sent(one, body)
            ends = one.path.endswith(("/end", "/withdrawn"))  # which reads nothing
            assert 400 <= told.status_code < 500 or ends, (one.label, body)


def _is_public(operation: Operation) -> bool:
    return PUBLIC.search(operation.path) is not None


@pytest.mark.long
async def test_every_operation_in_every_way(sqlite_template: Path, tmp_path: Path) -> None:
    """Every operation, with each of its parameters in turn, in cases that fit and cases that do not."""
    database = shutil.copy(sqlite_template, tmp_path / "scr.db")
    async with touring(tmp_path / "home", f"sqlite:///{database}", refusals_per_address=1_000_000) as tour:
        for turn in range(4):
            each = await examined(tour, turn)
            for operation in each.operations:
                for case in cases(operation, 6, turn):
                    await each.hold(case)
            assert each.wrong == []
            assert each.good > 500
