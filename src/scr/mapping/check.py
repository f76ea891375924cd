"""The standard suite that every adapter is held to, the shipped ones and a deployment's own.

``scr adapters check`` runs it, the tests run it, and a provider's gate asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scr.data import DataFiles, load_yaml
from scr.errors import Invalid, NotFound
from scr.mapping.adapter import FILE, load_adapter
from scr.mapping.samples import load_samples
from scr.mapping.suite import CHECKS, Subject, models
from scr.mapping.uk_core import load_requirements
from scr.terminology.conceptmap import ConceptMaps


class Finding(NamedTuple):
    """One thing wrong. ``check`` names the check, ``where`` the file, sample or unit."""

    check: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite found of one adapter."""

    adapter: str
    samples: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def failed(self, check: str) -> bool:
        """Whether a check found something."""
        return any(finding.check == check for finding in self.findings)


def check_adapter(
    files: DataFiles, name: str, *, thorough: bool = False, maps: ConceptMaps | None = None
) -> Report:
    """Hold one adapter to the suite. ``thorough`` asks ``fhir.resources`` for its opinion as well."""
    try:
        adapter = load_adapter(files, name, maps)
        document = load_yaml(files.find("adapters", f"{name}/{FILE}"))
        subject = Subject(files, adapter, document, load_samples(files, adapter), load_requirements(files))
    except (Invalid, NotFound) as error:
        return Report(name, 0, (Finding("schema", error.where or name, error.message),))
    checks = [*CHECKS.items(), *([("r4", ("", models))] if thorough else [])]
    findings = tuple(
        Finding(check, where, message) for check, (_, run) in checks for where, message in run(subject)
    )
    return Report(name, len(subject.samples), tuple(dict.fromkeys(findings)))


def check_adapters(files: DataFiles, *names: str, thorough: bool = False) -> list[Report]:
    """Hold the named adapters, or all, to the suite. Raises Invalid where a concept map is wrong."""
    maps = ConceptMaps.load(files)
    every = [name.split("/")[0] for name, _ in files.walk("adapters", f"*/{FILE}")]
    return [check_adapter(files, name, thorough=thorough, maps=maps) for name in names or every]
