"""What the watcher remembers of the living: which processes a session was seen to have, and which had let go of it."""

from __future__ import annotations

from process_janitor.core.model import Seen
from process_janitor.core.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from process_janitor.core.model import Identity, Process


def sighted(
    tree: Tree, owner: Identity, before: Mapping[tuple[int, int], Seen]
) -> dict[tuple[int, int], Seen]:
    """The descendants of a living owner after one more look at the process table.

    Whoever hangs below the owner is noted with its present parent. Whoever was noted before, still runs, and hangs
    below it no longer is detached. Processes that ended are dropped.

    Nobody loses a parent that lives: where the owner's own child has, the owner ended while the table was read, and such a
    table tells nothing about who let go of it before.
    """
    processes = tree.processes
    root = processes.get(owner.pid)
    if root is None or root.start != owner.start or _orphans(tree, owner, before):
        return dict(before)
    found: dict[tuple[int, int], Seen] = {}
    _note(tree, root, root, found, detached=False)
    for key, seen in before.items():
        process = processes.get(key[0])
        if process is None or process.start != key[1] or process.dead or key in found:
            continue
        found[key] = seen._replace(detached=True)
        _note(tree, process, root, found, detached=not seen.server)
    return found


def _orphans(tree: Tree, owner: Identity, before: Mapping[tuple[int, int], Seen]) -> bool:
    for (pid, start), seen in before.items():
        if seen.parent_key == owner.key and not seen.detached:
            child = tree.processes.get(pid)
            if child is not None and child.start == start and child.ppid != owner.pid:
                return True
    return False


def _note(
    tree: Tree, top: Process, root: Process, found: dict[tuple[int, int], Seen], *, detached: bool
) -> None:
    wait = [top]
    while wait:
        parent = wait.pop()
        for pid in tree.children(parent.pid):
            child = tree.processes[pid]
            if child.dead or child.key in found or child.key == root.key:
                continue
            above = found.get(parent.key)
            # The client starts its servers in its own process group, everything else in a session of its own.
            server = (
                child.pgid == root.pgid
                if parent.key == root.key
                else above is not None and above.server
            )
            found[child.key] = Seen(parent.pid, parent.start, detached, server)
            wait.append(child)


__all__ = ["sighted"]
