"""The Welsh pages of citizens and carers: no sentence of ours stands in them in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from tests.functional.online import Browser
from tests.functional.tour import Tour, let_in, stops
from tests.unit.api.pages.catalogue import written

pytestmark = pytest.mark.asyncio(loop_scope="session")
_ENGLISH = re.compile(
    r"\b(?:the|and|you|your|is|are|was|were|of|to|this|that|it|there|they|their|who|what|not|no|with|from|have"
    r"|has|been|by|for|be|or|an|can|cannot|may|will|must|we|our|on|in)\b"
)
_WELSH_TOO = {"a", "i", "on", "an", "to", "it", "in", "no", "or"}
_DATA = re.compile(r"Sample|O'Sample|Carl|Dr Dee|I was not there|A note of mine|Example|Ann Lee")
_QUIET = {"script", "style", "code"}
_FILES = ("/content", "/pdf", "/summary")
_FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/my/whose", {}),
    ("/my/accept", {"code": "AAAA"}),
    ("/my/could", {}),
    ("/my/could", {"who": "staff", "organisation": "RXX"}),
    ("/my/carers/invite", {"level": "some"}),
    ("/my/choices/new", {}),
    ("/my/choices/new", {"what": "all", "who": "everybody", "until-year": "1999"}),
    ("/my/choices/new", {"do": "seal", "what": "all"}),
    ("/my/choices/new", {"do": "permit", "what": "all"}),
    ("/my/add/about-me", {}),
    ("/my/add/contact", {"name": "A", "relation": "x", "email": "x", "phone": "y"}),
    ("/my/add/symptom", {"what": "x" * 300, "how-bad": "11", "at": "soon"}),
    ("/my/add/note", {}),
    ("/my/add/home-reading/blood-pressure", {"systolic": "5", "diastolic": "x", "at": "1/1/2199"}),
    ("/my/add/home-reading/blood-pressure", {"systolic": "100", "diastolic": "120"}),
    ("/my/add/home-reading/glucose", {"glucose": "60"}),
    ("/my/add/home-reading/temperature", {"temperature": "42", "at": "1/1/2020"}),
)


class _Words(HTMLParser):
    """What a page says: its texts, and what is said to who does not see it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = [*self._within, tag]
        self.found += [value for name, value in attrs if name in {"aria-label", "title", "alt"} and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            del self._within[len(self._within) - 1 - self._within[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if (text := " ".join(data.split())) and not _QUIET & set(self._within):
            self.found.append(text)


def english(page: str) -> Iterator[str]:
    """The texts of a Welsh page that are in English."""
    ours = {key for key, message in written().items() if isinstance(key, str) and message.string != key}
    for text in _Words(page).found:
        words = set(_ENGLISH.findall(text)) - _WELSH_TOO
        if text in ours or (len(words) > 1 and not _DATA.search(text)):
            yield text


async def _ask(tour: Tour, browser: Browser, path: str, sent: dict[str, str] | None = None) -> httpx.Response:
    if sent is None:
        return await tour.ask(browser, "GET", path, accept_language="cy")
    about = "" if path in {"/my/whose", "/my/accept"} else "me"
    token = await browser._token(about)
    body = str(httpx.QueryParams({"csrf": token, **sent})).encode()
    form = "application/x-www-form-urlencoded"
    return await tour.ask(browser, "POST", path, body=body, content_type=form, accept_language="cy")


async def test_no_sentence_of_ours_is_english_in_welsh(session_tour: Tour) -> None:
    """On any page, in any answer to a form that has to be changed, and where something is refused."""
    tour = session_tour
    carl, _ = await let_in(tour)
    wrong: dict[str, list[str]] = {}
    asked = 0
    for path, sent in _FORMS:
        said = await _ask(tour, tour.ada, path, sent)
        assert said.status_code in {200, 400, 422}, (path, said.text)
        wrong.setdefault(path, []).extend(english(said.text))
        asked += 1
    for stop in stops(tour.place, "GET"):
        if not stop.template.startswith("/my") or stop.template.endswith(_FILES) or "/open/" in stop.template:
            continue
        here = await _ask(tour, tour.ada, stop.path({**tour.names, "whose": "me"}))
        assert 'lang="cy"' in here.text, stop
        wrong.setdefault(stop.template, []).extend(english(here.text))
        asked += 1
    for path in ("/my/choices", "/my/looked/none", "/my/record/heading/none", "/my/added/none"):
        said = await _ask(tour, carl if path == "/my/choices" else tour.ada, path)
        wrong.setdefault(path, []).extend(english(said.text))
    assert {path: texts for path, texts in wrong.items() if texts} == {}
    assert asked > 35
