"""The process table as psutil tells it, for the command line where there is no /proc (macOS, the BSDs).

It takes the place of `proc_table` in `tables` and answers the same questions. What such a system tells nobody (who holds the
other end of a pipe, which unit a process is of, descriptors) is None or empty here: "cannot tell", never "nothing".
Starts are microseconds by the wall clock of the moment, as the kernel wrote them down then; a pid with its start and the
boot's session is a process for ever.
"""

from __future__ import annotations

import os
import time

import psutil

from process_janitor.core.model import Process
from process_janitor.system import claude_process, marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MICROSECONDS = 1_000_000
_LISTINGS_MAX = 4
_ATTRIBUTES = (
    "cpu_times", "create_time", "memory_info", "name", "ppid", "status", "terminal", "uids",
)  # fmt: skip
# As /proc has them; whatever else psutil calls a state is a way of sleeping.
_STATES = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X",
    psutil.STATUS_IDLE: "I",
}
# The user of a process that does not say: nobody's, so not ours.
_UNKNOWN_USER = -1


def unusable() -> str:
    """Why nothing can be learnt from psutil here, "" when it can."""
    try:
        return "" if process(os.getpid()) is not None else "psutil does not see even this process"
    except (OSError, psutil.Error) as error:
        return f"psutil cannot read the process table ({error})"


def complete() -> bool:
    """Ends of pipes, connections, units: psutil tells none of them for a verdict to rest on."""
    return False


def rows() -> Iterator[Process]:
    """Every process; whoever is born while the table is read is looked for again, as in `procfs.rows`."""
    known: set[int] = set()
    for _ in range(_LISTINGS_MAX):
        born = [pid for pid in psutil.pids() if pid not in known]
        if not born:
            break
        known.update(born)
        for pid in born:
            row = process(pid)
            if row is not None:
                yield row


def process(pid: int) -> Process | None:
    """One row of the table, now; asked for anew each time, so that a reused number shows."""
    try:
        found = psutil.Process(pid)
        told = found.as_dict(_ATTRIBUTES)
        # Each of these is a question of its own: the number may have changed hands between two of them.
        if told["create_time"] is None or not found.is_running():
            return None
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None
    times, memory, uids, state = (
        told[name] for name in ("cpu_times", "memory_info", "uids", "status")
    )
    letter = _STATES.get(state, "S")
    return Process(
        pid,
        told["ppid"] or 0,
        _group(os.getpgid, pid),
        _group(os.getsid, pid),
        _device(told["terminal"]),
        round(told["create_time"] * _MICROSECONDS),
        letter,
        told["name"] or "",
        uids.effective if uids is not None else _UNKNOWN_USER,
        int((times.user + times.system) * _MICROSECONDS) if times is not None else 0,
        memory.rss // os.sysconf("SC_PAGE_SIZE") if memory is not None else 0,
        letter in "ZX",
    )


def _group(ask: Callable[[int], int], pid: int) -> int:
    """Its process group or session, 0 where the system does not say (macOS, of a zombie)."""
    try:
        return ask(pid)
    except OSError:
        return 0


def _device(terminal: str | None) -> int:
    try:
        return os.stat(terminal).st_rdev if terminal else 0
    except OSError:
        return 0


def absent(pid: int) -> bool:
    """Whether there is no such process, of any user: nothing is hidden from psutil's list."""
    return not psutil.pid_exists(pid)


def argv(pid: int) -> tuple[str, ...] | None:
    """The command's words; () for zombies and the kernel's own."""
    try:
        return tuple(psutil.Process(pid).cmdline())
    except psutil.ZombieProcess:
        return ()
    except (psutil.Error, OSError):
        return None


def environ(pid: int) -> bytes | None:
    """Of its environment the few names that `marks` looks for, in the shape in which /proc has them."""
    try:
        found = psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return None
    told = (f"{name}={found[name]}" for name in marks.NAMES if name in found)
    return "".join(f"{one}\0" for one in told).encode("utf-8", "surrogateescape")


def link(pid: int, name: str) -> str | None:
    """Where it runs and what: `cwd`, `exe`. Nobody tells where its descriptors lead."""
    if name not in ("cwd", "exe"):
        return None
    try:
        one = psutil.Process(pid)
        return one.cwd() if name == "cwd" else one.exe()
    except (psutil.Error, OSError):
        return None


def descriptors(pid: int) -> None:
    """Cannot be told: psutil names files and connections, not who else has them."""
    del pid


def namespace(pid: int) -> int:
    """The one there is, as in `identity.pid_namespace`."""
    del pid
    return 1


def cgroup(pid: int) -> str:
    """There are none."""
    del pid
    return ""


def demand(pid: int) -> None:
    """Nobody counts how long a process has waited for its turn."""
    del pid


def ticks() -> int:
    """Now, in the microseconds in which processes have started."""
    return int(time.time() * _MICROSECONDS)


def ticks_per_second() -> int:
    return _MICROSECONDS


def boot_session() -> str:
    """This boot by its moment, where the system has no name for it (macOS has: `identity` asks for that first)."""
    return f"booted-{int(psutil.boot_time())}"


def start_of(pid: int, written: object) -> int:
    """That of the client which has the number now: what a client writes here about its own start is not known to count as
    anything here does. One that is gone, or whose number something else has, has no start.
    """
    del written
    row = process(pid)
    return row.start if row is not None and not row.dead and claude_process.is_claude(row) else 0


__all__ = [
    "absent", "argv", "boot_session", "cgroup", "complete", "demand", "descriptors", "environ", "link", "namespace",
    "process", "rows", "start_of", "ticks", "ticks_per_second", "unusable",
]  # fmt: skip
