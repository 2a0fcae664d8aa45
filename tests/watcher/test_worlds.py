"""One state directory, several worlds: the host's `~/.claude`, mounted into a container. Both are real PID namespaces."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from process_janitor.core.model import Decision
from process_janitor.faces import pretend, start
from process_janitor.sweep import sweep
from process_janitor.system import files, lease, procfs
from process_janitor.system.config import load_settings
from process_janitor.watcher import wanted
from tests.namespaced import ROOT, namespaced, unshare
from tests.watcher.test_stepping_down import stop
from tests.watcher.test_watcher import Home, _copied, _overdue, _turn, stays
from tests.world import Pretend, wait_until


class Container:
    """Another test body, in a PID namespace of its own below ours, with the same home."""

    def __init__(self, home: Home, body: Callable[..., None]) -> None:
        self._home = home.home
        self._process = subprocess.Popen(
            [*unshare(), sys.executable, "-m", "tests.namespaced", f"{__name__}:{body.__name__}", "{}"],
            cwd=ROOT, env={**os.environ, "HOME": str(home.home)}, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def said(self, what: str) -> None:
        def there() -> bool:
            assert self._process.poll() is None, f"the container is over before {what!r}"
            return (self._home / f"said-{what}").exists()

        wait_until(there, 40, f"the container says {what!r}")

    def done(self) -> None:
        assert self._process.wait(50) == 0


def say(home: Home, what: str) -> None:
    (home.home / f"said-{what}").touch()


def heard(home: Home, what: str) -> None:
    wait_until((home.home / f"said-{what}").exists, 40, what)


def contained(folder: Path) -> Home:
    home = Home(folder)
    home.started = 100  # the files of its sessions have other names
    return home


def watchers() -> list[int]:
    """The watchers among the processes that can be seen, without their children at work."""
    found = {
        row.pid: row.ppid
        for row in procfs.table().values()
        if not row.dead
        and any(
            word.endswith("process_janitor/watcher/__main__.py")
            for word in procfs.argv(row.pid) or ()
        )
    }
    return [pid for pid, above in found.items() if above not in found]


def sweep_until(home: Home, what: str) -> None:
    """A sweep that ends nothing, and not before that was said."""

    def before(targets: list[Decision]) -> None:
        assert targets == []
        say(home, "sweeping")
        heard(home, what)

    sweep(str(home.root), load_settings(), "auto", lambda _: False, None, before)


# Two at once


@namespaced
def in_the_container(tmp_path: Path) -> None:
    home = contained(tmp_path)
    root = str(home.root)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    assert lease.watching(root) is None, "whoever watches elsewhere does not watch here"
    assert start.ensure_watcher(root)
    home.known(dead, left)
    watcher = wait_until(home.holder_pid, 10, "it announces itself")
    assert not start.ensure_watcher(root), "the same world has one"
    assert watchers() == [watcher]
    # A sweep that is frozen with its container.
    frozen = threading.Thread(target=sweep_until, args=(home, "host has cleaned"))
    frozen.start()
    heard(home, "sweeping")
    say(home, "watched")
    frozen.join()
    stays("what ended was the host's", dead, left, neighbour, spared, seconds=1.0)
    assert not wanted.asked_to_retire(home.place)
    dead.kill()
    left.gone(15)
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, spared, seconds=1.0)
    assert not start.ensure_watcher(root)
    assert watchers() == [watcher] == [home.holder_pid()]


@pytest.mark.parametrize("first", ["host", "container"])
@namespaced
def test_each_side_of_a_shared_directory_has_its_watcher(tmp_path: Path, first: str) -> None:
    home = Home(tmp_path)
    root = str(home.root)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    if first == "host":
        assert start.ensure_watcher(root)
        home.known(dead, left)
    container = Container(home, in_the_container)
    container.said("watched")
    if first != "host":
        assert lease.watching(root) is None, "the container's does not watch here"
        assert start.ensure_watcher(root)
        home.known(dead, left)
    watcher = wait_until(home.holder_pid, 10, "it announces itself")
    assert not start.ensure_watcher(root), "the same world has one"
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    say(home, "host has cleaned")
    container.done()
    stays("of a session that lives", neighbour, spared, seconds=1.0)
    assert not wanted.asked_to_retire(home.place)
    assert watchers() == [watcher] == [home.holder_pid()]
    assert {line["outcome"] for line in home.journal() if line["event"] == "action"} == {"gone"}
    assert "stopped its heartbeat" not in home.log()


@namespaced
def unwatched(tmp_path: Path) -> None:
    home = contained(tmp_path)
    one = home.session()
    answer = home.cli("doctor", "--json")
    (check,) = [one for one in answer.json["checks"] if one["name"] == "watcher"]
    assert check["state"] == "broken", "the host's watcher is none for this session"
    assert "no watcher runs" in home.cli("status").err
    assert one.alive


@namespaced
def test_a_watcher_elsewhere_is_none_for_doctor_and_status(tmp_path: Path) -> None:
    home = Home(tmp_path)
    here = home.session()
    watcher = home.watch()
    Container(home, unwatched).done()
    answer = home.cli("doctor", "--json")
    (check,) = [one for one in answer.json["checks"] if one["name"] == "watcher"]
    assert (check["state"], f"process {watcher.pid}" in check["says"]) == ("ok", True)
    assert f"the watcher runs (process {watcher.pid})" in home.cli("status").err
    assert here.alive


# A turn


def _turns(home: Home) -> tuple[bool, bool]:
    """Whether a turn starts Python while the own watcher lives, and while it does not."""
    one = home.session()
    assert start.ensure_watcher(str(home.root))
    watcher = wait_until(home.holder_pid, 10, "it announces itself")
    _turn(one, home.env, "Stop")  # the first one makes the stamp
    ran = home.home / f"ran-{one.session_id}"
    recorder = home.home / f"python-{one.session_id}"
    recorder.write_text(f"#!/bin/sh\n: >{ran}\n")
    recorder.chmod(0o700)

    def starts_python() -> bool:
        ran.unlink(missing_ok=True)
        files.write_text(str(home.root / "python"), f"{recorder}\n")
        _turn(one, home.env, "Stop")
        return ran.exists()

    alive = starts_python()
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: not home.holder_pid(), 10, "it is gone")
    return alive, starts_python()


@namespaced
def turns_in_the_container(tmp_path: Path) -> None:
    assert _turns(contained(tmp_path)) == (False, True)


@namespaced
def waits_in_the_container(tmp_path: Path) -> None:
    home = contained(tmp_path)
    one = home.session()
    assert start.ensure_watcher(str(home.root))
    wait_until(home.holder_pid, 10, "it announces itself")
    say(home, "watched")
    heard(home, "host is done")
    assert one.alive


@pytest.mark.parametrize("side", ["host", "container"])
@namespaced
def test_a_turn_asks_for_its_own_watcher_and_starts_python_only_without(
    tmp_path: Path, side: str
) -> None:
    home = Home(tmp_path)
    if side == "container":
        here = home.session()
        watcher = home.watch()
        Container(home, turns_in_the_container).done()
        assert here.alive
        assert watcher.poll() is None
        return
    container = Container(home, waits_in_the_container)
    container.said("watched")
    assert _turns(home) == (False, True)
    say(home, "host is done")
    container.done()


# Versions that had one lease for all


def former(folder: Path) -> Path:
    """A plugin whose watcher has its lease, its note and its requests in the state directory itself."""
    plugin = _copied(folder)
    path = plugin / "src" / "process_janitor" / "system" / "worlds.py"
    text = path.read_text()
    line = next(
        line for line in text.splitlines() if line.startswith("    return os.path.join(root")
    )
    path.write_text(text.replace(line, "    return root"))
    return plugin


def watching_formerly(home: Home, plugin: Path) -> subprocess.Popen[bytes]:
    begun = home.begin(plugin)
    wait_until(lambda: lease.holder(str(home.root), home.boot), 15, "it holds the lease")
    return begun


def _hook(home: Home, session: Pretend, plugin: Path, event: str) -> None:
    answer = session._order(
        "hook", argv=["/bin/sh", str(plugin / "hooks" / "run"), event], payload={"session_id": session.session_id},
        env={**home.env, **pretend.hook_marks(session.session_id, session.pid), "PROCESS_JANITOR_VENV": "/nonexistent/janitor"},
    )  # fmt: skip
    assert answer["code"] == 0


@namespaced
def test_a_watcher_of_a_version_with_one_lease_hands_over_and_none_of_it_comes_back(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    root, older = str(home.root), former(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    first = watching_formerly(home, older)
    home.known(dead, left)
    found = lease.watching(root)
    assert found is not None
    assert found.key[0] == first.pid, "it is told for what it is"
    _hook(home, dead, ROOT, "SessionStart")
    assert first.wait(15) == 0
    watcher = wait_until(home.holder_pid, 10, "the newer version watches")
    # Sessions that began before go on with the older version's hooks.
    for event in ("SessionStart", "Stop"):
        _hook(home, neighbour, older, event)
    stays("a change of the watcher is no end of a session", dead, left, seconds=1.0)
    assert watchers() == [watcher]
    assert not (home.root / lease.RETIRE_NAME).exists()
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, spared, seconds=1.0)
    assert watchers() == [watcher]
    neighbour.kill()
    wait_until(lambda: not watchers(), 20, "none is needed")
    held = lease.acquire(root)
    assert held is not None, "with the watcher both leases are free"
    os.close(held)


@namespaced
def test_a_watcher_with_the_former_lease_is_replaced_only_when_it_is_lost(tmp_path: Path) -> None:
    home = Home(tmp_path)
    root, older = str(home.root), former(tmp_path)
    one = home.session()
    child = one.mcp()
    first = watching_formerly(home, older)
    stop(first.pid)
    assert home.begin().wait(20) == 0, "one with time left is waited for, and then left"
    assert first.poll() is None
    assert not wanted.asked_to_retire(root), "and what was asked of it is taken back"
    assert "goes on" in home.log()
    place, home.place = home.place, root
    _overdue(home)
    home.place = place
    assert start.ensure_watcher(root)
    assert first.wait(20) == -signal.SIGKILL
    watcher = wait_until(home.holder_pid, 10, "another one watches")
    assert watchers() == [watcher]
    assert (one.alive, child.alive) == (True, True)
    one.kill()
    child.gone()


@namespaced
def beside_a_former_one(tmp_path: Path) -> None:
    home = contained(tmp_path)
    root = str(home.root)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    assert start.ensure_watcher(root)
    home.known(dead, left)
    assert not (home.root / lease.RETIRE_NAME).exists(), "it is not asked: it watches another world"
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, spared, seconds=1.0)


@namespaced
def test_a_watcher_with_the_former_lease_is_left_alone_by_other_worlds(tmp_path: Path) -> None:
    home = Home(tmp_path)
    here = home.session()
    left = here.mcp()
    watcher = watching_formerly(home, former(tmp_path))
    home.known(here, left)
    Container(home, beside_a_former_one).done()
    assert watcher.poll() is None
    assert (lease.holder(str(home.root), home.boot) or (0, 0))[0] == watcher.pid
    here.kill()
    left.gone()
