"""``consent/labels.yaml``: which codes bring which label, and what a label means.

Validated when it is loaded: a mistake stops the load and names the file and the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from scr.consent.actor import ActorKind
from scr.data import DataFiles, Document, load_yaml
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.labels import Code, label_token
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

FILE = "labels.yaml"
UNCLASSIFIED = "unclassified"
SOURCE_RESTRICTED = "source-restricted"
SOURCE_VERY_RESTRICTED = "source-very-restricted"
UNCLASSIFIED_LABEL: Code = (LABEL_SYSTEM, UNCLASSIFIED)
UNCLASSIFIED_TOKEN = label_token(UNCLASSIFIED_LABEL)
_RESERVED = frozenset({UNCLASSIFIED, SOURCE_RESTRICTED, SOURCE_VERY_RESTRICTED})

Sensitivity = Literal[
    "ETH", "ETHUD", "OPIOIDUD", "SUD", "PSY", "MH", "BH", "HIV", "STD", "SEX", "SDV", "DVD", "VIO",
    "GDIS", "PREGNANT",
]  # fmt: skip
Sctid = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{5,17}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
ListedCode = Annotated[str, StringConstraints(pattern=r"^[^\s*]+\*?$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Bar(_Model):
    name: str
    open_to: tuple[str, ...] = ()


class _Label(_Model):
    name: str
    confidentiality: Literal["N", "R", "V"] | None = None
    sensitivity: Sensitivity | None = None
    bar: str = ""
    online: Literal["review", ""] = ""
    refsets: tuple[Sctid, ...] = ()
    below: tuple[Sctid, ...] = ()
    products_of: tuple[Sctid, ...] = ()
    codes: dict[str, tuple[ListedCode, ...]] = Field(default_factory=dict)


class _File(_Model):
    systems: dict[str, str] = Field(default_factory=dict)
    unclassified: dict[ActorKind, Literal["normal", "withheld"]]
    bars: dict[Name, _Bar] = Field(default_factory=dict)
    labels: dict[Name, _Label]


@dataclass(frozen=True, slots=True)
class Label:
    """What one label is, and which codes bring it. ``codes`` are by system address."""

    key: str
    name: str
    confidentiality: str = ""
    sensitivity: str = ""
    bar: str = ""
    review: bool = False
    refsets: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    products_of: tuple[str, ...] = ()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bar:
    """A law that keeps entries back, and the activities that it lets see them."""

    key: str
    name: str
    open_to: frozenset[str] = frozenset()


_SOURCE_LABELS = (
    Label(SOURCE_RESTRICTED, "Restricted by its source", "R"),
    Label(SOURCE_VERY_RESTRICTED, "Very restricted by its source", "V"),
)
_OF_LEVEL = {label.confidentiality: label.key for label in _SOURCE_LABELS}


@dataclass(frozen=True, slots=True)
class LabelPolicy:
    """The labels in force, by key, with those of the sources' own marks among them."""

    labels: Mapping[str, Label] = field(
        default_factory=lambda: {label.key: label for label in _SOURCE_LABELS}
    )
    bars: Mapping[str, Bar] = field(default_factory=dict)
    withheld_unclassified: frozenset[ActorKind] = frozenset(ActorKind)
    _of_sensitivity: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """A sensitivity that one label alone has is that label, where a source says it."""
        told: dict[str, list[str]] = {}
        for label in self.labels.values():
            told.setdefault(label.sensitivity, []).append(label.key)
        self._of_sensitivity.update({code: keys[0] for code, keys in told.items() if len(keys) == 1 and code})

    def codings(self, own: Iterable[str], related: Iterable[str] = ()) -> list[Code]:
        """The codings that say that an entry has these labels, by itself and by what it belongs with."""
        found: list[Code] = []
        for system, keys in ((LABEL_SYSTEM, own), (RELATED_LABEL_SYSTEM, related)):
            for key in keys:
                label = self.labels.get(key)
                found.append((system, key))
                if label is None:  # of a policy that was in force before
                    continue
                if label.confidentiality:
                    found.append((V3_CONFIDENTIALITY, label.confidentiality))
                if label.sensitivity:
                    found.append((V3_ACT_CODE, label.sensitivity))
        return list(dict.fromkeys(found))

    def said_by_source(self, security: Iterable[Code]) -> set[str]:
        """The labels that come of what the source itself put on a resource, and that spread from it.

        Where labels of ours are there already, the confidentiality and the sensitivity beside them are
        theirs.
        """
        ours: set[str] = set()
        theirs: set[str] = set()
        for system, code in security:
            if system == V3_CONFIDENTIALITY and code in _OF_LEVEL:
                theirs.add(_OF_LEVEL[code])
            elif system == V3_ACT_CODE and code in self._of_sensitivity:
                theirs.add(self._of_sensitivity[code])
            elif system in (LABEL_SYSTEM, RELATED_LABEL_SYSTEM):
                ours.add(code if system == LABEL_SYSTEM else "")
        return ours & self.labels.keys() if ours else theirs

    def of_entry(self, labels: Iterable[str]) -> list[Label]:
        """The labels of an entry (tokens ``system|code``), by itself and by what it belongs with."""
        found: dict[str, Label] = {}
        for token in labels:
            system, _, code = token.rpartition("|")
            if system in (LABEL_SYSTEM, RELATED_LABEL_SYSTEM) and code in self.labels:
                found[code] = self.labels[code]
        return list(found.values())

    def bars_on(self, labels: Iterable[str]) -> list[Bar]:
        """The laws that keep an entry with these labels back."""
        keys = dict.fromkeys(label.bar for label in self.of_entry(labels) if label.bar)
        return [self.bars[key] for key in keys]

    def reviewed_before_online(self, labels: Iterable[str]) -> bool:
        """Whether somebody has to look at an entry with these labels before the citizen sees it online."""
        return any(label.review for label in self.of_entry(labels))


def load_labels(files: DataFiles) -> LabelPolicy:
    """Read the labels in force. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", FILE))
    parsed = document.parse(_File)
    if missing := [kind.value for kind in ActorKind if kind not in parsed.unclassified]:
        raise _bad(document, f"does not say what holds for: {', '.join(missing)}", "unclassified")
    labels = {label.key: label for label in _SOURCE_LABELS}
    for key, raw in parsed.labels.items():
        labels[key] = _label(document, parsed, key, raw)
    bars = {key: Bar(key, raw.name, frozenset(raw.open_to)) for key, raw in parsed.bars.items()}
    withheld = frozenset(kind for kind, how in parsed.unclassified.items() if how == "withheld")
    return LabelPolicy(labels, bars, withheld)


def _label(document: Document, parsed: _File, key: str, raw: _Label) -> Label:
    if key in _RESERVED:
        raise _bad(document, "this name is one of the program's own: choose another", "labels", key)
    if raw.bar and raw.bar not in parsed.bars:
        raise _bad(document, f"{raw.bar!r} is not defined under 'bars'", "labels", key, "bar")
    if raw.sensitivity and raw.confidentiality is None:
        raise _bad(document, "a sensitivity needs a confidentiality beside it", "labels", key, "sensitivity")
    unknown = sorted(set(raw.codes) - set(parsed.systems))
    if unknown:
        raise _bad(
            document, f"{unknown[0]!r} is not defined under 'systems'", "labels", key, "codes", unknown[0]
        )
    if not (raw.refsets or raw.below or raw.products_of or raw.codes):
        raise _bad(document, "no code brings it: give refsets, below, products_of or codes", "labels", key)
    return Label(
        key,
        raw.name,
        raw.confidentiality or "",
        raw.sensitivity or "",
        raw.bar,
        raw.online == "review",
        raw.refsets,
        raw.below,
        raw.products_of,
        {parsed.systems[short]: codes for short, codes in raw.codes.items()},
    )


def _bad(document: Document, message: str, *keys: str) -> Exception:
    return document.error(message, *keys, code="bad-policy")
