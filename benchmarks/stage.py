"""A user's home for one benchmark: state directory, old records, the plugin's hooks, a running watcher."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.figures import Spent
from benchmarks.inside import ROOT
from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.faces import pretend
from process_janitor.system import identity, launch, lease, procfs, worlds
from process_janitor.system.registry import Registry

T = TypeVar("T")
# The interpreter of the hooks and of their floor: the real one, behind any shim or environment.
PYTHON = os.path.realpath(launch.interpreter())
FLOOR = [PYTHON, "-I", "-S", "-c", "pass"]
SHELL = ["/bin/sh", "-c", ":"]
# A number that the kernel does not hand out while it counts from 1 in a young namespace.
_OLD_PID = 4_000_000


def declared_hooks() -> dict[str, list[str]]:
    """Every event's one hook, its command exactly as the client would run it."""
    with open(f"{ROOT}/hooks/hooks.json", encoding="utf-8") as file:
        events = json.load(file)["hooks"]
    found = {}
    for event, groups in events.items():
        [hook] = [hook for group in groups for hook in group["hooks"]]
        words = (hook["command"], *hook["args"])
        found[event] = [word.replace("${CLAUDE_PLUGIN_ROOT}", ROOT) for word in words]
    return found


def be_claude() -> None:
    """Take the name by which a hook knows its client among its ancestors."""
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write("claude")


def spawn(argv: Sequence[str], env: Mapping[str, str], stdin: bytes = b"", out: str = "") -> int:
    """Start a program as the client starts a hook: a session of its own, JSON on a pipe. Costs the same every time."""
    reading, writing = os.pipe()
    os.write(writing, stdin)
    os.close(writing)
    to = out or os.devnull
    files = [
        (os.POSIX_SPAWN_DUP2, reading, 0),
        (os.POSIX_SPAWN_OPEN, 1, to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    try:
        return os.posix_spawn(argv[0], list(argv), dict(env), file_actions=files, setsid=True)
    finally:
        os.close(reading)


def timed(
    argv: Sequence[str],
    env: Mapping[str, str],
    stdin: bytes = b"",
    failing: Sequence[int] = range(1, 256),
) -> Spent:
    """What a program takes from its start to its end. A failing one, by its exit code or a signal, is no measurement."""
    begun = time.perf_counter_ns()
    _, status, used = os.wait4(spawn(argv, env, stdin), 0)
    spent = time.perf_counter_ns() - begun
    code = os.waitstatus_to_exitcode(status)
    assert code >= 0, f"{argv}: signal {-code}"
    assert code not in failing, f"{argv}: exit code {code}"
    return Spent(spent / 1e6, (used.ru_utime + used.ru_stime) * 1e3)


def wait_until(
    ready: Callable[[], T | None], what: str, seconds: float = 30.0, every: float = 0.005
) -> T:
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)


class Stage:
    """One home. The environment that a command line needs is noted as ready, so that no hook starts to build one."""

    def __init__(self, home: str, session_id: str = "this-session") -> None:
        self.home = home
        self.config_dir = f"{home}/.claude"
        self.root = f"{self.config_dir}/process-janitor"
        self.session_id = session_id
        self.registry = Registry(self.root)
        self.registry.prepare()
        self.environment = {
            **pretend.plain_environment(os.environ),
            "HOME": home,
            "PROCESS_JANITOR_VENV": f"{ROOT}/.venv",
        }
        with open(f"{ROOT}/requirements.lock", encoding="utf-8") as lock:
            pins = lock.readline().strip()
        for name, text in {
            "environment": f"{pins}\n{ROOT}/.venv\n",
            "python": f"{PYTHON}\n",
        }.items():
            with open(f"{self.root}/{name}", "w", encoding="utf-8") as file:
                file.write(text)

    def use(self) -> None:
        """Let the package's own functions, called in this process, see this home."""
        os.environ["HOME"] = self.home

    def hook_environment(self, pid: int) -> dict[str, str]:
        return {**self.environment, **pretend.hook_marks(self.session_id, pid, ROOT)}

    def payload(self, event: str, **fields: str) -> bytes:
        common = {"session_id": self.session_id, "hook_event_name": event, "cwd": self.home}
        return json.dumps({**common, **fields}).encode()

    def register(self, pid: int, session_id: str, **fields: object) -> Identity:
        """A record for a running process."""
        row, owner = procfs.process(pid), identity.identify(pid)
        assert row is not None
        assert owner is not None
        known = {"host": identity.host_name(), "pgid": row.pgid, "sid": row.sid, "recognised": True}
        self.registry.write(new_record(session_id, owner, **{**known, "cwd": self.home, **fields}))
        return owner

    def add_old_records(self, count: int, already: int = 0) -> None:
        """Closed records of sessions of this boot whose processes are long gone."""
        boot, namespace = identity.boot_id(), identity.pid_namespace()
        for number in range(already, count):
            owner = Identity(_OLD_PID + number, 1 + number, boot, namespace)
            closed = {"at": "2026-01-01T00:00:00Z", "state": "ended"}
            directory = f"{self.registry.sessions}/old-{number:06}"
            record = new_record(
                f"old-{number:06}", owner, host=identity.host_name(), cwd=self.home, closed=closed
            )
            os.makedirs(directory, 0o700)
            with open(f"{directory}/{owner.pid}-{owner.start}.json", "w", encoding="utf-8") as file:
                json.dump(record, file)

    def drop_old_records(self, beyond: int, count: int) -> None:
        """Take away what `add_old_records` added above the first `beyond`."""
        for number in range(beyond, count):
            shutil.rmtree(f"{self.registry.sessions}/old-{number:06}")

    def start_watcher(self) -> int:
        """As a hook starts it; returns its pid. There must be a session for it to watch."""
        launch_command = [PYTHON, "-I", "-S", launch.script("watcher")]
        spawn(launch_command, launch.clean_environment(self.environment))
        return self.watcher()

    def watcher(self) -> int:
        """The pid of the watcher, once it holds the lease."""
        return wait_until(lambda: lease.watching(self.root), "the watcher holds its lease").key[0]

    def end_watcher(self) -> None:
        """End the watcher, and one that takes over from it, through a handle on exactly that process."""
        wait_until(self._no_watcher, "the watcher's lease is free")

    def _no_watcher(self) -> bool:
        boot = identity.boot_id()
        found = lease.watching(self.root)
        if found is not None:
            fd = identity.open_pidfd(Identity(*found.key, boot, identity.pid_namespace()))
            if fd is not None:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                os.close(fd)
        if lease.watching(self.root) is not None:
            return False
        held = lease.acquire(worlds.directory(self.root))
        if held is not None:
            os.close(held)
        return held is not None
