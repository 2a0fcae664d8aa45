"""A watcher's life: who may watch, from when, and when it goes. There is one of them per user and state directory."""

from __future__ import annotations

import os
import time

from process_janitor.core.plausible import natural
from process_janitor.system import identity, lease, paths, procfs
from process_janitor.system.registry import Registry
from process_janitor.watcher import cleaning, wanted
from process_janitor.watcher.faults import log
from process_janitor.watcher.loop import Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP_DOWN_WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.05


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
        held = _acquire(root) if inherited is None else inherited
        while held is not None:
            _watch(root, plugin_data, held)
            held = _go_on(root, plugin_data)
    except Exception as error:  # noqa: BLE001  # nobody reads a detached process's traceback; the log is read
        log(root, f"watcher stopped: {type(error).__name__}: {error}")
        return 1
    return 0


def _watch(root: str, plugin_data: str, held: int) -> None:
    """Watch with the lease held, and let it go."""
    os.set_inheritable(held, False)
    try:
        wanted.clear_retirement(root)
        watcher = Watcher(root, plugin_data, held)
        try:
            watcher.run()
        finally:
            watcher.close()
    finally:
        os.close(held)


def _go_on(root: str, plugin_data: str) -> int | None:
    """The lease again, for one that has let it go and is needed still; None when another has it, or nobody needs us."""
    if not wanted.still_wanted(plugin_data):
        return None
    if wanted.asked_to_retire(root):
        # Whoever asked has taken the lease in a moment. One that could not be started, was killed or has given up never
        # does, and until the next hook nobody would watch.
        until = time.monotonic() + _STEP_DOWN_WAIT_SECONDS
        while wanted.asked_to_retire(root) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return lease.acquire(root)
    # A hook that registered while we were deciding to stop found the lease held and went away content.
    boot, namespace = identity.boot_id(), identity.pid_namespace()
    needed = any(
        not entry.record.get("closed")
        and (entry.owner.boot_id, entry.owner.pid_namespace) == (boot, namespace)
        for entry in Registry(root).entries()
    )
    return lease.acquire(root) if needed else None


def _acquire(root: str) -> int | None:
    """The lease; worth a wait only when its holder has been asked to step down. One that does not, and has let its term
    pass, hangs: it is ended.
    """
    until = time.monotonic() + (_STEP_DOWN_WAIT_SECONDS if wanted.asked_to_retire(root) else 0.0)
    while True:
        held = lease.acquire(root)
        if held is not None:
            return held
        if time.monotonic() >= until:
            if not wanted.asked_to_retire(root):
                return None
            if not _end_lost(root):
                # Taken back before the last try: a holder that steps down asks for it after it has let the lease go. So
                # either it finds nothing and goes on, or it has let go by now and we find the lease free.
                wanted.clear_retirement(root)
                return lease.acquire(root)
            until = time.monotonic() + _STEP_DOWN_WAIT_SECONDS
        time.sleep(_POLL_SECONDS)


def _end_lost(root: str) -> bool:
    from process_janitor.actions import (
        lost_watcher,
    )  # the successor of one that hangs needs it, and nobody else

    pid = lost_watcher.end(root)
    if pid:
        log(root, f"ended the watcher before, process {pid}: it had stopped its heartbeat")
    return pid != 0


__all__ = ["main"]
