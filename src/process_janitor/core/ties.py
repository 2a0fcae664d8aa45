"""Which session a process came from: what ties it to a living one, and what ties it to one that is gone."""

from __future__ import annotations

from process_janitor.core.model import Identity, Session
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.owners import Owners, holders
from process_janitor.core.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from process_janitor.core.model import Marks, Process, Snapshot


class Tie(NamedTuple):
    """Why a process is believed to come from `session`, whose claude process is gone (`proven`) or unknown."""

    session: Session
    evidence: tuple[str, ...]
    proven: bool
    # The member of the same tree it inherited the tie from; itself where it has one of its own.
    root: int


class Ties:
    """The ownership of every process in one snapshot.

    `holder[pid]` is the living claude above a process (0: none); `claimed[pid]` a living session that a process
    outside every living tree still belongs to; `gone[pid]` its tie to a session that is over.
    """

    def __init__(self, snapshot: Snapshot, sessions: Iterable[Session]) -> None:
        self.snapshot = snapshot
        self.tree = Tree(snapshot.processes)
        self.owners = Owners(snapshot, sessions)
        parents = {
            p.pid: p.ppid
            for p in snapshot.processes.values()
            if self.tree.parent(p) is not None and p.ppid != p.pid
        }
        self.holder = holders(snapshot.processes, self.owners.live, parents)
        self.claimed: dict[int, Session] = {}
        self.gone: dict[int, Tie] = {}
        loose = [
            p
            for p in snapshot.processes.values()
            if not self.holder[p.pid] and p.uid == snapshot.uid
        ]
        for process in loose:
            self._judge(process)
        for pid in list(self.gone):
            self._spread(pid)

    def _judge(self, process: Process) -> None:
        marks = self.snapshot.marks.get(process.pid)
        living: list[tuple[Session, str]] = []
        over: list[tuple[Session, str]] = []
        for session, code in self._own_ties(process, marks):
            (living if self.owners.is_live(session) else over).append((session, code))
        if living:
            self.claimed[process.pid] = living[0][0]
        elif over:
            session = over[0][0]
            codes = tuple(dict.fromkeys(code for s, code in over if s.owner == session.owner))
            self.gone[process.pid] = Tie(session, codes, True, process.pid)
        elif marks is not None and marks.names_session:
            self.gone[process.pid] = self._unregistered(process, marks)

    def _own_ties(self, process: Process, marks: Marks | None) -> Iterator[tuple[Session, str]]:
        """Ties of the process itself, strongest first. A process older than an owner was not started by it."""
        recorded = self.owners.recorded(process.key)
        if recorded is not None:
            yield recorded, "recorded-descendant"
        if marks is None:
            return
        exact = [s for s in self.owners.at_pid(marks.claude_pid) if s.owner.start <= process.start]
        for session in exact:
            yield session, "marker:claude-pid"
        ids = (marks.session_id,) if marks.session_id else marks.launched_by
        named = [s for one in ids for s in self.owners.named(one) if s.owner.start <= process.start]
        if exact and any(s.owner == e.owner for s in named for e in exact):
            named = [s for s in named if any(s.owner == e.owner for e in exact)]
        elif len({s.owner for s in named}) > 1:
            # One id, several claude processes (a resumed crash): the group the process was born in tells whose it is.
            born_in = [s for s in named if process.pgid in (s.pgid, s.owner.pid)]
            named = [s for s in born_in if not self.owners.is_live(s)] or named
        code = "marker:session-id" if marks.session_id else "marker:launched-by"
        for session in named:
            yield session, code

    def _unregistered(self, process: Process, marks: Marks) -> Tie:
        """A tie to a session nobody has a record of. CLAUDE_PID alone can still prove that its process is gone."""
        start = 0
        proven = False
        codes = []
        if marks.claude_pid:
            named = self.snapshot.processes.get(marks.claude_pid)
            proven = named is None or named.start > process.start or named.dead
            codes.append("marker:claude-pid")
            start = 0 if named is None or proven else named.start
        if marks.session_id:
            codes.append("marker:session-id")
        elif marks.launched_by:
            codes.append("marker:launched-by")
        session = Session(
            session_id=marks.session_id or (marks.launched_by[0] if marks.launched_by else ""),
            owner=Identity(
                marks.claude_pid, start, self.snapshot.boot_id, self.snapshot.pid_namespace
            ),
            source="marks",
        )
        return Tie(session, tuple(codes), proven, process.pid)

    def _spread(self, pid: int) -> None:
        """Whatever runs below a tied process belongs with it, also with a cleared environment."""
        tie = self.gone[pid]
        wait = list(self.tree.children(pid))
        while wait:
            below = wait.pop()
            if below in self.gone or below in self.claimed or self.holder.get(below):
                continue
            if self.snapshot.processes[below].uid == self.snapshot.uid:
                self.gone[below] = Tie(tie.session, ("tree-member",), tie.proven, tie.root)
            wait.extend(self.tree.children(below))

    def root(self, process: Process) -> Process:
        """The topmost ancestor that is tied to the same session: what died above it decides about the whole chain."""
        tie = self.gone[process.pid]
        at = process
        for above in self.tree.ancestors(process):
            other = self.gone.get(above.pid)
            if other is None or other.session.owner != tie.session.owner:
                break
            at = above
        return at

    def interesting(self) -> set[int]:
        """The pids whose details a decision needs: everything tied to a gone session, and every living claude."""
        return {*self.gone, *self.owners.live}


__all__ = ["Tie", "Ties"]
