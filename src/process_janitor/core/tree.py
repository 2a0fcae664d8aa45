"""Who is whose parent in one snapshot, and what follows from it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from process_janitor.core.model import Process


class Tree:
    """The process table as a forest.

    A table is not read in one instant: a parent that started after its child is a reused pid, so the link is dropped
    and the child stands as a root of its own.
    """

    def __init__(self, processes: Mapping[int, Process]) -> None:
        self.processes = processes
        self._children: dict[int, list[int]] | None = None
        self._depths: dict[int, int] = {}

    def parent(self, process: Process) -> Process | None:
        found = self.processes.get(process.ppid)
        return found if found is not None and found.start <= process.start else None

    def ancestors(self, process: Process) -> Iterator[Process]:
        """Parent, grandparent, … ; ends at a root, at pid 1's parent, and in a damaged table with a loop."""
        seen = {process.pid}
        at = self.parent(process)
        while at is not None and at.pid not in seen:
            yield at
            seen.add(at.pid)
            at = self.parent(at)

    def children(self, pid: int) -> list[int]:
        if self._children is None:
            self._children = self._all_children()
        return self._children.get(pid, [])

    def _all_children(self) -> dict[int, list[int]]:
        """Asked once of every process of the machine: `parent` is written out, for calling it would cost as much again."""
        found: dict[int, list[int]] = {}
        processes = self.processes
        for process in processes.values():
            above = processes.get(process.ppid)
            if above is not None and above.start <= process.start and above is not process:
                siblings = found.get(process.ppid)
                if siblings is None:
                    found[process.ppid] = [process.pid]
                else:
                    siblings.append(process.pid)
        return found

    def descendants(self, pid: int) -> Iterator[int]:
        """Every pid below, parents before children."""
        seen = {pid}
        wait = list(self.children(pid))
        while wait:
            at = wait.pop()
            if at not in seen:
                seen.add(at)
                yield at
                wait.extend(self.children(at))

    def depth(self, process: Process) -> int:
        """How many ancestors it has; in a damaged table with a loop, any number."""
        way = []
        at: Process | None = process
        while at is not None and at.pid not in self._depths:
            way.append(at.pid)
            self._depths[at.pid] = 0  # ends a loop
            at = self.parent(at)
        depth = self._depths[at.pid] if at is not None else -1
        for pid in reversed(way):
            depth += 1
            self._depths[pid] = depth
        return depth


__all__ = ["Tree"]
