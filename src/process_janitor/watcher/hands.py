"""The watcher's hands: a child that cleans and is gone, one at a time.

What deciding takes in memory goes with the child, and so does any fault in it; the watcher itself stays small and awake.
The code is loaded beforehand: importing it took 4 ms of every death's cleanup.
"""

from __future__ import annotations

import os

from process_janitor.actions import journal
from process_janitor.sweep import LOCK_NAME
from process_janitor.system import files, registry
from process_janitor.system import log as logs
from process_janitor.watcher import cleaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Hands:
    """At most one child. `fd` is a pidfd that becomes readable when it has finished, None when there is no child."""

    def __init__(self, root: str, lease_fd: int) -> None:
        self._root = root
        self._lease_fd = lease_fd
        self._pid = 0
        self._keys: tuple[tuple[int, int], ...] = ()
        self.fd: int | None = None
        # The pid of the last child, 0 if it failed.
        self.finished = 0

    @property
    def busy(self) -> bool:
        return self._pid != 0

    def busy_with(self, key: tuple[int, int]) -> bool:
        return key in self._keys

    def begin(self, gone: Sequence[tuple[int, int]], hung: Sequence[tuple[int, int]]) -> bool:
        """Start a child for these sessions; False when one is at work already, or none is to be had now."""
        if self.busy:
            return False
        try:
            pid = os.fork()
        except OSError as error:
            log(self._root, f"no child to clean with: {error}")
            return False
        if pid == 0:
            self._work(gone, hung)
        self._pid = pid
        self._keys = tuple(gone)
        try:
            self.fd = os.pidfd_open(pid)
        except OSError:
            self.fd = None  # no descriptor left: its end is then noticed at the next tick
        return True

    def _work(self, gone: Sequence[tuple[int, int]], hung: Sequence[tuple[int, int]]) -> None:
        status = 1
        try:
            # Our copy of the lease would keep it taken if the watcher is killed while we wait for a stubborn process.
            os.close(self._lease_fd)
            cleaning.clean(self._root, gone, hung)
            status = 0
        except Exception as error:  # noqa: BLE001  # nobody reads a detached process's traceback; the log is read
            log(self._root, f"nothing more was cleaned: {type(error).__name__}: {error}")
        finally:
            os._exit(status)

    def collect(self) -> tuple[tuple[tuple[int, int], ...], bool]:
        """The sessions the finished child was sent for, () while it is still at work; and whether it did its work."""
        if not self.busy:
            return (), False
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if ended == 0:
            return (), False
        self.finished = 0 if status else ended
        if self.fd is not None:
            os.close(self.fd)
        done, self._keys, self._pid, self.fd = self._keys, (), 0, None
        return done, status == 0


def prepare(root: str) -> None:
    """Make the files now that the cleaning locks: when the disk is full, or has no inode left, it is too late. Raises OSError."""
    for name in (LOCK_NAME, registry.LOCK_NAME, journal.LOCK_NAME):
        files.touch(os.path.join(root, name))


def log(root: str, text: str) -> None:
    """One line in logs/watcher.log. A log that cannot be written is no reason to stop watching."""
    if os.path.isdir(root):  # one that was removed under us is not ours to bring back
        logs.write(root, "watcher", text)


__all__ = ["Hands", "log", "prepare"]
