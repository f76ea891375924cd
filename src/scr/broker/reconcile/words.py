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
        if found.rule.differ == "no-allergy":
            having = [one for one in found.between if not one.denies]
            denying = [one for one in found.between if one.denies]
            return f"{self._named(having)}{_AGAINST}{self._named(denying)}"
        said: dict[tuple[str, str], list[str]] = {}
        for one in found.between:
            what = (self._about(found, one), _SAID[found.rule.differ](one, self.lines[one.entry.id]))
            same = next((known for known in said if _plain(known) == _plain(what)), what)
            said.setdefault(same, []).append(self.names.get(one.entry.source, ""))
        told = [(about, _by(what, names)) for (about, what), names in said.items()]
        first = told[0][0]
        if all(_plain((about,)) == _plain((first,)) for about, _ in told):
            return (
                f"{first}: {_AGAINST.join(what for _, what in told)}"
                if first
                else _AGAINST.join(what for _, what in told)
            )
        return _AGAINST.join(f"{about}: {what}" if about else what for about, what in told)

    def _about(self, found: Found, one: Facts) -> str:
        if one.entry.type == "Patient":
            return "Address" if found.rule.differ == "address" else ""
        return self.lines[one.entry.id].text

    def _named(self, some: Sequence[Facts]) -> str:
        """What these are about, and whose they are."""
        texts = dict.fromkeys(self.lines[one.entry.id].text for one in some)
        return _by(", ".join(texts), [self.names.get(one.entry.source, "") for one in some])


_AGAINST = " against "


def _plain(texts: tuple[str, ...]) -> list[str]:
    return [" ".join(text.split()).casefold() for text in texts]


def _by(what: str, names: Iterable[str]) -> str:
    told = ", ".join(dict.fromkeys(filter(None, names)))
    return f"{what} ({told})" if told else what


_SAID: dict[str, Callable[[Facts, Line], str]] = {
    "dose": lambda _one, line: line.detail or "no dose in words",
    "state": lambda _one, line: line.status or "recorded",
    "side": lambda one, _line: one.side,
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
