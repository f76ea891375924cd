"""The sections of the International Patient Summary, as data: ``conformance/ips-sections.yaml``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from scr.data import DataFiles, load_yaml
from scr.fhir.headings import HEADINGS


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(_Row):
    """A code of the summary's own code system for what is absent or unknown."""

    code: str
    display: str


class Required(_Row):
    """What is said in a section that must not be empty; the file's own head says what each key means."""

    statement: str
    info: Statement
    none: Statement
    says_none: frozenset[str] = frozenset()


class SectionRule(_Row):
    """One section, and what of a record stands in it; the file's own head says what each key means."""

    name: str
    title: str
    code: str
    display: str
    headings: tuple[str, ...]
    types: frozenset[str]
    list: str = ""
    over: str = ""
    categories: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    required: Required | None = None


class _File(_Row):
    sections: tuple[SectionRule, ...]


def load_sections(files: DataFiles) -> tuple[SectionRule, ...]:
    """The sections in force. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("conformance", "ips-sections.yaml"))
    parsed = document.parse(_File)
    for number, rule in enumerate(parsed.sections):
        for heading in (*rule.headings, *(one for one in (rule.list, rule.over) if one)):
            if heading not in HEADINGS:
                raise document.error(f"there is no heading {heading}", "sections", number)
    return parsed.sections
