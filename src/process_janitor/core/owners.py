"""Which sessions' processes are alive, which are proven gone, and which are none of this machine's business."""

from __future__ import annotations

from process_janitor.core import client_shapes
from process_janitor.core.handover import may_move
from process_janitor.core.model import Identity, Session, differently_timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Literal

    from process_janitor.core.model import Process, Snapshot
    from process_janitor.core.tree import Tree

    Presence = Literal["live", "gone", "rebooted", "elsewhere"]


def presence(session: Session, snapshot: Snapshot) -> Presence:
    """Where a session's claude process is.

    `gone` is proof: same boot, same pid namespace, and no process of that pid and start tick runs. A record of another
    boot of this host is `rebooted`: its process is dead, and nothing of it can be left. Anything that cannot be
    compared (another host's home directory, a container that shares ~/.claude, other clocks) is `elsewhere`.
    """
    owner = session.owner
    if not owner.boot_id or not snapshot.boot_id:
        return "elsewhere"
    if differently_timed(owner.boot_id, snapshot.boot_id):
        return "elsewhere"
    if owner.boot_id != snapshot.boot_id:
        return "rebooted" if session.host and session.host == snapshot.host else "elsewhere"
    if owner.pid_namespace != snapshot.pid_namespace or not owner.pid_namespace:
        return "elsewhere"
    return "gone" if snapshot.living(owner) is None else "live"


def _believed(session: Session, snapshot: Snapshot) -> Session:
    """A session as it is to be believed. Its record was closed because its process was proven gone: what has the numbers of
    that process now is another one (a machine that is resumed from a memory snapshot lives its boot again). Nobody has said
    who that is: it and what hangs on it are spared, and nothing that the record says is held against it.
    """
    if not session.over or presence(session, snapshot) != "live":
        return session
    return Session(session_id="", owner=session.owner, source="process", recognised=False)


def merged(sessions: Iterable[Session]) -> list[Session]:
    """One session per claude process. Our own record leads; what other registers add are more ids, never fewer."""
    order = {"registry": 0, "client": 1, "roster": 2, "sweep": 8}
    found: dict[Identity, Session] = {}
    for session in sorted(sessions, key=lambda s: order.get(s.source, 9)):
        known = found.get(session.owner)
        if known is None:
            found[session.owner] = session
            continue
        ids = dict.fromkeys((*known.aliases, *session.ids))
        ids.pop(known.session_id, None)
        found[session.owner] = known._replace(
            aliases=tuple(ids),
            kind=known.kind or session.kind,
            cwd=known.cwd or session.cwd,
            entrypoint=known.entrypoint or session.entrypoint,
            status=known.status or session.status,
            job=known.job or session.job,
            predecessors=(*known.predecessors, *session.predecessors),
            forked=known.forked or session.forked,
            descendants={**known.descendants, **session.descendants},
            condemned_sids=(*known.condemned_sids, *session.condemned_sids),
        )
    return list(found.values())


class Owners:
    """The sessions of one snapshot, by liveness, by id and by claude pid."""

    def __init__(self, snapshot: Snapshot, sessions: Iterable[Session]) -> None:
        told = [_believed(session, snapshot) for session in sessions]
        self.sessions = merged(told)
        self._present_ids: dict[Identity, set[str]] = {}
        for session in told:
            self._present_ids.setdefault(session.owner, set()).add(session.session_id)
        self.presence: dict[Identity, Presence] = {
            s.owner: presence(s, snapshot) for s in self.sessions
        }
        self.live: dict[int, Session] = {
            s.owner.pid: s for s in self.sessions if self.presence[s.owner] == "live"
        }
        self._by_id: dict[str, list[Session]] = {}
        self._by_pid: dict[int, list[Session]] = {}
        self._elsewhere: set[str] = set()
        self._continued: set[str] = set()
        self._recorded: dict[tuple[int, int], Session] = {}
        linked = {one for s in self.sessions if s.predecessors for one in s.ids}
        # Sessions that went on from one that nobody can name: the daemon's list says nothing of them.
        here = [s for s in self.sessions if self.presence[s.owner] in ("live", "gone")]
        # A fork in a terminal (`--fork-session`) takes nothing over.
        background = [s for s in here if s.kind == "bg"]
        self._unlinked = [s for s in background if s.forked and linked.isdisjoint(s.ids)]
        # Of this boot: the ticks of another one tell nothing about who came first.
        self._background = background
        for session in self.sessions:
            where = self.presence[session.owner]
            if where == "live" or session.source == "roster":
                self._continued.update((*session.ids, *session.predecessors))
            if where in ("elsewhere", "rebooted"):
                if where == "elsewhere":
                    self._elsewhere.update(session.ids)
                continue
            self._by_pid.setdefault(session.owner.pid, []).append(session)
            for one in session.ids:
                self._by_id.setdefault(one, []).append(session)
            # A process seen below two owners belongs to the nested one, which started later.
            for key in session.descendants:
                known = self._recorded.get(key)
                if known is None or known.owner.start < session.owner.start:
                    self._recorded[key] = session

    def is_live(self, session: Session) -> bool:
        return self.presence[session.owner] == "live"

    def is_elsewhere(self, session_id: str) -> bool:
        return session_id in self._elsewhere

    def present_ids(self, session: Session) -> Collection[str]:
        """The conversation that a session holds, or held last, by each register that knows it."""
        return self._present_ids.get(session.owner, (session.session_id,))

    def named(self, session_id: str) -> list[Session]:
        return self._by_id.get(session_id, [])

    def at_pid(self, pid: int) -> list[Session]:
        return self._by_pid.get(pid, [])

    def recorded_pids(self) -> set[int]:
        """The pids of all that `recorded` knows; another process may have one of them by now."""
        return {pid for pid, _ in self._recorded}

    def recorded(self, key: tuple[int, int]) -> Session | None:
        return self._recorded.get(key)

    def live_under(self, ids: Iterable[str]) -> Iterator[Session]:
        """Living sessions that answer to any of these ids."""
        wanted = set(ids)
        for session in self.live.values():
            if wanted.intersection(session.ids):
                yield session

    def handed_over(self, ids: Iterable[str]) -> bool:
        """Whether a conversation goes on: alive under one of its ids, taken over by a living session, or listed in the
        background daemon's roster, whose workers are started again when they are down.
        """
        wanted = set(ids)
        return not wanted.isdisjoint(self._continued)

    def in_background(self, session: Session, call: Process) -> bool:
        """Whether a call of this one went on, or was from the start, in a background session, also one that is over by now.

        What is older than the background session went along. The old process may stay for long and show the agents, and
        then end with any goodbye: that one counts only where nobody says whose work was taken over. A conversation that is
        taken up again in a terminal, after it was in the background, is an ordinary one.
        """
        if session.kind == "bg":
            return True
        for other in self._background:
            # A spare is older than what it is given.
            began = other.since or other.owner.start
            if began <= session.owner.start:
                continue
            if _is_younger(call, other):
                continue
            if not set(session.ids).isdisjoint(other.predecessors):
                if other.since or call.start <= began:
                    return True
            elif other in self._unlinked and _alike(session.cwd, other.cwd) and may_move(session):
                return True
        return False

    def may_go_on(self, session: Session, call: Process) -> bool:
        """Whether a call of this session may go on in a living one: in a fork from nobody knows where, in its directory."""
        return any(
            self.is_live(fork) and _alike(session.cwd, fork.cwd) and not _is_younger(call, fork)
            for fork in self._unlinked
        )


def _is_younger(call: Process, background: Session) -> bool:
    """Whether a call is known to have begun after a background session took over what there was."""
    return 0 < background.since < call.start


def _alike(one: str, other: str) -> bool:
    """Whether two directories may be the same: yes where one is not known."""
    return not (one and other) or one == other


def holders(tree: Tree, live: Collection[int]) -> dict[int, int]:
    """Pid -> pid of the nearest living claude at or above it; 0 where there is none.

    Walked downwards: most processes of a machine run below no client, and cost nothing then. A process has one parent, so
    it is reached from one client at most; in a damaged table whose parents form a ring, a client in it ends the walk.
    """
    held = dict.fromkeys(tree.processes, 0)
    for owner in live:
        held[owner] = owner
        wait = list(tree.children(owner))
        while wait:
            below = wait.pop()
            if below not in live:
                held[below] = owner
                wait.extend(tree.children(below))
    return held


def strays(snapshot: Snapshot, known: Iterable[Session]) -> Iterator[Session]:
    """Living clients that no register names: older than the plugin, or their record is lost. They own what is below.

    Taken as alive on the word of their name alone: to be too careful here spares a process, never kills one.
    """
    # A machine has many processes and few names.
    names = {process.comm for process in snapshot.processes.values()}
    clients = {name for name in names if client_shapes.is_claude_name(name)}
    known = list(known)
    registered = {session.owner for session in known}
    seen = {key for session in known for key in session.descendants}
    for process in snapshot.processes.values():
        if (
            process.comm in clients
            and snapshot.identity(process) not in registered
            and not process.dead
            and process.uid == snapshot.uid
            and not _serves_a_client(snapshot, process, seen=process.key in seen)
            and not client_shapes.is_wrapper(snapshot.detail(process.pid).argv)
        ):
            yield Session(session_id="", owner=snapshot.identity(process), source="process")


def _serves_a_client(snapshot: Snapshot, process: Process, *, seen: bool) -> bool:
    """The client's program as a server (`claude mcp serve`), started by a client: its marks say so.

    Another program's has none, and what it starts belongs to nobody but it, for as long as it lives.
    """
    if not client_shapes.is_own_server(snapshot.detail(process.pid).argv):
        return False
    marks = snapshot.marks.get(process.pid)
    return seen or (marks is not None and (marks.names_session or marks.claudecode or marks.blank))


__all__ = ["Owners", "holders", "merged", "presence", "strays"]
