"""The closed set of ways in which scr fails.

    ScrError
    ├── Unauthenticated   401  login         no token, or one that cannot be trusted
    ├── Forbidden         403  forbidden     known, and not allowed
    ├── NotFound          404  not-found     nothing there that may be told of
    │   └── UnknownCode   404  code-invalid  a code that its code system does not have
    ├── NotAcceptable     406  not-supported no format that is served
    ├── Conflict          409  conflict      another writer was first
    │   └── PreconditionFailed 412 conflict  it is not the version that the writer had read
    ├── Invalid           400  invalid       the sender must change something
    │   ├── PreconditionRequired 428 required  it has to say which version it changes
    │   ├── Unprocessable 422  processing    well formed, and cannot be taken
    │   ├── NotImplementedHere 501 not-supported the standard has it, and this server does not do it
    │   ├── TooLarge      413  too-long      over a limit that the operator set
    │   └── TooCostly     422  too-costly    more work than one question may cause
    ├── TooSlow           408  timeout       what was sent did not come in time
    ├── TooMany           429  throttled     later
    ├── Unavailable       503  transient     something this needs is down
    ├── TimedOut          504  timeout       the deadline passed
    └── Fault             500  exception     our own mistake

Each has its HTTP status, its FHIR issue code (https://hl7.org/fhir/R4/valueset-issue-type.html)
and its process exit code. A message says what is wrong, where, and what to do; it is made from
places, names and counts, and never from the content of a record.
"""

from __future__ import annotations

from typing import ClassVar


class ScrError(Exception):
    """What went wrong, in a sentence for the person who meets it.

    ``code`` is stable and for programs; ``where`` is a place (file and line, segment, row, header).
    """

    status: ClassVar[int] = 500
    issue: ClassVar[str] = "exception"
    exit_code: ClassVar[int] = 70
    default_code: ClassVar[str] = "fault"

    def __init__(self, message: str, *, code: str | None = None, where: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.message = message
        self.code = code or self.default_code
        self.where = where


class Unauthenticated(ScrError):
    """No token, or one that cannot be trusted."""

    status, issue, exit_code, default_code = 401, "login", 77, "unauthenticated"


class Forbidden(ScrError):
    """The caller is known and not allowed."""

    status, issue, exit_code, default_code = 403, "forbidden", 77, "forbidden"


class NotFound(ScrError):
    """Nothing there that the caller may be told of."""

    status, issue, exit_code, default_code = 404, "not-found", 66, "not-found"


class UnknownCode(NotFound):
    """A code that its code system does not have."""

    issue, default_code = "code-invalid", "unknown-code"


class NotAcceptable(ScrError):
    """The answer is wanted in a format that is not served."""

    status, issue, exit_code, default_code = 406, "not-supported", 65, "not-acceptable"


class Conflict(ScrError):
    """Another writer was first."""

    status, issue, exit_code, default_code = 409, "conflict", 75, "conflict"


class PreconditionFailed(Conflict):
    """What is to be changed is not as the writer last saw it."""

    status, default_code = 412, "precondition-failed"


class Invalid(ScrError):
    """The request, payload or configuration has to be changed by whoever wrote it."""

    status, issue, exit_code, default_code = 400, "invalid", 65, "invalid"


class PreconditionRequired(Invalid):
    """A write that does not say which version it changes."""

    status, issue, default_code = 428, "required", "if-match-needed"


class NotImplementedHere(Invalid):
    """What the standard has and this server does not do."""

    status, issue, default_code = 501, "not-supported", "not-supported"


class Unprocessable(Invalid):
    """Well formed, and yet cannot be taken: a rule of the business stands against it."""

    status, issue, exit_code, default_code = 422, "processing", 65, "unprocessable"


class TooLarge(Invalid):
    """Over a limit that the operator set."""

    status, issue, exit_code, default_code = 413, "too-long", 65, "too-large"


class TooCostly(Invalid):
    """More work than one question may cause: it has to be made narrower."""

    status, issue, default_code = 422, "too-costly", "too-costly"


class TooSlow(ScrError):
    """What somebody sends does not come in the time that it has."""

    status, issue, exit_code, default_code = 408, "timeout", 75, "too-slow"


class TooMany(ScrError):
    """Too many requests at once: try later.

    ``retry_after`` is after how many seconds, where that is known; else 0.
    """

    status, issue, exit_code, default_code = 429, "throttled", 75, "too-many"

    def __init__(
        self, message: str, *, code: str | None = None, where: str | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message, code=code, where=where)
        self.retry_after = retry_after


class Unavailable(ScrError):
    """Something that this needs is down."""

    status, issue, exit_code, default_code = 503, "transient", 69, "unavailable"


class TimedOut(ScrError):
    """The deadline passed."""

    status, issue, exit_code, default_code = 504, "timeout", 75, "timed-out"


class Fault(ScrError):
    """Our own mistake."""
