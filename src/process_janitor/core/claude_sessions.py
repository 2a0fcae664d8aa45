"""Verdicts on claude processes themselves: hung after goodbye, terminal gone, two writers on one conversation."""

from __future__ import annotations

from process_janitor.core import client_shapes, shapes
from process_janitor.core.attachment import hook_at_work
from process_janitor.core.case import Case
from process_janitor.core.idleness import idle_for
from process_janitor.core.model import Decision
from process_janitor.core.policy import HUNG_REPORT_SECONDS, SPINNING_SHARE
from process_janitor.core.record import PASSING_REASONS
from process_janitor.core.vetoes import vetoes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.core.model import Process, Session, Verdict
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Ties

# These protect a session's helpers. Of the claude process itself the first two are what is being judged, and the others
# only tell where it runs and what it has opened: most run in tmux or in a desktop's terminal, and hang there as well.
_ABOUT_HELPERS = frozenset({
    "live-owner", "claude-session", "multiplexer", "desktop-program", "managed-unit", "build-daemon", "serving-clients",
    "stdin-live-peer",
})  # fmt: skip
# The reasons after which the process is known to go. `clear` and `resume` end a conversation only; an old client says
# nothing at all (`unreported`), a later one may have new words: those are shown, never acted on.
FINAL_REASONS = frozenset({"prompt_input_exit", "logout", "other"})


def claude_decisions(ties: Ties, policy: Policy) -> Iterator[Decision]:
    """One decision per living claude process that some register knows."""
    for pid, session in sorted(ties.owners.live.items()):
        process = ties.snapshot.processes[pid]
        verdict, finding, evidence = _judge(ties, policy, process, session)
        case = Case(ties, policy, process, None, None)
        found = tuple(code for code in vetoes(case) if code not in _ABOUT_HELPERS)
        if verdict == "reap" and not _recognised(ties, process, session):
            verdict, evidence = "report", (*evidence, "owner-not-recognised")
        if found and (verdict == "reap" or finding == "idle-session"):
            verdict = "keep"
        yield Decision(
            process, session.owner, verdict, finding, "claude", session.session_id, session.owner, evidence,
            found if verdict == "keep" and finding else (("live-owner", *found) if verdict == "keep" else found),
        )  # fmt: skip


def _recognised(ties: Ties, process: Process, session: Session) -> bool:
    """Whether it was seen to be a client. What no register names must run the client's program: a name is no proof."""
    if session.source != "process":
        return session.recognised
    detail = ties.snapshot.detail(process.pid)
    return client_shapes.is_claude("", detail.argv, detail.exe)


def _judge(
    ties: Ties, policy: Policy, process: Process, session: Session
) -> tuple[Verdict, str, tuple[str, ...]]:
    ago = session.ended_ago
    if (
        session.ended_reason
        and session.ended_reason not in PASSING_REASONS
        and ago is not None
        and session.kind != "bg"
    ):
        if ago >= policy.hung_grace_seconds and session.ended_reason in FINAL_REASONS:
            if hook_at_work(ties, process):
                # It waits for it, as its user wants. One that never ends is shown for as long: only its user can tell.
                return "report", "hung-session", ("said-goodbye", "still-running", "hook-at-work")
            return "reap", "hung-session", ("said-goodbye", "still-running", "grace-over")
        if ago >= HUNG_REPORT_SECONDS:
            return "report", "hung-session", ("said-goodbye", "still-running")
        return "keep", "", ()  # on its way out, also where its terminal is closed already
    rivals = [
        other
        for other in ties.owners.live_under(one for one in session.ids if one)
        if other.owner != session.owner and "roster" not in (session.source, other.source)
    ]
    if rivals:
        younger = process.start >= max(s.owner.start for s in rivals)
        others = tuple(f"also-pid:{s.owner.pid}" for s in rivals)
        return "report", "duplicate-session", (*others, "the-younger" if younger else "the-older")
    abandoned = _abandoned(ties, process, session)
    return abandoned if abandoned[1] else _idle(ties, policy, session)


def _idle(ties: Ties, policy: Policy, session: Session) -> tuple[Verdict, str, tuple[str, ...]]:
    """Alive and well, and nobody has used it for long: its user may want it ended, nobody else."""
    quiet = idle_for(ties, session, policy.patience) if policy.patience is not None else None
    if quiet is None or not session.recognised:
        return "keep", "", ()
    codes = [f"quiet:{int(quiet)}"]
    codes += ["transcript-unchanged"] if session.transcript_ago is not None else []
    codes += ["no-cpu-used"] if session.busy_ago is not None else []
    return "report", "idle-session", tuple(codes)


def stopped_by_user(ties: Ties, policy: Policy, process: Process, session: Session) -> Decision:
    """What `stop` may do to a living session that its user named: end it, unless the user has it kept or it is not ours.

    The caller's own session is `stop`'s business: here it is a session like any other.
    """
    never = set(vetoes(Case(ties, policy, process, None, None)))
    never -= _ABOUT_HELPERS | {"ancestor-of-self", "live-session-below", "stopped"}
    found = tuple(sorted(never))
    return Decision(
        process, session.owner, "keep" if found else "report", "", "claude", session.session_id, session.owner,
        ("asked-to-stop",), found,
    )  # fmt: skip


def _abandoned(
    ties: Ties, process: Process, session: Session
) -> tuple[Verdict, str, tuple[str, ...]]:
    """Nobody can reach it any more: its terminal is gone, or both its ends lead nowhere."""
    detail = ties.snapshot.detail(process.pid)
    parent = ties.tree.parent(process)
    # A container's first process, or what `docker exec` started, has its user outside: its parent says nothing.
    adopted = parent is not None and shapes.is_adopter(parent.pid, parent.comm)
    if adopted and detail.cpu_share is not None and detail.cpu_share >= SPINNING_SHARE:
        # Sampled only of what is kept ready by the background daemon; that one has died.
        return "report", "runaway", ("spinning", "parent-gone")
    if session.kind == "bg" or session.source == "roster":
        return "keep", "", ()
    if not (client_shapes.holds_conversation(detail.argv) or client_shapes.is_view(detail.argv)):
        return "keep", "", ()  # an update at work, the background daemon with all its workers
    if detail.terminal_hung_up == "yes":
        closed = ("terminal-hung-up", "pane-closed") if session.pane else ("terminal-hung-up",)
        headless = session.kind == "print" or client_shapes.is_headless(detail.argv)
        if detail.socket_peer == "no" and not headless:
            return _unless_hook(ties, process, (*closed, "no-control-peer"))
        return "report", "orphaned-session", closed
    if parent is None or not adopted or (detail.stdin_peer, detail.stdout_peer) != ("no", "no"):
        return "keep", "", ()
    # A program that used the client as a library has died: it can send nothing, and nobody reads what it says.
    loose = ("stdin-peer-gone", "stdout-peer-gone")
    started_by = session.parent or _seen_parent(ties, process)
    if not started_by:
        return "report", "orphaned-session", loose
    return _unless_hook(ties, process, loose) if started_by != parent.key else ("keep", "", ())


def _unless_hook(
    ties: Ties, process: Process, codes: tuple[str, ...]
) -> tuple[Verdict, str, tuple[str, ...]]:
    """A client whose terminal is closed runs its user's SessionEnd hooks, and goes when they are done."""
    if hook_at_work(ties, process):
        return "report", "orphaned-session", (*codes, "hook-at-work")
    return "reap", "orphaned-session", codes


def _seen_parent(ties: Ties, process: Process) -> tuple[int, ...]:
    """The parent that a client nobody registered (a subagent) was last seen with below a session that is gone now."""
    above = ties.owners.recorded(process.key)
    if above is None or ties.owners.is_live(above):
        return ()
    seen = above.descendants[process.key]
    return () if seen.let_go else seen.parent_key


__all__ = ["FINAL_REASONS", "claude_decisions", "stopped_by_user"]
