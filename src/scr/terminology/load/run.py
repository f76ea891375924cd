"""Loading: what was given becomes a new release beside the old one, whole or not at all.

The new file holds what was given, and of the release in force everything that what was given does not
replace. It is put in force by one switch of a name. Until then nobody sees it, and whatever goes wrong
leaves no file behind and the old release as it was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scr.errors import Invalid, NotFound
from scr.terminology.load.formats import recognise
from scr.terminology.load.keep import keep
from scr.terminology.load.package import Member, open_package
from scr.terminology.load.source import Progress, Silent, Source, Writing
from scr.terminology.release.answers import Edition
from scr.terminology.release.build import Builder
from scr.terminology.release.current import PREFIX, SUFFIX, current_path, switch
from scr.terminology.release.reader import Release

_CHUNK = 1 << 20
_PARTIAL = ".part"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did: the editions that it brought, and those of the old release that stayed.

    ``unread`` is why the release in force could not be read, so that nothing of it stayed; else nothing.
    """

    path: Path
    brought: tuple[Edition, ...]
    kept: tuple[str, ...]
    unread: str = ""


def load(
    folder: Path,
    paths: Sequence[Path],
    now_ms: int,
    *,
    format_name: str | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Load folders, archives and files into a deployment's ``folder`` of releases; put the result in force.

    ``format_name`` says what everything given is, where its content does not. Raises Invalid, naming file
    and line, for whatever cannot be used; the release in force is then still in force.
    """
    told = progress or Silent()
    sources = recognise([open_package(path) for path in paths], format_name)
    _no_two_alike(sources)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PREFIX}*{SUFFIX}{_PARTIAL}"):
        _throw_away_if_old(left, now_ms)
    path = folder / f"{PREFIX}{_stamp(now_ms)}-{secrets.token_hex(3)}{SUFFIX}"
    brought = [_edition(source, now_ms, told) for source in sources]
    in_force, unread = _in_force(folder)
    with Builder(path.with_name(path.name + _PARTIAL)) as builder:
        kept = keep(builder, in_force, sources, told) if in_force is not None else ()
        for source, edition in zip(sources, brought, strict=True):
            source.write(Writing(builder, builder.edition(edition), told))
        builder.finish(told.step)
    path.with_name(path.name + _PARTIAL).rename(path)
    switch(folder, path)
    return Loaded(path, tuple(brought), kept, unread)


def _in_force(folder: Path) -> tuple[Release | None, str]:
    """The release in force. One of an older format, or one that is gone, must not stand against a new one."""
    try:
        path = current_path(folder)
        return (None, "") if path is None else (Release(path), "")
    except (Invalid, NotFound) as error:
        return None, str(error)


def _no_two_alike(sources: Iterable[Source]) -> None:
    names: Counter[str] = Counter()
    for source in sources:
        names[f"edition {source.name}"] += 1
        names.update(f"code system {uri}" for uri in source.systems)
        names.update(f"map {name}" for name in source.maps)
        names.update(f"{kind} {url}" for kind, url in source.resources if kind != "CodeSystem")
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise Invalid(
            f"{twice[0]} is in two of the things that were given: load them one after the other"
            " (the later one takes the place of the earlier)",
            code="bad-terminology",
        )


def _edition(source: Source, now_ms: int, progress: Progress) -> Edition:
    digest = digest_of(source.members, progress)
    return Edition(source.name, source.format, source.version, now_ms, digest, len(source.members))


def digest_of(members: Sequence[Member], progress: Progress) -> str:
    """SHA-256 over the names and contents of files, in the order of their names."""
    whole = hashlib.sha256()
    progress.step("digest", sum(member.size for member in members))
    done = 0
    for member in sorted(members, key=lambda one: one.base):
        whole.update(f"{member.base}\0{member.size}\0".encode())
        with member.open() as file:
            while chunk := file.read(_CHUNK):
                whole.update(chunk)
                done += len(chunk)
                progress.at(done)
    return whole.hexdigest()


def _stamp(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _throw_away_if_old(left: Path, now_ms: int) -> None:
    """A load that was killed leaves its file; one that is still at work writes to its own."""
    if now_ms - left.stat().st_mtime * 1000 > _ABANDONED_MS:
        left.unlink(missing_ok=True)


_ABANDONED_MS = 6 * 3600 * 1000
