"""What is in memory: keys that are open, and records. Nothing of it is to be written down by the system.

Python cannot overwrite what it has freed, nor keep single values out of what the system swaps. It can see to
it that no core is dumped, and say where there is somewhere to swap to.
"""

from __future__ import annotations

import resource
from pathlib import Path

_SWAPS = Path("/proc/swaps")
_IN_MEMORY = "/dev/zram"


def dump_nothing() -> None:
    """No core file of this process, nor of those that it starts: one would hold keys and records."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def swapped_to(swaps: Path = _SWAPS) -> list[str]:
    """The devices and files that the machine swaps to; not those that are in memory themselves.

    Empty where the system does not tell.
    """
    try:
        lines = swaps.read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return []
    return [name for line in lines if not (name := line.split()[0]).startswith(_IN_MEMORY)]
