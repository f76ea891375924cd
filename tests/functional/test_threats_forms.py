"""Threats by what is sent and by what stands in a record: forms, bodies, hostile text, a broken audit."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import text
from tests.functional.deployment import BERT, NOBODY, SECRETS, Neighbour, Tree, coded, observation
from tests.functional.online import Browser, newcomer
from tests.functional.tour import FACES, Stop, Tour, clinician, let_in, stops

from scr.fhir.identifiers import NHSNumber
from scr.store.trail import recent

pytestmark = pytest.mark.asyncio(loop_scope="session")
FORM = "application/x-www-form-urlencoded"
BLOW = "zzblow"
TURNED = "\u202egnp.exe\u2066"
HOSTILE = (
    f"<script src=//evil.example>{BLOW}</script><img src=x onerror={BLOW}>' onfocus='{BLOW}' \""
    f' style="{BLOW}{{{{ 7*7 }}}} {{% raw %}} %(name)s </textarea></title></svg>javascript:{BLOW}{TURNED}'
)


@pytest.fixture
def tour(session_tour: Tour, capfd: pytest.CaptureFixture[str]) -> Iterator[Tour]:
    """The same, its neighbour as at first; at the end, nobody's number was logged, and nothing broke."""
    session_tour.place.deployment.neighbour.__dict__.update(Neighbour().__dict__)
    yield session_tour
    logged = "".join(capfd.readouterr())
    assert not any(number in logged for number in SECRETS)
    assert "fault" not in logged


def written(tour: Tour) -> int:
    """How many rows the audit has."""
    database = tour.place.deployment.services.database
    return int(database.read_now(lambda conn: conn.execute(text("SELECT count(*) FROM audit")).scalar_one()))


async def send(tour: Tour, browser: Browser, stop: Stop, token: str | None, **more: str) -> httpx.Response:
    """What a page or a script of ours would send, with a token of a form."""
    path = stop.path(tour.names)
    if stop.template.startswith("/access"):
        sent = {"x_csrf_token": token} if token is not None else {}
        return await tour.ask(browser, stop.method, path, body=b"{}", **sent, **more)
    fields = b"" if token is None else f"csrf={token}".encode()
    return await tour.ask(browser, stop.method, path, body=fields, content_type=FORM, **more)


async def test_a_form_of_another_session_record_or_site_changes_nothing(tour: Tour) -> None:
    """At every address that takes something: without a token, with that of another session, or of another
    record in this one, and sent by another site, it is refused, and nothing is changed."""
    carl, _ = await let_in(tour)
    doctor = await tour.place.browser(clinician())
    theirs, none = await carl._token(tour.names["whose"]), await tour.ada._token("")
    before = await state_of(tour)
    asked, tokens = 0, dict[str, str | None]()
    for number, stop in enumerate(stops(tour.place, "POST", "PUT", "PATCH", "DELETE")):
        browser = doctor if stop.template.startswith("/viewer") else tour.ada
        tokens = {"another session's": theirs, "another record's": none}
        tokens["none of ours"] = (None, "", "x")[number % 3]
        if not stop.of_record and not stop.template.startswith("/viewer"):
            tokens["another record's"] = await tour.ada._token("me")
        for why, token in tokens.items():
            said = await send(tour, browser, stop, token)
            # Where files are sent, and nothing else, the form cannot be read.
            refused = {403, 400} if stop.template == "/my/add/document" else {403}
            assert said.status_code in refused, (why, stop, said.text[:300])
        asked += len(tokens)
        said = await send(tour, browser, stop, "x", sec_fetch_site="cross-site")
        assert said.status_code in {303, 401, 403}, (stop, said.status_code)
        assert said.headers.get("location", "/signin/").startswith("/signin/")
    assert asked > 90
    assert await state_of(tour) == before


async def state_of(tour: Tour) -> list[object]:
    """What a form could have changed, as Ada is told of it."""
    told: list[object] = []
    for what in ("carers", "choices", "questions", "contributions", "challenges", "notices/choices"):
        told.append((await tour.ada.ask(f"/access/people/me/{what}")).body)
    return told


PART = b'--x\r\ncontent-disposition: form-data; name="f%d"\r\n\r\nv\r\n'
BODIES: dict[str, tuple[bytes | None, str]] = {
    "broken off": (None, FORM),
    "too long": (b"a=" + b"b" * 70_000, FORM),
    "too many fields": (b"&".join(b"a%d=b" % one for one in range(100)), FORM),
    "the same field twice": (b"csrf=x&csrf=y", FORM),
    "no text": (b"csrf=%ff%fe&text=%00", FORM),
    "bytes": (bytes(range(256)), FORM),
    "deep": (b"[" * 60_000, "application/json"),
    "a lone surrogate": (b'{"text":"\\ud800"}', "application/json"),
    "not what it is": (b'{"a":1}', "text/plain"),
    "a number that is none": (b'{"a":1e999999}', "application/json"),
    "parts": (b"".join(PART % n for n in range(40)) + b"--x--", "multipart/form-data; boundary=x"),
    "a header of a part": (
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a\r\n'
        + b"x: y\r\n" * 900 + b"\r\nv\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "no end": (PART % 1, "multipart/form-data; boundary=x"),
    "no boundary": (b"--x--", "multipart/form-data"),
}  # fmt: skip


async def test_no_body_breaks_anything(tour: Tour) -> None:
    """Every address that takes something refuses some of these, each in its turn, with a sentence, and with a
    row in the audit."""
    doctor, bodies = await tour.place.browser(clinician()), list(BODIES.items())
    for number, stop in enumerate(stops(tour.place, "POST", "PUT")):
        browser = doctor if stop.template.startswith("/viewer") else tour.ada
        about = tour.names["whose"] if "{whose}" in stop.template else ""
        token = await tour.ada._token(about) if stop.template.startswith("/access") else None
        for turn in range(4):
            why, (body, kind) = bodies[(number * 4 + turn) % len(bodies)]
            before = written(tour)
            sent = {"x_csrf_token": token} if token is not None else {}
            path = stop.path(tour.names)
            said = await tour.ask(browser, stop.method, path, body=body, content_type=kind, **sent)
            reads_nothing = path.startswith("/access") and path.endswith(("/end", "/withdrawn"))
            assert 400 <= said.status_code < 500 or reads_nothing, (why, stop, said.status_code, said.text)
            assert written(tour) > before, (why, stop)


def hostile() -> list[Tree]:
    """What a supplier can write into a record: in each field that is shown a text that wants to be run."""
    said = {
        "coding": [{"system": "http://snomed.info/sct", "code": "38341003", "display": HOSTILE}],
        "text": HOSTILE,
    }
    told: Tree = {"note": [{"text": HOSTILE}]}
    told["text"] = {
        "status": "generated",
        "div": f"<div xmlns='http://www.w3.org/1999/xhtml'>{HOSTILE}</div>",
    }
    letter = {"contentType": f"text/html; x={BLOW}", "title": HOSTILE, "data": "PHNjcmlwdD4="}
    paper = coded("DocumentReference", "h6", "1", status="current", content=[{"attachment": letter}])
    del paper["code"]
    found = [
        coded("Condition", "h1", "1", onsetDateTime="2024-01-01", **told),
        observation("h2", "165816005", "2024-01-01", **told, valueString=HOSTILE),
        observation("h3", "27113001", "2024-01-02", valueQuantity={"value": 5, "unit": HOSTILE}),
        observation("h4", "27113001", "2024-01-03", valueQuantity={"value": 6, "unit": HOSTILE}),
        coded("AllergyIntolerance", "h5", "1", **told),
    ]
    for one in found:
        one["code"] = said
    return [*found, {**paper, "type": said, "description": HOSTILE}]


class Held(HTMLParser):
    """Reads a page as a browser does, and holds it to what it may have in it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """No script but ours, no style, nothing that runs, no address but ours."""
        given = dict(attrs)
        assert tag not in {"style", "iframe", "object", "embed", "base", "foreignobject", "animate"}, tag
        assert tag != "script" or str(given.get("src")).startswith("/pages/"), given
        assert tag != "link" or str(given.get("href")).startswith("/pages/"), given
        assert tag != "meta" or "http-equiv" not in given
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name not in {"style", "srcdoc", "formaction", "xlink:href"}, (tag, name)
            if name in {"href", "src", "action"}:
                assert re.match(r"(/(?!/)|#|\?|\Z)", value or ""), (tag, name, value)
            if tag == "form" and name == "method":
                assert value == "post"

    def handle_data(self, data: str) -> None:
        """The text."""
        self.said.append(data)


async def test_what_anybody_writes_is_inert_on_every_page(tour: Tour) -> None:
    """Names, notes, narratives, units, titles, reasons, questions that want to run: each page has the headers
    that let nothing run, and in it nothing that could; no file is run or named by what stands in it."""
    deployment, me = tour.place.deployment, "/access/people/me"
    deployment.neighbour.resources += hostile()
    subject = tour.names["whose"]
    carl = await tour.place.browser(newcomer(NOBODY, HOSTILE))
    _, access = await let_in(tour, carl=carl, calls=HOSTILE[:80])
    for path, body in (
        ("/contributions/note", {"values": {"text": HOSTILE}}),
        (
            "/contributions/contact",
            {"values": {"name": HOSTILE[:90], "relation": "friend", "phone": "01632 960001"}},
        ),
        (f"/looks/{tour.names['which']}/question", {"text": HOSTILE}),
    ):
        made = await tour.ada.ask(f"{me}{path}", body)
        assert made.status == 201, made.body
    letters = (await deployment.get("DocumentReference", patient=subject)).matches
    [letter] = [one["id"] for one in letters if not one["id"].startswith("c-")]
    names = {"DocumentReference/logical": letter, "delegation": access, "heading/heading": "results"}
    names["added/logical"] = tour.names["document"]
    doctor = await tour.place.browser(clinician(name=HOSTILE))
    pages = shown = 0
    for browser, whose, faces in (
        (tour.ada, "me", ("/my",)),
        (carl, subject, ("/my/whose", "/my/looked", "/my/added", "/my/record/heading", "/my/record/entry")),
        (doctor, subject, ("/viewer",)),
    ):
        for stop, said in await tour.walk(browser, whose=whose, faces=faces, names=names):
            headers, kind = said.headers, said.headers.get("content-type", "").partition(";")[0]
            assert said.status_code < 500, stop
            assert headers["cache-control"] == "no-store", stop
            assert headers["x-content-type-options"] == "nosniff", stop
            assert headers["x-frame-options"] == "DENY", stop
            assert BLOW not in str(headers), stop
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy, stop
            assert not re.search("unsafe|http|[*]", policy), stop
            if kind != "text/html" or "content-disposition" in headers:
                disposition = headers.get("content-disposition", "")
                assert kind != "text/html" or (disposition[:10], policy[:7]) == ("attachment", "sandbox")
                assert re.match(r'(attachment|inline); filename="[a-z2-7-]+\.[a-z]+"\Z', disposition), stop
                assert kind != "application/pdf" or not re.search(
                    rb"/(JavaScript|JS|URI|Launch)\b", said.content
                )
                continue
            held = Held()
            held.feed(said.text)
            pages += 1
            shown += any(BLOW in part for part in held.said)
            assert not re.search("[\u202a-\u202e\u2066-\u2069]", said.text), stop
    assert pages > 40
    assert shown > 20


async def test_no_visit_is_answered_that_is_not_in_the_audit(tour: Tour) -> None:
    """Whoever asks, at every address, in every way that it takes: there is a row when the answer is there,
    with both names where somebody acts for another; and where no row can be written, no answer but 503."""
    database, subject = tour.place.deployment.services.database, tour.names["whose"]
    carl, access = await let_in(tour)
    doctor, stranger = await tour.place.browser(clinician()), await tour.place.browser(clinician("QZZ99"))
    visitors: list[tuple[Browser | None, str, tuple[str, ...]]] = [
        (carl, subject, ("/access", "/my")),
        (doctor, subject, ("/viewer",)),
        (stranger, subject, ("/viewer",)),
        (None, subject, FACES),
    ]

    async def walk(some: slice) -> AsyncIterator[tuple[Stop, bool, httpx.Response]]:
        for browser, whose, faces in visitors[some]:
            for stop in stops(tour.place):
                if stop.template.startswith(faces):
                    path = stop.path({**tour.names, "whose": whose})
                    yield stop, browser is carl, await tour.ask(browser, stop.method, path, whose=whose)

    before, asked = written(tour), 0
    async for stop, acting, said in walk(slice(0, None)):
        now = written(tour)
        assert now > before, (stop, said.status_code)
        [row] = database.read_now(lambda connection: recent(connection, 1))
        assert said.headers.get("x-correlation-id", row.correlation) == row.correlation, stop
        assert row.code or row.outcome == "success", stop
        if acting and stop.of_record and said.status_code == 200:
            assert (row.actor_name, row.details["delegation"]) == ("Carl Carer", access), stop
            assert "O'Sample" in str(row.details["acts_for"]), stop
        before, asked = now, asked + 1
    assert asked > 180
    await database.write(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO kept")))
    async for stop, _, said in walk(slice(0, 2)):
        assert said.status_code == 503, (stop, said.status_code)
        assert "Sample" not in said.text, stop
    await database.write(lambda connection: connection.execute(text("ALTER TABLE kept RENAME TO audit")))


async def test_a_form_about_what_is_not_there_is_no_fault(tour: Tour) -> None:
    """Where what was typed has to be changed, and the page of it is for nothing that there is, it is refused
    as the page is."""
    subject = tour.names["whose"]
    added = (await tour.ada.ask("/access/people/me/contributions")).body["contributions"][-1]["resource"]
    token = await tour.ada._token("me")
    for path, fields, status in (
        ("/my/looked/nothing", "text=", 404),
        (f"/my/looked/{'0' * 12}-x", "text=", 404),
        ("/my/challenges/new?entry=Condition/none", "reason=", 404),
        (f"/my/challenges/new?entry=Patient/{subject}", "reason=x", 422),
        (f"/my/challenges/new?entry={added}", "reason=", 422),
        ("/my/added/none", "version=1", 404),
        ("/my/choices/of/none", "version=1", 404),
        ("/my/add/nothing", "text=", 404),
    ):
        body = f"{fields}&csrf={token}".encode()
        said = await tour.ask(tour.ada, "POST", path, body=body, content_type=FORM)
        assert said.status_code == status, (path, said.text)
        [row] = tour.place.deployment.services.database.read_now(lambda connection: recent(connection, 1))
        assert row.outcome == "refused"


async def test_whoever_has_nothing_to_do_with_somebody_finds_nobody(tour: Tour) -> None:
    """A clinician without a relationship gets at every address of a record, and for every number that they
    type, what they get of nobody; to break the glass takes a reason, and says so in the audit."""
    stranger, subject = await tour.place.browser(clinician("QZZ99")), tour.names["whose"]
    there, none = [
        await tour.walk(stranger, whose=whose, faces=("/viewer/people",), names={"patient": whose})
        for whose in (subject, "y" * 26)
    ]
    assert len(there) > 7
    for (stop, one), (_, other) in zip(there, none, strict=True):
        told = [re.sub(r"[a-z2-7]{26}", "*", said.text) for said in (one, other)]
        assert (one.status_code, told[0]) == (404, told[1]), stop
    doctor = await tour.place.browser(clinician("RXX"))  # where nothing is known of Bert
    page = (await tour.ask(doctor, "GET", "/viewer")).text
    [token, *_] = re.findall(r'name="csrf" value="([^"]+)"', page)

    async def typed(number: NHSNumber, more: str = "") -> httpx.Response:
        body = f"csrf={token}&number={number.value}{more}".encode()
        return await tour.ask(doctor, "POST", "/viewer", body=body, content_type=FORM)

    for more in ("", "&do=glass", "&do=glass&reason=no"):
        said, nobodys = await typed(BERT, more), await typed(NOBODY, more)
        assert said.status_code == nobodys.status_code >= 400, more
        assert said.text.replace(BERT.value, "*") == nobodys.text.replace(NOBODY.value, "*"), more
        assert BERT.value not in str(said.headers)
    reason = "&do=glass&reason=Unconscious+in+the+emergency+department"
    nobodys, opened = await typed(NOBODY, reason), await typed(BERT, reason)
    assert nobodys.status_code >= 400
    assert opened.status_code == 303
    assert re.match("/viewer/people/[a-z2-7]{26}\\Z", opened.headers["location"])
    [row] = tour.place.deployment.services.database.read_now(lambda connection: recent(connection, 1))
    assert (row.what, row.action, row.outcome) == ("viewer glass", "create", "success")
    assert "glass" in row.details
