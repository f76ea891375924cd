"""Contents that stand in an entry itself, and not in a Binary."""

from __future__ import annotations

import orjson

from scr.fhir.attached import Contents, contents_of
from scr.fhir.entry import Entry
from scr.fhir.shown.reading import dict_of, walk

ATTACHED = {
    "Communication": "payload.contentAttachment",
    "Consent": "sourceAttachment",
    "DiagnosticReport": "presentedForm",
    "DocumentReference": "content.attachment",
    "Media": "content",
}
"""By type where its attachments stand."""


def attached_in(entry: Entry, number: int) -> Contents | None:
    """The contents of an entry's attachment, counted from 0; None where it has none that can be read."""
    path = ATTACHED.get(entry.type)
    if path is None:
        return None
    attachments = [dict_of(one) for one in walk(dict_of(orjson.loads(entry.body)), path)]
    if not 0 <= number < len(attachments) or not isinstance(attachments[number].get("data"), str):
        return None
    one = attachments[number]
    return contents_of(orjson.dumps({"data": one["data"], "contentType": one.get("contentType", "")}))
