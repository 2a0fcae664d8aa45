"""Holding on to processes: to see each one end, and to signal exactly the one that was meant.

A pidfd does both and cannot come to mean another process. Where there are none, kqueue (macOS) tells of the end: its note
hangs on the process, not on the number. Signals go to a number there, right after everything was compared once more.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` adds 5 ms of enum between a death and its cleanup
import errno
import os
import select

from process_janitor.core.plausible import usable_pid
from process_janitor.system import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from process_janitor.core.model import Identity

    Key = tuple[int, int]


class Pidfds:
    """Processes held by pidfds."""

    def __init__(self) -> None:
        self._poll: select.poll | None = None
        self._fds: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}

    def add(self, process: Identity) -> bool:
        """Hold on to exactly this process; False when it is gone. Raises OSError when it cannot be held."""
        fd = identity.open_pidfd(process)
        if fd is None:
            return False
        if self._poll is None:
            self._poll = select.poll()  # not before: some systems have none
        self._poll.register(fd, select.POLLIN)
        self._fds[process.key] = fd
        self._keys[fd] = process.key
        return True

    def drop(self, key: Key) -> None:
        """Let go of it."""
        fd = self._fds.pop(key)
        del self._keys[fd]
        if self._poll is not None:
            self._poll.unregister(fd)
        os.close(fd)

    def ended(self, seconds: float) -> list[Key]:
        """Which of them have ended; waits at most so long for the first. Each is told until it is dropped."""
        if self._poll is None or not self._fds:
            return []
        return [self._keys[fd] for fd, _ in self._poll.poll(max(0, int(seconds * 1000)))]

    def send(self, key: Key, number: int) -> None:
        """Signal exactly this process. Raises OSError when it has ended, or the system refuses."""
        _signal.pidfd_send_signal(self._fds[key], number)


class Numbers:
    """Processes held by their numbers, and by a note in a kqueue that tells of their end."""

    def __init__(self) -> None:
        # Not in the type stubs of the systems that have pidfds.
        self._select: Any = select
        self._queue = self._select.kqueue()
        self._keys: dict[int, Key] = {}
        self._over: set[Key] = set()

    def add(self, process: Identity) -> bool:
        """As `Pidfds.add`. Noted first and compared after: the note is the process's that was there by then, so a number
        that is reused between the two is noticed, and a later reuse does not go unseen.
        """
        if not usable_pid(process.pid):
            return False
        if process.pid in self._keys:
            raise OSError(errno.EEXIST, f"process {process.pid} is held already")
        try:
            self._note(process.pid, self._select.KQ_EV_ADD)
        except ProcessLookupError:
            return False
        self._keys[process.pid] = process.key
        if not identity.runs(*process.key):
            self.drop(process.key)
            return False
        return True

    def _note(self, pid: int, flags: int) -> None:
        one = self._select.kevent(
            pid, self._select.KQ_FILTER_PROC, flags, self._select.KQ_NOTE_EXIT
        )
        self._queue.control([one], 0, 0)

    def drop(self, key: Key) -> None:
        """As `Pidfds.drop`."""
        del self._keys[key[0]]
        if key in self._over:
            self._over.discard(key)
            return  # its note went with it
        try:
            self._note(key[0], self._select.KQ_EV_DELETE)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended

    def ended(self, seconds: float) -> list[Key]:
        """As `Pidfds.ended`."""
        wait = 0.0 if self._over else max(0.0, seconds)
        if self._keys:
            for event in self._queue.control(None, len(self._keys), wait):
                if event.ident in self._keys:
                    self._over.add(self._keys[event.ident])
        return list(self._over)

    def send(self, key: Key, number: int) -> None:
        """As `Pidfds.send`: nothing is sent when its end was noted, or its number has another start by now."""
        if key in self.ended(0.0) or not identity.runs(*key):
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        os.kill(key[0], number)


def holding(*, numbers: bool) -> Pidfds | Numbers:
    """What to hold processes by. `numbers`: that a number may be signalled where there are no pidfds, since the user has
    named what is to end. Without that, `add` refuses there.
    """
    if numbers and not hasattr(os, "pidfd_open") and hasattr(select, "kqueue"):
        return Numbers()
    return Pidfds()


__all__ = ["Numbers", "Pidfds", "holding"]
