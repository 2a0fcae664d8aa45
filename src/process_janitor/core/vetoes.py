"""Who may forbid. Each veto is one question with one code; any "yes" keeps the process.

To change one, change its function; to add one, add a function and a line in `VETOES`. The table order is the order in
which reasons are printed. `inherited` vetoes also protect whatever runs below the process they apply to.
"""

from __future__ import annotations

from process_janitor.core import client_shapes, daemons, shapes
from process_janitor.core.case import Case
from process_janitor.core.cgroups import service_unit
from process_janitor.core.handover import is_handed_on, may_move
from process_janitor.core.model import compare
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import usable_pid
from process_janitor.core.policy import TOO_YOUNG_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from process_janitor.core.model import Process
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Ties

_KTHREADD = 2


class Veto(NamedTuple):
    """`inherited`: it also protects what runs below. `shared`: it protects the whole chain (`core/chains.py`)."""

    code: str
    words: str
    applies: Callable[[Case], bool]
    inherited: bool = False
    shared: bool = False


def _is_self(case: Case) -> bool:
    return case.process.pid == case.snapshot.self_pid


def _is_ancestor(case: Case) -> bool:
    me = case.snapshot.processes.get(case.snapshot.self_pid)
    return me is not None and any(
        above.pid == case.process.pid for above in case.ties.tree.ancestors(me)
    )


def _is_system(case: Case) -> bool:
    return not usable_pid(case.process.pid) or (
        _KTHREADD in (case.process.pid, case.process.ppid) and not case.argv
    )


def _is_own(case: Case) -> bool:
    return case.process.key in case.policy.own


def _is_foreign_user(case: Case) -> bool:
    return case.process.uid != case.snapshot.uid


def _is_in_other_namespace(case: Case) -> bool:
    return case.detail.pid_namespace not in (0, case.snapshot.pid_namespace)


def _is_unreadable(case: Case) -> bool:
    """It, or what it was started from: a mark up there may keep it, or say that it belongs to another session.

    Another user's environment is not even asked for: that is a veto of its own.
    """
    uid, marks = case.snapshot.uid, case.snapshot.marks

    def hidden(one: Process) -> bool:
        return one.uid == uid and one.pid in case.ties.gone and marks.get(one.pid) is None

    if case.process.uid == uid and (case.marks is None or bool(case.detail.unreadable)):
        return True
    return case.chains is not None and case.chains.inherits(case.process, "hidden", hidden)


def _has_live_owner(case: Case) -> bool:
    return bool(case.ties.holder.get(case.process.pid)) or case.process.pid in case.ties.claimed


def _has_live_session_below(case: Case) -> bool:
    return case.process.pid in case.ties.above_the_living


def _is_needed(case: Case) -> bool:
    """A launcher, a worker, or another end of a pipeline of something that is in use, or that its user keeps."""
    if case.chains is None:
        return False
    if case.chains.inhabited(case.process):
        return True

    def protects(one: Process) -> bool:
        return any(veto.applies(_of(case, one)) for veto in VETOES if veto.shared)

    return case.chains.holds(case.process, protects)


def _is_claude(case: Case) -> bool:
    claude = client_shapes.is_claude(case.process.comm, case.argv, case.detail.exe)
    other = client_shapes.is_own_server(case.argv) or client_shapes.is_wrapper(case.argv)
    return claude and not other


def _is_handed_over(case: Case) -> bool:
    """Background shells go on to the next process of their conversation (/resume, move to background)."""
    held = case.attachment
    if case.tie is None or held is None:
        return False
    detached = held.held == "detached"
    if not is_handed_on(held.via, detached=detached):
        return False
    if detached and held.kind != "bash-task" and case.policy.detached != "reap":
        return False  # nobody would end it unasked, and its user may
    owners, root = case.ties.owners, case.ties.root(case.process)
    # Not the ones before /clear: who takes such a conversation up again gets nothing of the next one's. What runs below a
    # call belongs where the call does, also with a cleared environment.
    told = (case.marks, case.snapshot.marks.get(root.pid))
    ids = (*owners.present_ids(case.tie.session), *(one.session_id for one in told if one))
    return (
        owners.handed_over(one for one in ids if one)
        or any(case.ties.nameless(case.process))
        or (may_move(case.tie.session) and owners.may_go_on(case.tie.session, root))
    )


def _is_elsewhere(case: Case) -> bool:
    """Its conversation is, and nothing but the conversation says whose it is: one that went on here left its own behind."""
    if case.tie is None or case.ties.names_owner(case.tie):
        return False
    return case.ties.owners.is_elsewhere(case.tie.session.session_id)


def _has_other_config(case: Case) -> bool:
    """Only a mark can say so, or that there is none, and only of sessions that no register of ours knows."""
    session = case.tie.session if case.tie is not None else None
    if session is None:
        session = case.ties.owners.live.get(case.process.pid)
    # What runs below a process belongs where that does: its own environment may be cleared.
    marks = case.snapshot.marks.get(case.tie.root) if case.tie is not None else case.marks
    unknown = session is not None and session.source in ("marks", "process")
    if not unknown or marks is None or marks.blank or not case.policy.config_dir:
        return False
    theirs = (marks.config_dir or case.policy.default_config_dir).rstrip("/")
    return bool(theirs) and theirs != case.policy.config_dir.rstrip("/")


def _is_multiplexer(case: Case) -> bool:
    return daemons.is_multiplexer(case.process.comm)


def _is_managed(case: Case) -> bool:
    """In a service unit of its own: somebody else starts and stops it. The unit the session itself ran in is not that.

    Of a session that no hook registered nobody knows in which it ran; but what still hung on it was its, not a manager's.
    """
    unit = service_unit(case.detail.cgroup)
    if not unit or case.tie is None:
        return False
    if case.tie.session.source != "registry" and case.attachment is not None:
        return case.attachment.held != "attached"
    return unit != service_unit(case.tie.session.cgroup)


def _is_build_daemon(case: Case) -> bool:
    if daemons.is_build_daemon(case.process.comm, case.argv):
        return True
    let_go = case.attachment is not None and case.attachment.held != "attached"
    return let_go and daemons.may_be_ssh_master(case.argv)


def _is_desktop_program(case: Case) -> bool:
    opens = daemons.is_desktop_program(case.process.comm, case.argv)
    return opens and not _is_clients_own_server(case)


def _is_clients_own_server(case: Case) -> bool:
    """The client's own child: a program's other commands open no window (`obsidian mcp`). What that opens is another's."""
    held, pid = case.attachment, case.process.pid
    if held is None or held.via != "server" or "seen-child" not in held.evidence:
        return False
    return pid in case.ties.gone and case.ties.root(case.process).pid == pid


def _is_serving(case: Case) -> bool:
    return case.detail.serving == "yes"


def _has_live_stdin(case: Case) -> bool:
    return case.detail.stdin_peer == "yes"


def _is_kept_by_rule(case: Case) -> bool:
    for rule in case.policy.keep_rules:
        if rule.pid:
            here = case.snapshot.identity(case.process)
            if compare(
                here, here._replace(pid=rule.pid, start=rule.start, boot_id=rule.boot_id)
            ) in ("same", "unknown"):
                return True
        elif rule.command and case.argv and case.policy.finds(rule.command, " ".join(case.argv)):
            return True
    return False


def _is_kept_by_mark(case: Case) -> bool:
    """Also by what its call's shell was told: what writes its title over its environment has lost the mark there."""
    if case.marks is not None and case.marks.keep:
        return True
    return shapes.asks_to_be_kept(case.argv)


def is_kept(ties: Ties, policy: Policy, process: Process) -> bool:
    """Whether its user keeps this very process, by a rule or by a mark."""
    case = Case(ties, policy, process, None, None)
    return _is_kept_by_rule(case) or _is_kept_by_mark(case)


def _is_stopped_on_terminal(case: Case) -> bool:
    if case.process.state not in ("T", "t"):
        return False
    leader = case.snapshot.processes.get(case.process.sid)
    return case.process.state == "t" or (
        case.process.tty != 0 and leader is not None and not leader.dead
    )


def _is_too_young(case: Case) -> bool:
    if case.tie is None or case.tie.session.source != "marks":
        return False
    return case.snapshot.age(case.process) < TOO_YOUNG_SECONDS


VETOES: tuple[Veto, ...] = (
    Veto("self", "it is the janitor itself", _is_self),
    Veto("ancestor-of-self", "the janitor was started from it", _is_ancestor),
    Veto("system", "it is the first process or a kernel thread", _is_system),
    Veto("janitor", "it is the janitor's own watcher", _is_own),
    Veto("other-user", "it belongs to another user", _is_foreign_user),
    Veto("other-pid-namespace", "it runs in another container", _is_in_other_namespace),
    Veto("unreadable", "its environment or command, or that of what started it, cannot be read", _is_unreadable),
    Veto("live-owner", "the Claude session it belongs to is alive", _has_live_owner),
    Veto("live-session-below", "a living Claude session runs below it", _has_live_session_below),
    Veto("needed", "what it runs with is in use, or kept by you", _is_needed),
    Veto("claude-session", "it is a Claude Code process itself", _is_claude),
    Veto("handed-over", "its conversation goes on in another Claude process", _is_handed_over),
    Veto("elsewhere", "its session runs on another host or in a container", _is_elsewhere),
    Veto("other-config-dir", "its session uses another CLAUDE_CONFIG_DIR", _has_other_config),
    Veto("multiplexer", "it is, or runs in, a terminal multiplexer", _is_multiplexer, inherited=True),
    Veto("managed-unit", "a service manager runs it", _is_managed),
    Veto("build-daemon", "it is a build daemon, kept by its tool on purpose", _is_build_daemon, inherited=True),
    Veto("desktop-program", "it is an editor, a terminal or a browser with your own profile", _is_desktop_program, inherited=True),
    Veto("serving-clients", "others are connected to a port or socket it listens on", _is_serving, shared=True),
    Veto("stdin-live-peer", "a living process holds the other end of its standard input", _has_live_stdin),
    Veto("kept-by-rule", "you asked to keep it (process-janitor keep)", _is_kept_by_rule, inherited=True, shared=True),
    Veto("kept-by-mark", "PROCESS_JANITOR_KEEP=1 is in its environment", _is_kept_by_mark, inherited=True, shared=True),
    Veto("stopped", "it is stopped on a living terminal or by a debugger", _is_stopped_on_terminal),
    Veto("too-young", "it started moments ago and its session is not registered", _is_too_young),
)  # fmt: skip
WORDS = {veto.code: veto.words for veto in VETOES}


def vetoes(case: Case) -> Iterator[str]:
    """The codes of everything that forbids acting on the case's process."""
    for veto in VETOES:
        if veto.applies(case) or (veto.inherited and _inherits(case, veto)):
            yield veto.code


def _inherits(case: Case, veto: Veto) -> bool:
    def applies(one: Process) -> bool:
        return veto.applies(_of(case, one))

    if case.chains is not None:
        return case.chains.inherits(case.process, veto.code, applies)
    return any(map(applies, case.ties.tree.ancestors(case.process)))


def _of(case: Case, process: Process) -> Case:
    return case._replace(process=process)


__all__ = ["VETOES", "WORDS", "Veto", "is_kept", "vetoes"]
