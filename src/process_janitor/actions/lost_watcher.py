"""Ending a watcher that hangs: as long as it holds the lease nobody else can watch.

Nothing is lost with it, for all it knows is on disk. Its age alone says nothing: it was asked to step down before, and
one that only has to wait for its turn on the processor does so.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Identity
from process_janitor.system import identity, lease, procfs

_SCRIPT = ("process_janitor", "watcher", "__main__.py")


def end(place: str) -> int:
    """End the holder of the lease at this place if it is lost; its pid, 0 when nothing was ended. Raises OSError.

    Through a pidfd, and only what is proven to be it: announced with pid and start tick, running our script, with the
    lease's file open, and its term still over by then.
    """
    boot = identity.boot_id()
    found = lease.lost(place, boot)
    if found is None:
        return 0
    fd = identity.open_pidfd(Identity(*found, boot, identity.pid_namespace()))
    if fd is None:
        return 0
    try:
        pid = found[0]
        if not (
            _runs_watcher(pid) and lease.held_by(place, pid) and lease.lost(place, boot) == found
        ):
            return 0
        import signal  # 4 ms, which the watchers that end nobody need not spend

        # One that was stopped takes no SIGTERM.
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        return pid
    finally:
        os.close(fd)


def _runs_watcher(pid: int) -> bool:
    return any(tuple(word.split("/")[-3:]) == _SCRIPT for word in procfs.argv(pid) or ())


__all__ = ["end"]
