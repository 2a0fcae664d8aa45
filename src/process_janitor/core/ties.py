"""Which session a process came from: what ties it to a living one, and what ties it to one that is gone."""

from __future__ import annotations

from process_janitor.core import client_shapes
from process_janitor.core.model import Identity, Session
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.owners import Owners, holders, strays
from process_janitor.core.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from process_janitor.core.model import Detail, Marks, Process, Snapshot


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
        known = list(sessions)
        self.owners = Owners(snapshot, (*known, *strays(snapshot, known)))
        self.holder = holders(self.tree, self.owners.live)
        self.claimed: dict[int, Session] = {}
        self.gone: dict[int, Tie] = {}
        self._roots: dict[int, Process] = {}
        self._above_the_living: set[int] | None = None
        candidates = self._candidates()
        self._judge_all(
            process
            for pid, process in snapshot.processes.items()
            if pid in candidates and not self.holder[pid]
        )

    def with_details(self, details: Mapping[int, Detail]) -> Ties:
        """These ties, now that the details of some processes are known: the same as to start again with them.

        Table, marks and sessions alone say who is alive, who runs below whom, and whether there is a tie at all; the
        details only say how well a tie to a session that is over is proven. So only what has one is judged again.
        """
        told = Ties.__new__(Ties)
        told.snapshot = self.snapshot._replace(details=details)
        told.tree, told.owners, told.holder = self.tree, self.owners, self.holder
        told.claimed = dict(self.claimed)
        told.gone = {}
        told._roots, told._above_the_living = {}, None  # noqa: SLF001  # of this very class
        told._judge_all(  # noqa: SLF001  # of this very class
            self.snapshot.processes[pid] for pid, tie in self.gone.items() if tie.root == pid
        )
        return told

    def _candidates(self) -> set[int]:
        """Without a mark and without having been seen, `_judge` finds nothing. Of nearly every process that is true."""
        speaking = {
            pid
            for pid, marks in self.snapshot.marks.items()
            if marks is not None
            and (marks.session_id or marks.claude_pid or marks.launched_by or marks.claudecode)
        }
        return speaking.union(self.owners.recorded_pids())

    def _judge_all(self, processes: Iterable[Process]) -> None:
        for process in processes:
            self._judge(process)
        for pid in list(self.gone):
            self._spread(pid)

    def _judge(self, process: Process) -> None:
        marks = self.snapshot.marks.get(process.pid)
        living: list[tuple[Session, str]] = []
        over: list[tuple[Session, str]] = []
        for session, code in self._own_ties(process, marks):
            (living if self.owners.is_live(session) else over).append((session, code))
        speaks = marks is not None and (marks.names_session or marks.claudecode)
        leader = self.owners.live.get(process.pgid) if over or speaks else None
        if living:
            self.claimed[process.pid] = living[0][0]
        elif leader is not None and _began_it(leader, process, over):
            # A group is inherited and never given out again while it has members: it says more than an old mark.
            self.claimed[process.pid] = leader
        elif over:
            session = over[0][0]
            codes = tuple(dict.fromkeys(code for s, code in over if s.owner == session.owner))
            proven = self._explained(session, codes, marks) or not self._nameless_before(process)
            self.gone[process.pid] = Tie(session, codes, proven, process.pid)
        elif marks is not None and speaks:
            led = self._led_by_a_dead_client(process, marks)
            if led is not None:
                self.gone[process.pid] = Tie(led, ("owner-group",), True, process.pid)
            else:
                self.gone[process.pid] = self._unregistered(process, marks)

    def _led_by_a_dead_client(self, process: Process, marks: Marks) -> Session | None:
        """The registered session whose client led the process's group, for a server whose id nobody knows (--continue).

        A group's number is not given out again while it has members, so the leader that was is the one that started it.
        """
        if marks.tool_child or process.pgid == process.pid:
            return None
        led = [s for s in self.owners.at_pid(process.pgid) if s.owner.start <= process.start]
        return max(led, key=lambda s: s.owner.start, default=None)

    def _explained(self, session: Session, codes: tuple[str, ...], marks: Marks | None) -> bool:
        """Whether the tie names the claude process itself: seen below it, or CLAUDE_PID with nothing said against it.

        An id alone names a conversation, which another client may have taken up.
        """
        if "recorded-descendant" in codes:
            return True
        said = marks.session_id if marks is not None else ""
        return "marker:claude-pid" in codes and (not said or said in session.ids)

    def names_owner(self, tie: Tie) -> bool:
        """Whether a tie leads to one process of this machine that some register knows, and not to a conversation alone."""
        root, session = self.snapshot.processes[tie.root], tie.session
        if session.source == "marks":
            return False
        codes = self.gone[tie.root].evidence
        named = self._explained(session, codes, self.snapshot.marks.get(tie.root))
        return named or (root.pgid == session.owner.pid and root.start >= session.owner.start)

    def nameless(self, process: Process) -> Iterator[Session]:
        """Living clients whose conversation nobody knows, and which may be the one this process belongs to.

        One of another container, or with another CLAUDE_CONFIG_DIR, is not: its conversations are others.
        """
        tie = self.gone.get(process.pid)
        # What runs below a call belongs where the call does, also with a cleared environment.
        marks = self.snapshot.marks.get(tie.root if tie is not None else process.pid)
        for pid, session in self.owners.live.items():
            detail = self.snapshot.details.get(pid)
            other = self.snapshot.marks.get(pid)
            if (
                not session.session_id
                and (detail is None or self._may_talk(detail))
                and (marks is None or other is None or marks.config_dir == other.config_dir)
            ):
                yield session

    def _may_talk(self, detail: Detail) -> bool:
        here = detail.pid_namespace in (0, self.snapshot.pid_namespace)
        return here and client_shapes.holds_conversation(detail.argv)

    def _nameless_before(self, process: Process) -> bool:
        return any(one.owner.start <= process.start for one in self.nameless(process))

    def _own_ties(self, process: Process, marks: Marks | None) -> Iterator[tuple[Session, str]]:
        """Ties of the process itself, strongest first. A process older than an owner was not started by it."""
        recorded = self.owners.recorded(process.key)
        if recorded is not None:
            yield recorded, "recorded-descendant"
        if marks is None:
            return
        # Without CLAUDE_PID nothing is named: an owner that nobody knew the pid of (0) is not the one.
        at_pid = self.owners.at_pid(marks.claude_pid) if marks.claude_pid else []
        exact = [s for s in at_pid if s.owner.start <= process.start]
        if recorded is not None:
            # Seen below a client that was started in a Bash call of another: the marks may be the outer one's.
            exact = [s for s in exact if s.owner.start >= recorded.owner.start]
        ids = (marks.session_id,) if marks.session_id else marks.launched_by
        named = [s for one in ids for s in self.owners.named(one) if s.owner.start <= process.start]
        if recorded is not None and any(s.owner == recorded.owner for s in named):
            # Several have one id, and below this one it was seen.
            named = [recorded]
        if exact and any(s.owner == e.owner for s in named for e in exact):
            named = [s for s in named if any(s.owner == e.owner for e in exact)]
        elif len({s.owner for s in named}) > 1:
            # One id, several claude processes (a resumed crash): the group it was born in tells whose it is, or else the one
            # that what it was started from was born in.
            for one in (process, *self.tree.ancestors(process)):
                born_in = [s for s in named if one.pgid in (s.pgid, s.owner.pid)]
                if born_in:
                    named = born_in
                    break
        nested = [s for s in named if all(s.owner.start > e.owner.start for e in exact)]
        if exact and nested and not any(s.owner == e.owner for s in named for e in exact):
            # A client started in a Bash call of another one: its helpers carry its id, and the outer one's CLAUDE_PID.
            exact, named = [], nested
        for session in exact:
            yield session, "marker:claude-pid"
        code = "marker:session-id" if marks.session_id else "marker:launched-by"
        for session in named:
            yield session, code

    def _unregistered(self, process: Process, marks: Marks) -> Tie:
        """A tie to a session nobody has a record of, proven gone only by CLAUDE_PID or by what it left hanging."""
        codes = []
        owner, proven = 0, False
        if marks.claude_pid:
            codes.append("marker:claude-pid")
            named = self.snapshot.processes.get(marks.claude_pid)
            proven = named is None or named.start > process.start or named.dead
            owner = marks.claude_pid
        if marks.session_id:
            codes.append("marker:session-id")
        elif marks.launched_by:
            codes.append("marker:launched-by")
        elif not marks.claude_pid:
            codes.append("marker:claudecode")
        if not proven and not marks.claude_pid and self._hangs_loose(process, marks):
            codes.append("group-leader-gone")
            owner, proven = process.pgid, True
        proven = proven and not self._nameless_before(process)
        session = Session(
            session_id=marks.session_id or (marks.launched_by[0] if marks.launched_by else ""),
            owner=Identity(owner, 0, self.snapshot.boot_id, self.snapshot.pid_namespace),
            source="marks",
        )
        return Tie(session, tuple(codes), proven, process.pid)

    def _hangs_loose(self, process: Process, marks: Marks) -> bool:
        """A stdio server nobody holds any more: its client led its process group, and held its standard input.

        Both are gone, and neither can come back: a group's number is not given out again while it has members.
        """
        detail = self.snapshot.detail(process.pid)
        if marks.tool_child or process.pgid in (0, process.pid):
            return False
        leader = self.snapshot.processes.get(process.pgid)
        return (
            (leader is None or leader.dead)
            and detail.stdin_peer == "no"
            # A client gives its servers sockets. A pipe whose writer has ended is any shell's pipeline.
            and detail.stdin.startswith("socket:")
        )

    def _spread(self, pid: int) -> None:
        """Whatever runs below a tied process belongs with it, also with a cleared environment or as another user."""
        tie = self.gone[pid]
        wait = list(self.tree.children(pid))
        while wait:
            below = wait.pop()
            if below in self.gone or below in self.claimed or self.holder.get(below):
                continue
            self.gone[below] = Tie(tie.session, ("tree-member",), tie.proven, tie.root)
            wait.extend(self.tree.children(below))

    def root(self, process: Process) -> Process:
        """The topmost ancestor that is tied to the same session: what died above it decides about the whole chain."""
        way: dict[int, None] = {}
        at = process
        while at.pid not in self._roots:
            way[at.pid] = None
            above, owner = self.tree.parent(at), self.gone[at.pid].session.owner
            other = self.gone.get(above.pid) if above is not None else None
            if above is None or other is None or other.session.owner != owner or above.pid in way:
                self._roots[at.pid] = at
                break
            at = above
        found = self._roots[at.pid]
        self._roots.update(dict.fromkeys(way, found))
        return found

    @property
    def above_the_living(self) -> set[int]:
        """Everything that a living client runs below."""
        if self._above_the_living is None:
            self._above_the_living = set()
            for pid in self.owners.live:
                for above in self.tree.ancestors(self.snapshot.processes[pid]):
                    self._above_the_living.add(above.pid)
        return self._above_the_living

    def interesting(self) -> set[int]:
        """The pids whose details a decision needs: everything tied to a gone session, every living claude, and what hangs
        on one that has said goodbye.
        """
        ending = [pid for pid, session in self.owners.live.items() if session.ended_reason]
        below = (child for pid in ending for child in self.tree.children(pid))
        return {*self.gone, *self.claimed, *self.owners.live, *below}


def _began_it(leader: Session, process: Process, over: Iterable[tuple[Session, str]]) -> bool:
    """Whether the living leader of its group started a process, and not a client that ran in that group and is over."""
    nested = any(session.owner.start > leader.owner.start for session, _ in over)
    return leader.owner.start <= process.start and not nested


__all__ = ["Tie", "Ties"]
