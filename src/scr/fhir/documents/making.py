"""What a document is made of that stands in no record: its Composition, its author, its ledger.

Their ids are made of what the document is of, so that the same record gives the same document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from uuid import UUID

from scr.fhir.canonical import BASE
from scr.fhir.dates import instant_text
from scr.fhir.documents.narrative import narrative
from scr.fhir.documents.sections import section
from scr.fhir.entry import Entry, Resource
from scr.fhir.outcome import operation_outcome
from scr.fhir.person import PERSON_SOURCE

SECTION_SYSTEM = f"{BASE}/CodeSystem/document-section"


@dataclass(frozen=True, slots=True)
class Draft:
    """A document in the making, about the person whose Patient is ``subject``.

    ``seed`` is a keyed hash of what it is of; ``now`` ms UTC; ``made`` what was made for it so far.
    """

    subject: str
    seed: bytes = field(repr=False)
    now: int
    made: list[Resource] = field(default_factory=list)

    def uuid(self, name: str) -> str:
        """The id of something that is made for the document."""
        digest = blake2b(name.encode(), key=self.seed, digest_size=16).digest()
        return str(UUID(bytes=digest, version=4))

    def add(self, name: str, resource: Resource) -> Resource:
        """Put in something that is made for the document; the reference to it."""
        logical = self.uuid(name)
        kind = resource["resourceType"]
        self.made.append({"resourceType": kind, "id": logical, **resource})
        return {"reference": f"urn:uuid:{logical}"}

    @property
    def person(self) -> Resource:
        """The reference to the person."""
        return {"reference": f"Patient/{self.subject}"}

    def composition(
        self, title: str, coding: Resource, sections: Sequence[Resource], ledger: Resource
    ) -> Resource:
        """The Composition: these sections, and last how each source answered."""
        author = self.add(
            "author",
            {
                "resourceType": "Device",
                "text": narrative(["Shared care record"]),
                "deviceName": [{"name": "Shared care record", "type": "user-friendly-name"}],
            },
        )
        return {
            "resourceType": "Composition",
            "id": self.uuid("composition"),
            "status": "final",
            "type": {"coding": [coding], "text": title},
            "subject": self.person,
            "date": instant_text(self.now),
            "author": [author],
            "title": title,
            "section": [*sections, self._sources(ledger)],
        }

    def _sources(self, ledger: Resource) -> Resource:
        issues = ledger["issue"]
        sentences = [str(one["details"]["text"]) for one in issues]
        missing = any(one["severity"] != "information" for one in issues)
        coding = {"system": SECTION_SYSTEM, "code": "sources"}
        made = section("Sources", coding, "incomplete" if missing else "complete", sentences, ())
        told = self.add("ledger", {**operation_outcome(issues), "text": narrative(sentences)})
        return {**made, "entry": [told]}


def seed_of(
    id_key: bytes, name: str, subject: str, entries: Sequence[Entry], told: Mapping[str, str]
) -> bytes:
    """A keyed hash of what a document is of: whose, which versions of what sources sent, what is complete."""
    originals = (one for one in entries if one.source != PERSON_SOURCE)
    parts = [name, subject, *(f"{one.reference}/{one.version}" for one in originals)]
    parts += [f"{heading}={state}" for heading, state in sorted(told.items())]
    return blake2b("\x1f".join(parts).encode(), key=id_key, digest_size=32).digest()
