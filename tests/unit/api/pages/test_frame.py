"""The frame of the pages: what it escapes, which language it speaks, what a browser may do with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from starlette.requests import Request
from starlette.responses import Response
from tests.unit.api.pages.catalogue import PAGES

from scr.api.pages.dress import Dress
from scr.api.pages.frame import FormError, Who, environment, show, show_error
from scr.api.pages.menu import Item
from scr.api.pages.tongue import tongue
from scr.errors import NotFound


def asked(query: str = "", *, cookie: str = "", accept: str = "", path: str = "/my") -> Request:
    """A request of a browser."""
    headers = [(b"cookie", cookie.encode()), (b"accept-language", accept.encode())]
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers,
        "app": FastAPI(), "scheme": "https", "server": ("record.example", 443),
    }  # fmt: skip
    return Request(scope)


def text(answer: Response) -> str:
    """What a page holds."""
    return bytes(answer.body).decode()


@given(st.text(max_size=20))
def test_whatever_somebody_is_called_is_text(name: str) -> None:
    """A name with markup in it makes no element and no attribute of the page."""
    hostile = f"<script>{name}</script>\"'><img src=x onerror=a>"
    errors = (FormError("field", hostile),)
    page = text(show(asked(), "frame/error.html", who=Who(hostile, "c", hostile), errors=errors,
                     error=FormError("", hostile), code=400))  # fmt: skip
    assert "<img" not in page
    assert page.count("<script") == 1
    assert "onerror=a&gt;" in page


def test_a_browser_runs_nothing_but_our_script() -> None:
    """No inline script or style, no frame around it, no form to another site; nothing is kept."""
    answer = show_error(asked(), NotFound("there is nothing here", code="x"), correlation="abc")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert all(
        each in policy for each in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'")
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-correlation-id"] == "abc"
    assert "style=" not in text(answer)
    for path in (PAGES / "templates").rglob("*.html"):
        template = path.read_text()
        assert "| safe" not in template, path.name
        assert " style=" not in template, path.name
        assert " onclick=" not in template, path.name


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "language"),
    [
        ("", "", "", "en"),
        ("lang=cy", "", "", "cy"),
        ("lang=xx", "", "", "en"),
        ("", "scr_lang=cy", "", "cy"),
        ("lang=en", "scr_lang=cy", "cy", "en"),
        ("", "", "cy-GB,en;q=0.5", "cy"),
        ("", "scr_lang=xx", "de", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_was_chosen(query: str, cookie: str, accept: str, language: str) -> None:
    """By the address, then what was chosen before, then the browser; the address is kept for later."""
    answer = show_error(asked(query, cookie=cookie, accept=accept), NotFound("there is nothing", code="x"))
    assert f'<html lang="{"en-GB" if language == "en" else "cy"}">' in text(answer)
    assert ("Gwall" in text(answer) or "Heb ddod" in text(answer)) == (language == "cy")
    kept = answer.headers.get("set-cookie", "")
    assert (f"scr_lang={language}" in kept) == (query == f"lang={language}")
    assert not kept or ("Secure" in kept and "SameSite=lax" in kept)


def test_the_other_language_is_the_same_page() -> None:
    """The link keeps what else the address asks for."""
    page = text(show_error(asked("page=2&lang=en"), NotFound("there is nothing", code="x")))
    assert 'href="?page=2&amp;lang=cy"' in page


def test_a_name_that_a_page_lacks_is_an_error() -> None:
    """Nothing is left out in silence."""
    with pytest.raises(UndefinedError):
        environment("en").from_string("{{ nothing_of_the_kind }}").render()


def test_a_deployment_puts_its_own_style_sheet_in_place_of_ours(tmp_path: Path) -> None:
    """At another address, so that no browser keeps the old one."""
    ours = Dress.load(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "nhs.css").write_text("body { color: black }")
    theirs = Dress.load(tmp_path)
    assert theirs.content["nhs.css"] == b"body { color: black }"
    assert theirs.content["own.css"] == ours.content["own.css"]
    assert theirs.address("nhs.css") != ours.address("nhs.css")
    assert sum(map(len, ours.content.values())) < 60_000


async def test_only_what_has_its_own_version_is_kept() -> None:
    """A style sheet at an old address is the new one, and asked for again."""
    dress = Dress.load()
    _, _, version, name = dress.address("nhs.css").split("/")
    assert "immutable" in (await dress.answer(version, name)).headers["cache-control"]
    old = await dress.answer("0" * 12, name)
    assert (old.headers["cache-control"], old.body) == ("no-cache", dress.content[name])
    assert (await dress.answer(version, "../frame.py")).status_code == 404


def test_a_line_of_the_menu_is_the_current_one_below_it_too() -> None:
    """But a site's first page is not current on each of its pages."""
    assert Item("/my/choices", "").holds("/my/choices/new")
    assert not Item("/my/choices", "").holds("/my/choicesnew")
    assert Item("/my", "").holds("/my")
    assert not Item("/my", "").holds("/my/choices")


@given(st.text(max_size=20), st.sampled_from(["en", "cy"]))
def test_what_comes_from_elsewhere_is_no_pattern(name: str, language: str) -> None:
    """A name with a percent sign, or none, is shown as it is; what the catalogue knows is said in Welsh."""
    told = f"{name}%(x)s %d"
    assert environment(language).from_string("{{ told | spoken }}").render(told=told).count("%(x)s %d") == 1
    assert tongue("cy").spoken("") == ""
    assert tongue("cy").spoken("Referrals, Assessments") != "Referrals, Assessments"
    assert tongue("en").spoken("Referrals, Assessments") == "Referrals, Assessments"
