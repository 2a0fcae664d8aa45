"""Locks of files between processes: the kernel lets go of one with the descriptor, also when its holder is killed."""

from __future__ import annotations

import os
import time

from process_janitor.system.files import open_own

# Some file systems give one file two numbers: there nothing tells whether it was removed.
_TRIES_MAX = 10


class NoLocks(OSError):
    """The file system of `filename` gives no locks: Lustre as it is mounted by default, NFS without its lock service."""

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be locked ({self.strerror}), so nothing is registered or cleaned up; set "
            "PROCESS_JANITOR_HOME to a directory on a disk of this machine"
        )


class Lock:
    """`with Lock(path, seconds) as held`: an exclusive flock; `held` is False when it was not to be had in time.

    The kernel releases it with the descriptor, also when the holder is killed. Raises OSError, NoLocks where there are none
    to be had.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._fd: int | None = None

    def __enter__(self) -> bool:
        self._fd = hold(self._path, self._seconds)
        return self._fd is not None

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)


def hold(path: str, seconds: float = 0.0) -> int | None:
    """A descriptor that holds an exclusive flock on the file of that name, which is made; None when it was not to be had
    in time. Raises OSError, NoLocks.

    Only who holds a lock may remove its file. Whoever had opened it before would then lock what nobody else can find, so
    what was locked must still be the file of that name.
    """
    fd = -1
    for _ in range(_TRIES_MAX):
        if fd >= 0:
            os.close(fd)
        fd = open_own(path, os.O_RDWR)
        try:
            held = try_lock(fd, seconds)
        except OSError as error:
            os.close(fd)
            raise NoLocks(error.errno, error.strerror, path) from None
        if not held:
            os.close(fd)
            return None
        if _is_named(fd, path):
            break
    return fd


def _is_named(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def try_lock(fd: int, seconds: float = 0.0) -> bool:
    """Take an exclusive flock within `seconds`."""
    import fcntl  # not on Windows, where nothing is ever signalled and nothing needs the lock

    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.002)
        else:
            return True


__all__ = ["Lock", "NoLocks", "hold", "try_lock"]
