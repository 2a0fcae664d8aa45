"""What one look at the machine costs, as the process table and the registry grow."""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks import picture
from benchmarks.crowd import LEFTOVERS, Sessions, fill, leave_over
from benchmarks.figures import Figure, figure, growth, interleaved, milliseconds, ratios
from benchmarks.inside import Setting
from benchmarks.stage import Stage
from process_janitor.core.decide import decide
from process_janitor.core.policy import Policy
from process_janitor.core.ties import Ties
from process_janitor.sweep import look
from process_janitor.system import procfs
from process_janitor.system.marks import marks_of
from process_janitor.system.observe import known_sessions, observe

TABLES = (200, 1000, 5000)
RECORDS = (10, 1000, 10_000)


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    pages = picture.measure(home, quick=quick)
    stage = Stage(home)
    stage.use()
    stage.add_old_records(RECORDS[0])
    sessions = Sessions(home)
    stage.register(sessions.start(), "living")
    leave_over(stage, sessions)
    tables, records = (TABLES[:2], RECORDS[:2]) if quick else (TABLES, RECORDS)
    rounds = 5 if quick else 12
    figures = pages
    costs: dict[str, dict[int, list[float]]] = {}
    for size in tables:
        fill(size)
        found = interleaved(_subjects(stage), rounds)
        for name, values in found.items():
            costs.setdefault(name, {})[size] = values
            figures.append(figure(f"scan.{size}.{name}.ms", "ms CPU", values))
            if name != "stat":
                figures.append(ratios(f"scan.{size}.{name}", values, found["stat"], "x stat pass"))
        if size == tables[0]:
            figures += _growing_registry(stage, records, rounds)
    return figures + [growth(f"scan.exponent.{name}", points) for name, points in costs.items()]


def _subjects(stage: Stage) -> dict[str, Callable[[], float]]:
    judged = look(stage.root, Policy())
    assert sum(one.verdict == "reap" for one in judged.decisions) >= LEFTOVERS, judged.decisions
    seen = judged.observation
    return {
        "stat": lambda: milliseconds(stat_pass),
        "table": lambda: milliseconds(procfs.table),
        "marks": lambda: milliseconds(lambda: [marks_of(pid) for pid in seen.snapshot.marks]),
        "sessions": lambda: milliseconds(lambda: known_sessions(stage.root)),
        "observe": lambda: milliseconds(lambda: observe(stage.root)),
        "decide": lambda: milliseconds(
            lambda: decide(Ties(seen.snapshot, seen.sessions), Policy())
        ),
        "look": lambda: milliseconds(lambda: look(stage.root, Policy())),
    }


def stat_pass() -> int:
    """The least that a look at every process can cost: list them, read each one's stat, split it."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fd = os.open(f"/proc/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            count += len(os.read(fd, 4096).rsplit(b")", 1)[-1].split()) > 20
            os.close(fd)
    return count


def _growing_registry(stage: Stage, sizes: tuple[int, ...], rounds: int) -> list[Figure]:
    """The same looks at one table with more and more old records, which are taken away again."""
    figures: list[Figure] = []
    costs: dict[str, dict[int, list[float]]] = {}
    already = sizes[0]
    for size in sizes:
        stage.add_old_records(size, already)
        already = size
        subjects = _subjects(stage)
        found = interleaved(
            {name: subjects[name] for name in ("stat", "sessions", "decide", "look")}, rounds
        )
        for name in ("sessions", "decide", "look"):
            costs.setdefault(name, {})[size] = found[name]
            figures.append(figure(f"scan.records-{size}.{name}.ms", "ms CPU", found[name]))
    stage.drop_old_records(sizes[0], already)
    return figures + [
        growth(f"scan.exponent.records.{name}", points) for name, points in costs.items()
    ]
