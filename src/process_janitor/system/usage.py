"""What processes use: memory, processor time between two samples, and what they hold. Each is looked into once.

For pages that somebody waits for; no verdict depends on any of it.
"""

from __future__ import annotations

import time

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import identity, memory, procfs, tables
from process_janitor.system.held import Held, held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Process

SAMPLE_SECONDS = 0.3
_CPUCLOCK_SCHED = (
    2  # the kernel's number for a process's clock is made of its pid (clock_getcpuclockid)
)
_LIMITS_FROM = (
    192  # a soft limit below 256 is rare: whoever holds less than this is not near its own
)


class Usage(NamedTuple):
    """Bytes, and percent of one core. `memory` is the share (PSS) plus what of it is swapped out, else the resident size.

    `soft_limit` of descriptors is 0 where it is not known or nowhere near.
    """

    memory: int = 0
    swap: int = 0
    cpu_percent: float = 0.0
    held: Held = Held()
    soft_limit: int = 0


def usage(
    processes: Iterable[Process], seconds: float = SAMPLE_SECONDS
) -> dict[tuple[int, int], Usage]:
    """The usage of these processes by (pid, start); one that is gone by now has none. Takes at least `seconds`, which
    are the same for all of them: the reading is done while they pass.
    """
    listed = [process for process in processes if not process.dead]
    first = {process.key: (time.monotonic(), _cpu(process.pid)) for process in listed}
    begun = time.monotonic()
    holds = held(process.pid for process in listed)
    found = {}
    for process in listed:
        has = memory.read(process.pid)
        own = holds[process.pid]
        limit = _soft_limit(process.pid) if (own.descriptors or 0) > _LIMITS_FROM else 0
        found[process.key] = Usage(has.held, has.swap, 0.0, own, limit)
    if listed:
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
    for process in listed:
        at, before = first[process.key]
        now, after = time.monotonic(), _cpu(process.pid)
        if not identity.runs(*process.key):
            del found[process.key]  # whatever was read may have been another's
        elif before is not None and after is not None:
            share = 100.0 * max(0.0, after - before) / (now - at)
            found[process.key] = found[process.key]._replace(cpu_percent=share)
    return found


def _cpu(pid: int) -> float | None:
    """Seconds of processor time, all threads together. The kernel's own clock for it is exact to the nanosecond, where
    /proc counts in hundredths of a second: too coarse for an interval that a person waits for.
    """
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except (OSError, AttributeError):
        row = tables.current().process(pid)
        return row.cpu / tables.current().ticks_per_second() if row is not None else None


def _soft_limit(pid: int) -> int:
    data = procfs.read(f"{procfs.PROC}/{pid}/limits") or b""
    for line in data.splitlines():
        if line.startswith(b"Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdigit() else 0
    return 0


__all__ = ["SAMPLE_SECONDS", "Usage", "usage"]
