"""``/my/looked``: who looked at the record, and to ask about a look."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.looked import MOST, Looked
from scr.api.access.mine import NO_LOOK, Mine
from scr.api.access.proving import WHAT, Proving, size_of
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import My
from scr.api.pages.render import HEADERS, moved
from scr.api.pages.tongue import N_
from scr.api.routing import Router
from scr.errors import NotFound, ScrError

PAGE = "/my/looked"
_AT_ONCE = 20
_EMPTY = N_("Write what you want to know")


@dataclass(frozen=True, slots=True)
class LookedPages:
    """The pages."""

    my: My
    mine: Mine
    proving: Proving

    def router(self) -> Router:
        """Their routes."""
        router = Router(prefix=PAGE, include_in_schema=False)
        router.add_api_route("", self.list, methods=["GET"])
        router.add_api_route("/proof", self.proof, methods=["GET"])
        router.add_api_route("/{which}", self.one, methods=["GET", "POST"])
        return router

    async def list(self, request: Request) -> Response:
        """The newest first, a page at a time; those of oneself only where they are asked for."""
        before = _number(request.query_params.get("before", ""))
        everybody = request.query_params.get("all") == "yes"

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.mine.looks(look, visitor, before=before)
            shown = [each for each in found if everybody or each.who != "you"][:_AT_ONCE]
            more = len(found) == MOST or len(shown) == _AT_ONCE
            last = shown[-1].at if len(shown) == _AT_ONCE else found[-1].at if found else 0
            asked = await self.mine.questions(look, visitor) if visitor.own else []
            return self.my.show(
                request, visitor, "my/looked.html", looks=shown, own=visitor.own, everybody=everybody,
                older=f"?before={last}{'&all=yes' if everybody else ''}" if more else "",
                questions=asked, first=before is None, done=request.query_params.get("done", ""),
                proof=f"{PAGE}/proof" + ("" if before is None else f"?before={before}"),
            )  # fmt: skip

        return await self.my.run(request, "read", "access/looks", work)

    async def proof(self, request: Request) -> Response:
        """The proof of what the page shows, with the script that checks it; ``since``: the size of a head."""
        before = _number(request.query_params.get("before", ""))

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            since = size_of(request.query_params.get("since"))
            made = await self.proving.prove(look, visitor, before=before, since=since)
            kept = {**HEADERS, "Content-Disposition": 'attachment; filename="who-looked.zip"'}
            return Response(self.proving.packed(made), headers=kept, media_type="application/zip")

        return await self.my.run(request, "query", WHAT, work)

    async def one(self, request: Request, which: str) -> Response:
        """One look, and the form in which the person asks about it."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "GET":
                return await self._page(request, look, visitor, which)
            await self.mine.ask(look, visitor, which, form.get("text", ""))
            return moved(f"{PAGE}?done=asked")

        async def again(look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return await self._page(request, look, visitor, which, form.get("text", ""), error)

        action = "read" if request.method == "GET" else "create"
        return await self.my.run(request, action, "access/looks", work, again=again)

    async def _page(
        self,
        request: Request,
        look: Look,
        visitor: Visitor,
        which: str,
        text: str = "",
        error: ScrError | None = None,
    ) -> Response:
        found = await self._find(look, visitor, which)
        errors: tuple[FormError, ...] = ()
        if error is not None:
            errors = (FormError("text", _EMPTY) if not text.strip() else FormError.of(error, "text"),)
        return self.my.show(
            request, visitor, "my/look.html", error.status if error else 200, errors=errors, found=found,
            own=visitor.own, text=text,
        )  # fmt: skip

    async def _find(self, look: Look, visitor: Visitor, which: str) -> Looked:
        """By its id, which begins with its time."""
        try:
            at = int(which[:12], 16)
        except ValueError:
            raise NotFound(NO_LOOK, code="no-look") from None
        found = await self.mine.looks(look, visitor, before=at + 1)
        one = next((each for each in found if each.id == which), None)
        if one is None:
            raise NotFound(NO_LOOK, code="no-look")
        return one


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
