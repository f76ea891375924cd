"""What somebody had typed when their session ended: kept sealed, and given back when they are there again.

Each form holds a mark that only this server can make, of who has the page and whose record it is about. A
form that comes without a session is kept only with such a mark, and is given back only to the same person
about the same record: nobody can put words into somebody else's form. Files are not kept.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from scr.api.signin.kept import Draft, Keep

MARK = "mark"
"""The field of a form, and what of a form is the session's and not typed."""
_OURS = frozenset({MARK, "csrf", "answer"})
_LASTS_MS = 24 * 3600 * 1000
_MOST = 32_768
_KIND = "draft of a form"


@dataclass(frozen=True, slots=True)
class Drafts:
    """Keeps them for half an hour."""

    keep: Keep

    def mark(self, subject: str, about: str) -> str:
        """What a form holds that somebody has, about a record (the id of its Patient) or none."""
        return self._mark(subject, about, self.keep.now() + _LASTS_MS)

    async def put(self, request: Request, form: Mapping[str, str]) -> str:
        """Keep a form that came without a session; its name, or nothing where it is none of ours."""
        mark = form.get(MARK, "")
        until, _, rest = mark.partition(".")
        bound, _, made = rest.partition(".")
        if not (until.isascii() and until.isdigit() and int(until[:15]) > self.keep.now()):
            return ""
        if not hmac.compare_digest(made.encode(), self._made(until, bound).encode()):
            return ""
        typed = {name: value for name, value in form.items() if name not in _OURS}
        if sum(map(len, typed.values())) > _MOST:
            return ""
        return await self.keep.put(Draft(request.url.path, mark, typed))

    async def find(self, request: Request, subject: str, about: str) -> Mapping[str, str] | None:
        """What the same person had typed into the same form, where the address names it; else None."""
        draft = await self.keep.find(Draft, request.query_params.get("draft"))
        if draft is None or draft.path != request.url.path:
            return None
        until = draft.mark.partition(".")[0]
        if not hmac.compare_digest(draft.mark.encode(), self._mark(subject, about, int(until)).encode()):
            return None
        return draft.typed

    def _mark(self, subject: str, about: str, until: int) -> str:
        bound = self.keep.keys.blind(_KIND, f"{subject}\x1f{about}\x1f{until}")
        return f"{until}.{bound}.{self._made(str(until), bound)}"

    def _made(self, until: str, bound: str) -> str:
        return self.keep.keys.blind(_KIND, f"{until}.{bound}")
