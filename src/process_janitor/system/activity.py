"""Whether anything was started or has ended since, for next to nothing: a look at the process table costs a hundred times that."""

from __future__ import annotations

import os

from process_janitor.system import procfs


def newest_pid() -> int:
    """The last pid handed out in this namespace: unchanged means that nothing was started since."""
    return counts()[0]


def counts() -> tuple[int, int]:
    """The last pid handed out in this namespace, and how many threads the machine has, all namespaces together; 0 where it
    does not say. With the first unchanged nothing was started here; outside containers nothing has ended with both.
    """
    words = (procfs.read(f"{procfs.PROC}/loadavg") or b"").split()
    if len(words) < 5:
        return 0, 0
    threads = words[3].partition(b"/")[2]
    return int(words[4]), int(threads) if threads.isdigit() else 0


def listing() -> int:
    """A number for the processes that are to be seen in this namespace: another one once any of them has started or ended.

    Compared within one process only. loadavg's threads are those of all namespaces: where one of ours ends and one of
    another container's starts, they stay the same.
    """
    found = 0
    with os.scandir(procfs.PROC) as entries:
        for one in entries:
            found ^= hash(one.name)
    return found


__all__ = ["counts", "listing", "newest_pid"]
