"""The tmux servers of this user and what they say about their panes, asked through libtmux where that is installed.

Nothing is started: only sockets are asked on which a server listens now. Without libtmux, without tmux, or without a
server there are no panes, and that is no error.
"""

from __future__ import annotations

import os
import stat
import time

from process_janitor.core import daemons
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural
from process_janitor.core.windows import Pane
from process_janitor.system import procfs, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from threading import Thread

    from process_janitor.core.model import Process

# All servers together; one that is stopped must not stop us.
SECONDS = 1.0
_KILL_SECONDS = 1.0
_PATH_MAX = 107
_SERVERS_MAX = 64
# Numbers first. `|` inside a text becomes `_`, so that it can separate; tmux itself makes other separators unreadable
# for a client without UTF-8.
_NUMBERS = (
    "pane_id", "pid", "pane_pid", "pane_dead", "pane_tty", "window_index", "pane_index", "window_activity",
)  # fmt: skip
_TEXTS = ("session_name", "pane_current_command", "pane_start_command", "pane_title")
_FORMAT = "|".join(
    (*(f"#{{{name}}}" for name in _NUMBERS), *(f"#{{s/[|]/_/:{name}}}" for name in _TEXTS))
)


class Server(NamedTuple):
    """A tmux server that listens. `pid` as the kernel names whoever listens on the socket."""

    socket: str
    pid: int


class Answer(NamedTuple):
    """What all servers said; `silent` are the sockets whose server did not answer in time, or not sensibly."""

    panes: tuple[Pane, ...] = ()
    silent: tuple[str, ...] = ()


def ask(
    processes: Mapping[int, Process],
    uid: int,
    environment: Mapping[str, str],
    also: Iterable[str] = (),
    seconds: float = SECONDS,
) -> Answer:
    """Every pane of this user's servers. Raises nothing; takes `seconds` at most, and a little more where a client of
    ours has to be ended because its server does not answer. `also` are further sockets to look at.
    """
    paths = dict.fromkeys((*sockets(processes, uid, environment), *also))
    servers, silent = [], []
    for path in list(paths)[:_SERVERS_MAX]:
        pid = _listener(path, uid, processes)
        if pid:
            servers.append(Server(path, pid))
        elif pid is None:
            silent.append(path)
    if not servers:
        return Answer((), tuple(silent))
    try:
        import libtmux  # 90 ms, so only for a server that is there
    except ImportError:
        return Answer((), tuple(silent))
    said: dict[str, list[str]] = {}

    def read(path: str) -> None:
        try:
            done = libtmux.Server(socket_path=path).cmd("list-panes", "-a", f"-F{_FORMAT}")
        except Exception:  # noqa: BLE001  # no tmux on PATH, or no memory for it: then nothing is known of its panes
            return
        if done.returncode == 0:
            said[path] = done.stdout

    _together(read, [server.socket for server in servers], seconds)
    now = time.time()
    panes = [
        pane
        for server in servers
        for line in said.get(server.socket, ())
        if (pane := _pane(line, server, now)) is not None
    ]
    silent += [server.socket for server in servers if server.socket not in said]
    return Answer(tuple(panes), tuple(silent))


def sockets(
    processes: Mapping[int, Process], uid: int, environment: Mapping[str, str]
) -> Iterator[str]:
    """Where a server of this user may listen: the usual directory, $TMUX, and what running servers were told."""
    directory = os.path.join(environment.get("TMUX_TMPDIR") or _USUAL, f"tmux-{uid}")
    try:
        if os.lstat(directory).st_uid == uid:
            yield from (os.path.join(directory, name) for name in sorted(os.listdir(directory)))
    except OSError:
        pass
    yield environment.get("TMUX", "").split(",")[0]
    for process in processes.values():
        if process.uid == uid and process.comm.startswith("tmux"):
            yield _told(process.pid, directory)


_USUAL = "/tmp"  # noqa: S108  # where tmux itself looks


def _told(pid: int, directory: str) -> str:
    """The socket a server's command line names (`-S PATH`, `-L NAME`), "" where it names none."""
    words = list(tables.current().argv(pid) or ())[1:]
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            break  # the tmux command: what follows is its own
        if word[:2] in ("-S", "-L"):
            value = word[2:] or (words.pop(0) if words else "")
            base = directory if word[1] == "L" else tables.current().link(pid, "cwd") or ""
            return os.path.join(base, value) if value else ""
        if word in ("-c", "-f", "-T") and words:
            words.pop(0)
    return ""


def _listener(path: str, uid: int, processes: Mapping[int, Process]) -> int | None:
    """The pid of our own tmux server that listens on a socket; 0 for none; None for one too busy to take a connection.

    The kernel tells who listens, so nothing is ever said to another user's server, to a program that is no tmux, or to
    a server of another container (whose pid is 0 here).
    """
    if not os.path.isabs(path) or len(os.fsencode(path)) > _PATH_MAX:
        return 0
    try:
        info = os.lstat(path)
    except (OSError, ValueError):
        return 0
    if not stat.S_ISSOCK(info.st_mode) or info.st_uid != uid:
        return 0
    import socket
    import struct

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except BlockingIOError:
            return None
        except (OSError, AttributeError):
            return 0
    pid, theirs, _ = struct.unpack("3i", credentials)
    row = processes.get(pid)
    ours = theirs == uid and row is not None and daemons.is_multiplexer(row.comm)
    return pid if ours else 0


def _together(read: object, paths: list[str], seconds: float) -> None:
    """Ask all at once. libtmux waits for its client without end, so a client whose server is silent is ended here."""
    from threading import Thread

    threads = {
        path: Thread(target=read, args=(path,), daemon=True)  # type: ignore[arg-type]  # called with one path
        for path in paths
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    waiting = {path: thread for path, thread in threads.items() if thread.is_alive()}
    if waiting:
        _give_up(waiting)


def _give_up(waiting: Mapping[str, Thread]) -> None:
    """End the clients that still wait. They are our own children: started by us, not yet waited for, found by parent
    and by the socket they were told. Their threads go on until the server lets go of the pipes it was handed; nobody
    waits for them.
    """
    left = dict(waiting)
    deadline = time.monotonic() + _KILL_SECONDS
    while left and time.monotonic() < deadline:
        for pid in procfs.children(os.getpid()):
            words = procfs.argv(pid) or ()
            if len(words) > 2 and words[2] == "list-panes" and words[1][2:] in left:
                del left[words[1][2:]]
                _end_child(pid)
        for path, thread in list(left.items()):
            thread.join(0.02)
            if not thread.is_alive():
                del left[path]


def _end_child(pid: int) -> None:
    import signal

    try:
        fd = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return
    try:
        row = procfs.process(pid)
        if row is not None and row.ppid == os.getpid():
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except OSError:
        pass  # it has just ended by itself
    finally:
        os.close(fd)


def _pane(line: str, server: Server, now: float) -> Pane | None:
    """One line of the answer; None for one that a text with a line feed has torn."""
    fields = line.split("|")
    if len(fields) != len(_NUMBERS) + len(_TEXTS):
        return None
    pane_id, *rest = fields
    numbers = [natural(rest[at]) for at in (0, 1, 4, 5, 6)]
    if not pane_id.startswith("%") or natural(pane_id[1:]) is None or None in numbers:
        return None
    served, pid, window, index, active = (number or 0 for number in numbers)
    session, command, started, title = fields[len(_NUMBERS) :]
    dead = rest[2] == "1"
    return Pane(
        server.socket, served, pane_id, pid, 0 if dead else _device(rest[3]), dead, session,
        window, index, command, started, title, float(active), max(0.0, now - active),
    ) if served == server.pid else None  # fmt: skip


def _device(path: str) -> int:
    """A terminal's number as the process table has it, 0 where it is not there."""
    try:
        found = os.stat(path).st_rdev
    except (OSError, ValueError):
        return 0
    minor = os.minor(found)
    return os.major(found) << 8 | minor & 0xFF | (minor & 0xFFF00) << 12


__all__ = ["SECONDS", "Answer", "ask", "sockets"]
