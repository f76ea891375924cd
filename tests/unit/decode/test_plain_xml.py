"""Plain XML: the tree is as the rules say, and what makes XML dangerous is refused."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode import xml_tree
from scr.decode.plain_xml import XmlFormat, decode_xml
from scr.decode.tree import BadUnit, DecodeError, Unit

PEOPLE = XmlFormat("people.person")


def units(raw: bytes | str, spec: XmlFormat = PEOPLE) -> list[Unit | BadUnit]:
    """All units of a payload."""
    return list(decode_xml(raw.encode() if isinstance(raw, str) else raw, spec))


def tree(inside: str, **options: Any) -> Any:
    """The tree of one record."""
    (unit,) = units(f"<x>{inside}</x>", XmlFormat(**options))
    assert isinstance(unit, Unit)
    return unit.tree


@pytest.mark.parametrize(
    ("inside", "made"),
    [
        ("<a>1</a>", {"a": "1"}),
        ("<a> 1\n</a><b/>", {"a": "1", "b": ""}),
        ("<a>1</a><a>2</a>", {"a": ["1", "2"]}),
        ('<a k="v">1</a>', {"a": {"_k": "v", "_text": "1"}}),
        ('<a k="v"/>', {"a": {"_k": "v"}}),
        ("<a>one<b>2</b>three</a>", {"a": {"b": "2", "_text": "onethree"}}),
        ("<a><![CDATA[<&>]]></a><!-- c --><?p i?>", {"a": "<&>"}),
        ("<a>&amp;&#233;</a>", {"a": "&é"}),
        ('<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>', {"a": None}),
        ('<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="t">1</a>', {"a": "1"}),
        ('<n:a xmlns:n="urn:n">1</n:a><a>2</a>', {"a": ["1", "2"]}),
    ],
)
def test_the_rules_of_the_tree(inside: str, made: dict[str, Any]) -> None:
    """Text, attributes, repetition, both together, CDATA, nil, and names without their namespace."""
    assert tree(inside) == made


def test_a_declared_namespace_gives_its_prefix_and_a_declared_list_is_always_one() -> None:
    """What the sender's own prefix is does not matter; one thing in a list is a list."""
    spec = {"namespaces": {"n": "urn:n"}, "lists": frozenset({"n_a"})}
    assert tree('<q:a xmlns:q="urn:n">1</q:a><a>2</a>', **spec) == {"n_a": ["1"], "a": "2"}


NAMES = st.sampled_from(["a", "b", "c"])
TREES: st.SearchStrategy[Any] = st.recursive(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=5),
    lambda inner: st.dictionaries(
        NAMES, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3
    ),
    max_leaves=8,
)  # fmt: skip


def written(name: str, value: Any) -> str:
    """A tree as XML; a text also as an attribute beside it."""
    if isinstance(value, list):
        return "".join(written(name, part) for part in value)
    if isinstance(value, str):
        return f"<{name} t={quoteattr(value)}>{escape(value)}</{name}>"
    return f"<{name}>{''.join(written(key, part) for key, part in value.items())}</{name}>"


def expected(value: Any) -> Any:
    """What ``written`` gives when it is read."""
    if isinstance(value, list):
        return [expected(part) for part in value]
    if isinstance(value, str):
        return {"_t": value, "_text": value} if value else {"_t": ""}
    return {key: expected(part) for key, part in value.items()}


@given(st.lists(st.dictionaries(NAMES, TREES, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_comes_back(records: list[dict[str, Any]]) -> None:
    """Any tree, one record or several; each unit also by itself."""
    raw = f"<x><people>{written('person', records)}</people></x>"
    found = units(raw)
    assert [unit.tree for unit in found if isinstance(unit, Unit)] == [expected(record) for record in records]
    for number, unit in enumerate(found, start=1):
        (again,) = units(unit.raw)
        assert isinstance(again, Unit)
        assert isinstance(unit, Unit)
        assert (again.tree, unit.place) == (unit.tree, f"record {number}")


def test_a_record_without_anything_in_it_is_a_bad_one() -> None:
    """Text where an object should be is not taken for one; the others go on."""
    bad, good = units("<x><people><person>Ada</person><person><id>1</id></person></people></x>")
    assert isinstance(bad, BadUnit)
    assert isinstance(good, Unit)
    assert bad.error.where == "record 1"


@pytest.mark.parametrize("raw", ["<x><people/></x>", "<x><people on='1'></people></x>"])
def test_an_extract_of_a_quiet_day_has_no_units(raw: str) -> None:
    """The element around the records is there, and empty."""
    assert units(raw) == []


DTD = "<!DOCTYPE x [{}]><x><people><person><id>&e;</id></person></people></x>"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (DTD.format('<!ENTITY e "1">'), "dtd-forbidden"),
        (DTD.format('<!ENTITY d "11"><!ENTITY e "&d;&d;">'), "dtd-forbidden"),
        (DTD.format('<!ENTITY e SYSTEM "file:///etc/hostname">'), "dtd-forbidden"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "dtd-forbidden"),
        ("<x>&nbsp;</x>", "not-xml"),
        ("<x><people><person>", "not-xml"),
        ('{"people": []}', "not-xml"),
        ("<x><people/></x><y/>", "not-xml"),
        ('<?xml version="1.0" encoding="klingon"?><x/>', "not-xml"),
        ("<x><persons/></x>", "no-records"),
        ("", "empty"),
        ("<a>" * (xml_tree.MAX_DEPTH + 1) + "</a>" * (xml_tree.MAX_DEPTH + 1), "too-deep"),
        ("<a>" * 200_000, "too-deep"),
    ],
)
def test_what_is_dangerous_or_no_xml_is_refused_with_its_place(raw: str, code: str) -> None:
    """Entity bombs, files and addresses from outside, a DTD of any sort, depth, and what is cut short."""
    with pytest.raises(DecodeError) as refused:
        units(raw)
    assert refused.value.code == code
    assert refused.value.where


def test_the_declared_encoding_holds() -> None:
    """XML says itself how it is written: Windows-1252 and UTF-16 are read."""
    for encoding in ("windows-1252", "utf-16"):
        text = (
            f'<?xml version="1.0" encoding="{encoding}"?><x><people><person><n>Zoë</n></person></people></x>'
        )
        (unit,) = units(text.encode(encoding))
        assert isinstance(unit, Unit)
        assert unit.tree == {"n": "Zoë"}
