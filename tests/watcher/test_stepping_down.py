"""A watcher that is asked to step down: somebody watches afterwards, whatever became of the one that asked."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from process_janitor.system import files, lease, procfs
from process_janitor.watcher import wanted
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home, stays
from tests.world import Child, wait_until


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: (row := procfs.process(pid)) is not None and row.state == "T", 5, "stopped")


@namespaced
def test_one_that_nobody_takes_over_from_watches_on(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    watcher = home.watch()
    home.known(dead, left)
    # As a hook does that could not start a successor, or whose successor was killed.
    files.touch(os.path.join(home.place, lease.RETIRE_NAME))
    wait_until(lambda: not wanted.asked_to_retire(home.place), 20, "it has come back")
    held = Path(f"/proc/{watcher.pid}/fd")
    wait_until(lambda: home.holder_pid() == watcher.pid, 10, "it holds the lease")
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None
    pidfds = [one for one in held.iterdir() if "pidfd" in os.readlink(one)]
    assert len(pidfds) <= 2, "what it waited for before was let go of"


@pytest.mark.parametrize("late", [True, False], ids=["late", "in time"])
@namespaced
def test_one_that_steps_down_late_leaves_no_gap(tmp_path: Path, late: bool) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    first = home.watch()
    home.known(dead, left)
    if late:
        stop(first.pid)
    files.touch(os.path.join(home.place, lease.RETIRE_NAME))
    second = home.begin()
    if late:
        assert second.wait(20) == 0, "its successor has given up"
        os.kill(first.pid, signal.SIGCONT)
        stays("it is needed", Child(first.pid), seconds=2.5)
    else:
        assert first.wait(10) == 0, "it is not needed any more"
    watching = first if late else second
    wait_until(lambda: home.holder_pid() == watching.pid, 10, "somebody watches")
    assert not wanted.asked_to_retire(home.place)
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watching.poll() is None
