"""Which terminal a process sits in, and which tmux panes a Claude session has left empty. Told, never ended."""

from __future__ import annotations

from process_janitor.core import client_shapes, programs, shapes
from process_janitor.core.conditions import Condition
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from process_janitor.core.model import Process, Session
    from process_janitor.core.ties import Ties

# Beyond what Claude Code runs its own calls in: what people have as their login shell.
_LOGIN_SHELLS = frozenset({"fish", "nu", "csh", "tcsh", "elvish", "xonsh", "pwsh", "mksh", "oksh"})
# The server that a session starts for its own team mates: its panes carry marks and are nobody else's.
_TEAM_SERVER = "claude-swarm"
# A shell that gets its terminal back writes its prompt; what comes later than that was somebody at the keyboard.
_PROMPT_SECONDS = 60.0
_SCRIPT_DEPTH = 3


class Pane(NamedTuple):
    """One pane of one tmux server. `device` is its terminal as the process table numbers it, 0 where it has none.

    `started` is the command it was opened with, "" for a login shell; `active_at` the window's last output, in seconds
    since 1970, and `quiet` how many seconds ago that was when it was read.
    """

    socket: str
    server: int
    pane_id: str
    pid: int
    device: int = 0
    dead: bool = False
    session: str = ""
    window: int = 0
    place: int = 0
    command: str = ""
    started: str = ""
    title: str = ""
    active_at: float = 0.0
    quiet: float = 0.0

    @property
    def label(self) -> str:
        """`tmux:SESSION:WINDOW.PANE`, the last part as tmux takes it for a target; `tmux/NAME:` of another socket."""
        name = programs.base(self.socket)
        server = "tmux" if name == "default" else f"tmux/{name}"
        return f"{server}:{self.session}:{self.window}.{self.place}"


class Windows:
    """Every pane of the machine beside the processes of one look."""

    def __init__(self, ties: Ties, panes: Iterable[Pane] = ()) -> None:
        self._ties = ties
        self.panes = tuple({(pane.socket, pane.pane_id): pane for pane in panes}.values())
        self._at = {pane.pid: pane for pane in self.panes if self._runs(pane)}
        self._on = {pane.device: pane for pane in self._at.values() if pane.device}

    def _runs(self, pane: Pane) -> bool:
        """Whether it is a pane of this table: a server of another container counts its processes differently."""
        process = self._ties.snapshot.processes.get(pane.pid)
        return (
            not pane.dead
            and process is not None
            and not process.dead
            and process.ppid == pane.server
        )

    def pane(self, pid: int) -> Pane | None:
        """The pane a process runs in: below the pane's own process, else on the pane's terminal."""
        process = self._ties.snapshot.processes.get(pid)
        if process is None or process.dead:
            return None
        for one in (process, *self._ties.tree.ancestors(process)):
            if one.pid in self._at:
                return self._at[one.pid]
        snapshot = self._ties.snapshot
        if snapshot.detail(pid).pid_namespace not in (0, snapshot.pid_namespace):
            return None  # terminals of containers are numbered from 0 again
        return self._on.get(process.tty)

    def label(self, pid: int) -> str:
        """What a person calls it: `tmux:main:2.1`, else `/dev/pts/3`; "" for a process without a terminal."""
        pane = self.pane(pid)
        if pane is not None:
            return pane.label
        process = self._ties.snapshot.processes.get(pid)
        return terminal(process.tty) if process is not None else ""

    def clients(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """(socket, pane id) -> the living claude processes in it, nested ones left out: two of them share a keyboard."""
        found: dict[tuple[str, str], list[int]] = {}
        live = self._ties.owners.live
        for pid in sorted(live):
            above = self._ties.tree.ancestors(self._ties.snapshot.processes[pid])
            pane = self.pane(pid)
            if pane is not None and not any(one.pid in live for one in above):
                found.setdefault((pane.socket, pane.pane_id), []).append(pid)
        return {key: tuple(pids) for key, pids in found.items()}

    def orphans(self) -> Iterator[Condition]:
        """The panes whose claude is gone and in which nothing has taken its place.

        A living pane is named only for a session that went without a goodbye, and only while a shell waits in it that
        nobody has used since: whoever typed /exit, or went on working there, is in their own window.
        """
        occupied = {pane for pid in self._ties.owners.live if (pane := self.pane(pid)) is not None}
        for pane in self.panes:
            if pane in occupied:
                continue
            found = self._left(pane) if pane.pid in self._at else self._dead(pane)
            if found is not None:
                evidence, session, about = found
                yield Condition(
                    "orphan-window", pane.label, about, evidence=evidence, age=pane.quiet,
                    session_id=session.session_id if session is not None else "",
                )  # fmt: skip

    def _gone(self) -> Iterator[Session]:
        owners = self._ties.owners
        for session in owners.sessions:
            if owners.presence[session.owner] == "gone" and session.source == "registry":
                yield session

    def _dead(self, pane: Pane) -> tuple[tuple[str, ...], Session | None, str] | None:
        """Kept open by remain-on-exit, with nothing in it any more."""
        if not pane.dead:
            return None
        for session in self._gone():
            if _in(pane, session):
                said = "the Claude session that ran in it is gone; only its last screen is kept"
                return ("pane-recorded", "pane-dead"), session, said
        if starts_claude(pane.started):
            said = "it was opened for Claude Code, which has ended; only its last screen is kept"
            return ("pane-started-claude", "pane-dead"), None, said
        return None

    def _left(self, pane: Pane) -> tuple[tuple[str, ...], Session | None, str] | None:
        shell = self._ties.snapshot.processes[pane.pid]
        if not self._waits(shell):
            return None
        for session in self._gone():
            # The shell is older than the session: neither the terminal nor the pane was given out again since.
            if shell.start > session.owner.start or not _crashed(session) or _used(pane, session):
                continue
            if _in(pane, session):
                return ("pane-recorded", "pane-idle"), session, _ABOUT_CRASHED
            if session.tty and session.tty == pane.device == shell.tty:
                return ("pane-terminal", "pane-idle"), session, _ABOUT_CRASHED
        tie = self._ties.gone.get(pane.pid)
        if tie is not None and tie.proven and not self._inherited(pane):
            said = "it was opened by a Claude session that is gone; a shell waits in it"
            return ("pane-marked", "pane-idle"), tie.session, said
        return None

    def _waits(self, shell: Process) -> bool:
        """A shell at its prompt; what its session left below it is no use that anybody makes of it."""
        if not (shapes.is_shell(shell.comm) or shell.comm in _LOGIN_SHELLS):
            return False
        processes = self._ties.snapshot.processes
        below = self._ties.tree.descendants(shell.pid)
        # What a marked shell runs inherits the marks: there, whatever runs is in use.
        left = self._ties.gone if shell.pid not in self._ties.gone else {}
        return all(processes[pid].dead or pid in left for pid in below)

    def _inherited(self, pane: Pane) -> bool:
        """Whether the pane has its marks from the server, which a Bash call happened to start: then they say nothing."""
        if programs.base(pane.socket).startswith(_TEAM_SERVER):
            return False
        marks = self._ties.snapshot.marks.get(pane.server)
        return marks is None or marks.names_session or marks.claudecode


_ABOUT_CRASHED = "the Claude session that ran in it is gone without a goodbye; a shell waits in it"


def _in(pane: Pane, session: Session) -> bool:
    return session.pane == (pane.socket, pane.server, pane.pane_id)


def _crashed(session: Session) -> bool:
    return not session.ended_reason or session.over == "hung"


def _used(pane: Pane, session: Session) -> bool:
    """Whether somebody worked in the pane after the session was seen to be over."""
    if not session.over_at or not pane.active_at:
        return False
    from datetime import datetime

    try:
        over = datetime.fromisoformat(session.over_at.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return False
    return pane.active_at > over + _PROMPT_SECONDS


def starts_claude(line: str, depth: int = _SCRIPT_DEPTH) -> bool:
    """Whether a command line runs Claude Code, alone or after `cd DIR &&`; one that only mentions it does not."""
    import shlex

    try:
        words = shlex.split(line)
        # tmux shows a command that it was given as one word as that one word, in quotes.
        text = words[0] if len(words) == 1 else line
        parts = shlex.shlex(text, posix=True, punctuation_chars=True)
        parts.whitespace_split = True
        tokens = [*parts, ";"]
    except ValueError:
        return False
    command: list[str] = []
    for token in tokens:
        if set(token) <= set("();<>|&"):
            if _runs_claude(command, depth):
                return True
            command = []
        else:
            command.append(token)
    return False


def _runs_claude(words: Sequence[str], depth: int) -> bool:
    import shlex

    rest = list(words)
    while rest and (rest[0] in ("exec", "env", "command") or "=" in rest[0].split("/")[0]):
        rest.pop(0)
    if not rest:
        return False
    if shapes.is_shell(programs.base(rest[0])) and "-c" in rest[1:-1] and depth:
        return starts_claude(shlex.quote(rest[rest.index("-c") + 1]), depth - 1)
    return client_shapes.is_claude(programs.base(rest[0]), rest)


def terminal(device: int) -> str:
    """The name of a terminal from its number in the process table; "" for none, or for one without a known name."""
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    if 136 <= major <= 143:
        return f"/dev/pts/{(major - 136) * 256 + minor}"
    if major == 4 and minor >= 64:
        return f"/dev/ttyS{minor - 64}"
    return f"/dev/tty{minor}" if major == 4 and minor else ""


__all__ = ["Pane", "Windows", "starts_claude", "terminal"]
