"""Linux's answers to what `tables.Table` asks: the rows and words of `procfs`, in the kernel's own ticks."""

from __future__ import annotations

import os

from process_janitor.core.plausible import natural
from process_janitor.system import procfs
from process_janitor.system.clock import ticks, ticks_per_second
from process_janitor.system.procfs import (
    argv,
    cgroup,
    demand,
    descriptors,
    link,
    namespace,
    process,
    rows,
    unusable,
)

_READING = os.O_RDONLY | os.O_CLOEXEC
_CHUNK = 16384
# An environment is at most 2 MB on a default kernel (ARG_MAX is a quarter of the 8 MB stack); /proc gives it whole.
_ENVIRON_MAX = 4 * 1024 * 1024


def complete() -> bool:
    """Linux tells who holds the other end of a pipe or a socket, and which unit a process is of."""
    return True


def absent(pid: int) -> bool:
    """Never: with hidepid a process that is there has no row."""
    del pid
    return False


def environ(pid: int) -> bytes | None:
    """As `procfs.read`, without the second call that tells the end: a tenth of what the marks of a table cost.

    The kernel's environ_read() goes on from page to page until what was asked for is full or the environment ends, and a
    page it cannot have turns the whole answer into nothing: a short answer is the end. Of other files that is not true.
    """
    try:
        fd = os.open(f"{procfs.PROC}/{pid}/environ", _READING)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        data = more = os.read(fd, _CHUNK)
        while len(more) == _CHUNK and len(data) < _ENVIRON_MAX:
            more = os.read(fd, _CHUNK)
            data += more
    except (ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(fd)
    return data


def boot_session() -> str:
    """Nothing beside the boot id in /proc, which `identity` reads."""
    return ""


def start_of(pid: int, written: object) -> int:
    """The client writes field 22 of its stat file: as `process` counts."""
    del pid
    start = natural(written) if isinstance(written, str) else written
    return start if type(start) is int and start > 0 else 0


__all__ = [
    "absent", "argv", "boot_session", "cgroup", "complete", "demand", "descriptors", "environ", "link", "namespace",
    "process", "rows", "start_of", "ticks", "ticks_per_second", "unusable",
]  # fmt: skip
