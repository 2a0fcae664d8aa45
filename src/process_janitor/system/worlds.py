"""What each world that uses a state directory has of its own: `worlds/<boot id>-<pid namespace>/`.

The directory may be shared: `~/.claude` is mounted into a container, or a home is on several hosts. Who lives, and who may be
signalled, can only be told from the world a process is in: this boot and this pid namespace. So each world has its own
watcher, cleans without waiting for another's, and notes its own leftovers; records, journal and rules are for all.
"""

from __future__ import annotations

import os
import time

from process_janitor.system import files, flock, identity

_NAME = "worlds"
_DAY_SECONDS = 86_400
# A kernel shows each of its containers who holds a lock: one that is free, with nothing announced for so long, is over.
_GONE_SECONDS = 3600


def directory(root: str) -> str:
    """The directory of this world; nothing is made."""
    return os.path.join(root, _NAME, f"{identity.boot_id()}-{identity.pid_namespace()}")


def make(place: str) -> None:
    """Make a world's directory. Raises OSError, also where a link stands in its place."""
    files.make_directory(os.path.dirname(place))
    files.make_directory(place)


def lock(place: str, name: str, seconds: float = 0.0) -> int | None:
    """A descriptor that holds this lock of a world for as long as it is open, None when it was not to be had in time."""
    while True:
        try:
            return flock.hold(os.path.join(place, name), seconds)
        except FileNotFoundError:
            make(place)  # the first time, or another world took this one for gone


def prune(root: str, days: int) -> None:
    """Remove what worlds that are gone have left: no lock of theirs is held, and nothing was written there for an hour.
    Other hosts, which may not see each other's locks, have `days`.
    """
    worlds, own = os.path.join(root, _NAME), directory(root)
    kernel = identity.boot_id().partition("+")[0]
    try:
        names = os.listdir(worlds) if not os.path.islink(worlds) else []
    except OSError:
        return
    for name in names:
        place = os.path.join(worlds, name)
        here = bool(kernel) and name.startswith(kernel)
        limit = _GONE_SECONDS if here else days * _DAY_SECONDS
        try:
            if place != own and time.time() - os.lstat(place).st_mtime > limit:
                _remove(place)
        except OSError:
            continue  # in use again, or nothing of ours


def _remove(place: str) -> None:
    """Take it away with all its locks held, so that nobody of that world can be at work in it. Raises OSError."""
    if os.path.islink(place):
        return
    held: list[int] = []
    try:
        names = sorted(os.listdir(place), key=lambda name: name.endswith(".lock"))
        for name in names:
            if name.endswith(".lock"):
                flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                held.append(os.open(os.path.join(place, name), flags))
                if not flock.try_lock(held[-1]):
                    return
        for name in names:
            files.remove(os.path.join(place, name))
        os.rmdir(place)
    finally:
        for fd in held:
            os.close(fd)


__all__ = ["directory", "lock", "make", "prune"]
