"""The frame of the pages for citizens, carers and the viewer: the NHS.UK design system, English and Welsh.

A page is a template that extends ``frame/frame.html``; ``show`` makes it. The macros of
``nhsuk-frontend-jinja`` are there by their own names (``card``, ``tag``, ``button`` …) without an import,
those of ``frame/form.html`` and ``frame/parts.html`` add the words in both languages. What a macro is given
as ``html`` it does not escape: give it ``text``, or what ``{% set %}…{% endset %}`` made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from jinja2 import ChainableUndefined, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from scr.api.pages.dress import worn
from scr.api.pages.menu import MENUS, SERVICES, Place
from scr.api.pages.plainly import BY_CODE, by_kind
from scr.api.pages.render import HEADERS
from scr.api.pages.straight import straight
from scr.api.pages.tongue import COOKIE, LANGUAGES, Tongue, chosen, tongue
from scr.errors import ScrError

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ONCE = frozenset({"lang", "code", "state", "access_token"})
"""Parameters that are in no link: another language, and what somebody is signed in by."""
_YEAR = 365 * 24 * 3600
_MACROS = {
    "action-link": "actionLink",
    "back-link": "backLink",
    "button": "button",
    "card": "card",
    "checkboxes": "checkboxes",
    "contents-list": "contentsList",
    "date-input": "dateInput",
    "details": "details",
    "error-message": "errorMessage",
    "error-summary": "errorSummary",
    "fieldset": "fieldset",
    "file-upload": "fileUpload",
    "footer": "footer",
    "header": "header",
    "hint": "hint",
    "input": "input",
    "inset-text": "insetText",
    "label": "label",
    "notification-banner": "notificationBanner",
    "pagination": "pagination",
    "panel": "panel",
    "radios": "radios",
    "select": "select",
    "skip-link": "skipLink",
    "summary-list": "summaryList",
    "tables": "table",
    "tag": "tag",
    "task-list": "taskList",
    "textarea": "textarea",
    "warning-callout": "warningCallout",
}
"""The components that the pages use: the folder of each, and its macro."""


@dataclass(frozen=True, slots=True)
class FormError:
    """What is to be changed in a form: the id of the field, and a string of the catalogue with its values.

    ``field`` is empty where it is no single one. ``status`` is that of an error of the program's own: one
    that no catalogue has is told by what kind of thing it is.
    """

    field: str
    text: str
    values: Mapping[str, object] | None = None
    status: int = 0

    @classmethod
    def of(cls, error: ScrError, field: str = "") -> FormError:
        """What a refusal says, plainly where its code has a sentence; else as it is, with a capital."""
        message = error.message[:1].upper() + error.message[1:]
        return cls(field, BY_CODE.get(error.code, message), status=error.status)

    def said(self, words: Tongue) -> str:
        """In a language: values that are words are said in it too."""
        values = {name: words.spoken(one) if isinstance(one, str) else one
                  for name, one in (self.values or {}).items()}  # fmt: skip
        if self.status and words.code != "en" and not words.knows(self.text):
            return words.say(by_kind(self.status))
        return words.say(self.text, values)


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in, as the frame shows them. ``acting_for`` is the name of the person whose record it is.

    ``csrf`` stands in each form, and so does ``mark``, by which what was typed is found again after another
    sign-in; ``leave`` stands in the form that signs out; ``menu`` is the site whose menu it is.
    """

    name: str
    csrf: str
    acting_for: str = ""
    leave: str = ""
    menu: Place = "my"
    mark: str = ""

    def __repr__(self) -> str:
        """Without a name or a secret."""
        return f"Who(menu={self.menu!r})"


def show(
    request: Request,
    template: str,
    status: int = 200,
    *,
    who: Who | None = None,
    errors: Sequence[FormError] = (),
    correlation: str = "",
    **context: object,
) -> Response:
    """A page. Whatever the context holds is escaped; a name that it lacks is an error.

    ``errors`` stand in the summary at its head, which has the focus, and at their fields. ``who`` is None
    where nobody is signed in. ``correlation`` is the id of the audit's row, for one that tells of an error.
    """
    language = chosen(request)
    place: Place = "none" if who is None else who.menu
    text = (
        environment(language)
        .get_template(template)
        .render(
            context,
            who=who,
            errors=errors,
            correlation=correlation,
            lang=language,
            dress=worn(request),
            path=request.url.path,
            menu=[item for item in MENUS[place] if not (item.own and who and who.acting_for)],
            service=SERVICES[place],
            languages=_other_languages(request, language),
        )
    )
    told = {"X-Correlation-ID": correlation} if correlation else {}
    headers = {**HEADERS, "Content-Security-Policy": _POLICY, "Content-Language": language, **told}
    answer = Response(text, status, headers=headers, media_type="text/html")
    if request.query_params.get("lang") == language:
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, language, _YEAR, path="/", httponly=True, samesite="lax", secure=secure)
    return answer


def show_error(
    request: Request, error: ScrError, *, who: Who | None = None, correlation: str = ""
) -> Response:
    """The page of a refusal."""
    return show(
        request,
        "frame/error.html",
        error.status,
        who=who,
        correlation=correlation,
        error=FormError.of(error),
        code=error.status,
    )


def _other_languages(request: Request, language: str) -> Mapping[str, tuple[str, str]]:
    """The same page in the others: their names, and addresses below this one, without what counts once."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in _ONCE]
    return {
        code: (name, f"?{urlencode([*kept, ('lang', code)])}")
        for code, name in LANGUAGES.items()
        if code != language
    }


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: str) -> Environment:
    """The templates in a language: its words are theirs."""
    made = Environment(
        loader=PackageLoader("scr.api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=straight,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    words = tongue(language)
    made.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "day": words.day,
        "short_day": words.short_day,
        "moment": words.moment,
        "day_of": words.day_of,
        "spoken": words.spoken,
        "said": lambda error: error.said(words),
    }
    made.globals |= _macros()
    return made


@lru_cache(maxsize=1)
def _macros() -> Mapping[str, Callable[..., str]]:
    """Those of the design system; in them, and in no page of ours, what was not given is nothing."""
    made = Environment(
        loader=PackageLoader("nhsuk_frontend_jinja"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=straight,
    )
    return {
        name: getattr(made.get_template(f"nhsuk/components/{folder}/macro.jinja").module, name)
        for folder, name in _MACROS.items()
    }
