"""The engine against plain Python over the parsed resources, and what is found beside the matches."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fhir.search.record import BASE, CODES, SYSTEMS, TEXTS, entries, resources

from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.fhir.search import Includes, Search, parse_search, predicate

Record = list[Resource]
Oracle = Callable[[Resource, Record], bool]


def search(kind: str, *pairs: tuple[str, str]) -> Search:
    """A search within person p0."""
    return parse_search(kind, [("patient", "p0"), *pairs], base_url=BASE)


def escaped(text: str) -> str:
    """A text as a value of a parameter."""
    for sign in "\\,|$":
        text = text.replace(sign, f"\\{sign}")
    return text


# What each parameter means, in plain Python.


def fold(text: str) -> str:
    """Without case, accents and double blanks."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return " ".join(bare.lower().split())


def has_token(nodes: list[Any], system: str | None, code: str) -> bool:
    """Whether one of some concepts or identifiers is the token; None is any system."""
    for node in nodes:
        for coding in node.get("coding", [node]):
            said = coding.get("code", coding.get("value"))
            if said is not None and code in ("", said) and system in (None, coding.get("system", "")):
                return True
    return False


def in_range(quantity: dict[str, Any], prefix: str, text: str) -> bool:
    """The rules of https://hl7.org/fhir/R4/search.html#prefix, on numbers."""
    value, asked = Decimal(str(quantity["value"])), Decimal(text)
    endless = Decimal("Infinity")
    low = -endless if quantity.get("comparator", "").startswith("<") else value
    high = endless if quantity.get("comparator", "").startswith(">") else value
    digits = len(text.partition(".")[2])
    half = Decimal("0.5") / 10**digits
    near = asked - half <= low and high < asked + half
    means: dict[str, bool] = {
        "": near, "eq": near, "ne": not near, "gt": high > asked, "lt": low < asked,
        "ge": high >= asked, "le": low <= asked, "sa": low > asked, "eb": high < asked,
    }  # fmt: skip
    return means[prefix]


def refers(node: Any, to: str) -> bool:
    """Whether a reference is to something here."""
    return isinstance(node, dict) and node.get("reference") in (to, f"{BASE}/{to}")


def targets(node: Any, record: Record) -> Iterator[Resource]:
    """What a reference leads to in the record."""
    return (one for one in record if refers(node, f"{one['resourceType']}/{one['id']}"))


@st.composite
def tokens(draw: st.DrawFn) -> tuple[str, str | None, str]:
    """A token as it is written, its system (None: any) and its code (empty: any)."""
    code, system = draw(st.sampled_from(CODES)), draw(st.sampled_from(SYSTEMS))
    return draw(
        st.sampled_from(
            [
                (code, None, code),
                (f"{system}|{code}", system, code),
                (f"|{code}", "", code),
                (f"{system}|", system, ""),
            ]
        )
    )


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, str, str, Oracle]:
    """A type, a parameter and a value, and what is to be found by it."""
    text, system, code = draw(tokens())
    wanted = draw(st.sampled_from(TEXTS))
    part = draw(st.sampled_from([wanted, wanted[:4], wanted[2:5].strip() or "l"]))
    prefix = draw(st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]))
    number = draw(st.sampled_from(["5", "5.4", "5.40", "5.45", "100", "0", "-3.2"]))
    where = draw(st.sampled_from(["Encounter/e0", "Encounter/e1"]))
    practitioner = f"Practitioner/p{draw(st.integers(0, 2))}"
    choices: list[tuple[str, str, str, Oracle]] = [
        ("Observation", "code", text, lambda r, _: has_token([r["code"]], system, code)),
        ("Observation", "code:not", text, lambda r, _: not has_token([r["code"]], system, code)),
        ("Observation", "category", text, lambda r, _: has_token(r.get("category", []), system, code)),
        ("Observation", "identifier", text, lambda r, _: has_token(r.get("identifier", []), system, code)),
        ("Observation", "value-concept", text,
         lambda r, _: has_token([r.get("valueCodeableConcept", {"coding": []})], system, code)),
        ("Observation", "combo-code", text,
         lambda r, _: has_token([r["code"], *(c["code"] for c in r.get("component", []))], system, code)),
        ("Observation", "code:text", escaped(part),
         lambda r, _: any(fold(t).startswith(fold(part)) for t in _words(r["code"]))),
        ("Observation", "value-string:exact", escaped(wanted),
         lambda r, _: wanted in (r.get("valueString"), r.get("valueCodeableConcept", {}).get("text"))),
        ("Observation", "value-string:contains", escaped(part),
         lambda r, _: any(fold(part) in fold(t) for t in _said(r))),
        ("Observation", "value-string", escaped(part),
         lambda r, _: any(fold(t).startswith(fold(part)) for t in _said(r))),
        ("Observation", "value-quantity", prefix + number,
         lambda r, _: "valueQuantity" in r and in_range(r["valueQuantity"], prefix, number)),
        ("Observation", "value-quantity", f"{prefix}{number}|{SYSTEMS[0]}|mg",
         lambda r, _: r.get("valueQuantity", {}).get("code") == "mg"
         and in_range(r["valueQuantity"], prefix, number)),
        ("Observation", "value-quantity", f"{prefix}{number}||mg",
         lambda r, _: "mg" in (r.get("valueQuantity", {}).get("code"), r.get("valueQuantity", {}).get("unit"))
         and in_range(r["valueQuantity"], prefix, number)),
        ("Observation", "component-code-value-quantity", f"{text}${prefix}{number}",
         lambda r, _: any(has_token([c["code"]], system, code) and "valueQuantity" in c
                          and in_range(c["valueQuantity"], prefix, number) for c in r.get("component", []))),
        ("Observation", "encounter", where, lambda r, _: refers(r.get("encounter"), where)),
        ("Observation", "encounter", where[10:], lambda r, _: refers(r.get("encounter"), where)),
        ("Observation", "encounter:Encounter", where[10:], lambda r, _: refers(r.get("encounter"), where)),
        ("Observation", "encounter:identifier", f"{SYSTEMS[0]}|1",
         lambda r, _: "identifier" in r.get("encounter", {})),
        ("Observation", "performer", f"{BASE}/{practitioner}",
         lambda r, _: any(refers(one, practitioner) for one in r.get("performer", []))),
        ("Observation", "encounter:missing", "true", lambda r, _: "encounter" not in r),
        ("Observation", "component-code:missing", "false", lambda r, _: "component" in r),
        ("Observation", "encounter.status", "finished",
         lambda r, all_: any(e["status"] == "finished" for e in targets(r.get("encounter"), all_))),
        ("Observation", "performer:Practitioner.given", "el",
         lambda r, all_: any(fold(p["name"][0]["given"][0]).startswith("el")
                             for one in r.get("performer", []) for p in targets(one, all_))),
        ("Observation", "encounter.part-of.status", "planned",
         lambda r, all_: any(w["status"] == "planned" for e in targets(r.get("encounter"), all_)
                             for w in targets(e.get("partOf"), all_))),
        ("Encounter", "_has:Observation:encounter:code", text,
         lambda r, all_: any(o["resourceType"] == "Observation" and has_token([o["code"]], system, code)
                             and refers(o.get("encounter"), f"Encounter/{r['id']}") for o in all_)),
        ("Practitioner", "_has:Observation:performer:encounter.status", "finished",
         lambda r, all_: any(any(refers(p, f"Practitioner/{r['id']}") for p in o.get("performer", []))
                             and any(e["status"] == "finished" for e in targets(o.get("encounter"), all_))
                             for o in all_)),
        ("Practitioner", "given", escaped(part),
         lambda r, _: any(fold(g).startswith(fold(part)) for g in r["name"][0]["given"])),
    ]  # fmt: skip
    return draw(st.sampled_from(choices))


def _words(concept: Resource) -> list[str]:
    displays = [coding["display"] for coding in concept.get("coding", []) if "display" in coding]
    return displays + ([concept["text"]] if "text" in concept else [])


def _said(resource: Resource) -> list[str]:
    texts = [resource.get("valueString"), resource.get("valueCodeableConcept", {}).get("text")]
    return [text for text in texts if text is not None]


@given(whole=resources(), one=asked(), other=asked(), hidden=st.integers(1, 20))
def test_a_search_finds_what_plain_python_finds(
    whole: Record, one: tuple[str, str, str, Oracle], other: tuple[str, str, str, Oracle], hidden: int
) -> None:
    """One parameter alone, two of one type together, and two values with a comma between them.

    What may not be seen is not given to the search, and found by nothing: not by a chain through it either.
    """
    record = [resource for place, resource in enumerate(whole) if place != hidden]
    kind, name, value, oracle = one
    second, more, further = other[1:]
    of_kind = [resource for resource in record if resource["resourceType"] == kind]

    def found(*pairs: tuple[str, str]) -> list[str]:
        return [entry.id for entry in search(kind, *pairs).run(entries(record))]

    def oracles(*all_of: Oracle) -> list[str]:
        return sorted(r["id"] for r in of_kind if all(each(r, record) for each in all_of))

    assert found((name, value)) == oracles(oracle)
    if other[0] == kind:
        assert found((name, value), (second, more)) == oracles(oracle, further)
    if other[0] == kind and second == name and not name.endswith((":not", ":missing")):
        assert found((name, f"{value},{more}")) == sorted({*oracles(oracle), *oracles(further)})


@settings(max_examples=60)
@given(record=resources(), one=asked())
def test_a_predicate_is_the_search_on_one_entry(record: Record, one: tuple[str, str, str, Oracle]) -> None:
    """What looks at the entry alone gives the same; what looks further is refused."""
    kind, name, value, oracle = one
    if "." in name or name.startswith("_has"):
        with pytest.raises(Invalid):
            predicate(kind, [(name, value)])
        return
    test = predicate(kind, [(name, value)])
    for entry, resource in zip(entries(record), record, strict=True):
        if BASE not in f"{resource}{value}":  # it knows no address of an endpoint
            assert test(entry) is (resource["resourceType"] == kind and oracle(resource, record))


# What goes with the matches.

_RULES = st.lists(
    st.sampled_from(
        [
            ("_include", "Observation:encounter"), ("_include", "Observation:performer:Practitioner"),
            ("_include:iterate", "Encounter:part-of"), ("_include", "Observation:*"), ("_include", "*"),
            ("_revinclude", "Observation:encounter"), ("_revinclude:iterate", "Encounter:part-of"),
            ("_revinclude", "*"),
        ]
    ),
    min_size=1, max_size=2, unique=True,
)  # fmt: skip


@settings(max_examples=60)
@given(
    record=resources(),
    rules=_RULES,
    hidden=st.integers(0, 20),
    kind=st.sampled_from(["Observation", "Encounter"]),
)
def test_what_is_included_is_there_once_and_is_linked(
    record: Record, rules: list[tuple[str, str]], hidden: int, kind: str
) -> None:
    """Nothing but entries that may be seen, none twice, none that is a match, and each one reference away."""
    seen = [one for place, one in enumerate(entries(record)) if place != hidden]
    matches = [one for one in seen if one.type == kind]
    included = Includes(rules, BASE).of(matches, seen)
    names = [one.reference for one in included]
    assert len(names) == len(set(names))
    assert set(included) <= set(seen)
    assert not {one.reference for one in matches} & set(names)
    bare = {one.reference: {r.removeprefix(f"{BASE}/") for r in one.references} for one in seen}
    around = {one.reference for one in matches} | set(names)
    for name in names:
        others = around - {name}
        assert bare[name] & others or any(name in bare[other] for other in others)
    if ("_include", "*") in rules:
        wanted = {name for one in matches for name in bare[one.reference]} & bare.keys()
        assert wanted - {one.reference for one in matches} <= set(names)


@pytest.mark.parametrize(
    "pairs",
    [
        [("value-quantity", "much")], [("value-quantity", "5|mg")], [("value-quantity", "5e999")],
        [("component-code-value-quantity", "1")], [("component-code-value-quantity", "1$5$6")],
        [("encounter:Patient", "p0")], [("encounter", "Patient/p0")], [("encounter", "a b")],
        [("encounter:exact", "e0")], [("value-string:text", "x")], [("date:exact", "2020")],
        [("encounter:missing", "perhaps")], [("identifier:of-type", "a|b")], [("code:in", "http://none.example")],
        [("code:below", "1")], [("status.x", "1")], [("encounter.colour", "1")],
        [("encounter:Patient.name", "x")],
        [("_has:Observation:encounter", "1")], [("_has:Nothing:x:y", "1")],
        [("_has:Encounter:subject:status", "x")],
        [("encounter.part-of.part-of.part-of.part-of.status", "x")], [("_list", "$current-hopes")],
        [("_list", "nothing")], [("_include", "Observation")], [("_include", "Observation:code")],
        [("_include", "Nothing:x")], [("_include:recurse", "*")],
        [("_include", "Observation:encounter:Patient")],
        [("_summary", "most")], [("_elements", "colour")], [("_elements", "code"), ("_summary", "text")],
        [("_total", "yes")], [("_contained", "true")], [("_type", "Obervation")], [("_pretty", "please")],
        [("_filter", "a eq b")], [("_query", "x")], [("_sort", "code-value-quantity")], [("_text", " ")],
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(pairs: list[tuple[str, str]]) -> None:
    """A modifier, a value or a link that makes no sense, and what is not served."""
    with pytest.raises(Invalid):
        search("Observation", *pairs).run(entries([{"resourceType": "Observation", "id": "o"}]))


def test_what_is_not_known_is_left_out_only_where_it_may_be() -> None:
    """Lenient handling leaves out what no type has, and nothing that would narrow."""
    pairs = [("patient", "p0"), ("colour", "red"), ("code", "1")]
    read = parse_search("Observation", pairs, base_url=BASE, lenient=True)
    assert (read.ignored, list(read.used)) == (("colour",), [("patient", "p0"), ("code", "1")])
    for name in ("code:colour", "_colour", "_filter", "encounter.colour", "status"):
        with pytest.raises(Invalid):
            parse_search("Condition", [("patient", "p0"), (name, "x")], base_url=BASE, lenient=True)
    with pytest.raises(Invalid):
        search("Observation", ("colour", "red"))


@settings(max_examples=40)
@given(
    record=resources(),
    descending=st.booleans(),
    name=st.sampled_from(["value-quantity", "encounter", "combo-code"]),
)
def test_any_parameter_sorts(record: Record, descending: bool, name: str) -> None:
    """All that match come, each once, and what has no value comes last."""
    found = search("Observation", ("_sort", f"-{name}" if descending else name)).run(entries(record))
    everything = search("Observation").run(entries(record))
    assert sorted(e.id for e in found) == [e.id for e in everything]
    if name == "value-quantity":
        lacking = {e.id for e in search("Observation", (f"{name}:missing", "true")).run(entries(record))}
        places = [e.id in lacking for e in found]
        assert places == sorted(places)
