"""Which process a hook belongs to, where none of its ancestors is a client."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from process_janitor.faces import pretend
from process_janitor.system import claude_process, identity, procfs
from tests.namespaced import namespaced
from tests.world import wait_until


@contextmanager
def started(folder: Path, name: str) -> Iterator[int]:
    """A process that says when it runs."""
    ready = folder / name
    with subprocess.Popen(pretend.child_command(str(ready))) as process:
        wait_until(ready.exists, 10, f"{name} runs")
        try:
            yield process.pid
        finally:
            process.kill()


def found(named: int, below: int) -> int | None:
    one = claude_process.find({"CLAUDE_PID": str(named)}, below)
    return one.process.pid if one is not None else None


def tick_after(pid: int, folder: Path) -> None:
    """Until a process that starts now has a later start tick than this one."""
    first = procfs.process(pid)
    assert first is not None

    def later() -> bool:
        with started(folder, "probe") as probe:
            row = procfs.process(probe)
            (folder / "probe").unlink()
            return row is not None and row.start > first.start

    wait_until(later, 10, "the clock has ticked")


@namespaced
def test_claude_pid_names_a_process_that_was_there_before_the_hook(tmp_path: Path) -> None:
    with started(tmp_path, "client") as client, started(tmp_path, "hook") as hook:
        assert found(client, hook) == client
        one = claude_process.find({"CLAUDE_PID": str(client)}, hook)
        assert one is not None
        assert not one.recognised


@namespaced
def test_a_number_that_a_later_process_has_been_given_is_not_the_client(tmp_path: Path) -> None:
    with started(tmp_path, "hook") as hook:
        tick_after(hook, tmp_path)
        with started(tmp_path, "stranger") as stranger:
            assert found(stranger, hook) is None


@namespaced
def test_a_dead_process_that_nobody_waited_for_is_not_the_client(tmp_path: Path) -> None:
    with started(tmp_path, "client") as client, started(tmp_path, "hook") as hook:
        os.kill(client, signal.SIGKILL)
        wait_until(lambda: (row := procfs.process(client)) is None or row.dead, 10, "it is dead")
        assert found(client, hook) is None


@namespaced
def test_a_process_runs_until_it_is_dead_waited_for_or_not(tmp_path: Path) -> None:
    with started(tmp_path, "one") as one, started(tmp_path, "other") as other:
        first, second = identity.identify(one), identity.identify(other)
        assert first is not None
        assert second is not None
        assert identity.runs(*first.key)
        assert not identity.runs(one, first.start + 1), "another start is another process"
        os.kill(one, signal.SIGKILL)
        wait_until(lambda: not identity.runs(*first.key), 10, "a dead one does not run")
        assert identity.runs(*second.key)
    assert not identity.runs(*second.key)
