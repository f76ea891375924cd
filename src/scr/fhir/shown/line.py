"""An entry as people read it: one line, with its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scr.fhir.shown.value import Value


@dataclass(frozen=True, slots=True)
class Detail:
    """Something more that an entry says, under its name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What can be opened: the logical id of a Binary, its media type as told, its title."""

    binary: str
    media_type: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry.

    ``term`` is as its source words it, ``plain`` in plain words (empty where there are none), ``when`` its
    date in words and ``day`` as ``YYYY-MM-DD``. ``status`` is in words, empty where everybody expects it;
    ``over``: it holds no more; ``wrong``: it was entered by mistake, or is ruled out. ``by`` wrote it.
    ``source`` is where it came from, ``age`` how old that is, in words. ``own``: the person, or somebody for
    them, wrote it. ``disputed``: what is said against it. ``parts`` are entries that are shown with it.
    """

    reference: str
    kind: str
    kind_words: str
    heading: str
    term: str
    plain: str = ""
    when: str = ""
    day: str = ""
    value: Value | None = None
    details: tuple[Detail, ...] = ()
    status: str = ""
    over: bool = False
    wrong: bool = False
    by: str = ""
    source: str = ""
    age: str = ""
    own: bool = False
    disputed: str = ""
    components: tuple[Line, ...] = ()
    parts: tuple[Line, ...] = ()
    contents: tuple[Contents, ...] = ()

    @property
    def anchor(self) -> str:
        """A name that a page can lead to."""
        return self.reference.replace("/", "-")

    @property
    def entries(self) -> Iterator[str]:
        """The references of the entries that stand on the line: its own, and those of its parts."""
        yield self.reference
        for part in self.parts:
            yield from part.entries

    @property
    def weight(self) -> int:
        """How many rows it takes."""
        return 1 + len(self.components) + sum(part.weight for part in self.parts)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a source: its name; when it was asked (ms UTC), or how old the copy is that is shown
    (ms); neither of one that sends by itself."""

    name: str
    asked: int | None = None
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the entries: of each source by its code, or by code and heading (``RXX/allergies``)
    where that is of another age; of each entry that is disputed; ``nameless``: no source may be named."""

    sources: Mapping[str, Told] = field(default_factory=dict)
    disputed: Mapping[str, str] = field(default_factory=dict)
    nameless: bool = False
