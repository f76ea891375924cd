"""What a neighbouring shared care record is registered with: who tells of its professionals, and which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scr.consent.scopes import parse
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode

_ISSUER = re.compile(r"https?://[^\s/]+(/\S*)?\Z")
_TYPE = re.compile(r"[a-z0-9-]+\Z")
_ROLE = re.compile(r"R\d{4}\Z")


@dataclass(frozen=True, slots=True)
class NeighbourTerms:
    """``speaks_for`` gives each organisation's type, as agreements.yaml names it, by its ODS code."""

    issuer: str
    speaks_for: Mapping[str, str]
    roles: tuple[str, ...]


def check_neighbour_terms(terms: NeighbourTerms, scopes: frozenset[str]) -> None:
    """Raises Invalid, which says what has to be changed."""
    if not _ISSUER.match(terms.issuer):
        raise Invalid("the issuer is an address: its FHIR base and /auth", code="bad-client")
    if not terms.speaks_for or not terms.roles:
        raise Invalid("a neighbour speaks for an organisation and a job role at least", code="bad-client")
    for ods, kind in terms.speaks_for.items():
        if not _is_code(ods) or not _TYPE.match(kind):
            raise Invalid(
                f"{ods}={kind} is not an ODS code and a type, as RXX=acute-trust", code="bad-client"
            )
    for role in terms.roles:
        if not _ROLE.match(role):
            raise Invalid(f"{role!r} is no job role code, such as R8000", code="bad-client")
    for scope in sorted(scopes):
        read = parse(scope)
        if read is None or read.context != "system" or set(read.letters) - set("rs"):
            raise Invalid(f"{scope!r} is not one of a neighbour, which reads: system/*.rs", code="bad-scope")


def _is_code(text: str) -> bool:
    try:
        return OdsCode.parse(text).value == text
    except ValueError:
        return False
