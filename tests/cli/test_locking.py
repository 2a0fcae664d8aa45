"""A state directory whose file system gives no locks, and a cleanup that never ends: both are told, neither hurts."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.faces import hook
from process_janitor.faces.cli import perform
from process_janitor.faces.doctor import Check, Ward, locking
from process_janitor.sweep import LOCK_NAME
from process_janitor.system import claude_process, clock, identity, procfs, worlds
from process_janitor.system.config import load_settings
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.world import World, wait_until


def asked(root: Path) -> list[Check]:
    before = sorted(os.listdir(root)) if root.exists() else []
    found = list(locking.locks(Ward(str(root), str(root), "", load_settings(), {})))
    assert before == (sorted(os.listdir(root)) if root.exists() else [])
    return found


def lock_path(root: Path) -> str:
    return os.path.join(worlds.directory(str(root)), LOCK_NAME)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_everybody_is_told(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    root = tmp_path / "state"
    root.mkdir()
    monkeypatch.setenv("PROCESS_JANITOR_HOME", str(root))
    monkeypatch.setattr(fcntl, "flock", refused)
    (check,) = asked(root)
    assert (check.name, check.state, check.mend) == ("locks", "broken", None)
    assert str(root) in check.says
    assert "PROCESS_JANITOR_HOME" in check.do

    out, err = io.StringIO(), io.StringIO()
    assert perform(["auto"], os.environ, out, err) == 1
    assert err.getvalue().count("\n") == 1
    for said in (lock_path(root), os.strerror(number), "PROCESS_JANITOR_HOME"):
        assert said in err.getvalue()

    me = identity.identify(os.getpid())
    row = procfs.process(os.getpid())
    assert me is not None
    assert row is not None
    monkeypatch.setattr(claude_process, "find", lambda *_: claude_process.Found(row, me, True))
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "the-id")
    capsys.readouterr()
    for event in ("SessionStart", "UserPromptSubmit", "SessionEnd"):
        assert hook.main([event]) == 0
        said = capsys.readouterr().out
        if event == "SessionStart":
            assert "PROCESS_JANITOR_HOME" in json.loads(said)["systemMessage"]
        else:
            assert said == "", "what the others print would go to the model"
    assert list(Registry(str(root)).entries()) == []


def test_where_nothing_is_yet_nothing_is_asked(tmp_path: Path) -> None:
    assert asked(tmp_path / "none") == []
    (check,) = asked(tmp_path)
    assert check.state == "ok"


@pytest.mark.parametrize("how", ["free", "at work", "stopped", "for long"])
@namespaced
def test_who_holds_up_every_cleanup_is_named(how: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.mkdir()
    worlds.make(worlds.directory(str(world.root)))
    path, ready = lock_path(world.root), tmp_path / "ready"
    line = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); open(sys.argv[2], 'w'); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", line, path, str(ready)]) as holder:
        wait_until(ready.exists, 10, "it holds the lock")
        if how == "stopped":
            holder.send_signal(signal.SIGSTOP)
            wait_until(lambda: (row := procfs.process(holder.pid)) and row.state == "T", 5)
        elif how == "for long":
            began = clock.ticks
            clock.ticks = lambda: began() + 61 * clock.ticks_per_second()
        elif how == "free":
            holder.kill()
            holder.wait()
        (check,) = asked(world.root)
        states = {"free": "ok", "at work": "ok", "stopped": "broken", "for long": "warning"}
        assert check.state == states[how]
        assert (f"process {holder.pid} " in check.says) == (how != "free")
        assert (f"kill -CONT {holder.pid}" in check.do) == (how == "stopped")
        holder.kill()
