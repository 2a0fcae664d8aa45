"""What the watcher costs while nothing happens, and while processes start all the time."""

from __future__ import annotations

import os
import subprocess
import time
from typing import NamedTuple

from benchmarks.crowd import Sessions
from benchmarks.figures import Figure, figure
from benchmarks.inside import Setting
from benchmarks.stage import Stage, wait_until

SESSIONS = (1, 10, 50)
_PARTS = 5
# Short beats while the cost of one is measured; the default interval for the sum.
_FAST_BEAT = 2
_INTERVAL = 60


class Reading(NamedTuple):
    """A process's clock: when, CPU nanoseconds of its own, of its ended children, voluntary switches."""

    at: float
    own: int
    children: float
    switches: int


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    stages = {count: _staged(f"{home}/{count}", count) for count in SESSIONS}
    figures = _memory(stages, 1 if quick else 3)
    seconds = 1.0 if quick else 2.0
    watchers = {count: stage.start_watcher() for count, stage in stages.items()}
    for count, stage in stages.items():
        _wait_until_watching(stage, count)
    time.sleep(2.5)
    figures += _costs(watchers, "idle", seconds)
    spawner = subprocess.Popen(
        ["/bin/sh", "-c", "while :; do sleep 0.1; done"], stdin=subprocess.DEVNULL
    )
    time.sleep(1.5)
    figures += _costs(watchers, "busy", seconds)
    spawner.kill()
    spawner.wait()
    for stage in stages.values():
        stage.end_watcher()
    return [*figures, *_beats(stages, figures, seconds)]


def _staged(home: str, count: int) -> Stage:
    os.makedirs(home)
    stage = Stage(home)
    sessions = Sessions(home)
    for number in range(count):
        stage.register(sessions.start(), f"session-{number}")
    return stage


def _wait_until_watching(stage: Stage, count: int) -> None:
    last = f"{stage.registry.sessions}/session-{count - 1}/heartbeat"
    wait_until(lambda: os.path.exists(last), "every session has its heartbeat")


def _memory(stages: dict[int, Stage], rounds: int) -> list[Figure]:
    """One watcher at a time, so that it shares its pages with no other one."""
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(rounds):
        for count, stage in stages.items():
            pid = stage.start_watcher()
            _wait_until_watching(stage, count)
            time.sleep(1.2)
            for name, megabytes in _sizes(pid).items():
                found.setdefault((count, name), []).append(megabytes)
            stage.end_watcher()
    return [figure(f"watcher.{count}.{name}", "MB", v) for (count, name), v in found.items()]


def _sizes(pid: int) -> dict[str, float]:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in list(file)[1:]}
    return {
        "rss": rows["Rss"],
        "pss": rows["Pss"],
        "uss": rows["Private_Clean"] + rows["Private_Dirty"],
    }


def _reading(pid: int) -> Reading:
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        own = int(file.read().split()[0])
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        switches = next(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    children = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return Reading(time.monotonic(), own, children, switches)


def _costs(watchers: dict[int, int], how: str, seconds: float) -> list[Figure]:
    """All watchers at the same time, each with a state directory of its own."""
    cpu: dict[int, list[float]] = {count: [] for count in watchers}
    wakes: dict[int, list[float]] = {count: [] for count in watchers}
    before = {count: _reading(pid) for count, pid in watchers.items()}
    for _ in range(_PARTS):
        time.sleep(seconds)
        for count, pid in watchers.items():
            now, last = _reading(pid), before[count]
            spent = now.at - last.at
            cpu[count].append((now.own - last.own) / 1e9 / spent * 100)
            wakes[count].append((now.switches - last.switches) / spent)
            before[count] = now
    return [
        one
        for count in watchers
        for one in (
            figure(f"watcher.{count}.{how}.cpu", "%", cpu[count]),
            figure(f"watcher.{count}.{how}.wakeups", "/s", wakes[count]),
        )
    ]


def _beats(stages: dict[int, Stage], measured: list[Figure], seconds: float) -> list[Figure]:
    """What one heartbeat costs, with the child that counts the leftovers; and all of it at the default interval."""
    idle = {one.name: one.median for one in measured}
    figures: list[Figure] = []
    for count, stage in stages.items():
        stage.environment["PROCESS_JANITOR_HEARTBEAT_INTERVAL_SECONDS"] = str(_FAST_BEAT)
        pid = stage.start_watcher()
        _wait_until_watching(stage, count)
        time.sleep(1.0)
        before = _reading(pid)
        time.sleep(seconds * _PARTS)
        now = _reading(pid)
        stage.end_watcher()
        spent = now.at - before.at
        share = idle[f"watcher.{count}.idle.cpu"]
        cpu = (now.own - before.own) / 1e6 + (now.children - before.children) * 1e3
        beat = max(0.0, cpu - share / 100 * spent * 1e3) / (spent / _FAST_BEAT)
        figures += [
            figure(f"watcher.{count}.beat.ms", "ms", [beat]),
            figure(f"watcher.{count}.all.cpu", "%", [share + beat / _INTERVAL / 10]),
        ]
    return figures
