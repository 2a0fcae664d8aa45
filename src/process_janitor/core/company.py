"""Whose holding the other end of something counts as nobody's: leftovers that are about to go as well."""

from __future__ import annotations

from process_janitor.core.browsers import is_private_browser
from process_janitor.core.shapes import is_tool_shell
from process_janitor.core.vetoes import is_kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from process_janitor.core.model import Process
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
        if processes[pid].sid == pid and is_tool_shell(ties.snapshot.detail(pid).argv)
    }
    inhabited = {ties.root(processes[pid]).pid for pid in ties.above_the_living if pid in ties.gone}
    # What shares a call or a server with it stays as well: `needed`.
    kept = {ties.root(p).pid for pid in ties.gone if is_kept(ties, policy, p := processes[pid])}
    # A browser that automation left open looks at a page for nobody.
    blind = _with_all_below(
        ties, lambda one: is_private_browser(one.comm, ties.snapshot.detail(one.pid).argv)
    )
    found = set()
    for pid, tie in ties.gone.items():
        root = ties.root(processes[pid])
        seen = tie.session.descendants.get(root.key)
        loose = _is_call(ties, root.pid) and seen is None and root.sid not in calls
        stays = pid not in blind and (loose or (seen is not None and seen.let_go))
        if tie.proven and not stays and root.pid not in kept and root.pid not in inhabited:
            found.add(pid)
    return found


def _with_all_below(ties: Ties, applies: Callable[[Process], bool]) -> set[int]:
    """The leftovers that something applies to, with all that was started from them."""
    processes = ties.snapshot.processes
    found: set[int] = set()
    for pid in sorted(ties.gone, key=lambda one: ties.tree.depth(processes[one])):
        above = ties.tree.parent(processes[pid])
        if (above is not None and above.pid in found) or applies(processes[pid]):
            found.add(pid)
    return found


def _is_call(ties: Ties, pid: int) -> bool:
    marks = ties.snapshot.marks.get(pid)
    return marks is not None and marks.tool_child


__all__ = ["company"]
