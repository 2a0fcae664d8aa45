"""How long records of ended sessions are kept, and what goes with them, so that years of them never slow a hook or a scan."""

from __future__ import annotations

import os
import time

from process_janitor.core.model import differently_timed
from process_janitor.core.plausible import natural
from process_janitor.core.record import MalformedRecord
from process_janitor.system import files, identity, seen, worlds

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

    The journal keeps their story. With them goes what writers that were killed have left, and what was seen of sessions
    without a record, and what worlds that are gone had for themselves. A record that nobody closed is only removed when it is of another boot and neither it nor its
    heartbeat was touched within the retention.
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
    closed.sort(key=lambda pair: pair[0])
    for number, (age, entry) in enumerate(closed):
        limit = _CLOSED_MAX if entry.record["boot_id"] != boot else 4 * _CLOSED_MAX
        over = number >= limit
        if over or age > days * _DAY_SECONDS:
            removed += _drop(registry, entry)
    _sweep_up(registry, days)
    worlds.prune(registry.root, days)
    return removed


def _sweep_up(registry: Registry, days: int) -> None:
    """Half-written files, plans nobody can execute any more, and what was seen of sessions that have no record: of one
    that is known only by the client's own file that may be all there ever was, and tells where its leftovers came from.
    """
    root = registry.root
    recorded = {os.path.basename(path) for path in registry.paths()}
    plans, trees = os.path.join(root, "plans"), os.path.join(root, "trees")
    below = [os.path.join(registry.sessions, name) for name in _names(registry.sessions)]
    for directory in (root, trees, plans, *below):
        for name in _names(directory):
            path = os.path.join(directory, name)
            if name.endswith(".tmp") or (directory == plans and name.endswith(".json")):
                old = _age(path) > _DAY_SECONDS
            else:
                old = (
                    directory == trees
                    and f"{name}.json" not in recorded
                    and _age(path) > days * _DAY_SECONDS
                    and not _runs(name)
                )
            if old:
                _remove(path)


def _runs(name: str) -> bool:
    """Whether the process of `<pid>-<start>` lives: its record may be lost, what was seen of it is then all there is."""
    pid, start = (natural(part) for part in (*name.split("-", 1), "")[:2])
    return pid is not None and start is not None and identity.runs(pid, start)


def _names(directory: str) -> list[str]:
    """What is in a directory of ours; nothing in a link that stands in its place."""
    try:
        return os.listdir(directory) if not os.path.islink(directory) else []
    except OSError:
        return []


def _remove(path: str) -> None:
    try:
        files.remove(path)
    except OSError:
        return  # a directory of that name: not ours


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
