"""What the processes of a living session are: its servers, its Bash calls, its hooks, and what those started."""

from __future__ import annotations

from process_janitor.core import shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from process_janitor.core.model import Marks, Process
    from process_janitor.core.tree import Tree


def kinds(
    tree: Tree,
    root: Process,
    marks: Mapping[int, Marks | None],
    argv: Callable[[int], tuple[str, ...]],
) -> dict[int, str]:
    """Pid -> the contract's kind, for a living claude process and everything below it, parents first.

    Where the command does not tell, the place does: a child in the client's own process group is a server, one in a
    session of its own with a project's marks a hook. What they started is named after them.
    """
    found = {root.pid: "claude"}
    for pid in tree.descendants(root.pid):
        process = tree.processes[pid]
        by_shape = shapes.kind_of(process.comm, argv(pid))
        found[pid] = by_shape or _by_place(process, root, marks.get(pid), found)
    return found


def _by_place(
    process: Process, root: Process, marks: Marks | None, found: Mapping[int, str]
) -> str:
    if process.ppid != root.pid:
        above = found.get(process.ppid, "other")
        return "other" if above == "claude" else above
    if process.pgid == root.pgid:
        return "mcp-server"
    return "hook" if marks is not None and marks.tool_child and marks.project else "other"


__all__ = ["kinds"]
