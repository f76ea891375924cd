"""Which element of which segment of MEDRPT is which field of the tree, section by section.

The NHS's PMIP guideline for MEDRPT (variants NHS002, NHS003 and, for screening, NHS004) and CEN
ENV 1613. A slot is an element and a component, counted from 1; component 0 is the element's text
as a whole. A key that ends in ``[]`` is a list. An empty key is a part that says nothing by itself.
"""

from __future__ import annotations

Slots = dict[tuple[int, int], str]

NAME_WIDTH, TEXT_WIDTH = 35, 70
"""How long a component of a name (NAD) and of a free text (FTX) may be: one that is full runs on."""

SECTIONS = {
    "S01": "party",
    "S02": "report",
    "S06": "patient",
    "S07": "patient",
    "S10": "clinical",
    "S16": "specimen",
    "S18": "investigation",
    "S20": "range",
}
"""The section that a segment Snn opens."""

LABELS = {"party": "S01", "patient": "S07", "investigation": "S18", "continued": "S18", "range": "S20"}
"""The Snn of a section that its first segment opens, because Snn was left out."""

ROLES = ("requester", "recipient", "performer", "others")
ROLE_CODES = {"PO": "requester", "MR": "recipient", "SLA": "performer"}
"""NAD-1."""
KINDS = {"PRO": "people", "ORG": "organisations", "DPT": "departments"}
"""SPR-1."""
PEOPLE = frozenset({"900", "902"})
"""Code lists of persons: general medical practitioners and consultants."""

NAME_PARTS = {"SU": "family", "FO": "given[]", "MI": "given[]", "TI": "title"}
"""What stands before the colon of each part of a name in PNA."""

COMPARATORS = {"5": ">=", "6": ">", "7": "<", "8": "<="}
"""The second component of RSL-2."""

DATE_FORMATS = frozenset({"102", "203", "204", "602", "610"})
"""Formats of DTM that are the beginning of CCYYMMDDHHMMSS."""

STRUCTURE = frozenset({"sequence", "group_reference", "specimen_reference"})
"""Keys by which groups are bound to each other; they do not stay."""

UNH: dict[str, tuple[int, int]] = {
    "reference": (1, 1),
    "type": (2, 1),
    "version": (2, 2),
    "release": (2, 3),
    "agency": (2, 4),
    "association": (2, 5),
}

SLOTS: dict[str, dict[str, Slots]] = {
    "header": {
        "BGM": {(1, 1): "document", (2, 1): "document_number"},
        "DTM+137": {(1, 2): "sent", (1, 3): ""},
    },
    "party": {
        "NAD": {(1, 1): "", (2, 1): "code", (2, 2): "code_list", (4, 0): "name"},
        "SPR": {(1, 1): ""},
        "RFF+AHI": {(1, 2): "reference"},
    },
    "report": {
        "GIS": {(1, 1): "action"},
        "RFF+SRI": {(1, 2): "id"},
        "RFF+ROI": {(1, 2): "request_id"},
        "STS": {(2, 1): "status"},
        "DTM+ISR": {(1, 2): "issued"},
        "FTX": {(1, 1): "", (4, 0): "comments[]"},
    },
    "patient": {
        "DTM+329": {(1, 2): "birth_date"},
        "PDI": {(1, 1): "sex"},
        "RFF+SSI": {(1, 2): "local_id"},
        "RFF+RPI": {(1, 2): "local_id"},
    },
    "address": {
        "ADR": {
            (1, 1): "",
            (1, 3): "",
            (2, 1): "",
            **{(2, line): "lines[]" for line in range(2, 7)},
            (3, 1): "city",
            (4, 1): "postcode",
        }
    },
    "clinical": {
        "CIN": {(1, 1): ""},
        "FTX": {(1, 1): "", (4, 0): "clinical_information[]"},
    },
    "specimen": {
        "SEQ": {(2, 1): "sequence"},
        "SPC+TSP": {(2, 1): "type_code", (2, 2): "type_code_list", (2, 4): "type"},
        "SPC+FS": {(2, 1): "fasting", (2, 4): "fasting_text"},
        "RFF+STI": {(1, 2): "id"},
        "RFF+RTI": {(1, 2): "requester_id"},
        "QTY+SVO": {(1, 2): "quantity", (2, 4): "quantity_unit"},
        "DTM+SCO": {(1, 2): "collected"},
        "DTM+SRI": {(1, 2): "received"},
        "FTX": {(1, 1): "", (4, 0): "comments[]"},
    },
    "investigation": {
        "GIS": {(1, 1): "action"},
        "INV": {(1, 1): "", (2, 1): "code", (2, 2): "code_list", (2, 4): "text"},
        "SEQ": {(2, 1): "sequence"},
        "STS": {(2, 1): "status"},
        "FTX+RIT": {(4, 0): "texts[]"},
        "FTX": {(1, 1): "", (4, 0): "comments[]"},
        "RFF+ASL": {(1, 2): "specimen_reference"},
        "RFF+ARL": {(1, 2): "group_reference"},
    },
    "result": {
        "RSL": {
            (1, 1): "",
            (2, 1): "value",
            (2, 2): "comparator",
            (2, 3): "code",
            (2, 4): "code_list",
            (2, 6): "text",
            (3, 1): "value_to",
            (4, 1): "unit_code",
            (4, 4): "unit",
            **{(flag, 1): "flags[]" for flag in range(5, 9)},
        }
    },
    "range": {
        "RND": {
            (1, 1): "",
            (2, 1): "low",
            (3, 1): "high",
            (4, 1): "unit",
            (4, 4): "unit",
            (5, 1): "text[]",
        },
        "FTX+RPD": {(4, 0): "population[]"},
        "FTX+CRR": {(4, 0): "text[]"},
        "FTX": {(1, 1): "", (4, 0): "population[]"},
    },
    "other": {},
}
"""Section → segment (with its qualifier, where it has one) → slot → key."""
