"""Would a clean exit have stopped it? What was still attached to its session, and what had let go on purpose.

Claude Code stops what it holds: stdio servers, running Bash calls, hooks. `x &`, `nohup`, `setsid` inside a finished
Bash call have left its hands long before; they survive a clean exit, so they survive ours.
"""

from __future__ import annotations

from process_janitor.core import client_shapes, shapes
from process_janitor.core.browsers import is_private_browser
from process_janitor.core.model import Detail
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from process_janitor.core.model import Marks, Process, Seen, Via
    from process_janitor.core.ties import Ties

    Held = Literal["attached", "detached", "unknown"]


class Attachment(NamedTuple):
    """`kind` is what it is called; `via` is what the client started it as, whatever that has turned into since (`exec`)."""

    held: Held
    kind: str
    evidence: tuple[str, ...] = ()
    via: Via = ""


# A call or hook is stopped with all that runs below it; of a server, what called setsid() stays.
WHOLE_TREE = frozenset({"call", "hook"})
_PLACES: Mapping[Via, str] = {"call": "bash-task", "hook": "hook", "server": "mcp-server"}


def attachment(ties: Ties, root: Process) -> Attachment:
    """How the root of a leftover chain hung on its session, from what was seen while it lived, else from its shape."""
    snapshot = ties.snapshot
    tie = ties.gone[root.pid]
    marks = snapshot.marks.get(root.pid)
    seen = tie.session.descendants.get(root.key)
    kind = shapes.kind_of(root.comm, snapshot.detail(root.pid).argv)
    tool_child = _is_tool_child(marks, seen, tie.session.owner.pid)
    via = _started_as(kind, seen, marks, tool_child=tool_child)
    held = _held(ties, root, kind, via, tool_child=tool_child)
    held = held if held.via else held._replace(via=via)
    if (
        held.held == "attached"
        and held.via == "call"
        and "condemned" not in held.evidence
        and ties.owners.in_background(tie.session, root)
    ):
        # `claude stop` leaves the Bash calls of a background session to whoever takes the conversation up again.
        return held._replace(held="detached", evidence=("background-session",))
    return held


def _held(ties: Ties, root: Process, kind: str, via: Via, *, tool_child: bool) -> Attachment:
    snapshot = ties.snapshot
    tie = ties.gone[root.pid]
    owner = tie.session.owner
    detail = snapshot.detail(root.pid)
    marks = snapshot.marks.get(root.pid)
    seen = tie.session.descendants.get(root.key)

    if seen is not None and seen.condemned:
        return Attachment("attached", kind or _PLACES[via], ("condemned",))
    if any(root.sid == sid and root.start >= since for sid, since in tie.session.condemned_sids):
        return Attachment("attached", "bash-task", ("condemned",), "call")
    if kind == "bash-task" and root.pid == root.sid:
        return Attachment("attached", kind, ("tool-shell",))
    if not _may_be_helper(ties, root, detail, seen):
        return Attachment("detached", kind or "other", ("unmarked",))
    if _is_terminal(detail.stdin):
        # An editor for a prompt, say; with the marks that its client has from another session's Bash call.
        return Attachment("detached", kind or "other", ("on-terminal",))
    cut_off = (
        not tool_child
        and _has_clients_marks(marks)
        and bool(tie.session.sid)
        and root.sid == tie.session.sid
        and detail.stdin_peer == "no"
        and _is_channel(detail.stdin)
    )
    if seen is not None and seen.let_go and not cut_off:
        return Attachment("detached", kind or "other", ("seen-detached",))
    if seen is not None and seen.parent_key == owner.key:
        return Attachment("attached", kind or _PLACES[via], ("seen-child",))

    loose = not tool_child and _is_loose(seen, detail)
    if not tool_child and not loose and _in_owner_group(ties, root):
        return Attachment("attached", kind or "mcp-server", ("owner-process-group",))
    if seen is not None and seen.server and not loose and root.sid == tie.session.sid:
        # Its launcher (npx, uvx) died first. One that made a session of its own meant to stay: a clean exit leaves it.
        return Attachment("attached", kind or "mcp-server", ("seen-below-server",))
    if cut_off:
        # A server that left its client's process group but not its session, and that nobody can talk to any more.
        return Attachment("attached", kind or "mcp-server", ("stdin-peer-gone",))
    if not tool_child and is_private_browser(root.comm, detail.argv):
        return Attachment("attached", "browser", ("private-profile",))
    if not tool_child and _lives_for_its_server(ties, root):
        return Attachment("attached", "lsp", ("stdin-peer-gone",))
    if loose:
        return Attachment("detached", kind or "other", ("no-channel",))
    if tool_child or seen is not None:
        return Attachment("detached", kind or "other", ("let-go",))
    return Attachment("unknown", kind or "other")


def _is_channel(link: str) -> bool:
    return link.startswith(("pipe:", "socket:"))


def _is_terminal(link: str) -> bool:
    """A living one: no helper of a client is given that, neither server nor Bash call nor hook."""
    return link.startswith(("/dev/pts/", "/dev/tty")) and not link.endswith(" (deleted)")


def _is_loose(seen: Seen | None, detail: Detail) -> bool:
    """Whether a server put it into the background: it talks to nobody, and was seen without its parent while its session
    lived, or not at all: what `sh -c 'x &'` starts is an orphan before anybody looks.
    """
    if not detail.stdin or _is_channel(detail.stdin):
        return False
    if _is_channel(detail.stdout):
        # Somebody reads it (`nohup x | rotatelogs log &`): it did not lead to the client.
        own = detail.stdout_peer == "yes"
    elif detail.stdout in ("", "/dev/null"):
        # Closed or thrown away: nobody's stdio server either (`ollama serve >/dev/null 2>&1 &`, git's credential cache).
        own = True
    else:
        own = not detail.stdout.startswith("/dev/") and not detail.stdout.endswith(" (deleted)")
    return own and (seen is None or (seen.server and seen.detached))


def _is_tool_child(marks: Marks | None, seen: Seen | None, owner_pid: int) -> bool:
    """Whether it came through a Bash call or a hook of this very client, not through one of its servers.

    A nested client hands its servers the marks that it has from the Bash call it was started in: then CLAUDE_PID is
    another's. A cleared environment says nothing; then only what was seen counts.
    """
    if marks is None or not marks.names_session:
        return seen is None or not seen.server
    return marks.tool_child and marks.claude_pid in (0, owner_pid)


def _started_as(kind: str, seen: Seen | None, marks: Marks | None, *, tool_child: bool) -> Via:
    """Servers share the client's process group; of the rest, only hooks are told the project's directory."""
    if kind == "bash-task":
        return "call"
    if (seen is not None and seen.server) or not tool_child:
        return "server"
    return "hook" if marks is not None and marks.project else "call"


def _may_be_helper(ties: Ties, root: Process, detail: Detail, seen: Seen | None) -> bool:
    """Whether the client, or a server of its, started this for its own use.

    It gives its helpers the session's marks. A process with an ordinary environment and none of them is something that
    was opened for the user (`xdg-open`), unless it talked to the client alone, over channels that now lead nowhere.
    """
    session, marks = ties.gone[root.pid].session, ties.snapshot.marks.get(root.pid)
    if marks is None or marks.blank or client_shapes.is_sandbox_bridge(detail.argv):
        return True
    if marks.session_id in session.ids or marks.claude_pid == session.owner.pid:
        return True
    if marks.names_session or marks.claudecode:
        return not _are_handed_on(ties, root, marks, seen) or _is_channel(detail.stdin)
    told = _is_channel(detail.stdout)
    return seen is not None and seen.server and told and detail.stdin_peer == "no"


def _are_handed_on(ties: Ties, root: Process, marks: Marks, seen: Seen | None) -> bool:
    """Whether marks that are not this session's are ones that its client has itself, from the Bash call or the session it
    was started from: it hands them on to whatever it opens for its user.

    What hung below a server has that one's. And an id that nobody knows is the one the client began with (`--continue`),
    which it gave to its servers.
    """
    if (
        seen is not None
        and seen.server
        and seen.parent_key != ties.gone[root.pid].session.owner.key
    ):
        return False
    if not marks.names_session:
        return False
    began_with = marks.session_id and not ties.owners.named(marks.session_id)
    return not began_with or marks.tool_child or bool(marks.claude_pid)


def _in_owner_group(ties: Ties, root: Process) -> bool:
    """In the process group the dead client led or was in: only its own direct helpers stay there."""
    session = ties.gone[root.pid].session
    if not session.owner.pid:
        return False
    if root.pgid == session.owner.pid:
        return True
    # A client started by a script shares the script's group with strangers; the marks must name the session as well.
    return (
        bool(session.pgid)
        and root.pgid == session.pgid
        and "marker:session-id" in ties.gone[root.pid].evidence
        and _has_clients_marks(ties.snapshot.marks.get(root.pid))
    )


def _has_clients_marks(marks: Marks | None) -> bool:
    """A client sets several. An id alone a script may have exported, that runs the client and its own children."""
    return marks is None or not marks.only_an_id


def hook_at_work(ties: Ties, client: Process) -> bool:
    """Whether a child of this living client is a hook, or may be one: its environment is cleared or cannot be read.

    Servers stay in the client's process group, Bash calls are not told the project's directory. How long a hook may take
    is its user's to say (60 s are common, any number is allowed), so nothing is too long for one. A client that a hook
    started hands that directory to everything: there only a Bash call's form tells it from a hook.
    """
    for pid in ties.tree.children(client.pid):
        child = ties.snapshot.processes[pid]
        if child.dead or child.pgid == client.pgid:
            continue
        marks = ties.snapshot.marks.get(pid)
        if marks is None or marks.blank:
            return True
        call = shapes.is_tool_shell(ties.snapshot.detail(pid).argv)
        if marks.tool_child and marks.project and marks.claude_pid in (0, client.pid) and not call:
            return True
    return False


def let_go_below(ties: Ties, root: Process, process: Process, via: Via) -> bool:
    """Below a server (`via` is the root's), whether the process made a session of its own.

    A clean exit signals the server alone: what shares its session goes with it, what called setsid() survives.
    A running Bash call or hook, in contrast, is stopped with its whole tree.
    """
    if via in WHOLE_TREE or process.sid == root.sid:
        return False
    leader = ties.snapshot.processes.get(process.sid)
    return leader is None or not _lives_for_its_server(ties, leader)


def _lives_for_its_server(ties: Ties, leader: Process) -> bool:
    """Whether it is of no use to anybody without the server that started it, which ends it on its way out.

    A browser with a profile of its own, a language server that nobody can talk to any more.
    """
    detail = ties.snapshot.detail(leader.pid)
    if is_private_browser(leader.comm, detail.argv):
        return True
    cut_off = _is_channel(detail.stdin) and detail.stdin_peer == "no"
    return cut_off and shapes.kind_of(leader.comm, detail.argv) == "lsp"


__all__ = [
    "WHOLE_TREE",
    "Attachment",
    "attachment",
    "hook_at_work",
    "let_go_below",
]
