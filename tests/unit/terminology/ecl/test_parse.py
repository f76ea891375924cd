"""Reading expressions: short and long spellings, and errors that tell the place and what was expected."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.errors import Invalid
from scr.terminology.ecl.parse import parse

A, B, C = "404684003", "363698007", "39057004"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"<<{A}", f"descendantOrSelfOf {A} |Clinical finding|"),
        (f"< {A}:{B}={C},{B}!={C}", f"descendantOf {A} : {B} = {C} AND {B} <> {C}"),
        (f"^{A} or >!{B}", f"memberOf {A} OR parentOf {B}"),
        (f"*:[1..*]{B}=*", f"ANY: {B} = ANY"),
        (f"<{A}:R {B}=<{C}", f"<{A} : reverseOf {B} = < {C} /* a note */"),
        (f"({A})", A),
        (f"{A} AND {B} AND {C}", f"{A},{B},{C}"),
        (f"<{A}:[0 to 1]{B}=*", f"<{A}:[0..1]{B}=*"),
        (f"<{A}:({B} OR {C})=*", f"<{A}:(({B} OR {C}))=(*)"),
        (f'<{A}{{{{term="a b"}}}}', f'< {A} {{{{ D Term = match : "a b" , active = true }}}}'),
        (f"{A} {{{{ c active=0 }}}}", f"{A} {{{{ C active != 1 }}}}"),
        (f"{A} {{{{+HISTORY}}}}", f"{A} {{{{ + history_max }}}}"),
        (
            f"{A}{{{{typeId=(900000000000013009 900000000000550004)}}}}",
            f"{A} {{{{ D type = (syn def) }}}}",
        ),
        (
            f"{A}{{{{C definitionStatusId!=900000000000073002}}}}",
            f"{A} {{{{ C definitionStatus != defined }}}}",
        ),
    ],
)
def test_one_meaning_has_several_spellings(one: str, other: str) -> None:
    """The long words, terms, comments and spaces say nothing more than the signs."""
    first, second = (re.sub(r", at=\d+", "", str(parse(text))) for text in (one, other))
    assert first == second


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "character 1: the expression ends; expected a concept"),
        ("<", "character 2: the expression ends; expected a concept"),
        (f"{A} {B}", "character 11: expected AND, OR, MINUS, a refinement or the end, not '363698007'"),
        (f"{A} AND {B} OR {C}", "character 25: AND and OR beside each other: put parentheses"),
        (f"{A} MINUS {B} MINUS {C}", "character 27: MINUS and MINUS beside each other"),
        (f"{A}: {B} = {C} OR {B} = {C}, {B} = {C}", "OR and , beside each other"),
        (f"({A}", "character 11: the expression ends; expected ')'"),
        (f"{A}: {B}", "expected = or != after the attribute's name"),
        (f"{A}: {{ {{ {B} = * }} }}", "a group stands within a group"),
        (f"{A}: {{ R {B} = * }}", "R stands within a group"),
        (f"{A}: R {B} = #5", "R goes with concepts"),
        (f"{A}: {B} > {C}", "expected a number such as #5 after >"),
        (f"{A}: [3..1] {B} = *", "the second number is below the first"),
        (f"{A}: [a] {B} = *", "'a' is no word of the language"),
        ("12345", "6 to 18 digits"),
        ("0404684003", "6 to 18 digits"),
        (f"{A} |Clinical", "character 11: a term begins here and does not end"),
        (f"{A} /* why", "a comment begins here and does not end"),
        (f'{A}: {B} = "x', "a text begins here and does not end"),
        (f"{A} ; {B}", "character 11: ';' belongs to nothing"),
        (f'<{A} {{{{ dialect = en-gb }}}}', "character 15: filters by dialect are not read here"),
        (f'^{A} {{{{ M active = 0 }}}}', "filters of members are not read here"),
        (f'<{A} {{{{ term = heart }}}}', "expected a text such as"),
        (f'<{A} {{{{ term = " " }}}}', "nothing is looked for"),
        (f'<{A} {{{{ C term = "x" }}}}', "expected definitionstatus or definitionstatusid or moduleid"),
        (f'<{A} {{{{ type = tall }}}}', "expected syn or fsn or def, not 'tall'"),
        (f'<{A} {{{{ typeId = {B} }}}}', "a concept for type, not '363698007'"),
        (f'<{A} {{{{ effectiveTime > "20260101" }}}}', "filters of descriptions by date are not read here"),
        (f'<{A} {{{{ C effectiveTime > "2026" }}}}', "expected a date such as"),
        (f'<{A} {{{{ C moduleId < {B} }}}}', "expected '=' or '!='"),
        (f"^R {A}", "character 2: ^R (the reference sets that hold a concept) is not read here"),
        (f"^ [ mapTarget ] {A}", "character 1: fields of a reference set"),
        ("LOINC#54486-6", "character 1: identifiers of other schemes (LOINC#…) are not read here"),
        (f'<{A} {{{{ active = 1, active = 0 }}}}', "active is there twice"),
        (f'<{A} {{{{ term = "x"', "the expression ends; expected '}}'"),
        (f'<{A} {{{{ +HISTORY-MOST }}}}', "is no history supplement"),
        (f'<{A} {{{{ +HISTORY }}}} {{{{ term = "x" }}}}', "a history supplement is the last"),
        ("(" * 60 + A + ")" * 60, "more than 40 parentheses"),
        (f"{A}: " + "(" * 60 + f"{B} = *" + ")" * 60, "more than 40 parentheses"),
        (A + " " * 9000, "longer than 8192 characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, says: str) -> None:
    """Where it stops, and what was expected there."""
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert says in str(caught.value)
    assert caught.value.code == "bad-ecl"


_PIECES = st.sampled_from(
    [A, B, "<", "<<", "^", "*", "(", ")", "{", "}", ":", ",", "=", "!=", ".", "AND", "OR", "MINUS", "R",
     "[", "]", "..", "0", "1", "#5", '"x"', "|t|", "<!", "!!>", " ", "{{", "\u0661"]
)  # fmt: skip


@given(st.one_of(st.lists(_PIECES, max_size=40).map(" ".join), st.text(max_size=60)))
def test_anything_is_read_or_refused(text: str) -> None:
    """Whatever is typed: a tree, or an Invalid that names a character within it or just behind."""
    try:
        parse(text)
    except Invalid as error:
        place = re.fullmatch(r"ECL, character (\d+)", error.where or "")
        assert place is not None
        assert 1 <= int(place[1]) <= len(text) + 1


@pytest.mark.parametrize("text", ["(" * 8000, "<" * 8000, f"{A}:" + "(" * 8000, f"{A} OR " * 600 + A])
def test_a_hostile_text_costs_little(text: str) -> None:
    """Depth and backtracking are bounded: the longest texts are read or refused in no time."""
    started = time.thread_time()
    with suppress(Invalid):
        parse(text)
    assert time.thread_time() - started < 5
