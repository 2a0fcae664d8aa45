"""Is a living session idle, and for how long? One rule, for the state and for the finding.

Quiet is what every source that can be asked agrees on: the last turn, the transcript, and the processor time the watcher
has noted. Whatever cannot be asked proves nothing; where neither turn nor transcript is known, nothing is idle.
"""

from __future__ import annotations

from process_janitor.core import client_shapes
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Process, Session
    from process_janitor.core.ties import Ties


class Patience(NamedTuple):
    """How long a living session may be quiet before it is called idle, and how old it must be at least; in seconds."""

    idle_after: float = 1800.0
    least_age: float = 600.0


def idle_for(ties: Ties, session: Session, patience: Patience) -> float | None:
    """Seconds a living session has been idle, None when it is not, or when nobody can tell."""
    process = ties.snapshot.living(session.owner)
    if process is None or process.pid not in ties.owners.live:
        return None
    age = ties.snapshot.age(process)
    signs = [session.activity_ago, session.transcript_ago, session.busy_ago]
    if session.activity_ago is None:
        if session.transcript_ago is None:
            return None
        # No hook noted its start, and a transcript that was taken up again is older than that.
        signs.append(age)
    quiet = min(ago for ago in signs if ago is not None)
    if quiet < patience.idle_after or age < patience.least_age:
        return None
    if waits_for_work(ties, process, session) or is_own(ties, session) or at_work(ties, process):
        return None
    # The client says so itself, in its register: `busy` in a turn, `shell` while a command runs.
    return None if session.status in ("busy", "shell") else quiet


def waits_for_work(ties: Ties, process: Process, session: Session) -> bool:
    """Whether a program, not a person, sits at the other end: headless, SDK, an editor, the background daemon.

    The client notes how it was entered; one that has not is judged by its command and by where its output goes.
    """
    if session.kind not in ("", "interactive") or session.source == "roster":
        return True
    for above in ties.tree.ancestors(process):
        host = ties.owners.live.get(above.pid)
        argv = ties.snapshot.detail(above.pid).argv
        if host is not None and (host.kind == "bg" or not client_shapes.holds_conversation(argv)):
            return True
    if session.entrypoint not in ("", "cli"):
        return True
    detail = ties.snapshot.detail(process.pid)
    if client_shapes.is_headless(detail.argv) or not client_shapes.holds_conversation(detail.argv):
        return True
    return not session.entrypoint and detail.stdout.startswith(("pipe:", "socket:", "/dev/null"))


def is_own(ties: Ties, session: Session) -> bool:
    """Whether the question comes from this session itself: it runs above us, or our environment names it."""
    me = ties.snapshot.processes.get(ties.snapshot.self_pid)
    if me is None:
        return True
    if any(above.pid == session.owner.pid for above in (me, *ties.tree.ancestors(me))):
        return True
    marks = ties.snapshot.marks.get(me.pid)
    if marks is None:
        return False
    named = bool(marks.session_id) and marks.session_id in session.ids
    return named or marks.claude_pid == session.owner.pid


def at_work(ties: Ties, process: Process) -> bool:
    """Whether anything runs below it now: a Bash call or a hook, another client, a process on a processor.

    The client starts servers in its own session, Bash calls and hooks each in a session of its own.
    """
    for child in ties.tree.children(process.pid):
        below = ties.tree.processes[child]
        marks = ties.snapshot.marks.get(child)
        if not below.dead and below.sid != process.sid and (marks is None or marks.tool_child):
            return True
    return any(
        pid in ties.owners.live or ties.tree.processes[pid].state in ("R", "D")
        for pid in ties.tree.descendants(process.pid)
        if pid != ties.snapshot.self_pid
    )


__all__ = ["Patience", "at_work", "idle_for", "is_own", "waits_for_work"]
