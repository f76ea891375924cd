"""Search over the entries of one person, stored and live alike. https://hl7.org/fhir/R4/search.html

One engine, from a table of parameters (``table``): they are compiled to tests on entries (``compile``), which
look at an entry's head where that answers, and else at those elements of its body that are asked for.
"""

from scr.fhir.search.codes import Codes, Holds
from scr.fhir.search.include import Includes, links_of
from scr.fhir.search.order import sort_entries
from scr.fhir.search.parse import READ_PARAMETERS, Search, parse_search, parse_shape
from scr.fhir.search.predicate import Test, predicate
from scr.fhir.search.shape import Shape, parse_elements, parse_summary
from scr.fhir.search.table import Parameter, parameters_of, searched_types
from scr.fhir.search.values import (
    FORMATS,
    MAX_COUNT,
    Pairs,
    check_format,
    check_pretty,
    once,
    parse_count,
    parse_types,
)

__all__ = [
    "FORMATS",
    "MAX_COUNT",
    "READ_PARAMETERS",
    "Codes",
    "Holds",
    "Includes",
    "Pairs",
    "Parameter",
    "Search",
    "Shape",
    "Test",
    "check_format",
    "check_pretty",
    "links_of",
    "once",
    "parameters_of",
    "parse_count",
    "parse_elements",
    "parse_search",
    "parse_shape",
    "parse_summary",
    "parse_types",
    "predicate",
    "searched_types",
    "sort_entries",
]
