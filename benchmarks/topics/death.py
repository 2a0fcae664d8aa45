"""From the SIGKILL of a session's process to the end of its children, by the running watcher."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from typing import NamedTuple

from benchmarks.crowd import Sessions, fill
from benchmarks.figures import Figure, figure, percentile
from benchmarks.inside import ROOT, Setting
from benchmarks.stage import FLOOR, PYTHON, Stage, timed, wait_until
from process_janitor.system import procfs

TABLES = (50, 200, 1000, 5000)
MEGABYTES = (1, 300)
# A watcher that looks seldom, for a look is dear, also takes in new sessions seldom: then several are started at once.
_CROWDED = 2000
_BATCH = 3
_OWN_PROCESSES = 12


class Death(NamedTuple):
    """Milliseconds after the signal: the parent's memory is freed and it is gone; the watcher has started its child for
    it; the last child of the parent is gone.
    """

    parent: float
    detected: float
    children: float


class Client:
    """A pretend client with ten children, registered, and handles on all of them."""

    def __init__(self, stage: Stage, megabytes: int, session_id: str) -> None:
        self._stage = stage
        self.session_id = session_id
        argv = [PYTHON, "-I", "-S", f"{ROOT}/benchmarks/parent.py", str(megabytes), session_id]
        self._process = subprocess.Popen(
            argv, env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        children = [int(word) for word in self._process.stdout.readline().split()]
        assert children, "the pretend client failed"
        self._owner = stage.register(self._process.pid, session_id)
        self._parent = os.pidfd_open(self._process.pid)
        self._children = [os.pidfd_open(pid) for pid in children]

    def wait_until_watched(self) -> None:
        beat = f"{self._stage.registry.sessions}/{self.session_id}/heartbeat"
        seen = f"{self._stage.root}/trees/{self._owner.pid}-{self._owner.start}"
        wait_until(lambda: os.path.exists(beat) and os.path.exists(seen), "it is watched", 180)

    def die(self, watcher: int) -> Death:
        poll = select.poll()
        for fd in (self._parent, *self._children):
            poll.register(fd, select.POLLIN)
        left = {self._parent, *self._children}
        begun = time.perf_counter_ns()
        signal.pidfd_send_signal(self._parent, signal.SIGKILL)
        parent = detected = now = 0.0
        while left:
            ready = poll.poll(30_000)
            now = (time.perf_counter_ns() - begun) / 1e6
            assert ready, f"{len(left)} processes are still there"
            for fd, _ in ready:
                if fd == self._parent:
                    parent = now
                    wait_until(lambda: procfs.children(watcher), "it acts", every=2e-4)
                    detected = (time.perf_counter_ns() - begun) / 1e6
                poll.unregister(fd)
                left.discard(fd)
                os.close(fd)
        self._process.wait()
        wait_until(self._closed, "the watcher has closed the record")
        return Death(parent, detected, now)

    def _closed(self) -> bool:
        entry = self._stage.registry.find(*self._owner.key)
        return entry is not None and bool(entry.record.get("closed"))


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    stage = Stage(home)
    stage.use()
    stage.register(Sessions(home).start(), "stays")
    watcher = stage.start_watcher()
    figures: list[Figure] = []
    for size in TABLES[:2] if quick else TABLES:
        fill(size - _OWN_PROCESSES)
        batch = _BATCH if size >= _CROWDED else 1
        rounds = (2 if quick else 6) // batch
        floor = [timed(FLOOR, {}).wall for _ in range(3)]
        deaths: dict[int, list[Death]] = {megabytes: [] for megabytes in MEGABYTES}
        for number in range(-1 if batch == 1 else 0, max(1, rounds)):
            for megabytes, found in deaths.items():
                clients = [
                    Client(stage, megabytes, f"dies-{size}-{megabytes}-{number + 1}-{one}")
                    for one in range(batch)
                ]
                for client in clients:
                    client.wait_until_watched()
                for client in clients:
                    time.sleep(0.3)  # the heartbeat of a new session sends a child as well
                    # One that is still at its last look keeps the next one waiting: that is another thing to measure.
                    wait_until(lambda: not procfs.children(watcher), "its child is done")
                    floor.append(timed(FLOOR, {}).wall)
                    death = client.die(watcher)
                    if number >= 0:
                        found.append(death)
        figures += _figures(size, deaths, floor)
    return figures


def _figures(size: int, deaths: dict[int, list[Death]], floor: list[float]) -> list[Figure]:
    """Also in starts of a bare interpreter, which a slow or busy machine slows down alike."""
    base = percentile(floor, 0.5)
    figures = [figure(f"death.{size}.python.ms", "ms", floor)]
    for megabytes, found in deaths.items():
        name = f"death.{size}.{megabytes}MB"
        gone = [one.children for one in found]
        figures += [
            figure(f"{name}.parent-gone.ms", "ms", [one.parent for one in found]),
            figure(f"{name}.detected.ms", "ms", [one.detected for one in found]),
            figure(f"{name}.ms", "ms", gone),
            figure(name, "x floor", [one / base for one in gone]),
        ]
    return figures
