"""The words of the decision: identity, process, session, snapshot, verdict.

Every value is immutable and plain. Durations are seconds, times of processes are ticks as their table counts, sizes are bytes.
"""

from __future__ import annotations

from process_janitor.core.namedtuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Sameness = Literal["same", "different", "unknown"]
    Ternary = Literal["yes", "no", "unknown"]
    Verdict = Literal["reap", "report", "keep"]
    Outcome = Literal["gone", "survived", "refused"]
    # Our registry; the client's sessions/<pid>.json; its background daemon's list; the marks that a process carries; a
    # living claude process that nobody names; the owner that a sweep remembers of what it is ending.
    SessionSource = Literal["registry", "client", "roster", "marks", "process", "sweep"]
    # What a client started something as: a Bash call, a hook, a server; "" where nothing hung on a client.
    Via = Literal["call", "hook", "server", ""]


class Identity(NamedTuple):
    """Which process, for ever: a pid alone is reused, a pid with its start ticks repeats after a reboot.

    `start` is field 22 of /proc/PID/stat (ticks since boot); without /proc, the microsecond of its start. `boot_id` and
    `pid_namespace` say in which world the numbers count; empty or 0 means "not known", never "any". In a time namespace,
    which shifts the ticks, the boot's id is followed by the shift.
    """

    pid: int
    start: int
    boot_id: str = ""
    pid_namespace: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """(pid, start): enough inside one snapshot, which is of one boot and one pid namespace."""
        return (self.pid, self.start)

    @property
    def text(self) -> str:
        """The one printed form: `pid-start@boot/namespace`."""
        return f"{self.pid}-{self.start}@{self.boot_id or '?'}/{self.pid_namespace or '?'}"


def differently_timed(one: str, other: str) -> bool:
    """Whether two boot ids are one boot read by different clocks: start ticks and ages do not compare then."""
    return one != other and one.partition("+")[0] == other.partition("+")[0] != ""


def compare(one: Identity, other: Identity) -> Sameness:
    """Whether two identities name the same process. `unknown` must be treated as `same` by whoever wants to kill."""
    if one.pid == other.pid and differently_timed(one.boot_id, other.boot_id):
        return "unknown"
    if one.pid != other.pid or one.start != other.start:
        return "different"
    if not one.boot_id or not other.boot_id or not one.pid_namespace or not other.pid_namespace:
        return "unknown"
    alike = one.boot_id == other.boot_id and one.pid_namespace == other.pid_namespace
    return "same" if alike else "different"


class Process(NamedTuple):
    """One row of the process table, as the kernel tells it to anyone."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    tty: int
    start: int
    state: str
    comm: str
    uid: int
    cpu: int = 0
    rss: int = 0
    # A zombie whose last thread is gone. State Z alone is not death: a thread group leader may exit before its threads.
    dead: bool = False

    @property
    def key(self) -> tuple[int, int]:
        return (self.pid, self.start)


class Marks(NamedTuple):
    """What a process's environment says about who started it: evidence, not proof, for marks are inherited for ever."""

    session_id: str = ""
    claude_pid: int = 0
    launched_by: tuple[str, ...] = ()
    # CLAUDE_CODE_CHILD_SESSION: set for hooks and Bash tool children, never for MCP servers.
    tool_child: bool = False
    claudecode: bool = False
    # CLAUDE_PLUGIN_ROOT or CLAUDE_PROJECT_DIR: set for hooks and MCP servers, never for Bash tool children.
    project: bool = False
    keep: bool = False
    # Neither HOME nor any mark is left in it: cleared, or overwritten by the process's own title.
    blank: bool = False
    config_dir: str = ""

    @property
    def only_an_id(self) -> bool:
        """A session's id and nothing else that a client sets beside it."""
        more = (
            self.claude_pid
            or self.launched_by
            or self.tool_child
            or self.claudecode
            or self.project
        )
        return bool(self.session_id) and not more

    @property
    def names_session(self) -> bool:
        return bool(self.session_id or self.claude_pid or self.launched_by)


class Detail(NamedTuple):
    """What is read only of the few processes that the table and the marks make interesting."""

    argv: tuple[str, ...] = ()
    exe: str = ""
    cwd: str = ""
    cgroup: str = ""
    pid_namespace: int = 0
    # Is something outside the leftover set holding the other end of standard input?
    stdin_peer: Ternary = "unknown"
    # Where standard input and output lead, as /proc shows the links.
    stdin: str = ""
    stdout: str = ""
    terminal_hung_up: Ternary = "unknown"
    # A connection is established on a port it listens on.
    serving: Ternary = "unknown"
    ports: tuple[int, ...] = ()
    # The same for standard output; asked of claude processes, and of leftovers that take no input from anybody.
    stdout_peer: Ternary = "unknown"
    # Share of one core it used or waited for between two samples; None where nobody had reason to sample.
    cpu_share: float | None = None
    # For a claude process: does anything live hold the other end of one of its sockets?
    socket_peer: Ternary = "unknown"
    unreadable: tuple[str, ...] = ()


class Seen(NamedTuple):
    """A descendant of a session, remembered from when the session was alive."""

    # The last parent it was seen with while still connected to its owner.
    parent_pid: int
    parent_start: int
    # Seen alive without any connection to its living owner.
    detached: bool = False
    # Came through a child in the owner's own process group (MCP, LSP), not through a tool shell or a hook.
    server: bool = False
    # Decided to be ended and signalled: what it hung on may die before it does.
    condemned: bool = False

    @property
    def parent_key(self) -> tuple[int, int]:
        return (self.parent_pid, self.parent_start)

    @property
    def let_go(self) -> bool:
        """It let go on purpose. A server that lost its launcher did not; what a server started may have."""
        return self.detached and not self.server


class Session(NamedTuple):
    """One claude process as some register knows it, or as something else speaks for it: see `SessionSource`."""

    session_id: str
    owner: Identity
    aliases: tuple[str, ...] = ()
    source: SessionSource = "registry"
    host: str = ""
    pgid: int = 0
    sid: int = 0
    cwd: str = ""
    cgroup: str = ""
    # Interactive, bg, print: what the client calls its own kind; "" where nobody said.
    kind: str = ""
    ended_reason: str = ""
    ended_ago: float | None = None
    # How its record was closed, once it was clear that no goodbye came any more: `ended`, `crashed`, `hung`; or "".
    over: str = ""
    # The owner was seen to be a claude process; else it is only what CLAUDE_PID once said.
    recognised: bool = True
    # (pid, start) of its parent when it registered; () where nobody noted it.
    parent: tuple[int, ...] = ()
    # Session ids whose background work this one took over ("move to background").
    predecessors: tuple[str, ...] = ()
    # It went on from another session that nobody could name when it registered.
    forked: bool = False
    descendants: Mapping[tuple[int, int], Seen] = {}
    # POSIX sessions of Bash calls that are being ended: (sid, ticks); what is born in one since then goes with it.
    condemned_sids: tuple[tuple[int, int], ...] = ()
    started_at: str = ""
    # The tick in which it registered, 0 where nobody noted it: a background session's process is older than its work.
    since: int = 0
    heartbeat_ago: float | None = None
    # Seconds since its last turn, since its transcript changed, and since it or what hangs on it used a processor to
    # speak of; None where nobody noted it, or nobody asked.
    activity_ago: float | None = None
    transcript_ago: float | None = None
    busy_ago: float | None = None
    # When its record was closed (UTC), "" where nobody has seen it go.
    over_at: str = ""
    # The terminal it registered on, as the process table numbers it; 0 for none.
    tty: int = 0
    # The tmux pane it registered in: socket, pid of the server, pane id; () for none.
    pane: tuple[str, int, str] | tuple[()] = ()
    # Where its transcript is, as its first hook was told.
    transcript: str = ""
    # How it was entered (`cli`, `sdk-cli`, …) and what it does (`idle`, `busy`, `shell`), in the client's own words.
    entrypoint: str = ""
    status: str = ""
    # The short name under which the client's background daemon knows it; `claude stop` takes no other.
    job: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.session_id, *self.aliases)


_UNREAD = Detail()


class Snapshot(NamedTuple):
    """One reading of the machine. `marks[pid]` is None where the environment could not be read."""

    host: str
    boot_id: str
    pid_namespace: int
    uid: int
    self_pid: int
    # The tick in which the reading began, and ticks a second, as processes' starts count.
    now: int
    ticks_per_second: int
    processes: Mapping[int, Process]
    marks: Mapping[int, Marks | None] = {}
    details: Mapping[int, Detail] = {}
    # Whether this system tells all that a veto may be about. Where it does not (no /proc: who holds a process's input, who
    # is connected to it, which unit it is of), a veto that is not seen proves nothing, and nothing is `reap`.
    complete: bool = True

    def living(self, owner: Identity) -> Process | None:
        """The running process of that pid and start; None when it is gone or dead. Whether the identity is of this boot
        and namespace is not asked here (`owners.presence` does).
        """
        process = self.processes.get(owner.pid)
        there = process is not None and process.start == owner.start and not process.dead
        return process if there else None

    def detail(self, pid: int) -> Detail:
        """What was read of a process; all unknown where nothing was."""
        return self.details.get(pid, _UNREAD)

    def identity(self, process: Process) -> Identity:
        return Identity(process.pid, process.start, self.boot_id, self.pid_namespace)

    def age(self, process: Process) -> float:
        """Seconds since the process started, suspend included; never negative."""
        return max(0.0, (self.now - process.start) / self.ticks_per_second)


class Decision(NamedTuple):
    """A verdict with its reasons. `finding` is the contract's class, "" for an ordinary keep."""

    process: Process
    identity: Identity
    verdict: Verdict
    finding: str = ""
    kind: str = "other"
    session_id: str = ""
    owner: Identity | None = None
    evidence: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    # Unlike `kind` not by its name: what a Bash call has turned into (`exec gopls`) came through one all the same.
    via: Via = ""


__all__ = [
    "Decision",
    "Detail",
    "Identity",
    "Marks",
    "Process",
    "Seen",
    "Session",
    "Snapshot",
    "compare",
    "differently_timed",
]
