"""Pretend sessions with real processes, for tests inside a namespace (see `namespaced`).

A `Pretend` session is a process named `claude` that starts children on order, in the shapes of the real client. Every
child reports through a file that it runs, so nobody waits for longer than it takes. Sessions are killed by a pidfd.
"""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.faces import pretend
from process_janitor.system import identity, procfs
from process_janitor.system.registry import Registry

T = TypeVar("T")
_POLL_SECONDS = 0.01


def wait_until(predicate: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """The first truthy answer; an AssertionError naming `what` when the deadline passes without one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = predicate()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or predicate}"
        time.sleep(_POLL_SECONDS)


def children(pid: int) -> list[int]:
    """The children of a process, dead ones that it has not waited for included."""
    return [row.pid for row in procfs.table().values() if row.ppid == pid]


class Child:
    """One process of a pretend session."""

    def __init__(self, pid: int) -> None:
        found = identity.identify(pid)
        assert found is not None, f"process {pid} is gone already"
        self.pid = pid
        self.identity: Identity = found

    @property
    def alive(self) -> bool:
        return identity.runs(self.pid, self.identity.start)

    def gone(self, seconds: float = 10.0) -> None:
        wait_until(lambda: not self.alive, seconds, f"process {self.pid} is gone")


class Pretend(Child):
    """A session: its process, and what it can be told to start."""

    def __init__(
        self,
        world: World,
        session_id: str,
        env: dict[str, str],
        below: Pretend | None = None,
        words: tuple[str, ...] = (),
        *,
        scripted: bool = False,
    ) -> None:
        self.session_id = session_id
        self.world = world
        self._env = env
        self._count = 0
        world.started += 1
        self._number = world.started
        ready = world.home / f"client-{world.started}"
        pipes = [f"{ready}.in", f"{ready}.out"]
        for pipe in pipes:
            os.mkfifo(pipe)
        # Opened for both directions a pipe neither blocks nor ends while we live.
        self._orders, self._answers = (
            os.fdopen(os.open(pipe, os.O_RDWR), mode)
            for pipe, mode in zip(pipes, "wr", strict=True)
        )
        command = shlex.join(pretend.client_command(str(ready), *words))
        # A script waits for its client, and so stays the leader of its process group.
        line = f"{'' if scripted else 'exec '}{command} <{pipes[0]} >{pipes[1]}{'; :' if scripted else ''}"
        self._process: subprocess.Popen[bytes] | None = None
        if below is None:
            self._process = subprocess.Popen(
                ["sh", "-c", line], env=env, cwd=world.home, start_new_session=True
            )
        else:
            below.run_bash(line)
        wait_until(ready.exists, 10, "the pretend client listens")
        super().__init__(int(ready.read_text()))
        wait_until(self._is_named, 10, "it is named claude")
        self._pidfd = os.pidfd_open(self.pid)

    def _is_named(self) -> bool:
        row = procfs.process(self.pid)
        return row is not None and row.comm == "claude"

    def _order(self, do: str, **order: Any) -> dict[str, Any]:
        self._orders.write(json.dumps({"do": do, **order}) + "\n")
        self._orders.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def run_bash(self, command: str, **extra: str) -> int:
        """A Bash call with this command; returns its shell's pid."""
        argv = pretend.bash_call(command, str(self.world.config_dir))
        pid: int = self._order("call", argv=argv, env=self.tool_env(**extra))["pid"]
        return pid

    def _ready(self) -> Path:
        self._count += 1
        return self.world.home / f"ready-{self._number}-{self._count}"

    def _child(self, ready: Path) -> Child:
        return Child(
            int(
                wait_until(
                    lambda: ready.exists() and ready.read_text(), 10, f"{ready.name} is there"
                )
            )
        )

    def mcp(self, *, stubborn: bool = False, **extra: str) -> Child:
        """A stdio server in the session's own process group; a stubborn one ignores SIGTERM."""
        ready = self._ready()
        self.start_server(pretend.child_command(str(ready), stubborn=stubborn), **extra)
        return self._child(ready)

    def start_server(self, argv: list[str], **extra: str) -> int:
        """Any program as a stdio server in the session's own process group; returns its pid."""
        env = {**self._env, **pretend.server_marks(self.session_id), **extra}
        pid: int = self._order("server", argv=argv, env=env)["pid"]
        return pid

    def bash(self, **extra: str) -> tuple[Child, Child]:
        """A running Bash call: its shell and what runs in it."""
        ready = self._ready()
        pid = self.run_bash(pretend.child_line(str(ready)), **extra)
        return Child(pid), self._child(ready)

    def detached(self, how: str = "nohup", **extra: str) -> Child:
        """What a finished Bash call left in the background: `nohup`, `setsid`, or a plain `&`."""
        ready = self._ready()
        words = pretend.child_line(str(ready))
        prefix = {"nohup": "nohup ", "setsid": "setsid ", "&": ""}[how]
        self.run_bash(f"{prefix}{words} >/dev/null 2>&1 </dev/null &", **extra)
        return self._child(ready)

    def hook(self) -> Child:
        """A hook that is still running, with its pipe open."""
        ready = self._ready()
        argv = ["sh", "-c", pretend.child_line(str(ready)) + "; :"]
        env = {**self._env, **pretend.hook_marks(self.session_id, self.pid)}
        self._order("hook", argv=argv, env=env, payload=None)
        return self._child(ready)

    def tool_env(self, **extra: str) -> dict[str, str]:
        return {**self._env, **pretend.tool_marks(self.session_id, self.pid), **extra}

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory runs out: no goodbye."""
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
        self.gone()
        self._orders.close()
        self._answers.close()


class Answer(NamedTuple):
    """What a command line said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Typing:
    """A command line on a terminal of its own, and somebody who reads it and types."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.said = ""
        self._fd, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *argv], env={**env, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)

    def _read(self, seconds: float) -> bool:
        """Whether there is more to come."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.said += data.decode("utf-8", "replace")
        return bool(data)

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        """Read until the text was said since the last thing typed."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self._read(0.05), f"it ended without {text!r}:\n{self.said}"
            assert time.monotonic() < deadline, (
                f"not within {seconds:g} s: {text!r} in\n{self.said}"
            )

    def type(self, text: str) -> None:
        self.said = ""
        os.write(self._fd, text.encode())

    def end(self, seconds: float = 40.0) -> int:
        """Read it to its end; its exit code."""
        deadline = time.monotonic() + seconds
        while self._read(0.05):
            assert time.monotonic() < deadline, f"it has not ended:\n{self.said}"
        os.close(self._fd)
        return self._process.wait(10)


class World:
    """A user's home for one test: a state directory, a configuration directory, sessions."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.started = 0
        self.config_dir = home / ".claude"
        self.root = self.config_dir / "process-janitor"
        self.config_dir.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(home)
        for name in [*os.environ]:
            if name.startswith(("CLAUDE", "PROCESS_JANITOR_")):
                del os.environ[name]
        self.env = pretend.plain_environment(os.environ)

    def session(
        self,
        session_id: str = "",
        *,
        registered: bool = True,
        below: Pretend | None = None,
        scripted: bool = False,
        words: tuple[str, ...] = (),
    ) -> Pretend:
        """A session; `below` starts it in a Bash call of another one, whose marks it inherits.

        A `scripted` one is started by a script, which leads its process group. `words` stand on its command line, and
        `stubborn` among them makes it ignore SIGTERM.
        """
        session_id = session_id or str(uuid.uuid4())
        made = Pretend(self, session_id, self.env, below, words, scripted=scripted)
        if registered:
            self.register(made)
        return made

    def register(self, session: Pretend, **fields: Any) -> None:
        row = procfs.process(session.pid)
        assert row is not None
        registry = Registry(str(self.root))
        registry.prepare()
        known = {"host": identity.host_name(), "pgid": row.pgid, "sid": row.sid, "recognised": True}
        registry.write(
            new_record(session.session_id, session.identity, **known, cwd=str(self.home), **fields)
        )

    def client_file(self, session: Pretend, **fields: Any) -> None:
        """What the client itself writes about a session."""
        path = self.config_dir / "sessions" / f"{session.pid}.json"
        path.parent.mkdir(exist_ok=True)
        known = {
            "pid": session.pid,
            "sessionId": session.session_id,
            "procStart": str(session.identity.start),
        }
        path.write_text(json.dumps({**known, "cwd": str(self.home), **fields}))

    def configure(self, **values: Any) -> None:
        (self.config_dir / "process-janitor-config.json").write_text(json.dumps(values))

    def quiet(self, session: Pretend, seconds: float) -> None:
        """As if its last turn was so long ago."""
        stamp = self.root / "sessions" / session.session_id / "activity"
        stamp.touch()
        at = time.time() - seconds
        os.utime(stamp, (at, at))

    def command(self, *arguments: str) -> list[str]:
        """The words that run the command line."""
        start = Path(__file__).resolve().parents[1] / "scripts" / "start.py"
        return [sys.executable, "-I", str(start), *arguments]

    def typing(self, *arguments: str, **environment: str) -> Typing:
        """The command line on a terminal."""
        return Typing(self.command(*arguments), {**self.env, "HOME": str(self.home), **environment})

    def cli(self, *arguments: str, **environment: str) -> Answer:
        """The command line in a process of its own, without a terminal, in this world's home."""
        done = subprocess.run(
            self.command(*arguments),
            env={**self.env, "HOME": str(self.home), "COLUMNS": "80", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def files(self) -> dict[str, bytes]:
        """Every file below the home with its content, to see that nothing was touched."""
        return {str(path): path.read_bytes() for path in self.home.rglob("*") if path.is_file()}
