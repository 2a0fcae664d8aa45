"""A machine in memory: processes that fork, exec, let go, die and are taken in, as the kernel would have it.

Tests and properties act on it and ask the real decision about it. It knows the truth that the decision has to infer:
which processes a clean exit of a session would have stopped (`doomed`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from process_janitor.core.decide import decide
from process_janitor.core.model import (
    Decision,
    Detail,
    Identity,
    Marks,
    Process,
    Seen,
    Session,
    Snapshot,
)
from process_janitor.core.policy import Policy
from process_janitor.core.ties import Ties
from process_janitor.core.tree import Tree
from process_janitor.watcher.sightings import sighted

if TYPE_CHECKING:
    from collections.abc import Iterable

BOOT = "boot-a"
NAMESPACE = 4026531836
HOST = "here"
UID = 1000
TICKS = 100
TOOL_SHELL = (
    "/bin/bash",
    "-c",
    "source /home/u/.claude/shell-snapshots/snapshot-bash-1-a.sh && eval 'sleep 9'",
)


_NO_MARKS = Marks()


@dataclasses.dataclass
class Row:
    """One process with its whole truth."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    start: int
    comm: str
    argv: tuple[str, ...]
    marks: Marks | None = _NO_MARKS
    tty: int = 0
    state: str = "S"
    uid: int = UID
    dead: bool = False
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)
    # The client it serves: a child in the client's own process group, and what shares its session.
    serves: tuple[int, int] | None = None
    # (pid, start) of the client whose clean exit would have stopped it; set when that client dies.
    doomed_by: tuple[int, int] | None = None

    @property
    def key(self) -> tuple[int, int]:
        return (self.pid, self.start)


class Machine:
    """Pids count up unless `reuse` is asked for; every step of the clock is one second."""

    def __init__(self) -> None:
        self.now = 100_000
        self.next_pid = 100
        self.rows: dict[int, Row] = {}
        self.sessions: dict[tuple[int, int], Session] = {}
        self._add(pid=1, ppid=0, pgid=1, sid=1, comm="systemd", argv=("/sbin/init",), uid=0)
        self.shell = self.spawn(1, comm="bash", argv=("-bash",), setsid=True, tty=34816)
        self.janitor = self.spawn(self.shell, comm="python3", argv=("process-janitor", "scan"))

    def _add(self, **fields: Any) -> int:
        row = Row(start=self.now, **fields)
        self.rows[row.pid] = row
        return row.pid

    def tick(self, seconds: float = 1.0) -> None:
        self.now += int(seconds * TICKS)

    def spawn(
        self,
        parent: int,
        *,
        comm: str,
        argv: tuple[str, ...] = (),
        setsid: bool = False,
        setpgid: bool = False,
        marks: Marks | None = None,
        pid: int = 0,
        **fields: Any,
    ) -> int:
        """Fork and exec: environment, group, session and terminal come from the parent."""
        self.tick(0.01)
        above = self.rows[parent]
        if not pid:
            self.next_pid += 1
            pid = self.next_pid
        inherited = {
            "pgid": pid if setsid or setpgid else above.pgid,
            "sid": pid if setsid else above.sid,
            "tty": 0 if setsid else above.tty,
            "uid": above.uid if above.pid != 1 else UID,
            "marks": marks if marks is not None else above.marks,
            # A new process below a doomed tree is as doomed, unless it made a session below a server.
            "doomed_by": above.doomed_by if not (setsid and above.serves) else None,
            "serves": None if setsid else above.serves,
        }
        if above.comm == "claude":
            server = inherited["pgid"] == above.pgid
            inherited |= {"serves": above.key if server else None, "doomed_by": None}
        return self._add(
            pid=pid, ppid=parent, comm=comm, argv=argv or (comm,), **{**inherited, **fields}
        )

    # -- what Claude Code starts ---------------------------------------------------------------

    def claude(
        self,
        session_id: str,
        *,
        parent: int = 0,
        source: Any = "registry",
        **fields: Any,
    ) -> int:
        """A client in its own process group of the shell's session, as a terminal starts it."""
        fields = {"argv": ("claude",), **fields}
        pid = self.spawn(parent or self.shell, comm="claude", setpgid=True, **fields)
        if source:
            self.register(pid, session_id, source=source)
        return pid

    def register(
        self, pid: int, session_id: str, *, source: Any = "registry", **fields: Any
    ) -> None:
        row = self.rows[pid]
        known = self.sessions.get((pid, row.start))
        aliases = (*known.aliases, known.session_id) if known and source == known.source else ()
        self.sessions[pid, row.start] = Session(
            session_id=session_id,
            owner=Identity(pid, row.start, BOOT, NAMESPACE),
            aliases=tuple(one for one in aliases if one != session_id),
            source=source,
            host=HOST,
            pgid=row.pgid if source == "registry" else 0,
            sid=row.sid if source == "registry" else 0,
            descendants=known.descendants if known else {},
            **{"since": self.now if source == "registry" else 0, **fields},
        )

    def into_background(self, claude: int) -> None:
        """The session is one of the client's daemon's, and its record says so."""
        key = self.rows[claude].key
        self.sessions[key] = self.sessions[key]._replace(kind="bg")

    def mcp(self, claude: int, session_id: str, *, comm: str = "node", **fields: Any) -> int:
        marks = Marks(session_id=session_id, claudecode=True, project=True)
        return self.spawn(
            claude, comm=comm, marks=marks, detail={"stdin": f"socket:[{self.now}]"}, **fields
        )

    def bash(self, claude: int, session_id: str, **fields: Any) -> int:
        marks = Marks(session_id=session_id, claude_pid=claude, tool_child=True, claudecode=True)
        return self.spawn(claude, comm="bash", argv=TOOL_SHELL, setsid=True, marks=marks, **fields)

    def hook(self, claude: int, session_id: str) -> int:
        marks = Marks(
            session_id=session_id,
            claude_pid=claude,
            tool_child=True,
            claudecode=True,
            project=True,
        )
        argv = ("/bin/sh", "-c", "notify")
        return self.spawn(claude, comm="sh", argv=argv, setsid=True, marks=marks)

    def detached(
        self, claude: int, session_id: str, *, setsid: bool = False, comm: str = "vite"
    ) -> int:
        """`x &` or `setsid x &` in a Bash call that has ended since: an orphan from birth."""
        wrapper = self.bash(claude, session_id)
        child = self.spawn(wrapper, comm=comm, setsid=setsid)
        self.exit(wrapper)
        return child

    # -- what happens --------------------------------------------------------------------------

    def children(self, pid: int) -> list[int]:
        return [row.pid for row in self.rows.values() if row.ppid == pid and row.pid != pid]

    def below(self, pid: int) -> list[int]:
        found: list[int] = []
        wait = self.children(pid)
        while wait:
            at = wait.pop()
            found.append(at)
            wait.extend(self.children(at))
        return found

    def exit(self, pid: int, *, adopter: int = 1) -> None:
        """The process ends; what it leaves is taken in. A dying client dooms what it still holds."""
        if self.rows[pid].comm == "claude":
            self._doom(pid)
        del self.rows[pid]
        for row in self.rows.values():
            if row.ppid == pid:
                row.ppid = adopter
        self.tick(0.01)

    def _doom(self, claude: int) -> None:
        owner = self.rows[claude]
        known = self.sessions.get(owner.key)
        # The end of a background session leaves its Bash calls to whoever takes the conversation up again.
        ends_calls = known is None or known.kind != "bg"
        for child in self.children(claude) if ends_calls else ():
            if not self.rows[child].serves:
                for pid in (child, *self.below(child)):
                    self.rows[pid].doomed_by = owner.key
        # Servers are signalled alone: what shares their session goes with them, what made its own outlives them.
        for row in self.rows.values():
            if row.serves == owner.key:
                row.doomed_by = owner.key

    def look(self) -> None:
        """The watcher's look at the trees of the living."""
        tree = Tree(self.processes())
        for key, session in list(self.sessions.items()):
            if session.source == "registry":
                seen: dict[tuple[int, int], Seen] = sighted(
                    tree, session.owner, session.descendants
                )
                self.sessions[key] = session._replace(descendants=seen)

    def goodbye(self, claude: int, reason: str, seconds_ago: float) -> None:
        key = (claude, self.rows[claude].start)
        self.sessions[key] = self.sessions[key]._replace(ended_reason=reason, ended_ago=seconds_ago)

    # -- what can be seen ----------------------------------------------------------------------

    def processes(self) -> dict[int, Process]:
        return {
            r.pid: Process(
                r.pid, r.ppid, r.pgid, r.sid, r.tty, r.start, r.state, r.comm, r.uid, dead=r.dead
            )
            for r in self.rows.values()
        }

    def snapshot(self, **changes: Any) -> Snapshot:
        own = [row for row in self.rows.values() if row.uid == UID]
        snapshot = Snapshot(
            host=HOST,
            boot_id=BOOT,
            pid_namespace=NAMESPACE,
            uid=UID,
            self_pid=self.janitor,
            now=self.now,
            ticks_per_second=TICKS,
            processes=self.processes(),
            marks={row.pid: row.marks for row in own},
            details={
                row.pid: Detail(**{"argv": row.argv, "pid_namespace": NAMESPACE, **row.detail})
                for row in own
            },
        )
        return snapshot._replace(**changes)

    def decide(
        self,
        policy: Policy | None = None,
        sessions: Iterable[Session] | None = None,
        **changes: Any,
    ) -> dict[int, Decision]:
        known = self.sessions.values() if sessions is None else sessions
        decisions = decide(Ties(self.snapshot(**changes), known), policy or Policy())
        return {decision.process.pid: decision for decision in decisions}

    def verdict(self, pid: int, policy: Policy | None = None) -> tuple[str, str]:
        """(verdict, class) of one process; an unmentioned one is kept."""
        decision = self.decide(policy).get(pid)
        return (decision.verdict, decision.finding) if decision is not None else ("keep", "")

    def doomed(self) -> set[int]:
        """What clean exits of the dead sessions would have stopped, and still runs."""
        return {row.pid for row in self.rows.values() if row.doomed_by is not None and not row.dead}
