"""How long records of ended sessions are kept, so that years of them never slow a hook or a scan."""

from __future__ import annotations

import os
import time

from process_janitor.core.model import differently_timed
from process_janitor.core.record import MalformedRecord
from process_janitor.system import files, identity, procfs, seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.system.registry import Entry, Registry

_DAY_SECONDS = 86_400
_EVERY_SECONDS = 3600
# Also within the retention: what a crashed script that starts sessions by the thousand leaves must not pile up.
_CLOSED_MAX = 500
_STAMP = "pruned"


def prune(registry: Registry, days: int) -> int:
    """Remove old records of sessions that are over, with what was seen of them; returns how many. At most hourly.

    The journal keeps their story. A record that nobody closed is only removed when it is of another boot and neither
    it nor its heartbeat was touched within the retention.
    """
    stamp = os.path.join(registry.root, _STAMP)
    if _age(stamp) < _EVERY_SECONDS:
        return 0
    files.touch(stamp)
    closed: list[tuple[float, Entry]] = []
    removed = 0
    boot = identity.boot_id()
    for path in list(registry.paths()):
        try:
            entry = registry.read(path)
        except (OSError, MalformedRecord):
            continue
        age = min(_age(path), _age(os.path.join(entry.directory, "heartbeat")))
        if entry.record.get("closed"):
            closed.append((age, entry))
        elif age > days * _DAY_SECONDS and not _of_boot(entry, boot):
            removed += _drop(registry, entry)
    _forget_unregistered(registry, days)
    closed.sort(key=lambda pair: pair[0])
    for number, (age, entry) in enumerate(closed):
        limit = _CLOSED_MAX if entry.record["boot_id"] != boot else 4 * _CLOSED_MAX
        over = number >= limit
        if over or age > days * _DAY_SECONDS:
            removed += _drop(registry, entry)
    return removed


def _forget_unregistered(registry: Registry, days: int) -> None:
    """Remove what was seen of sessions that never had a record, once they are over."""
    recorded = {os.path.basename(path)[: -len(".json")] for path in registry.paths()}
    for pid, start in seen.listed(registry.root):
        if (
            f"{pid}-{start}" not in recorded
            and _age(seen.path(registry.root, pid, start)) > days * _DAY_SECONDS
        ):
            row = procfs.process(pid)
            if row is None or row.start != start:
                seen.forget(registry.root, pid, start)


def _of_boot(entry: Entry, boot: str) -> bool:
    written = entry.record["boot_id"]
    return written == boot or differently_timed(written, boot)


def _drop(registry: Registry, entry: Entry) -> int:
    registry.drop(entry)
    seen.forget(registry.root, *entry.owner.key)
    return 1


def _age(path: str) -> float:
    """Seconds since a file was last written; endless for one that is not there, 0 for one of the future."""
    try:
        return max(0.0, time.time() - os.stat(path, follow_symlinks=False).st_mtime)
    except OSError:
        return float("inf")


__all__ = ["prune"]
