"""Whose holding the other end of something counts as nobody's: leftovers that are about to go as well."""

from __future__ import annotations

from process_janitor.core.shapes import is_shell
from process_janitor.core.vetoes import is_kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Ties


def company(ties: Ties, policy: Policy) -> set[int]:
    """Processes of gone sessions that are not meant to stay. Asked before any details but their command lines are known.

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
    kept = _kept(ties, policy)
    found = set()
    for pid, tie in ties.gone.items():
        root = ties.root(processes[pid])
        seen = tie.session.descendants.get(root.key)
        loose = _is_call(ties, root.pid) and seen is None and root.sid not in calls
        stays = loose or (seen is not None and seen.let_go)
        if tie.proven and not stays and pid not in kept and root.pid not in inhabited:
            found.add(pid)
    return found


def _kept(ties: Ties, policy: Policy) -> set[int]:
    """What its user keeps, with all that was started from it."""
    processes = ties.snapshot.processes
    found: set[int] = set()
    for pid in sorted(ties.gone, key=lambda one: ties.tree.depth(processes[one])):
        above = ties.tree.parent(processes[pid])
        if (above is not None and above.pid in found) or is_kept(ties, policy, processes[pid]):
            found.add(pid)
    return found


def _is_call(ties: Ties, pid: int) -> bool:
    marks = ties.snapshot.marks.get(pid)
    return marks is not None and marks.tool_child


__all__ = ["company"]
