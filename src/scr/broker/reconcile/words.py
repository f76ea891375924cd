"""What is made of a record, in words for people: of what may be seen, in the words of its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scr.broker.ledger import Ledger
from scr.broker.reconcile.differ import Found
from scr.broker.reconcile.listed import Line as ListLine
from scr.broker.reconcile.listed import Listed
from scr.fhir.clinical import Facts
from scr.fhir.entry import Entry
from scr.fhir.reconciled import Item
from scr.fhir.summary import Line, lines_of


@dataclass(frozen=True, slots=True)
class Words:
    """The lines of the entries that are spoken of, by id, and the names of the sources, by ODS code: none
    where an answer must not name them."""

    lines: Mapping[str, Line]
    names: Mapping[str, str]

    def item(self, line: ListLine) -> Item:
        """A line of a list: the words of the entry that stands for it, and the names of all its sources."""
        entries = [one.entry for one in (line.first, *line.others)]
        names = dict.fromkeys(self.names[one.source] for one in entries if one.source in self.names)
        return Item(entries[0], tuple(entries[1:]), self.lines[entries[0].id], ", ".join(names))

    def against(self, found: Found) -> str:
        """What is against what: ``Gout: active (one source) against resolved (another)``."""
        about = [self._about(one) for one in found.between]
        told = [self._told(found.rule.differ, one) for one in found.between]
        if len({" ".join(text.split()).casefold() for text in about}) == 1:
            return f"{about[0]}: {' against '.join(told)}" if about[0] else " against ".join(told)
        pairs = zip(about, told, strict=True)
        return " against ".join(f"{text}: {one}" if text else one for text, one in pairs)

    def _about(self, one: Facts) -> str:
        return "" if one.entry.type == "Patient" or one.denies else self.lines[one.entry.id].text

    def _told(self, differ: str, one: Facts) -> str:
        said = _SAID[differ](one, self.lines[one.entry.id])
        name = self.names.get(one.entry.source, "")
        return f"{said} ({name})" if name else said


def _allergy(one: Facts, line: Line) -> str:
    return line.text if one.denies else line.status or "recorded"


_SAID: dict[str, Callable[[Facts, Line], str]] = {
    "dose": lambda _one, line: line.detail or "no dose in words",
    "state": lambda _one, line: line.status or "recorded",
    "side": lambda one, _line: one.side,
    "no-allergy": _allergy,
    "death": lambda one, _line: "has died" if one.dead else "is living",
    "address": lambda one, _line: one.postcode,
}


def words_of(
    entries: Sequence[Entry], lists: Iterable[Listed], found: Iterable[Found], ledger: Ledger
) -> Words:
    """The words of what these lists and disagreements speak of. ``entries`` are all that may be seen."""
    spoken = {line.first.entry.id: line.first.entry for one in lists for line in one.lines}
    spoken.update((one.entry.id, one.entry) for each in found for one in each.between)
    spoken.update((one.id, one) for one in entries if one.type == "Medication")
    names = {} if ledger.nameless else {line.result.source.value: line.result.name for line in ledger.lines}
    return Words(lines_of(spoken.values()), names)
