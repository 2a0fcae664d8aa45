"""The process table as the tests see it: read from /proc, independent of the code under test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process. ``start`` is its start time in clock ticks, which with ``pid`` names it for good."""

    pid: int
    start: int
    ppid: int
    sid: int
    state: str
    comm: str
    argv: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line for a failure report."""
        command = " ".join(self.argv)[:150]
        return f"{self.pid:>6} ppid={self.ppid:<6} sid={self.sid:<6} {self.state} {self.comm:<16} {command}"


def read(pid: int) -> Process | None:
    """The process with this pid, or None when there is none."""
    folder = Path("/proc", str(pid))
    try:
        stat = (folder / "stat").read_text(errors="replace")
        argv = (folder / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    comm = stat[stat.index("(") + 1 : stat.rindex(")")]
    fields = stat[stat.rindex(")") + 2 :].split()
    return Process(
        pid=pid,
        start=int(fields[19]),
        ppid=int(fields[1]),
        sid=int(fields[3]),
        state=fields[0],
        comm=comm,
        argv=tuple(argv.rstrip("\0").split("\0")),
    )


def table() -> list[Process]:
    """All processes, by pid."""
    found = (read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted((process for process in found if process), key=lambda process: process.pid)


def alive(pid: int, start: int) -> bool:
    """Whether exactly this process still runs; a zombie does not."""
    process = read(pid)
    return process is not None and process.start == start and process.state not in "ZX"
