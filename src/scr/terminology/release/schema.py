"""The tables of a release: one SQLite file, written once and then only read.

Every concept has a whole number. That of a SNOMED CT concept is its own identifier, so that a question about
SNOMED CT needs no look-up of a number first; all others count down from -1. A designation's number is its
place in the order of a typing search: system, how good a term it is, how short it is. The search therefore
reads matches in their order and stops when it has enough, and a system's designations lie side by side.

``closure`` holds every pair of a concept and what is below it, at any depth, itself left out. Only active
rows of the sources are in ``parent``, ``closure``, ``attribute``, ``member`` and ``mapping``.
"""

from __future__ import annotations

FORMAT = "1"
"""Raised whenever a table changes: a file of another format is not read, and has to be loaded again."""

SNOMED_ID = 1
"""The number of the system SNOMED CT in every release."""

ASSOCIATIONS = {
    "900000000000523009": "possibly-equivalent-to", "900000000000524003": "moved-to",
    "900000000000525002": "moved-from", "900000000000526001": "replaced-by", "900000000000527005": "same-as",
    "900000000000528000": "was-a", "900000000000529008": "similar-to", "900000000000530003": "alternative",
    "900000000000531004": "refers-to", "1186924009": "partially-equivalent-to",
    "1186921001": "possibly-replaced-by",
}  # fmt: skip
"""What ``replacement.kind`` is for SNOMED CT: historical associations, by reference set."""

TABLES = """
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE edition (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, format TEXT NOT NULL, version TEXT NOT NULL,
  loaded_at INTEGER NOT NULL, digest TEXT NOT NULL, files INTEGER NOT NULL);
CREATE TABLE system (
  id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, version TEXT NOT NULL, name TEXT NOT NULL,
  edition INTEGER NOT NULL);
CREATE TABLE concept (
  id INTEGER PRIMARY KEY, system INTEGER NOT NULL, code TEXT NOT NULL, active INTEGER NOT NULL,
  display TEXT NOT NULL, module TEXT NOT NULL, effective TEXT NOT NULL, defined INTEGER NOT NULL,
  definition TEXT NOT NULL);
CREATE TABLE designation (
  id INTEGER PRIMARY KEY, concept INTEGER NOT NULL, use TEXT NOT NULL, language TEXT NOT NULL,
  term TEXT NOT NULL, active INTEGER NOT NULL, acceptability INTEGER NOT NULL, description INTEGER);
CREATE TABLE property (
  concept INTEGER NOT NULL, code TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE parent (
  child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (child, parent)) WITHOUT ROWID;
CREATE TABLE closure (
  ancestor INTEGER NOT NULL, descendant INTEGER NOT NULL, PRIMARY KEY (ancestor, descendant)) WITHOUT ROWID;
CREATE TABLE attribute (
  source INTEGER NOT NULL, role_group INTEGER NOT NULL, type INTEGER NOT NULL, target INTEGER,
  value TEXT NOT NULL);
CREATE TABLE member (
  refset INTEGER NOT NULL, concept INTEGER NOT NULL, PRIMARY KEY (refset, concept)) WITHOUT ROWID;
CREATE TABLE replacement (
  concept INTEGER NOT NULL, kind TEXT NOT NULL, target INTEGER NOT NULL,
  PRIMARY KEY (concept, kind, target)) WITHOUT ROWID;
CREATE TABLE map (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, source_system TEXT NOT NULL,
  target_system TEXT NOT NULL, precedence INTEGER NOT NULL, edition INTEGER NOT NULL,
  UNIQUE (name, source_system, target_system));
CREATE TABLE mapping (
  map INTEGER NOT NULL, source TEXT NOT NULL, term TEXT NOT NULL, map_group INTEGER NOT NULL,
  priority INTEGER NOT NULL, number INTEGER NOT NULL, target TEXT NOT NULL, display TEXT NOT NULL,
  rule TEXT NOT NULL, advice TEXT NOT NULL, relationship TEXT NOT NULL, assured INTEGER NOT NULL,
  PRIMARY KEY (map, source, map_group, priority, number)) WITHOUT ROWID;
CREATE TABLE resource (
  type TEXT NOT NULL, url TEXT NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL,
  edition INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (type, url)) WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5(
  term, content='', columnsize=0, detail=none, prefix='1 2 3 4 5 6 7 8 9 10 11 12',
  tokenize="unicode61 remove_diacritics 2");
"""
"""Each length of a word's beginning has its own index, because the matches of a beginning without one are
gathered before the first is given: a tenth of a second and more for a word that many terms have.

``acceptability``: 2 preferred, 1 acceptable, 0 neither, in the first language reference set that says.

``use`` is ``fsn``, ``synonym`` or ``definition`` where the system has these, else the code of the use.
``map.precedence`` is 0 for a deployment's own maps, which are asked first, and more for all others.
``mapping.source`` is ``*`` for every code that has no row, and ``target`` ``*`` for the source's own code.
``resource.body`` is FHIR JSON, of code systems and concept maps without what is in the other tables.
"""

INDEXES = """
CREATE UNIQUE INDEX concept_code ON concept (system, code) WHERE id < 0;
CREATE INDEX designation_concept ON designation (concept);
CREATE INDEX designation_description ON designation (description) WHERE description IS NOT NULL;
CREATE INDEX property_concept ON property (concept, code);
CREATE INDEX property_value ON property (code, value);
CREATE INDEX parent_child ON parent (parent, child);
CREATE INDEX attribute_source ON attribute (source);
CREATE INDEX attribute_target ON attribute (type, target);
CREATE INDEX member_concept ON member (concept, refset);
CREATE INDEX replacement_target ON replacement (target);
CREATE INDEX mapping_target ON mapping (target);
"""

_TIER_BITS, _LENGTH_BITS, _COUNT_BITS = 3, 12, 26
COUNT_MASK = (1 << _COUNT_BITS) - 1
"""The part of a designation's number that only counts."""
_LENGTH_SHIFT = _COUNT_BITS
_TIER_SHIFT = _COUNT_BITS + _LENGTH_BITS
_SYSTEM_SHIFT = _TIER_SHIFT + _TIER_BITS
_LONGEST = (1 << _LENGTH_BITS) - 1
ACTIVE_TIERS = 3
"""The tiers of active concepts: preferred terms, other terms, full names. Then those of inactive ones."""
UNSEARCHED = 7
"""The tier of a designation that no search finds: an inactive one, a definition."""


def designation_id(system: int, tier: int, length: int, count: int) -> int:
    """The place of a designation in the order of a search: system, tier, length of the term, then arrival."""
    return (
        (system << _SYSTEM_SHIFT) | (tier << _TIER_SHIFT) | (min(length, _LONGEST) << _LENGTH_SHIFT) | count
    )


def search_range(system: int, tiers: int = UNSEARCHED) -> tuple[int, int]:
    """The first place of a system's designations, and the first place after those of its first ``tiers``."""
    first = system << _SYSTEM_SHIFT
    return first, first | (tiers << _TIER_SHIFT)


def tier_of(column: str) -> str:
    """The SQL expression of a designation's tier."""
    return f"(({column} >> {_TIER_SHIFT}) & {(1 << _TIER_BITS) - 1})"
