"""A change of policy or configuration is a row of the audit trail: what governed a look can be told later.

Files are changed by whoever runs the deployment, and count from the next start of a process, or its reload.
The row says of which kind they are, and their hashes before and now; processes that begin with different
ones each say so.
"""

from __future__ import annotations

import hashlib

import structlog
from sqlalchemy import Connection

from scr.api.services import Services, now_ms
from scr.store import in_force
from scr.store.trail import AuditRow, append

_log = structlog.get_logger("scr")


def governing(services: Services) -> dict[str, str]:
    """The hash of what governs a deployment, by kind: policy, codes, who sends and how, settings."""
    files, settings = services.files, services.settings
    told = {"adapters": hashlib.sha256(), "providers": hashlib.sha256()}
    for name in services.adapters:
        raw = files.find("adapters", f"{name}/adapter.yaml").read_bytes()
        told["adapters"].update(f"{name} {len(raw)}\n".encode() + raw)
    for name, path in files.walk("adapters", "providers/*"):
        raw = path.read_bytes()
        told["providers"].update(f"{name} {len(raw)}\n".encode() + raw)
    found = {kind: digest.hexdigest()[:16] for kind, digest in told.items()}
    written = settings.home / "scr.toml"
    said = written.read_bytes() if written.is_file() else b""
    # Keyed: a setting may hold a secret, which a plain hash of it would let somebody guess at.
    found["settings"] = services.keys.fingerprint("settings", said).hex()[:16]
    return {"policy": services.policy.hash, "terminology": services.coder.fingerprint, **found}


async def note(services: Services) -> None:
    """Write a row for each kind that is not what it was when a process last began with another."""
    now, told = now_ms(), governing(services)

    def keep(connection: Connection) -> list[str]:
        changed = []
        for kind, digest in told.items():
            before = in_force.change(connection, kind, digest, now)
            if before is not None:
                append(connection, _row(kind, before, digest, services.policy.hash, now))
                changed.append(kind)
        return changed

    changed = await services.database.write(keep)
    if changed:
        _log.info("in force", changed=changed, policy=services.policy.hash)


def _row(kind: str, before: str, digest: str, policy: str, now: int) -> AuditRow:
    return AuditRow(
        at=now,
        actor="operator|files",
        actor_name="operator of the deployment",
        action="update" if before else "create",
        what=kind,
        outcome="success",
        policy=policy,
        details={"before": before, "now": digest},
    )
