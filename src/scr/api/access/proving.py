"""The proof of who looked, for the person to take away: what they are told of each look, and nothing else.

It is checked anywhere, without us, by the script that goes with it (docs/audit.md).
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from scr.access.looked import opened_by
from scr.api.access.mine import Mine
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.services import Services
from scr.data import DataFiles
from scr.errors import Invalid, Unavailable
from scr.settings import Settings
from scr.store.audit.proof import prove_some
from scr.store.audit.signing import SealingKey

WHAT = "access/proof"
"""What it is called in the audit."""
SCRIPT = "verify_audit_proof.py"
PROOF = "who-looked.json"


@dataclass(frozen=True, slots=True)
class Proving:
    """The work. ``public`` gives the key of the heads, ``script`` what checks a proof."""

    mine: Mine
    public: Callable[[], bytes]
    script: bytes
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prove(
        self, look: Look, visitor: Visitor, *, before: int | None = None, since: int | None = None
    ) -> bytes:
        """The proof of the looks that the visitor is told of, as JSON: of the same that their page shows.

        ``since`` is the size of a head that they kept. A proof costs what a page of looks does some ten
        times over: one is made at a time. Raises Invalid, Forbidden, Unavailable.
        """
        async with self._one:
            looks = await self.mine.looks(look, visitor, before=before)
            shown = {one.id: partial(opened_by, one) for one in looks}
            work = partial(prove_some, shown=shown, public=self.public(), earlier_size=since)
            made = await self.mine.database.read(work)
        look.details["proved"] = str(len(made.rows))
        return made.write()

    def packed(self, proof: bytes) -> bytes:
        """A proof and the script that checks it, as one file (ZIP)."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in ((PROOF, proof), (SCRIPT, self.script)):
                told = zipfile.ZipInfo(name)
                told.external_attr = 0o644 << 16  # else nobody may read what they have unpacked
                file.writestr(told, content, zipfile.ZIP_DEFLATED)
        return made.getvalue()


def size_of(text: str | None) -> int | None:
    """The size of a head as it is asked for. Raises Invalid."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Invalid("the size of a head, a whole number", code="no-such-head", where="since")
    return int(text)


def proving_of(services: Services, mine: Mine) -> Proving:
    """Of a deployment."""
    script = DataFiles(services.settings.home).find("conformance", SCRIPT).read_bytes()
    return Proving(mine, partial(_public, services.settings), script)


def _public(settings: Settings) -> bytes:
    try:
        return SealingKey.from_text(settings.secret(settings.audit_key)).public
    except Invalid:
        raise Unavailable("the audit of this deployment is not sealed", code="no-audit-key") from None
