"""A draft as it is written down: adapter.yaml with its questions beside the lines, the maps, the README.

Nothing of a payload stands in them but the words of closed lists, and those in the maps alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import yaml

from scr.mapping.account import UNDECIDED
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.place import Plan
from scr.onboarding.draft.writing import Leaf, MapDraft, Placement, Rule

UNPLACED = f"{UNDECIDED}: decide"
_WIDTH = 108


def adapter_yaml(plan: Plan) -> str:
    """The adapter's file: it loads and runs as it is."""
    lines = [
        *_commented(
            f"A draft for {plan.name}, made from {plan.sample.records} records of a sample. Each line ends "
            "with how sure it is (high, medium, low) and, where it is not, a question. Answer the questions, "
            "mend the line, and take the comment away. `scr adapters try` shows what the file does."
        ),
        f"supplier: {{name: {_text(plan.name)}, product: {_text(plan.name)}, setting: {plan.setting}}}",
        *_node("decode", plan.sample.decode, 0),
        "",
        *_node("nhs_number", plan.nhs_number, 0),
    ]
    if plan.demographics:
        lines += _node("demographics", dict(plan.demographics), 0)
    if plan.local_ids:
        lines += _node("local_ids", plan.local_ids, 0)
    lines += _ignored(plan)
    lines += ["", "resources:" if plan.rules else "resources: []"]
    for rule in plan.rules:
        lines += _rule(rule)
    return "\n".join(lines) + "\n"


def _ignored(plan: Plan) -> list[str]:
    """What was not placed, each with its own question: coverage is honest only if all of it is named."""
    lines: list[str] = []
    for finding in plan.findings:
        if finding.column.path in plan.placed:
            continue
        question = plan.placement(finding).question
        lines.append(f"  - fields: [{_text(finding.column.name)}]{_remark(f'low: {question}')}")
        empty = " (empty in the sample)" if finding.kind is Kind.EMPTY else ""
        lines.append(f"    reason: {_text(UNPLACED + empty)}")
    for title in plan.sample.sheets if plan.sample.format == "workbook" else ():
        lines.append(
            f"  - fields: [{_text(title)}]{_remark('low: Which of its columns tells whose a row is?')}"
        )
        lines.append(f"    reason: {_text(UNPLACED)}")
    return ["", "ignore:", *lines] if lines else []


def _rule(rule: Rule) -> list[str]:
    lines = ["", *(f"  {line}" for line in _commented(rule.about))]
    given = (("sheet", rule.sheet), ("for_each", rule.for_each), ("when", rule.when))
    words = [(name, text) for name, text in given if text]
    body = _node("resource", rule.resource, 4)
    head = [f"    {name}: {_text(text)}" for name, text in words] + body
    head[0] = f"  - {head[0][4:]}"
    return lines + head


def _node(key: str, node: object, indent: int) -> list[str]:
    """A key and what stands below it."""
    space = " " * indent
    if isinstance(node, dict):
        if not node:
            return []
        return [f"{space}{key}:", *(line for k, v in node.items() for line in _node(k, v, indent + 2))]
    if isinstance(node, list | tuple):
        if not node:
            return []
        return [f"{space}{key}:", *(line for item in node for line in _item(item, indent + 2))]
    if isinstance(node, Leaf):
        return [f"{space}{key}: {_text(node.text)}{_remark(node.remark)}"]
    return [f"{space}{key}: {_scalar(node)}"]


def _item(item: object, indent: int) -> list[str]:
    space = " " * indent
    if isinstance(item, dict):
        inner = [line for k, v in item.items() for line in _node(k, v, indent + 2)]
        return [f"{space}- {inner[0][indent + 2 :]}", *inner[1:]]
    if isinstance(item, Leaf):
        return [f"{space}- {_text(item.text)}{_remark(item.remark)}"]
    return [f"{space}- {_scalar(item)}"]


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else _text(str(value))


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def _text(text: str) -> str:
    """A text in YAML: plain where nothing could be made of it, or else in quotation marks."""
    if text and text[0].isalpha() and set(text) <= _PLAIN and text.lower() not in {"true", "false", "null"}:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1_000_000)
    return quoted.strip()


def _remark(remark: str) -> str:
    return f"  # {_one_line(remark)}" if remark else ""


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _commented(text: str) -> Iterator[str]:
    """A paragraph as comment lines."""
    line = "#"
    for word in _one_line(text).split():
        if len(line) + len(word) >= _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def map_csv(draft: MapDraft) -> str:
    """A concept map with the supplier's words and no codes; ``note`` says what may stand in a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source_code", "target_system", "target_code", "target_display", "note"))
    codes = " ".join(draft.codes)
    for value in draft.values:
        near = next((code for code in draft.codes if code == _near(value)), "")
        asked = f"{near}? " if near else ""
        writer.writerow((value, draft.system, "", "", f"{asked}One of: {codes}"))
    return text.getvalue()


_MEANINGS = """
finished: closed, ended, left, inactive, discharged
completed: complete, done, returned
fulfilled: attended
noshow: dna, did not attend
cancelled: canceled
active: open, current, resident, in residence, live, on loan, y, yes
male: m
female: f
on-hold: suspended
arrived: attending
"""
"""What a supplier's word may stand for: a hint beside the row, never the answer in it."""
_ALIKE = {
    word: code
    for code, _, words in (line.partition(": ") for line in _MEANINGS.strip().splitlines())
    for word in words.split(", ")
}


def _near(value: str) -> str:
    low = " ".join(value.lower().split())
    return _ALIKE.get(low, low.replace(" ", "-"))


def readme(plan: Plan, samples: list[str], *, pseudonymised: bool) -> str:
    """A page that says what this is, and what to do next."""
    placements = [plan.placement(finding) for finding in plan.findings]
    placed = [each for each in placements if each.target]
    unsure = [each for each in placed if each.confidence != "high"]
    held = (
        "The people in it are invented: numbers, names, dates of birth, addresses and texts were replaced."
        if pseudonymised
        else "It is the payload as it was sent and holds personal data: keep it where such data may lie, and "
        "out of version control."
    )
    rows = "".join(f"| {' | '.join(_cells(each))} |\n" for each in placements)
    maps = "".join(
        f"- `terminology/maps/{each.name}.csv`, for `{_cell(each.column)}`\n" for each in plan.maps
    )
    return f"""# {plan.name}

A draft: {len(placed)} of {len(placements)} columns placed, {len(unsure)} of them with a question.

1. Read `adapter.yaml` from the top. A line that is not sure ends with a question: answer it, take it away.
2. Decide on each column below `ignore`: place it in a resource, or say why it is left out.
3. Fill in the maps:
{maps or "   (none)"}
4. See what comes of it: `scr adapters try FILE --adapter {plan.name}`.
5. Compare with what must come: `samples/*.expected.json` was written by running the draft. Mend it there too.
6. `scr adapters check {plan.name}`, then a provider file that names the adapter.

Samples: {", ".join(f"`samples/{name}`" for name in samples)}. {held}

| column | taken for | goes to | sure |
|---|---|---|---|
{rows}"""


def _cells(placement: Placement) -> tuple[str, ...]:
    finding, target = placement.finding, placement.target.replace("\n", ", ")
    sure = placement.confidence if target else ""
    return f"`{_cell(finding.column.name)}`", finding.kind.value, target or UNPLACED, sure


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "/").replace("`", "'")
