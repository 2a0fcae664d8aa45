"""How a watcher comes by its lease: free, from one that is asked to step down, or from one that hangs.

Versions before had one lease for all worlds of a state directory, in the directory itself. A watcher of such a version is
asked to step down only if it lives in our world. Its lease is then kept beside our own: sessions that began before the
update go on with the hooks of that version, which would start a second watcher here if they found it free.
"""

from __future__ import annotations

import os
import time

from process_janitor.system import files, identity, lease, worlds
from process_janitor.watcher import wanted
from process_janitor.watcher.faults import attempt, log

STEP_DOWN_WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05
# Of versions before, in the state directory itself; today each world has its own.
_FORMER_NAMES = (lease.RETIRE_NAME, lease.HOLDER_NAME, "leftovers.json")


def take(root: str, place: str) -> int | None:
    """The lease at this place; worth a wait only when its holder has been asked to step down. One that does not, and has
    let its term pass, hangs: it is ended.
    """
    until = time.monotonic() + (STEP_DOWN_WAIT_SECONDS if wanted.asked_to_retire(place) else 0.0)
    while True:
        held = lease.acquire(place)
        if held is not None:
            return held
        if time.monotonic() >= until:
            if not wanted.asked_to_retire(place):
                return None
            if not _end_lost(root, place):
                # Taken back before the last try: a holder that steps down asks for it after it has let the lease go. So
                # either it finds nothing and goes on, or it has let go by now and we find the lease free.
                wanted.clear_retirement(place)
                return lease.acquire(place)
            until = time.monotonic() + STEP_DOWN_WAIT_SECONDS
        time.sleep(POLL_SECONDS)


class Stays(Exception):
    """A watcher of a version before watches this world and does not step down: there is no need for us."""


def all_leases(root: str, own: int) -> list[int]:
    """Every lease that we watch with: our world's, which is held already, and that of versions before where it is to be
    had. In the order in which they are let go: whoever then gets our world's finds the other one free.

    Raises Stays.
    """
    wanted.clear_retirement(worlds.directory(root))
    try:
        former = lease.acquire(root)
        if former is None and _lives_here(root):
            files.touch(os.path.join(root, lease.RETIRE_NAME))
            former = take(root, root)
            if former is None:
                raise Stays("the watcher of an earlier version does not step down, and goes on")
    except OSError:
        former = None  # what stands in its place is no lease of ours
    if former is None:
        return [own]
    for name in _FORMER_NAMES:
        attempt(root, files.remove, os.path.join(root, name))
    return [former, own]


def _lives_here(place: str) -> bool:
    """Whether the holder of the lease at this place is a process of our world."""
    found = lease.holder(place, identity.boot_id())
    return found is not None and lease.held_by(place, found[0])


def _end_lost(root: str, place: str) -> bool:
    from process_janitor.actions import (
        lost_watcher,
    )  # the successor of one that hangs needs it, and nobody else

    pid = lost_watcher.end(place)
    if pid:
        log(root, f"ended the watcher before, process {pid}: it had stopped its heartbeat")
    return pid != 0


__all__ = ["POLL_SECONDS", "STEP_DOWN_WAIT_SECONDS", "Stays", "all_leases", "take"]
