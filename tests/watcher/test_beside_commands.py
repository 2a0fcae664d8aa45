"""A watcher and a command that end the same session: each process is signalled by one of them, and once."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home


@pytest.mark.parametrize("command", ["run", "stop"])
@namespaced
def test_what_hangs_is_ended_once_while_the_watcher_watches(command: str, tmp_path: Path) -> None:
    home = Home(tmp_path, term_grace_seconds=1)
    hung, other = home.session(), home.session()
    left = [hung.mcp(), hung.mcp(stubborn=True), *hung.bash()]
    spared = other.mcp()
    home.watch()
    home.known(hung, *left)
    home.say_goodbye(hung, ago=30.0)
    execute = "--yes" if command == "stop" else "--execute"
    answer = home.cli(command, "--session", hung.session_id, execute, "--json")
    assert answer.code == 0, answer
    assert not any(one.alive for one in (hung, *left))
    assert (other.alive, spared.alive) == (True, True)
    home.closed(hung)
    home.told(hung)
    lines = [line for line in home.journal() if line["event"] == "action"]
    times = collections.Counter(line["pid"] for line in lines if line["signals"])
    assert times == dict.fromkeys([hung.pid, *(one.pid for one in left)], 1), lines
    assert {line["outcome"] for line in lines} == {"gone"}
