"""A process that we started, held by its pidfd: what is shown by its number is never signalled by it."""

from __future__ import annotations

import errno
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

END_SECONDS = 3.0


class Actor:
    """One process we started: its pid for showing, its pidfd for everything else."""

    def __init__(self, pid: int) -> None:
        """Raises OSError where a process cannot be held on to."""
        self.pid = pid
        if not hasattr(os, "pidfd_open"):
            raise OSError(errno.ENOSYS, "this system has no pidfds")
        self._fd = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        import select

        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return not poll.poll(0)

    def end(self) -> None:
        """SIGKILL, unless it is gone; then let go of it."""
        if self._fd < 0:
            return
        try:
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        until(lambda: not self.alive, END_SECONDS)
        os.close(self._fd)
        self._fd = -1


def until(predicate: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


__all__ = ["END_SECONDS", "Actor", "until"]
