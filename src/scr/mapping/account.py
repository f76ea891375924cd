"""What became of each field of a source: mapped, and to which FHIR elements; ignored; or unmapped.

An expression knows the paths that it reads, and its key path in the adapter's file says which element
it writes. The two together say where a field goes, without a word more in the file. A field is named
as it is reported when it is lost: a column, ``PID-13``, a path with dots. Of FHIR that goes through as
it is, a field is an element, and goes where it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from scr.decode.tree import Unit
from scr.mapping.adapter import Adapter, keys_read
from scr.mapping.loss import fields_read, known_fields, leaf_paths, lost_of
from scr.mapping.paths import Path

UNDECIDED = "not placed yet"
"""How the reason of a draft's ``ignore`` begins, for a field that nobody decided on: it stays unmapped."""
Status = Literal["mapped", "ignored", "unmapped"]


@dataclass(frozen=True, slots=True)
class SourceField:
    """A field that held a value in ``filled`` units.

    ``targets`` are the elements that it is written to, ``Condition.code.text``; ``(condition)`` and
    ``(for each)`` say that it decides whether, or how often, an element is made. ``reason`` is the
    adapter's, for a field that is ignored.
    """

    name: str
    status: Status
    filled: int
    targets: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Use:
    """What accounts for some fields: an expression, or an ``ignore`` of the file."""

    known: frozenset[Path]
    target: str = ""
    reason: str = ""


@dataclass(slots=True)
class Account:
    """Counts the fields of an adapter's units, one unit after another."""

    adapter: Adapter
    _uses: tuple[_Use, ...] = ()
    _filled: Counter[str] = field(default_factory=Counter)
    _found: dict[str, tuple[dict[str, None], dict[str, None]]] = field(default_factory=dict)
    _status: dict[str, Status] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._uses = tuple(_uses(self.adapter))

    def add(self, unit: Unit, lost: Iterable[str] = ()) -> None:
        """Count a unit's fields; ``lost`` are those that mapping it named besides."""
        fields = self._fields(unit, frozenset())
        new = fields - self._found.keys()
        if new:  # rarely, after the first units: the others have the same fields
            self._look_up(unit, new)
        for name in lost:
            if name not in fields:
                fields.add(name)
                self._found.setdefault(name, ({}, {}))
        self._filled.update(fields)

    def statuses(self, unit: Unit, names: set[str]) -> Iterator[tuple[str, Status]]:
        """What becomes of some fields of a unit; each is looked up once, whatever the number of units."""
        new = {name for name in names if name not in self._status}
        if new:
            self._look_up(unit, new)
            self._status.update((name, self._told(name).status) for name in new)
        return ((name, self._status[name]) for name in names)

    def fields(self) -> tuple[SourceField, ...]:
        """Every field that held a value: the unmapped first, then by name."""
        order = {"unmapped": 0, "mapped": 1, "ignored": 2}
        return tuple(sorted(map(self._told, self._found), key=lambda each: (order[each.status], each.name)))

    def _told(self, name: str) -> SourceField:
        targets, reasons = self._found[name]
        status: Status = "mapped" if targets else "unmapped"
        if reasons and targets.keys() <= {_QUARANTINE}:  # the reason says more than that rule
            status = "ignored"
        reason = next(iter(reasons)) if status == "ignored" else ""
        if reason.startswith(UNDECIDED):
            status = "unmapped"
        return SourceField(name, status, self._filled[name], tuple(targets), reason)

    def _look_up(self, unit: Unit, new: set[str]) -> None:
        for name in new:
            self._found[name] = ({}, {})
        for use in self._uses:
            for name in new - self._fields(unit, use.known):
                targets, reasons = self._found[name]
                if use.reason:
                    reasons[use.reason] = None
                else:
                    targets[use.target] = None
        if self.adapter.rules is None:
            for name in new & set(_elements(unit)):
                self._found[name][0][name] = None

    def _fields(self, unit: Unit, known: frozenset[Path]) -> set[str]:
        return fields_of(self.adapter, unit, known)


def fields_of(adapter: Adapter, unit: Unit, known: frozenset[Path] = frozenset()) -> set[str]:
    """The fields of a unit with a value that are not among those known."""
    whole = adapter.rules is None
    found = set(lost_of(adapter.decode.format, known, unit, whole=whole))
    return found | set(_elements(unit)) if whole else found


def _elements(unit: Unit) -> Iterator[str]:
    """The elements of resources that go through as they are."""
    for resource in unit.tree.get("resources", ()):
        kind = str(resource.get("resourceType"))
        for path in leaf_paths(resource):
            if path != ("resourceType",):
                yield ".".join((kind, *path))


def _uses(adapter: Adapter) -> Iterator[_Use]:
    format_ = adapter.decode.format
    for place, expression in adapter.expressions.items():
        known = known_fields(format_, fields_read(format_, place, expression), ())
        if known:
            yield _Use(known, target=target_of(adapter, place))
    for path, sheet in keys_read(adapter.decode).items():
        yield _Use(frozenset({path}), target=f"identity: the row of {sheet}")
    for ignored in adapter.ignored:
        yield _Use(known_fields(format_, (), ignored.fields), reason=ignored.reason)


_QUARANTINE = "(quarantine rule)"
_BESIDE = {
    "nhs_number": "identity: NHS Number",
    "local_ids": "identity: local identifier",
    "quarantine_when": _QUARANTINE,
    "nothing_when": _QUARANTINE,
}
"""Where the expressions lead that write no element."""

_CONTROLS = {"for_each": " (for each)", "when": " (condition)"}


def target_of(adapter: Adapter, place: str) -> str:
    """Where an expression's value goes, by its key path in the adapter's file."""
    head, *rest = place.split(".")
    if head != "resources" or adapter.rules is None:
        if head in {"demographics", "relationships"} and rest:
            return f"{'identity' if head == 'demographics' else 'relationship'}: {rest[0]}"
        return _BESIDE.get(head, head)
    rule, *names = rest
    last = _CONTROLS.get(names[-1], "")
    elements = [name for name in (names[:-1] if last else names) if not name.isdecimal()]
    return ".".join((adapter.rules[int(rule)].kind, *elements[1:])) + last
