"""Many sessions starting at once: whether every one is registered, and what the slowest waits."""

from __future__ import annotations

import os
import shutil
import signal
import struct
from collections.abc import Sequence

from benchmarks.figures import Figure, figure, percentile
from benchmarks.inside import Setting
from benchmarks.stage import FLOOR, Stage, be_claude, declared_hooks, timed

CROWDS = (1, 10, 100)


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    figures: list[Figure] = []
    for count in CROWDS:
        rounds = 2 if quick else max(6, 40 // count)
        bare: list[list[float]] = []
        steady: list[list[float]] = []
        cold: list[list[float]] = []
        registered: list[float] = []
        for number in range(rounds):
            for watched, times in ((True, steady), (False, cold)):
                bare.append(Crowd(count).run(None))
                spent, there = _registering(f"{home}/{count}-{number}-{watched}", count, watched)
                times.append(spent)
                registered.append(100 * there / count)
        figures.append(figure(f"registry.{count}.registered", "%", registered))
        for name, times in (("", steady), (".no-watcher", cold)):
            for share, label in ((0.5, "p50"), (0.99, "p99")):
                floor = [percentile(one, share) for one in bare]
                base = percentile(floor, 0.5)
                spent = [percentile(one, share) for one in times]
                figures += [
                    figure(f"registry.{count}{name}.{label}", "x floor", [s / base for s in spent]),
                    figure(f"registry.{count}{name}.{label}.ms", "ms", spent),
                ]
    return figures


def _registering(home: str, count: int, watched: bool) -> tuple[list[float], int]:
    """The hooks' times, and how many records there are after them."""
    os.makedirs(home)
    stage = Stage(home)
    first = Crowd(1, keep=True)
    if watched:
        first.run(stage, "before")
        stage.watcher()
    crowd = Crowd(count, keep=True)
    spent = crowd.run(stage)
    made = sum("/crowd-" in path for path in stage.registry.paths())
    stage.end_watcher()
    for one in (first, crowd):
        one.end()
    shutil.rmtree(home, ignore_errors=True)
    return spent, made


class Crowd:
    """Processes named claude that wait for one signal and then each start one program."""

    def __init__(self, count: int, *, keep: bool = False) -> None:
        self._count = count
        self._keep = keep
        self._pids: list[int] = []

    def run(self, stage: Stage | None, name: str = "crowd") -> list[float]:
        """Milliseconds of each: SessionStart in `stage`, or a bare interpreter. All of them start together."""
        start_read, start_write = os.pipe()
        ready_read, ready_write = os.pipe()
        told_read, told_write = os.pipe()
        for number in range(self._count):
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(start_write)
                    be_claude()
                    os.write(ready_write, b".")
                    os.read(start_read, 1)  # the end of it, once the last writer is gone
                    spent = _one(stage, f"{name}-{number}")
                    os.write(told_write, struct.pack("d", spent))
                    if self._keep:
                        signal.pause()
                finally:
                    os._exit(0)
            self._pids.append(pid)
        _read_exactly(ready_read, self._count)
        os.close(start_write)
        answers = struct.unpack(f"{self._count}d", _read_exactly(told_read, 8 * self._count))
        for fd in (start_read, ready_read, ready_write, told_read, told_write):
            os.close(fd)
        if not self._keep:
            self.end()
        return list(answers)

    def end(self) -> None:
        """Our own children, not waited for yet: their numbers cannot have become somebody else's."""
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._pids = []


def _one(stage: Stage | None, session_id: str) -> float:
    if stage is None:
        return timed(FLOOR, {}).wall
    stage.session_id = session_id
    payload = stage.payload("SessionStart", source="startup")
    return timed(_command(), stage.hook_environment(os.getpid()), payload).wall


def _command() -> Sequence[str]:
    return declared_hooks()["SessionStart"]


def _read_exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(fd, size - len(data))
        assert part, "a member of the crowd ended without a word"
        data += part
    return data
