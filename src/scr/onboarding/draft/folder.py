"""A draft put into the deployment's folder: adapter.yaml, maps, samples with what they give, README."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from scr.data import DataFiles
from scr.errors import Conflict, Invalid, ScrError
from scr.mapping.adapter import Adapter, load_adapter, load_adapters
from scr.mapping.guess import guess
from scr.mapping.samples import load_samples
from scr.mapping.trial import outcomes
from scr.onboarding.draft import messages, payloads, render
from scr.onboarding.draft.columns import MAX_RECORDS
from scr.onboarding.draft.columns import Path as FieldPath
from scr.onboarding.draft.messages import Messages
from scr.onboarding.draft.place import Plan, plan
from scr.onboarding.draft.pseudonyms import Pseudonyms
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.sample import read_samples, sniff

_NAME = re.compile(r"[a-z][a-z0-9-]{1,60}\Z")
_NUMBER = re.compile(r"\d(?:[ ._-]?\d){5,}")
_ALREADY = {"fhir-json": "fhir-r4-record", "fhir-xml": "fhir-r4-record", "edifact": "an EDIFACT adapter"}


@dataclass(frozen=True, slots=True)
class Drafted:
    """What was written. ``plan`` is of rows and records, ``messages`` of HL7 v2; one of them is there.

    ``reads_it`` names an adapter that reads the sample as it is; ``valid`` and ``units`` count what
    the draft made of it.
    """

    folder: Path
    name: str
    written: tuple[Path, ...]
    units: int
    mapped: int
    resources: int
    reads_it: str = ""
    plan: Plan | None = None
    messages: Messages | None = None


def write_draft(
    home: Path, files: list[Path], name: str, setting: str, *, key: bytes, keep_people: bool = False
) -> Drafted:
    """Write a draft of an adapter for payloads of one shape.

    ``key`` is the secret of the pseudonyms; with ``keep_people`` the samples are copied as they are.
    Raises Conflict where the adapter is there already, Invalid where the files cannot be drafted from.
    """
    folder = new_folder(home, name)
    data = DataFiles(home)
    raws = [file.read_bytes() for file in files]
    kind = sniff(raws[0])
    if kind in _ALREADY:
        raise Invalid(
            f"{files[0].name} is {kind}, which needs no draft: `scr adapters list` shows what "
            f"reads it, and `scr adapters init {name} --from ADAPTER` copies one (such as {_ALREADY[kind]})",
            code="no-draft-needed",
        )
    reads_it = _reader(data, raws[0])
    if kind == "hl7v2":
        return _messages(
            data, folder, files, raws, setting, Pseudonyms(key), reads_it, keep_people=keep_people
        )
    made = plan(read_samples(files), name, setting)
    pseudonyms = Pseudonyms(key)
    findings = {finding.column.path: finding for finding in made.findings}
    contents = [
        raw if keep_people else payloads.rewritten(raw, made.sample, _replacing(findings, pseudonyms))
        for raw in raws
    ]
    written = _write_samples(folder, files, contents, made.sample.format)
    for each in made.maps:
        written.append(_write(home / "terminology" / "maps" / f"{each.name}.csv", render.map_csv(each)))
    written.insert(0, _write(folder / "adapter.yaml", render.adapter_yaml(made)))
    names = _sample_names(files)
    written.append(_write(folder / "README.md", render.readme(made, names, pseudonymised=not keep_people)))
    return _finished(data, name, folder, written, raws, reads_it, plan=made)


def new_folder(home: Path, name: str) -> Path:
    """The folder of a new adapter. Raises Invalid for a name that is none, Conflict where it is taken."""
    if not _NAME.match(name) or name == "providers":
        raise Invalid(
            "a name of an adapter is small letters, digits and hyphens, such as care-diary", code="bad-name"
        )
    folder = home / "adapters" / name
    if (folder / "adapter.yaml").exists():
        raise Conflict(
            f"there is an adapter {name!r} already: choose another --name, or take its folder away",
            code="adapter-exists",
            where=str(folder),
        )
    if any(DataFiles().walk("adapters", f"{name}/adapter.yaml")):
        raise Conflict(f"{name!r} is the name of a packaged adapter: choose another", code="adapter-exists")
    return folder


def _replacing(findings: dict[FieldPath, Finding], pseudonyms: Pseudonyms) -> payloads.Replace:
    def replace(path: FieldPath, value: str) -> str:
        finding = findings.get(path)
        return pseudonyms.struck(value) if finding is None else pseudonyms.of(finding, value)

    return replace


def _reader(data: DataFiles, raw: bytes) -> str:
    """An adapter that reads the payload as it is, if there is no doubt about it."""
    try:
        return guess(load_adapters(data), raw).name
    except ScrError:
        return ""


def _messages(
    data: DataFiles, folder: Path, files: list[Path], raws: list[bytes], setting: str,
    pseudonyms: Pseudonyms, reads_it: str, *, keep_people: bool,
) -> Drafted:  # fmt: skip
    found = messages.look_at(data, raws)
    name = folder.name
    base = data.find("adapters", f"{found.base}/adapter.yaml")
    contents = raws if keep_people else [messages.pseudonymised(raw, pseudonyms) for raw in raws]
    written = [_write(folder / "adapter.yaml", messages.adapter_text(base, name, found, setting))]
    written += _write_samples(folder, files, contents, "hl7v2")
    written += [
        _write(folder / "samples" / sample.name, sample.raw)
        for sample in load_samples(data, load_adapter(data, found.base))
        if not (folder / "samples" / sample.name).exists()
    ]
    written.append(_write(folder / "README.md", _readme(name, found, files, keep_people=keep_people)))
    return _finished(data, name, folder, written, raws, reads_it, found=found)


def _readme(name: str, found: Messages, files: list[Path], *, keep_people: bool) -> str:
    types = ", ".join(f"{kind} ({count})" for kind, count in sorted(found.types.items()))
    unread = "".join(f"- `{place}`, in {count} of {found.total}\n" for place, count in found.unread.items())
    held = "as they were sent: they hold personal data" if keep_people else "with everybody in them replaced"
    return f"""# {name}

A draft for HL7 v2 messages: {types}. It begins with the shipped adapter `{found.base}`.

1. Read the end of `ignore` in `adapter.yaml`: what your messages have and no rule reads. Decide on each.
2. See what comes of a message: `scr adapters try FILE --adapter {name}`.
3. `scr adapters check {name}`, then a provider file with a feed of kind `mllp` that names the adapter.

Samples: {", ".join(f"`samples/{named}`" for named in _sample_names(files))}, {held}.

Not read:

{unread or "nothing: every field is accounted for."}
"""


def _write_samples(folder: Path, files: list[Path], contents: list[bytes], format_: str) -> list[Path]:
    made: list[Path] = []
    for named, content in zip(_sample_names(files), contents, strict=True):
        made.append(_write(folder / "samples" / named, content))
    suffix = files[0].suffix
    made.append(_write(folder / "samples" / f"broken{suffix}", payloads.broken(contents[0], format_)))
    return made


def _sample_names(files: list[Path]) -> list[str]:
    """The files' own names, without a number that could be somebody's; each another."""
    names: list[str] = []
    for place, file in enumerate(files, 1):
        stem = _NUMBER.sub("n", file.stem)
        names.append(
            f"{stem}{file.suffix}" if f"{stem}{file.suffix}" not in names else f"{stem}-{place}{file.suffix}"
        )
    return names


def _write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _finished(
    data: DataFiles, name: str, folder: Path, written: list[Path], raws: list[bytes], reads_it: str,
    *, plan: Plan | None = None, found: Messages | None = None,
) -> Drafted:  # fmt: skip
    """Run the draft: write what it gives beside its samples, and try it on the payloads themselves."""
    adapter = load_adapter(data, name)
    for sample in load_samples(data, adapter):
        sample.write_golden()
        written.append(sample.golden_path)
    units = mapped = resources = 0
    for each in _outcomes(adapter, raws):
        units += 1
        if each is not None:
            mapped += 1
            resources += each
    return Drafted(folder, name, tuple(written), units, mapped, resources, reads_it, plan, found)


def _outcomes(adapter: Adapter, raws: list[bytes]) -> list[int | None]:
    """For each unit how many resources it gives; None for one that would go to quarantine."""
    found: list[int | None] = []
    for raw in raws:
        for outcome in islice(outcomes(adapter, raw), MAX_RECORDS):
            told = outcome.claim
            good = outcome.mapped is not None and told is not None and not told.problem and not told.declined
            found.append(len(outcome.bodies) if good else None)
    return found
