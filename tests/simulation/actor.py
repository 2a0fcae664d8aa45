"""One process of a simulated machine: `NAME -I -S actor.py ROLE` does what the role's file says and waits for its end.

Builtin modules and `os` only, so that a machine of fifty processes is up in half a second. Every process reports with
one line, `name pid`, in the file `births` beside its role.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` costs as much as the whole rest
import marshal
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# A forgotten process ends by itself, wherever it got to.
LIFETIME_SECONDS = 240.0
_NAP_SECONDS = 0.005
_SUBREAPER = 36
_PAGE = 4096


class Actor:
    """The role, and what was started for it."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:
            self.role: dict[str, Any] = marshal.loads(file.read())  # noqa: S302  # written by the round itself
        self.folder = os.path.dirname(path)
        self.ended: dict[int, int] = {}
        self.started: dict[int, str] = {}
        self.held: list[int] = []
        self.children: dict[int, dict[str, Any]] = {}

    def say(self, name: str, pid: int) -> None:
        fd = os.open(os.path.join(self.folder, "births"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, f"{name} {pid}\n".encode())
        os.close(fd)

    # -- becoming what the role says ------------------------------------------------------------

    def prepare(self) -> None:
        role = self.role
        if role.get("setsid") and os.getsid(0) != os.getpid():
            os.setsid()
        if role.get("setpgid"):
            os.setpgid(0, 0)
        if role.get("comm"):
            with open("/proc/self/comm", "w", encoding="ascii") as name:
                name.write(role["comm"])
        if role.get("subreaper"):
            import ctypes

            ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        on_term: dict[str, Callable[..., None]] = {
            "fork": self.fork_and_go,
            "forward": self.forward_and_go,
            "linger": self.linger,
        }
        if role.get("stubborn"):
            _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
        elif role.get("on_term"):
            _signal.signal(_signal.SIGTERM, on_term[role["on_term"]])
        # The kernel hangs up a process group that is orphaned with stopped members in it; that is nobody's kill.
        _signal.signal(_signal.SIGHUP, _signal.SIG_IGN)
        _signal.signal(_signal.SIGUSR1, lambda *_: self.wipe())
        _signal.signal(_signal.SIGUSR2, lambda *_: os._exit(0))
        if role.get("reap", True):
            _signal.signal(_signal.SIGCHLD, lambda *_: self.reap())
        if role.get("wipe"):
            self.wipe()

    def wipe(self) -> None:
        """Overwrite the environment as setproctitle does: nothing of it can be read afterwards."""
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rsplit(b")", 1)[1].split()
        start, end = int(fields[47]), int(fields[48])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(bytes(end - start))

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.ended[pid] = status
            again = self.children.pop(pid, None)
            if again is not None:
                self.start(again)

    # -- how it ends ----------------------------------------------------------------------------

    def fork_and_go(self, *_: object) -> None:
        """Fork while dying: what is left is a process that nobody has seen."""
        if os.fork() == 0:
            _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
            self.say(self.role["name"] + "+", os.getpid())
            self.sleep()
        os._exit(0)

    def forward_and_go(self, *_: object) -> None:
        for pid in self.started:
            if pid not in self.ended:
                _kill(pid, _signal.SIGTERM)
        os._exit(0)

    def linger(self, *_: object) -> None:
        time.sleep(0.3)
        os._exit(0)

    def sleep(self) -> None:
        until = time.monotonic() + LIFETIME_SECONDS
        while time.monotonic() < until:
            time.sleep(LIFETIME_SECONDS)

    # -- what it starts -------------------------------------------------------------------------

    def start(self, child: dict[str, Any]) -> None:
        """Fork and exec one child of the role; `double` leaves it to whoever takes in orphans."""
        first = os.fork()
        if first == 0:
            try:
                if child.get("double"):
                    if child.get("setsid"):
                        os.setsid()
                    if os.fork():
                        os._exit(0)
                if child.get("null"):
                    _onto(os.open(os.devnull, os.O_RDWR), 0, 1, 2)
                env = child.get("env")
                os.execve(child["argv"][0], child["argv"], os.environ if env is None else env)
            finally:
                os._exit(127)
        if child.get("double"):
            try:
                os.waitpid(first, 0)
            except ChildProcessError:
                pass  # the handler was quicker
        else:
            self.started[first] = "child"
            if child.get("respawn"):
                self.children[first] = child

    def play(self) -> None:
        self.prepare()
        for child in self.role.get("children", ()):
            self.start(child)
        self.say(self.role["name"], os.getpid())
        if self.role.get("fifo"):
            Session(self).serve()
        elif self.role.get("eof"):
            while os.read(0, _PAGE):
                pass
        elif "exit_after" in self.role:
            until = time.monotonic() + self.role["exit_after"]
            while time.monotonic() < until:
                time.sleep(until - time.monotonic())
        else:
            self.sleep()


class Session:
    """A pretend client: takes orders from its FIFO, one JSON object a line, and starts what they say."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def serve(self) -> None:
        import json

        fd = os.open(self.actor.role["fifo"], os.O_RDWR)
        data = b""
        until = time.monotonic() + LIFETIME_SECONDS
        while time.monotonic() < until:
            data += os.read(fd, _PAGE)
            while b"\n" in data:
                line, data = data.split(b"\n", 1)
                order = json.loads(line)
                getattr(self, "do_" + order.pop("do"))(**order)

    def do_spawn(self, argv: list[str], env: dict[str, str], how: str) -> None:
        """`server`: our group, a socket for standard input. `call`: its own session. `hook`: that, with a pipe."""
        if how == "server":
            import _socket

            ours, theirs = (one.detach() for one in _socket.socketpair())
        elif how == "hook":
            theirs, ours = os.pipe()
        else:
            theirs, ours = os.open(os.devnull, os.O_RDWR), -1
        pid = os.fork()
        if pid == 0:
            try:
                if how != "server":
                    os.setsid()
                null = os.open(os.devnull, os.O_RDWR)
                _onto(theirs, 0)
                _onto(theirs if how == "server" else null, 1)
                _onto(null, 2)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        os.close(theirs)
        if ours >= 0:
            self.actor.held.append(ours)
        self.actor.started[pid] = how

    def do_hook(self, argv: list[str], env: dict[str, str], payload: str, tag: str) -> None:
        """Run one of the plugin's hooks to its end; what it said and its exit code go into a file."""
        given, giving = os.pipe()
        os.write(giving, payload.encode())
        os.close(giving)
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                _onto(given, 0)
                said = os.path.join(self.actor.folder, f"said-{tag}")
                _onto(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
                _onto(os.open(f"{said}-err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        os.close(given)
        while pid not in self.actor.ended:
            time.sleep(_NAP_SECONDS)
        self.actor.say(tag, self.actor.ended[pid])

    def do_exit(self) -> None:
        """A clean exit: servers are signalled alone, calls and hooks with all that is below them."""
        for fd in self.actor.held:
            os.close(fd)
        running = {p: how for p, how in self.actor.started.items() if p not in self.actor.ended}
        victims = []
        for pid, how in running.items():
            for one in [pid] if how == "server" else [*_below(pid), pid]:
                try:
                    # Pids are reused in here on purpose: the second signal must not find another process.
                    victims.append(os.pidfd_open(one))
                except OSError:
                    continue
        for number in (_signal.SIGTERM, _signal.SIGKILL):
            for fd in victims:
                try:
                    _signal.pidfd_send_signal(fd, number)
                except OSError:
                    continue
            time.sleep(0.2)
        os._exit(0)


def _below(top: int) -> list[int]:
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    parents[int(name)] = int(stat.read().rsplit(b")", 1)[1].split()[1])
            except OSError:
                continue
    found, wait = [], [top]
    while wait:
        at = wait.pop()
        below = [pid for pid, parent in parents.items() if parent == at]
        found += below
        wait += below
    return found


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)  # our own unreaped child or what hangs below it
    except OSError:
        pass


def _onto(fd: int, *targets: int) -> None:
    for target in targets:
        os.dup2(fd, target)


if __name__ == "__main__":
    Actor(sys.argv[1]).play()
