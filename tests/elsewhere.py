"""A system without /proc and without pidfds, pretended on Linux: psutil still tells of processes, a queue of their ends.

`python -m tests.elsewhere WORDS` is the command line on such a system.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from process_janitor.system import proc_table, procfs, psutil_table, tables

NOWHERE = "/nowhere/proc"
_pidfd_open = os.pidfd_open


class Event(NamedTuple):
    ident: int
    filter: int
    flags: int
    fflags: int


class Queue:
    """`select.kqueue` as far as NOTE_EXIT goes: a note hangs on the process that had the number when it was made, is told
    once, and goes with it.
    """

    def __init__(self) -> None:
        self.notes: dict[int, int] = {}

    def control(
        self, changes: list[Event] | None, most: int, timeout: float | None = None
    ) -> list[Event]:
        for one in changes or ():
            assert (one.filter, one.fflags) == (KQ["KQ_FILTER_PROC"], KQ["KQ_NOTE_EXIT"])
            if one.flags == KQ["KQ_EV_DELETE"]:
                if one.ident not in self.notes:
                    raise FileNotFoundError
                os.close(self.notes.pop(one.ident))
            else:
                assert one.ident not in self.notes
                self.notes[one.ident] = _pidfd_open(one.ident)
        poll = select.poll()
        for fd in self.notes.values():
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll((timeout or 0) * 1000)} if most else set()
        told = [pid for pid, fd in self.notes.items() if fd in ready][:most]
        for pid in told:
            os.close(self.notes.pop(pid))
        return [Event(pid, KQ["KQ_FILTER_PROC"], 0, KQ["KQ_NOTE_EXIT"]) for pid in told]


KQ = {"KQ_FILTER_PROC": -5, "KQ_EV_ADD": 1, "KQ_EV_DELETE": 2, "KQ_NOTE_EXIT": 1 << 31}


@contextmanager
def without_proc() -> Iterator[None]:
    """No /proc: psutil has its own way to it, and nobody else is let through."""
    before = procfs.PROC
    procfs.PROC = NOWHERE
    tables.use(psutil_table)
    try:
        yield
    finally:
        procfs.PROC = before
        tables.use(proc_table)


@contextmanager
def without_pidfds(**more: Any) -> Iterator[None]:
    """No pidfds; with `kqueue=Queue` the other way to see an end."""
    added = {**more, "kevent": Event, **KQ} if more else {}
    del os.pidfd_open
    for name, value in added.items():
        setattr(select, name, value)
    try:
        yield
    finally:
        os.pidfd_open = _pidfd_open
        for name in added:
            delattr(select, name)


def main(words: list[str]) -> int:
    procfs.PROC = NOWHERE  # the command line finds out by itself what to do then
    from process_janitor.faces.cli import main as run

    with without_pidfds(kqueue=Queue):
        return run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
