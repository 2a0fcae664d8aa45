"""The watcher's hands: a child that cleans and is gone, one at a time.

What deciding takes in memory goes with the child, and so does any fault in it; the watcher itself stays small and awake.
The code is loaded beforehand: importing it took 4 ms of every death's cleanup.
"""

from __future__ import annotations

import os

from process_janitor.actions import journal
from process_janitor.sweep import LOCK_NAME
from process_janitor.system import files, registry, worlds
from process_janitor.watcher import cleaning
from process_janitor.watcher.faults import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Hands:
    """At most one child. `fd` is a pidfd that becomes readable when it has finished, None when there is no child."""

    def __init__(self, root: str, leases: Iterable[int]) -> None:
        self._root = root
        self._leases = tuple(leases)
        self._pid = 0
        self.fd: int | None = None
        # The pid of the last child, 0 if it failed.
        self.finished = 0

    @property
    def busy(self) -> bool:
        return self._pid != 0

    def begin(
        self,
        gone: Mapping[tuple[int, int], str],
        hung: Mapping[tuple[int, int], str],
        *,
        tell: Callable[[Exception], bool] | None = None,
    ) -> bool:
        """Start a child for these sessions, given with their ids; False when one is at work already, or none is to be had
        now. `tell`: whether the user is to hear of what goes wrong.
        """
        if self.busy:
            return False
        try:
            pid = os.fork()
        except OSError as error:
            log(self._root, f"no child to clean with: {error}")
            return False
        if pid == 0:
            self._work(gone, hung, tell=tell)
        self._pid = pid
        try:
            self.fd = os.pidfd_open(pid)
        except OSError:
            self.fd = None  # no descriptor left: its end is then noticed at the next tick
        return True

    def _work(
        self,
        gone: Mapping[tuple[int, int], str],
        hung: Mapping[tuple[int, int], str],
        *,
        tell: Callable[[Exception], bool] | None,
    ) -> None:
        status = 1
        try:
            # Our copy of the lease would keep it taken if the watcher is killed while we wait for a stubborn process.
            for fd in self._leases:
                os.close(fd)
            cleaning.clean(self._root, gone, hung)
            status = 0
        except Exception as error:  # noqa: BLE001  # nobody reads a detached process's traceback; the log is read
            log(self._root, f"nothing more was cleaned: {type(error).__name__}: {error}")
            if tell is not None and tell(error):
                cleaning.tell_failure(self._root, error)
        finally:
            os._exit(status)

    def collect(self) -> bool | None:
        """Whether the child that has finished did its work; None while it is at it, and when there is none."""
        if not self.busy:
            return None
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if ended == 0:
            return None
        self.finished = 0 if status else ended
        self.close()
        self._pid = 0
        return status == 0

    def close(self) -> None:
        """Wait for no child any more."""
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None


def prepare(root: str) -> None:
    """Make the files now that the cleaning locks: when the disk is full, or has no inode left, it is too late. Raises OSError."""
    files.touch(os.path.join(worlds.directory(root), LOCK_NAME))
    for name in (registry.LOCK_NAME, journal.LOCK_NAME):
        files.touch(os.path.join(root, name))


__all__ = ["Hands", "prepare"]
