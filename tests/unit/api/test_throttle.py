"""Which answers of the authorisation server count as refusals."""

from __future__ import annotations

import pytest

from scr.api.throttle import sends_back


@pytest.mark.parametrize(
    ("status", "location", "counts"),
    [
        (303, "https://app.example/back?error=invalid_scope&state=s", True),
        (303, "https://app.example/back?x=1&error=access_denied", True),
        (303, "https://app.example/back?error=login_required&state=s", False),
        (303, "https://app.example/back?error=consent_required", False),
        (303, "https://app.example/back?code=c&state=error=x", False),
        (303, "/signin/begin/staff?to=%2Fx", False),
        (200, "https://app.example/back?error=invalid_scope", False),
    ],
)
def test_a_refusal_that_goes_back_to_an_app_counts(status: int, location: str, counts: bool) -> None:
    """By the error in the address; one that an app asks for quietly does not."""
    message = {
        "type": "http.response.start", "status": status, "headers": [(b"Location", location.encode())],
    }  # fmt: skip
    assert sends_back(message) is counts
