"""What changed between the look and the signal is refused then, and the next look decides about what it has become."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from process_janitor.core.model import Decision
from process_janitor.sweep import Swept, proven, sweep
from process_janitor.system.config import load_settings
from process_janitor.system.marks import marks_of
from tests.namespaced import namespaced
from tests.world import Child, World, wait_until

NEIGHBOUR = "bbbbbbbb-0000-4000-8000-000000000002"
# Told to, it goes on as another program with another environment: the same process in all other respects.
CHANGING = """
import os, signal, sys, time
def change(*_):
    os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)"], {**os.environ, sys.argv[1]: sys.argv[2]})
signal.signal(signal.SIGUSR1, change)
open(sys.argv[3], "w").close()
time.sleep(300)
"""


class Changing:
    """A server of a session that is gone, which changes when it is about to be signalled for the first time."""

    def __init__(self, world: World, name: str, value: str) -> None:
        self.session, self.neighbour = world.session(), world.session(NEIGHBOUR)
        self.spared = self.neighbour.mcp()
        ready = world.home / "ready"
        argv = [sys.executable, "-c", CHANGING, name, value, str(ready)]
        self.child = Child(self.session.start_server(argv))
        wait_until(ready.exists, 10, "it listens")
        self.world = world
        self.looks: list[list[int]] = []
        self.session.kill()

    def change(self, targets: list[Decision]) -> None:
        """Right before the signals of a look."""
        if self.child.pid in [one.process.pid for one in targets] and not any(self.looks):
            before = marks_of(self.child.pid)
            os.kill(self.child.pid, signal.SIGUSR1)
            wait_until(lambda: marks_of(self.child.pid) not in (None, before), 10, "it has changed")
        self.looks.append([one.process.pid for one in targets])

    def sweep(self) -> Swept:
        return sweep(str(self.world.root), load_settings(), "run", proven, None, self.change)

    def told(self) -> list[str]:
        lines = (self.world.root / "journal.jsonl").read_text().splitlines()
        return [one["outcome"] for one in map(json.loads, lines) if one["pid"] == self.child.pid]


@namespaced
def test_one_that_is_still_left_over_as_what_it_has_become_is_ended(tmp_path: Path) -> None:
    changing = Changing(World(tmp_path), "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS", "")
    swept = changing.sweep()
    changing.child.gone()
    (action,) = swept.actions
    assert (action.decision.process.pid, action.outcome) == (changing.child.pid, "gone")
    assert action.signals == ("SIGTERM",)
    assert changing.told() == ["refused", "gone"]
    assert not swept.failed
    assert (changing.neighbour.alive, changing.spared.alive) == (True, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROCESS_JANITOR_KEEP", "1"), ("CLAUDE_CODE_SESSION_ID", NEIGHBOUR)],
    ids=["kept by now", "of a living session by now"],
)
@namespaced
def test_one_that_has_become_something_else_is_left(tmp_path: Path, name: str, value: str) -> None:
    changing = Changing(World(tmp_path), name, value)
    swept = changing.sweep()
    (action,) = swept.actions
    assert (action.decision.process.pid, action.outcome, action.signals) == (
        changing.child.pid, "refused", (),
    )  # fmt: skip
    assert changing.told() == ["refused"]
    assert sum(changing.child.pid in look for look in changing.looks) == 1
    assert (changing.child.alive, changing.neighbour.alive) == (True, True)
    assert changing.spared.alive
