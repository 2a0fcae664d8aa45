"""The decision: a snapshot tied to its sessions and the user's policy in, verdicts with their reasons out.

Pure. The watcher, `auto`, `run`, `scan` and `explain` all call this and nothing else, so they cannot disagree.
"""

from __future__ import annotations

from process_janitor.core.adoption import adopted
from process_janitor.core.attachment import let_go_below
from process_janitor.core.case import Case
from process_janitor.core.chains import Chains
from process_janitor.core.claude_sessions import claude_decisions
from process_janitor.core.model import Decision
from process_janitor.core.policy import SPINNING_SHARE, ZOMBIE_SECONDS
from process_janitor.core.shapes import is_tool_subshell
from process_janitor.core.vetoes import vetoes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.core.attachment import Attachment
    from process_janitor.core.model import Process, Snapshot, Verdict
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Tie, Ties


# What would be `reap` if the system told everything that a veto may be about.
UNHEARD = "vetoes-unheard"


def decide(ties: Ties, policy: Policy) -> list[Decision]:
    """Every process that some session can be named for, parents before children, claude processes first.

    Whatever is not in the list has nothing to do with Claude Code. An incomplete snapshot (one that does not even hold
    the caller) gives no decision at all: absence of a process then proves nothing.
    """
    snapshot = ties.snapshot
    if snapshot.self_pid not in snapshot.processes:
        return []
    found = [_as_far_as_told(snapshot, one) for one in claude_decisions(ties, policy)]
    chains = Chains(ties)
    tied = [snapshot.processes[pid] for pid in {*ties.gone, *ties.claimed, *zombies(ties)}]
    tied.sort(key=lambda p: (ties.tree.depth(p), p.start, p.pid))
    found.extend(judge(ties, policy, process, chains) for process in tied)
    return found


def zombies(ties: Ties) -> Iterator[int]:
    """Dead processes that a session's process has not waited for."""
    for process in ties.snapshot.processes.values():
        if (
            process.dead
            and process.uid == ties.snapshot.uid
            and ties.snapshot.age(process) >= ZOMBIE_SECONDS
        ):
            parent = ties.tree.parent(process)
            if parent is not None and (ties.holder.get(parent.pid) or parent.pid in ties.gone):
                yield process.pid


def is_runaway(ties: Ties, process: Process) -> bool:
    """A subshell of a Bash call that has lost its shell, has nothing to wait for, and burns a core all the same."""
    detail = ties.snapshot.detail(process.pid)
    if process.state != "R" or detail.cpu_share is None:
        return False
    leader = ties.snapshot.processes.get(process.sid)
    return (
        is_tool_subshell(process.pid, process.sid, detail.argv)
        and (leader is None or leader.start > process.start)
        and not ties.tree.children(process.pid)
        and detail.cpu_share >= SPINNING_SHARE
    )


def judge(ties: Ties, policy: Policy, process: Process, chains: Chains | None = None) -> Decision:
    """The verdict on one process that is not a living claude of ours. `chains`: of the same ties, if they are at hand."""
    return _as_far_as_told(ties.snapshot, _judged(ties, policy, process, chains or Chains(ties)))


def _as_far_as_told(snapshot: Snapshot, decision: Decision) -> Decision:
    """Where not everybody who may forbid can be heard, nothing is ended without its user's word."""
    if snapshot.complete or decision.verdict != "reap":
        return decision
    return decision._replace(verdict="report", evidence=(*decision.evidence, UNHEARD))


def _judged(ties: Ties, policy: Policy, process: Process, chains: Chains) -> Decision:
    tie = ties.gone.get(process.pid)
    if process.dead:
        # Nothing can end it: its parent has to wait for it, or end.
        unwaited = ("zombie", f"parent:{process.ppid}")
        return _decision(ties, process, tie, None, "report", "zombie", unwaited, ())
    held = chains.attached(process) if tie is not None else None
    against = tuple(vetoes(Case(ties, policy, process, tie, held, chains)))
    if tie is None or held is None:
        if is_runaway(ties, process):
            # Its session lives, so it is not ours to end; the user will want to know.
            spins = ("spinning", "childless-subshell")
            return _decision(ties, process, None, None, "report", "runaway", spins, against)
        return _decision(ties, process, None, None, "keep", "", (), against or ("no-evidence",))
    verdict, finding, evidence = _weigh(ties, policy, process, tie, held)
    if against and verdict != "keep":
        verdict = "keep"
    return _decision(ties, process, tie, held, verdict, finding, evidence, against)


def _weigh(
    ties: Ties, policy: Policy, process: Process, tie: Tie, held: Attachment
) -> tuple[Verdict, str, tuple[str, ...]]:
    """What the evidence alone says, before anyone may forbid."""
    codes = (*(("owner-gone",) if tie.proven else ()), *tie.evidence, *held.evidence)
    if not tie.proven or not adopted(ties, ties.root(process)):
        return "report", "suspect", codes
    root = ties.root(process)
    if held.held == "attached" and let_go_below(ties, root, process, held.via):
        return policy.detached, "detached", (*codes, "own-session")
    if tie.session.over != "crashed" and _may_be_hook(ties, policy, root, tie, held):
        # A session that ends by itself leaves its asynchronous SessionEnd hooks to their work.
        return "report", "suspect", (*codes, "may-be-ending")
    if held.held == "attached":
        return "reap", "leftover", codes
    if is_runaway(ties, process):
        return "reap", "runaway", (*codes, "spinning", "childless-subshell")
    if held.held == "detached":
        return policy.detached, "detached", codes
    return "report", "suspect", codes


def _may_be_hook(ties: Ties, policy: Policy, root: Process, tie: Tie, held: Attachment) -> bool:
    """Whether what would be ended may be a hook at work."""
    marks = ties.snapshot.marks.get(root.pid)
    if held.held == "attached":
        # A direct child that has cleared its environment, or written its title over it, may have been either.
        unnamed = marks is not None and not marks.names_session
        return held.via == "hook" or (
            "seen-child" in held.evidence and held.via == "call" and unnamed
        )
    # Nobody saw it below its session, and only hooks are told both of these.
    unseen = root.key not in tie.session.descendants
    to_end = held.held == "detached" and policy.detached == "reap"
    return to_end and unseen and marks is not None and marks.tool_child and marks.project


def _decision(
    ties: Ties, process: Process, tie: Tie | None, held: Attachment | None, verdict: Verdict, finding: str,
    evidence: tuple[str, ...], against: tuple[str, ...],
) -> Decision:  # fmt: skip
    session = tie.session if tie is not None else ties.claimed.get(process.pid)
    return Decision(
        process=process,
        identity=ties.snapshot.identity(process),
        verdict=verdict,
        finding=finding,
        kind=held.kind if held is not None else "other",
        session_id=session.session_id if session is not None else "",
        owner=session.owner if session is not None else None,
        evidence=evidence,
        vetoes=against,
        via=held.via if held is not None else "",
    )


__all__ = ["UNHEARD", "decide", "judge"]
