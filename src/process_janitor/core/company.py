"""Whose holding the other end of something counts as nobody's: leftovers that are about to go as well."""

from __future__ import annotations

from process_janitor.core.shapes import is_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.ties import Ties


def company(ties: Ties) -> set[int]:
    """Processes of gone sessions that are not meant to stay. Asked before any details are known.

    What let go on purpose may well be the client of a leftover, and is then a reason to keep that; unless it did so in a
    Bash call that still runs, and feeds that. What runs beside a living client is somebody, too.
    """
    processes = ties.snapshot.processes
    calls = {
        pid
        for pid in ties.gone
        if processes[pid].sid == pid and is_shell(processes[pid].comm) and _is_call(ties, pid)
    }
    inhabited = {ties.root(processes[pid]).pid for pid in ties.above_the_living if pid in ties.gone}
    found = set()
    for pid, tie in ties.gone.items():
        root = ties.root(processes[pid])
        seen = tie.session.descendants.get(root.key)
        marks = ties.snapshot.marks.get(pid)
        loose = _is_call(ties, root.pid) and seen is None and root.sid not in calls
        stays = loose or (seen is not None and seen.let_go)
        kept = marks is not None and marks.keep
        if tie.proven and not stays and not kept and root.pid not in inhabited:
            found.add(pid)
    return found


def _is_call(ties: Ties, pid: int) -> bool:
    marks = ties.snapshot.marks.get(pid)
    return marks is not None and marks.tool_child


__all__ = ["company"]
