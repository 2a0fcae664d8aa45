"""A watcher's life: who may watch, from when, and when it goes. There is one of them in each world of a state directory."""

from __future__ import annotations

import os
import time

from process_janitor.core.plausible import natural
from process_janitor.system import identity, lease, paths, procfs, worlds
from process_janitor.system.registry import Registry
from process_janitor.watcher import cleaning, succession, wanted
from process_janitor.watcher.faults import log
from process_janitor.watcher.loop import Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the watcher of this user's state directory; returns at once when there is one already.

    Arguments: the name of the plugin's data directory, and the descriptor of the lease if it was taken for us.
    `--auto` instead cleans up once, as `process-janitor auto` would, and ends.
    """
    plugin_data = arguments[0] if arguments else ""
    inherited = natural(arguments[1]) if len(arguments) > 1 else None
    root = paths.root()
    if procfs.foreign():
        log(root, f"no watcher: {procfs.unusable()}")
        return 1
    try:
        Registry(root).prepare()
        if plugin_data == "--auto":
            cleaning.clean_all(root)
            return 0
        place = worlds.directory(root)
        held = succession.take(root, place) if inherited is None else inherited
        while held is not None and _watch(root, plugin_data, held):
            held = _go_on(root, place, plugin_data)
    except Exception as error:  # noqa: BLE001  # nobody reads a detached process's traceback; the log is read
        log(root, f"watcher stopped: {type(error).__name__}: {error}")
        return 1
    return 0


def _watch(root: str, plugin_data: str, held: int) -> bool:
    """Watch with the lease held, and let it go. False when there was no need: a watcher of a version before stays."""
    leases = [held]
    try:
        os.set_inheritable(held, False)
        leases = succession.all_leases(root, held)
        watcher = Watcher(root, plugin_data, leases)
        try:
            watcher.run()
        finally:
            watcher.close()
    except succession.Stays as stays:
        log(root, str(stays))
        return False
    finally:
        for lease_fd in leases:
            os.close(lease_fd)
    return True


def _go_on(root: str, place: str, plugin_data: str) -> int | None:
    """The lease again, for one that has let it go and is needed still; None when another has it, or nobody needs us."""
    if not wanted.still_wanted(plugin_data):
        return None
    if wanted.asked_to_retire(place):
        # Whoever asked has taken the lease in a moment. One that could not be started, was killed or has given up never
        # does, and until the next hook nobody would watch.
        until = time.monotonic() + succession.STEP_DOWN_WAIT_SECONDS
        while wanted.asked_to_retire(place) and time.monotonic() < until:
            time.sleep(succession.POLL_SECONDS)
        return lease.acquire(place)
    # A hook that registered while we were deciding to stop found the lease held and went away content.
    boot, namespace = identity.boot_id(), identity.pid_namespace()
    needed = any(
        not entry.record.get("closed")
        and (entry.owner.boot_id, entry.owner.pid_namespace) == (boot, namespace)
        for entry in Registry(root).entries()
    )
    return lease.acquire(place) if needed else None


__all__ = ["main"]
