"""Records that outlived what they are about: the client's own, which are never touched, and our own unusable ones."""

from __future__ import annotations

import os
import time

from process_janitor.core.old_records import Records
from process_janitor.core.owners import presence
from process_janitor.system import client_files
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.ties import Ties


def of_the_client(ties: Ties, config_dir: str) -> Records:
    """Claude Code's `sessions/<pid>.json` whose process is proven gone on this host, in this container."""
    snapshot = ties.snapshot
    directory = os.path.join(config_dir, "sessions")
    known = client_files.sessions(config_dir, snapshot.boot_id, snapshot.pid_namespace)
    gone = (f"{one.owner.pid}.json" for one in known if presence(one, snapshot) == "gone")
    return _records(directory, gone, ours=False)


def of_ours(ties: Ties, root: str) -> list[Records]:
    """Our own records that could not be believed: moved aside already, or still where they were found."""
    registry = Registry(root)
    known = {one.owner.key for one in ties.owners.sessions if one.source == "registry"}
    sound = {f"{pid}-{start}.json" for pid, start in known}
    # Only what the look has not believed is read again; it may have been written since.
    strange = [path for path in registry.paths() if os.path.basename(path) not in sound]
    unusable = [path for path in strange if not _readable(registry, path)]
    still = [os.path.relpath(path, registry.sessions) for path in unusable]
    aside = _listed(registry.quarantine)
    found = (
        _records(registry.quarantine, aside, ours=True),
        _records(registry.sessions, still, ours=True),
    )
    return [one for one in found if one.names]


def _readable(registry: Registry, path: str) -> bool:
    try:
        registry.read(path)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _records(directory: str, names: Iterable[str], *, ours: bool) -> Records:
    listed = tuple(sorted(names))
    ages = [_age(os.path.join(directory, name)) for name in listed]
    return Records(directory, listed, max(ages, default=0.0), ours)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _age(path: str) -> float:
    try:
        return max(0.0, time.time() - os.lstat(path).st_mtime)
    except OSError:
        return 0.0


__all__ = ["of_ours", "of_the_client"]
