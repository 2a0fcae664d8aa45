"""One damaged file of one session: the others are watched and cleaned all the same, and their processes left alone."""

from __future__ import annotations

import json
import resource
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.system import identity
from process_janitor.system.registry import Entry
from process_janitor.watcher.due import Due
from process_janitor.watcher.sessions import Sessions
from tests.client_files import client_file
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home, stays
from tests.world import Child, wait_until

BIG = "1" + "0" * 400


def damaged(home: Home, more: str) -> None:
    """A record of a process that is gone, with something in it that no writer of ours would write."""
    owner = Identity(40001, 5, home.boot, identity.pid_namespace())
    text = json.dumps(new_record("damaged", owner, host=identity.host_name()))
    folder = home.root / "sessions" / "damaged"
    folder.mkdir()
    (folder / "40001-5.json").write_text(f"{text[:-1]},{more}}}")
    (home.root / "registry.changed").touch()


ENDED = '"ended":{"reason":"other","boot_id":"BOOT","monotonic":'
DAMAGE = {
    "a goodbye beyond all numbers": f"{ENDED}{BIG}}}",
    "a goodbye that is no number": f"{ENDED}NaN}}",
    "an unknown field that is no number": '"future":1e999',
    "a NUL in a path": '"transcript_path":"/tmp/\\u0000x"',
    "half a surrogate pair in a path": '"cwd":"/tmp/\\ud800x"',
}


@pytest.mark.parametrize("what", list(DAMAGE))
@namespaced
def test_a_damaged_record_costs_no_other_session_anything(tmp_path: Path, what: str) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    ends, lives = dead.mcp(), neighbour.mcp()
    watcher = home.watch()
    damaged(home, DAMAGE[what].replace("BOOT", home.boot))
    for session in (dead, neighbour):
        beat = home.root / "sessions" / session.session_id / "heartbeat"
        before = beat.stat().st_mtime_ns
        wait_until(lambda: beat.stat().st_mtime_ns > before, 10, "it is still watched")  # noqa: B023  # awaited at once
    dead.kill()
    ends.gone()
    assert home.closed(dead) == "crashed"
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None
    assert home.cli("scan", "--json").code == 0


@namespaced
def test_a_heartbeat_beyond_all_numbers_costs_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    ends, lives = dead.mcp(), neighbour.mcp()
    for session in (dead, neighbour):
        beat = home.root / "sessions" / session.session_id / "heartbeat"
        beat.write_text(f'{{"boot_id":"{home.boot}","monotonic":{BIG},"busy_monotonic":{BIG}}}')
    assert home.cli("scan", "--json").code == 0
    watcher = home.begin()
    wait_until(lambda: home.holder_pid() == watcher.pid, 15, "the watcher holds the lease")
    dead.kill()
    ends.gone()
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None


@namespaced
def test_a_record_that_the_watcher_stumbles_over_is_moved_aside(tmp_path: Path) -> None:
    home = Home(tmp_path)
    odd, sound = home.session(), home.session()
    sessions = Sessions(home.registry, Due(home.registry), select.poll())
    really = sessions._take
    fault = OverflowError("int too large to convert to float")

    def take(entry: Entry) -> None:
        if entry.record["session_id"] == odd.session_id:
            raise fault
        really(entry)

    sessions._take = take  # type: ignore[method-assign]  # a fault that nobody has foreseen
    sessions.refresh()
    assert set(sessions.watched) == {sound.identity.key}
    (aside,) = (home.root / "quarantine").iterdir()
    assert aside.name.startswith(odd.session_id)
    assert str(aside) in home.log()


@namespaced
def test_more_living_sessions_than_descriptors_cost_the_registered_ones_nothing(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    ends, lives = dead.mcp(), neighbour.mcp()
    client = tmp_path / "claude"
    shutil.copy("/bin/sleep", client)
    for number in range(110):
        many = Child(subprocess.Popen([client, "300"]).pid)
        client_file(home, many.pid, f"many{number}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    watcher = home.watch()
    home.known(dead, ends)
    held = Path(f"/proc/{watcher.pid}/fd")
    wait_until(lambda: len(list(held.iterdir())) > 30, 10, "the unregistered ones are watched")
    late = home.session()
    left = late.mcp()
    home.known(late, left)
    assert len(list(held.iterdir())) < 70
    for session, child in ((dead, ends), (late, left)):
        session.kill()
        child.gone()
    stays("of a session that lives", neighbour, lives, seconds=1.0)
    assert watcher.poll() is None


@pytest.mark.parametrize("ago", [-1e6, 5.0], ids=["to come", "said"])
@namespaced
def test_a_goodbye_that_is_still_to_come_was_never_said(tmp_path: Path, ago: float) -> None:
    """Otherwise what a session left would be held back until then."""
    home = Home(tmp_path)
    session = home.session()
    shell, _ = session.bash()
    home.say_goodbye(session, "prompt_input_exit", ago=ago)
    assert ("ended" in home.record(session)) == (ago > 0)
    home.watch()
    home.known(session, shell)
    session.kill()
    shell.gone(20)
    assert home.closed(session) == ("ended" if ago > 0 else "crashed")
