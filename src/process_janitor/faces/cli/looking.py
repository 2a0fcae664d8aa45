"""What several commands ask of one look at the machine: whether anything was seen at all, and about one process."""

from __future__ import annotations

from process_janitor.core.decide import judge
from process_janitor.faces.cli.context import FAILED, NOTHING_EXAMINED, Failure
from process_janitor.system import tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Decision
    from process_janitor.core.policy import Policy
    from process_janitor.sweep import Judged


def examined(judged: Judged) -> Judged:
    """The same, or a Failure when the process table could not be read: an empty answer would look like a clean one."""
    snapshot = judged.observation.snapshot
    if snapshot.self_pid not in snapshot.processes:
        raise Failure(
            "the process table cannot be read here (no usable /proc); nothing was examined",
            NOTHING_EXAMINED,
        )
    return judged


def verdict_on(judged: Judged, policy: Policy, pid: int) -> tuple[Decision, str]:
    """The decision about a process, made on the spot for one that no session is named for, and its session's id.

    Raises Failure when there is no such process.
    """
    ties = judged.observation.ties
    process = ties.snapshot.processes.get(pid)
    if process is None or (process.dead and tables.current().process(pid) is None):
        raise Failure(
            f"there is no process {pid}; process-janitor scan lists what there is", FAILED
        )
    found = next((d for d in judged.decisions if d.process.pid == pid), None)
    if found is None:
        found = judge(ties, policy, process)
    holder = ties.owners.live.get(ties.holder.get(pid, 0))
    return found, found.session_id or (holder.session_id if holder is not None else "")


__all__ = ["examined", "verdict_on"]
