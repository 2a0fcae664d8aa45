"""How much memory a process holds: one number for every page, and for what a cleanup is said to have freed."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import identity, procfs, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Process


class Memory(NamedTuple):
    """Bytes. `held` is the process's share (PSS) plus its share of what is swapped out, else its resident size; `swap` is
    the part of it that is swapped out, 0 where the kernel does not tell.
    """

    held: int = 0
    swap: int = 0


def read(pid: int) -> Memory:
    """What the process of this pid holds now; nothing for one that is gone."""
    data = procfs.read(f"{procfs.PROC}/{pid}/smaps_rollup", 65536)
    if data:
        share = swap = 0
        for line in data.splitlines():
            if line.startswith(b"Pss:"):
                share = int(line.split()[1]) * 1024
            elif line.startswith(b"SwapPss:"):
                swap = int(line.split()[1]) * 1024
        return Memory(share + swap, swap)
    row = tables.current().process(pid)
    return Memory(row.rss * os.sysconf("SC_PAGE_SIZE") if row is not None else 0)


def of_all(processes: Iterable[Process]) -> dict[tuple[int, int], Memory]:
    """What each of these holds by (pid, start). One that is gone by now has none: what was read may be another's."""
    found = {one.key: read(one.pid) for one in processes if not one.dead}
    return {key: memory for key, memory in found.items() if identity.runs(*key)}


__all__ = ["Memory", "of_all", "read"]
