"""Documents and pictures: a DocumentReference, and its contents as a Binary."""

from __future__ import annotations

import base64
import hashlib

from scr.fhir.entry import Resource
from scr.fhir.patient_made.adding import Added, own_code

DOCUMENT = "document"


def document(
    added: Added, title: str, media_type: str, data: bytes, binary: str, *, text: str = "", at: str = ""
) -> Resource:
    """The DocumentReference of contents that are kept as Binary ``binary``. ``at``: of which day it is."""
    attachment = {
        "contentType": media_type,
        "url": f"Binary/{binary}",
        "size": len(data),
        "hash": base64.b64encode(
            hashlib.sha1(data, usedforsecurity=False).digest()
        ).decode(),  # as FHIR wants
        "title": title,
    }
    if at:
        attachment["creation"] = at
    made = added.resource(
        "DocumentReference",
        DOCUMENT,
        status="current",
        docStatus="final",
        type=own_code(DOCUMENT, "Document or picture added by the person"),
        subject=added.person,
        date=added.recorded,
        author=[added.author],
        content=[{"attachment": attachment}],
    )
    return {**made, "description": text} if text else made


def contents(added: Added, media_type: str, data: bytes) -> Resource:
    """The Binary."""
    return added.resource("Binary", DOCUMENT, contentType=media_type, data=base64.b64encode(data).decode())


def binary_of(resource: Resource) -> str:
    """The id of the Binary of a document."""
    return str(resource["content"][0]["attachment"]["url"]).removeprefix("Binary/")


def document_of(resource: Resource) -> dict[str, str]:
    """What was typed of a document."""
    attachment = resource["content"][0]["attachment"]
    found = {"title": str(attachment["title"])}
    if "description" in resource:
        found["text"] = resource["description"]
    return found
