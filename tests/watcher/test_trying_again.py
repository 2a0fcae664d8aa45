"""A cleaning that failed is done again, whoever knows the session, and however long it fails."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from process_janitor.faces.start import session_start
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.process.test_kernel_facts import SERVING
from tests.watcher.test_watcher import Home, stays
from tests.world import Child, Pretend, children, wait_until


@pytest.mark.parametrize("registered", [True, False])
@namespaced
def test_a_session_that_no_hook_registered_is_tried_again_as_well(
    tmp_path: Path, registered: bool
) -> None:
    home = Home(tmp_path)
    neighbour, dead = home.session(), home.session(registered=registered)
    home.client_file(dead)
    left, lives = dead.mcp(), neighbour.mcp()
    home.watch()
    home.known(dead, left)
    keep = home.root / "keep.json"
    keep.write_text("not json")
    dead.kill()
    wait_until(lambda: "nothing more was cleaned" in home.log(), 15, "the fault is logged")
    stays("what is protected cannot be read", left, seconds=0.5)
    keep.unlink()
    left.gone(20)
    stays("of a session that lives", neighbour, lives, seconds=1.0)


@namespaced
def test_what_was_given_up_is_tried_again_with_the_heartbeats(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    watcher = home.watch()
    home.known(dead, left)
    keep = home.root / "keep.json"
    keep.write_text("not json")
    dead.kill()
    home.closed(dead, 40)
    assert "gave up" in home.log()
    stays("what is protected cannot be read", left, seconds=1.5)
    keep.unlink()
    left.gone(20)
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None


def first_line(home: Home, session: Pretend) -> str:
    """What a session is told that starts now."""
    registry = Registry(str(home.root))
    return session_start(
        registry, session.session_id, session.identity, print, watcher_started=False
    )


def notices(home: Home) -> list[Path]:
    return list((home.root / "notices").glob("*.json"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("keep.json", "rule 1 has neither a usable pid with start_ticks and boot_id nor a command"),
        ("cleaner.lock", "Is a directory"),
    ],
)
@namespaced
def test_why_nothing_can_be_cleaned_is_told_once(name: str, reason: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    obstacle = (home.root if name == "keep.json" else Path(home.place)) / name
    if name == "keep.json":
        obstacle.write_text('{"rules": [{"command": "vite("}]}')
    else:
        obstacle.mkdir(parents=True)
    home.watch()
    home.known(dead, left)
    dead.kill()
    if name == "cleaner.lock":
        home.closed(dead, 40)  # it is given up for now
    wait_until(lambda: notices(home), 10, "the notice")
    said = f"what a dead session left cannot be cleaned up: {obstacle}: {reason}"
    assert said in first_line(home, neighbour)
    assert left.alive

    def tries() -> int:
        return home.log().count("nothing more was cleaned")

    home.closed(dead, 40)
    before = tries()
    wait_until(lambda: tries() > before + 1, 15, "it goes on trying")
    assert said not in first_line(home, neighbour), "told once"
    obstacle.rmdir() if obstacle.is_dir() else obstacle.unlink()
    left.gone(20)
    stays("of a session that lives", neighbour, lives, seconds=1.0)


@pytest.mark.parametrize("broken", [True, False])
@namespaced
def test_why_the_cleanup_at_a_start_did_nothing_is_told_at_the_next(
    broken: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    dead.kill()
    if broken:
        (home.root / "keep.json").write_text("not json")
    assert home.begin(plugin_data="--auto").wait(30) == (1 if broken else 0)
    said = first_line(home, neighbour)
    assert ("cannot be cleaned up" in said, left.alive, lives.alive) == (broken, broken, True)


@namespaced
def test_what_is_mended_soon_is_not_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left = dead.mcp()
    home.watch()
    home.known(dead, left)
    obstacle = Path(home.place) / "cleaner.lock"
    obstacle.unlink()
    obstacle.mkdir()
    dead.kill()
    wait_until(lambda: "nothing more was cleaned" in home.log(), 15, "the fault is logged")
    obstacle.rmdir()
    left.gone(20)
    home.closed(dead)
    wait_until(lambda: notices(home), 10, "what was cleaned is told")
    said = first_line(home, neighbour)
    assert "cleaned up 1 process" in said
    assert "cannot" not in said


@pytest.mark.parametrize("registered", [True, False])
@namespaced
def test_what_failed_is_tried_again_by_the_next_watcher(tmp_path: Path, registered: bool) -> None:
    home = Home(tmp_path)
    neighbour, dead = home.session(), home.session(registered=registered)
    home.client_file(dead)
    left, lives = dead.mcp(), neighbour.mcp()
    first = home.watch()
    home.known(dead, left)
    keep = home.root / "keep.json"
    keep.write_text("not json")
    dead.kill()
    wait_until(lambda: "gave up" in home.log(), 40, "it is given up for now")
    if registered:
        home.closed(dead)  # which is written after the log
    first.kill()
    first.wait()
    keep.unlink()
    second = home.watch()
    left.gone(20)
    if registered:
        wait_until(lambda: "unfinished" not in home.record(dead)["closed"], 10, "it is done with")
        assert home.told(dead)["state"] == home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert second.poll() is None


@namespaced
def test_what_nobody_ever_watched_is_left_to_whoever_asks_for_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    neighbour, dead = home.session(), home.session(registered=False)
    home.client_file(dead)
    left = dead.mcp()
    dead.kill()
    home.watch()
    stays("it died before anybody watched", neighbour, left)
    document = home.cli("scan", "--json").json
    assert [one["pid"] for one in document["findings"] if one["verdict"] == "reap"] == [left.pid]


@namespaced
def test_the_next_watcher_does_not_hammer(tmp_path: Path) -> None:
    home = Home(tmp_path, heartbeat_interval_seconds=3600)
    neighbour, dead, other = home.session(), home.session(), home.session()
    left, rested = dead.mcp(), other.mcp()
    first = home.watch()
    home.known(dead, left)
    home.known(other, rested)
    other.kill()
    rested.gone()
    assert home.closed(other) == "crashed"
    wait_until(lambda: not children(first.pid), 10, "and all is done for it")
    keep = home.root / "keep.json"
    keep.write_text("not json")
    dead.kill()
    home.closed(dead, 40)
    assert home.record(dead)["closed"]["unfinished"] is True
    assert "unfinished" not in home.record(other)["closed"]
    wait_until(lambda: not children(first.pid), 10, "nobody else is at it")
    first.kill()
    first.wait()

    def tries() -> int:
        return home.log().count("nothing more was cleaned")

    before = tries()
    home.watch()
    # Its first heartbeat looks at the machine as well.
    wait_until(lambda: tries() > before, 10, "it has tried")
    quiet = time.monotonic() + 7.0
    wait_until(lambda: time.monotonic() > quiet)
    assert tries() <= before + 2, "once, and once for the heartbeat"
    assert neighbour.alive
    assert left.alive


def use_up(folder: Path) -> str:
    """Take every inode there is; what the system says then."""
    try:
        for number in range(100):
            (folder / f"filler{number}").touch()
    except OSError as error:
        return error.strerror or ""
    return ""


@namespaced
def test_a_disk_without_inodes_keeps_nothing_from_being_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shutil.rmtree(home.root)
    home.root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=60", "tmpfs", str(home.root)]
    subprocess.run(mount, check=True)
    home.registry.prepare()
    dead, neighbour = home.session(), home.session()
    left, lives = dead.mcp(), neighbour.mcp()
    watcher = home.watch()
    home.known(dead, left)
    assert use_up(home.root) == "No space left on device"
    dead.kill()
    left.gone(10)
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None
    for path in home.root.glob("filler*"):
        path.unlink()
    assert home.closed(dead, 40) == "crashed"


@pytest.mark.case(
    "M57", "a server that somebody was connected to only in the moment of the crash", "reap"
)
@namespaced
def test_what_was_in_use_is_ended_once_it_is_not(tmp_path: Path) -> None:
    """A page in the user's browser, closed a minute later. The watcher came once, and the server stayed for good."""
    home = Home(tmp_path)
    session, neighbour = home.session(), home.session()
    used, other = tmp_path / "used", tmp_path / "other"
    for ready in (used, other):
        session.start_server([sys.executable, "-I", "-S", "-c", SERVING, str(ready)])
        wait_until(ready.exists, what="it serves")
    pid, port = map(int, used.read_text().split())
    server, unused = Child(pid), Child(int(other.read_text().split()[0]))
    let_go = session.detached()
    lives = neighbour.mcp()
    home.watch()
    home.known(session, server, unused)
    client = socket.create_connection(("127.0.0.1", port))
    session.kill()
    unused.gone(25)
    assert home.closed(session) == "crashed"
    stays("somebody is connected to it, whenever it is come back to", server, seconds=8)
    assert len(notices(home)) == 1, "what was left running is told once"
    client.close()
    server.gone(25)
    wait_until(lambda: "unfinished" not in home.record(session)["closed"], 20, "it is done with")
    assert "gave up" not in home.log()
    stays("of a session that lives", neighbour, lives, let_go, seconds=0.5)
