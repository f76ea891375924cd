"""An address that nothing is at: a page for a browser, FHIR for a system, a row of the audit for both."""

from __future__ import annotations

import pytest
from tests.functional.deployment import ADA, Deployment

from scr.store.trail import recent

CASES = (
    ("my/no-such-page", "text/html,*/*;q=0.8", "text/html"),
    ("nowhere", "text/html", "text/html"),
    ("nowhere", "*/*", "application/fhir+json"),
    ("fhir/Patient/a/b/c", "text/html", "application/fhir+json"),
)


@pytest.mark.parametrize(("path", "accept", "kind"), CASES, ids=[f"{c[0]} as {c[2]}" for c in CASES])
async def test_what_is_said_where_nothing_is(
    deployment: Deployment, path: str, accept: str, kind: str
) -> None:
    """404 in the form of who asks, and a row by the same id; a number mistyped into it is in neither."""
    url = f"https://record.test/{path}/{ADA.value}"
    said = await deployment.client.get(url, headers={"Accept": accept})
    assert said.status_code == 404
    assert said.headers["content-type"].startswith(kind)
    [row] = deployment.services.database.read_now(lambda connection: recent(connection, 1))
    assert (row.what, row.code, row.correlation) == (
        "unserved",
        "no-route",
        said.headers["X-Correlation-ID"],
    )
    assert ADA.value not in said.text + str(row)
