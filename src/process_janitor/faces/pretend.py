"""A pretend Claude Code session: a real process named `claude` with real children of the shapes the client makes.

`demo` shows itself on it and the tests build their worlds of it. Run as a script it is one of two programs:
`pretend.py client [READY]`, which takes orders on standard input, and `pretend.py child READY [stubborn]`, which says
that it runs and waits for its end. Standard library only, so that it starts fast and under any interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# A forgotten child ends by itself: no test and no demo may leave anything behind for good.
LIFETIME_SECONDS = 300.0
_PASSED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "PROCESS_JANITOR_HOME", "CLAUDE_CONFIG_DIR")


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a pretend process may inherit: no mark of the real session that this may have been started from."""
    return {name: environment[name] for name in _PASSED if name in environment}


def server_marks(session_id: str, plugin_root: str = "/") -> dict[str, str]:
    """The environment that Claude Code adds for an MCP server."""
    return {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": session_id,
        "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS": session_id,
        "CLAUDE_PROJECT_DIR": plugin_root,
    }


def tool_marks(session_id: str, pid: int) -> dict[str, str]:
    """The environment that Claude Code adds for a Bash call."""
    return {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": session_id,
        "CLAUDE_PID": str(pid),
        "CLAUDE_CODE_CHILD_SESSION": "1",
    }


def hook_marks(session_id: str, pid: int, plugin_root: str = "/") -> dict[str, str]:
    """The environment that Claude Code adds for a hook."""
    return {
        **tool_marks(session_id, pid),
        "CLAUDE_PROJECT_DIR": plugin_root,
        "CLAUDE_PLUGIN_ROOT": plugin_root,
    }


def bash_call(command: str, folder: str) -> list[str]:
    """The shell line of a Bash call, as the client writes it."""
    from shlex import quote

    snapshot = quote(f"{folder}/shell-snapshots/snapshot-bash-1700000000000-pretend.sh")
    line = f"source {snapshot} 2>/dev/null || true && eval {quote(command)} && pwd -P >/dev/null"
    return ["bash", "-c", line]


def client_command(ready: str = "", *more: str) -> list[str]:
    """A pretend client; with `ready` it writes its pid to that file once it listens. `more` are words that only have to
    be seen on its command line, but `stubborn`, which makes it ignore SIGTERM.
    """
    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), "client"]
    return [*command, ready, *more] if ready else command


def child_command(ready: str, *, stubborn: bool = False) -> list[str]:
    """A process that writes its pid to the file `ready`; a stubborn one ignores SIGTERM and the end of its input."""
    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), "child", ready]
    return [*command, "stubborn"] if stubborn else command


def child_line(ready: str, *, stubborn: bool = False) -> str:
    """The same for a shell."""
    from shlex import join

    return join(child_command(ready, stubborn=stubborn))


class Client:
    """The pretend client's process itself: starts what it is told to, one order a line, one answer a line."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._started: list[subprocess.Popen[bytes]] = []
        # As the client does; without it every finished call would stay as a zombie.
        signal.signal(signal.SIGCHLD, lambda *_: self._wait_for_ended())

    def _wait_for_ended(self) -> None:
        for process in self._started:
            process.poll()

    def serve(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(self, f"do_{order.pop('do')}")(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def do_server(self, argv: Sequence[str], env: dict[str, str]) -> dict[str, Any]:
        """As an MCP server: in our own process group, with a socket pair for standard input and output."""
        ours, theirs = socket.socketpair()
        end = theirs.fileno()
        process = subprocess.Popen(argv, env=env, stdin=end, stdout=end, stderr=subprocess.DEVNULL)
        theirs.close()
        self._sockets.append(ours)
        self._started.append(process)
        return {"pid": process.pid}

    def do_call(self, argv: Sequence[str], env: dict[str, str]) -> dict[str, Any]:
        """As a Bash call: a session of its own, no terminal."""
        null = subprocess.DEVNULL
        process = subprocess.Popen(
            argv, env=env, stdin=null, stdout=null, stderr=null, start_new_session=True
        )
        self._started.append(process)
        return {"pid": process.pid}

    def do_hook(
        self, argv: Sequence[str], env: dict[str, str], payload: dict[str, Any] | None
    ) -> dict[str, Any]:
        """As a hook: a session of its own, JSON on a pipe. Without a payload it goes on running with its pipe open."""
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        if payload is None:
            self._started.append(process)
            return {"pid": process.pid}
        said, _ = process.communicate(json.dumps(payload).encode(), timeout=20)
        return {
            "pid": process.pid,
            "code": process.returncode,
            "said": said.decode("utf-8", "replace"),
        }


def client(ready: str, *, stubborn: bool = False) -> None:
    """Be the session until standard input ends, or a signal does it."""
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as name:
            name.write("claude")
    except OSError:
        pass  # the name is for the viewer's eye; CLAUDE_PID tells a hook who we are
    serving = Client()
    if ready:
        _report(ready)
    serving.serve()


def child(ready: str, *, stubborn: bool) -> None:
    """Say that we run, and wait for an end."""
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _report(ready)
    time.sleep(LIFETIME_SECONDS)


def _report(ready: str) -> None:
    """Our pid, in a file that appears whole."""
    temporary = f"{ready}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    os.rename(temporary, ready)


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["client"]:
        client(arguments[1] if len(arguments) > 1 else "", stubborn="stubborn" in arguments[2:])
    elif arguments[:1] == ["child"] and len(arguments) > 1:
        child(arguments[1], stubborn="stubborn" in arguments[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

__all__ = [
    "bash_call",
    "child_command",
    "child_line",
    "client_command",
    "hook_marks",
    "main",
    "plain_environment",
    "server_marks",
    "tool_marks",
]
