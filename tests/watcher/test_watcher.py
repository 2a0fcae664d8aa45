"""The watcher as a real process over real sessions: what it ends, what it leaves, and what it survives itself.

Every test runs in a PID namespace of its own. Every test that sees something end has a neighbour that must live.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from process_janitor.actions import lost_watcher
from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.faces import pretend, start
from process_janitor.system import clock, files, identity, launch, lease, procfs, seen, worlds
from process_janitor.system.registry import Entry, Registry
from process_janitor.watcher import wanted
from tests.client_files import client_file
from tests.namespaced import namespaced
from tests.world import Child, Pretend, World, children, wait_until

ROOT = Path(__file__).resolve().parents[2]
# How long something that must not happen is waited for, where nothing else tells that its time has passed.
QUIET_SECONDS = 3.0


class Home(World):
    """A world with a watcher in it."""

    def __init__(self, folder: Path, **config: Any) -> None:
        super().__init__(folder)
        self.configure(**{"heartbeat_interval_seconds": 1, **config})
        self.registry = Registry(str(self.root))
        self.registry.prepare()
        self.boot = identity.boot_id()
        self.place = worlds.directory(str(self.root))

    def begin(self, plugin: Path = ROOT, plugin_data: str = "") -> subprocess.Popen[bytes]:
        """One watcher process, as a hook starts it."""
        script = plugin / "src" / "process_janitor" / "watcher" / "__main__.py"
        return subprocess.Popen(
            launch.python(str(script), plugin_data), env=self.env, cwd="/", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def watch(self, plugin: Path = ROOT, plugin_data: str = "") -> subprocess.Popen[bytes]:
        """A watcher that has taken note of every session that is registered now."""
        started = self.begin(plugin, plugin_data)
        wait_until(lambda: self.holder_pid() == started.pid, 15, "the watcher holds the lease")
        for entry in list(self.registry.entries()):
            if identity.identify(entry.owner.pid) == entry.owner:
                self.beaten(entry, started.pid)
        return started

    def beaten(self, entry: Entry, watcher: int) -> None:
        beat = Path(entry.directory) / "heartbeat"
        wait_until(
            lambda: procfs.process(entry.owner.pid) is None or (beat.exists() and json.loads(beat.read_text())["watcher"] == watcher),
            15, f"a heartbeat of {entry.path}",
        )  # fmt: skip

    def holder_pid(self) -> int:
        return (lease.holder(self.place, self.boot) or (0, 0))[0]

    def record(self, session: Pretend) -> dict[str, Any]:
        entry = self.registry.find(session.pid, session.identity.start)
        assert entry is not None
        return entry.record

    def change(self, session: Pretend, **fields: Any) -> None:
        self.registry.write({**self.record(session), **fields})

    def say_goodbye(self, session: Pretend, reason: str = "other", ago: float = 0.0) -> None:
        ended = {
            "reason": reason,
            "boot_id": self.boot,
            "monotonic": clock.monotonic() - ago,
            "at": clock.utc(),
        }
        self.change(session, ended=ended)

    def spare(self) -> subprocess.Popen[bytes]:
        """A process that the client's background daemon keeps ready."""
        folder = self.home / "daemon"
        folder.mkdir()
        (folder / "claude").symlink_to(os.path.realpath(sys.executable))
        (folder / "bg-spare").write_text("import time\nopen('ready', 'w')\ntime.sleep(300)\n")
        started = subprocess.Popen(
            ["claude", "bg-spare"], executable=folder / "claude", cwd=folder, env=self.env
        )
        wait_until((folder / "ready").exists, 10, "the spare runs")
        return started

    def hand_over(self, session: Pretend, worker: int) -> None:
        """The daemon lists a worker that goes on with the session's work."""
        row = procfs.process(worker)
        assert row is not None
        launched = {"launch": {"mode": "resume", "sessionId": f"/t/{session.session_id}.jsonl"}}
        entry = {
            "pid": worker,
            "procStart": str(row.start),
            "sessionId": "a-new-id",
            "dispatch": launched,
        }
        (self.config_dir / "daemon").mkdir()
        (self.config_dir / "daemon" / "roster.json").write_text(
            json.dumps({"workers": {"w": entry}})
        )

    def known(self, session: Pretend, *children: Child) -> None:
        """The watcher has seen these children of a session."""
        keys = {child.identity.key for child in children}
        wait_until(
            lambda: keys <= set(seen.load(str(self.root), *session.identity.key)),
            20,
            "the watcher has seen the children",
        )

    def closed(self, session: Pretend, seconds: float = 20.0) -> str:
        """How the record says that it ended, once it does."""
        wait_until(lambda: self.record(session).get("closed"), seconds, "the record is closed")
        return str(self.record(session)["closed"]["state"])

    def journal(self) -> list[dict[str, Any]]:
        path = self.root / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, session: Pretend) -> dict[str, Any]:
        """The journal's line about the end of a session, which is written after the record is closed."""

        def lines() -> list[dict[str, Any]]:
            return [
                line
                for line in self.journal()
                if line["event"] == "session" and line["pid"] == session.pid
            ]

        wait_until(lines, 10, "the journal tells of the end")
        (line,) = lines()
        return line

    def log(self) -> str:
        path = self.root / "logs" / "watcher.log"
        return path.read_text() if path.exists() else ""


def stays(what: str, *children: Child, seconds: float = QUIET_SECONDS) -> None:
    """They live all the while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert all(child.alive for child in children), what
        time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    row = procfs.process(pid)
    assert row is not None
    return row.cpu / clock.ticks_per_second()


# What ends and what lives


@namespaced
def test_a_crash_ends_what_a_clean_exit_would_have_ended_and_the_neighbour_lives(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    ends = [dead.mcp(), *dead.bash(), dead.hook()]
    lives = [
        neighbour,
        neighbour.mcp(),
        *neighbour.bash(),
        dead.detached("nohup"),
        dead.detached("setsid"),
        dead.detached("&"),
    ]
    watcher = home.watch()
    home.known(dead, *ends)
    dead.kill()
    for child in ends:
        child.gone()
    assert home.closed(dead) == "crashed"
    stays("not ours to end", *lives)
    assert watcher.poll() is None
    acted = [line for line in home.journal() if line["event"] == "action"]
    assert home.told(dead)["at"] <= min(line["at"] for line in acted), "noticed before anything"
    assert not {line["pid"] for line in acted} & {child.pid for child in lives}
    assert {line["trigger"] for line in acted} == {"watcher"}
    assert {line["outcome"] for line in acted} == {"gone"}


@namespaced
def test_a_session_that_died_before_the_watcher_began_is_cleaned_as_well(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    dead.kill()
    home.watch()
    left.gone()
    assert home.closed(dead) == "crashed"
    assert spared.alive


@namespaced
def test_a_session_that_registers_later_is_watched_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    neighbour = home.session()
    home.watch()
    late = home.session()
    left, spared = late.mcp(), neighbour.mcp()
    home.known(late, left)
    late.kill()
    left.gone()
    assert spared.alive


@namespaced
def test_a_session_that_moved_to_another_conversation_is_still_watched(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    left, spared = one.mcp(), neighbour.mcp()
    home.watch()
    entry = home.registry.find(*one.identity.key)
    assert entry is not None
    home.registry.move(entry, "another-conversation")
    stays("alive under a new id", one, left)
    one.kill()
    left.gone()
    assert home.closed(one) == "crashed"
    assert spared.alive


@namespaced
def test_after_a_goodbye_the_end_is_an_end_and_no_crash(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    left, spared = one.mcp(), neighbour.mcp()
    home.watch()
    home.say_goodbye(one)
    one.kill()
    left.gone()
    assert home.closed(one) == "ended"
    assert spared.alive
    line = home.told(one)
    assert (line["state"], line["reason"]) == ("ended", "other")


@pytest.mark.parametrize("goodbye", ["before its end", "after its end"])
@namespaced
def test_shells_moved_to_the_background_live_through_the_second_in_which_nobody_says_so(
    goodbye: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    server, spared = one.mcp(), neighbour.mcp()
    language_server = tmp_path / "gopls"
    shutil.copy(shutil.which("sleep") or "", language_server)
    become = Child(one.run_bash(f"exec {language_server} 300"))
    wait_until(lambda: Path(f"/proc/{become.pid}/comm").read_text() == "gopls\n", what="exec")
    shells = (*one.bash(), become)
    spare = home.spare()
    home.watch()
    home.known(one, server, *shells)
    if goodbye == "before its end":
        home.say_goodbye(one, "prompt_input_exit")
    one.kill()
    server.gone()
    if goodbye == "after its end":
        stays("a goodbye may still come", *shells, seconds=0.5)
        home.say_goodbye(one, "prompt_input_exit")
    stays("the daemon has not written its list yet", *shells)
    home.hand_over(one, spare.pid)
    assert home.closed(one, 30) == "ended"
    stays("it goes on in the background", *shells, spared)


@pytest.mark.parametrize("goodbye", ["prompt_input_exit", "other", ""])
@namespaced
def test_shells_that_nobody_takes_over_are_ended_also_where_a_daemon_runs(
    goodbye: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    language_server = tmp_path / "gopls"
    shutil.copy(shutil.which("sleep") or "", language_server)
    become = Child(one.run_bash(f"exec {language_server} 300"))
    shells, spared = (*one.bash(), become), neighbour.bash()
    spare = home.spare()
    home.watch()
    home.known(one, *shells)
    if goodbye:
        home.say_goodbye(one, goodbye)
    one.kill()
    for shell in shells:
        shell.gone(25)
    assert home.closed(one) == ("ended" if goodbye else "crashed")
    stays("not ours to end", neighbour, *spared, seconds=0.5)
    assert spare.poll() is None


@namespaced
def test_switched_off_it_ends_nothing_and_still_writes_the_crash_down(tmp_path: Path) -> None:
    home = Home(tmp_path, cleanup_on_exit=False)
    dead, neighbour = home.session(), home.session()
    left = [dead.mcp(), *dead.bash()]
    home.watch()
    home.known(dead, *left)
    dead.kill()
    assert home.closed(dead) == "crashed"
    stays("cleanup_on_exit is off", neighbour, *left)
    assert [line["event"] for line in home.journal()] == ["session"]


@pytest.mark.case("F5", "more leftovers at once than can be true", "keep")
@pytest.mark.parametrize("limit", [1, 2])
@namespaced
def test_more_leftovers_than_the_limit_are_left_and_told(limit: int, tmp_path: Path) -> None:
    home = Home(tmp_path, auto_limit=limit)
    dead, neighbour = home.session(), home.session()
    left = [dead.mcp(), dead.mcp()]
    home.watch()
    dead.kill()
    home.closed(dead)
    if limit == 2:
        for child in left:
            child.gone()
    else:
        stays("more than auto_limit", *left)
        (told,) = [line for line in home.journal() if line["event"] == "refused"]
        assert "auto_limit" in told["text"]
    assert neighbour.alive


@namespaced
def test_a_stopped_child_is_ended_and_a_stopped_neighbour_is_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left, spared = dead.mcp(), neighbour.mcp()
    for one in (left, spared):
        os.kill(one.pid, signal.SIGSTOP)
    home.watch()
    dead.kill()
    left.gone()
    assert home.closed(dead) == "crashed"
    stays("stopped is not dead", spared)


@pytest.mark.case("D2", "stopped on a living terminal or by a debugger", "keep")
@namespaced
def test_a_stopped_session_is_not_a_dead_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = home.session()
    spared = one.mcp()
    home.watch()
    os.kill(one.pid, signal.SIGSTOP)
    stays("stopped is not dead", one, spared)
    assert "closed" not in home.record(one)


@namespaced
def test_what_the_user_keeps_lives(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead = home.session()
    marked, ruled, left = dead.mcp(PROCESS_JANITOR_KEEP="1"), dead.mcp(), dead.mcp()
    rule = {"pid": ruled.pid, "start_ticks": ruled.identity.start, "boot_id": home.boot}
    (home.root / "keep.json").write_text(json.dumps({"rules": [rule]}))
    neighbour = home.session()
    home.watch()
    dead.kill()
    left.gone()
    home.closed(dead)
    stays("kept", marked, ruled, neighbour)


# Sessions that hang after their goodbye


@namespaced
def test_a_session_that_hangs_is_ended_after_its_grace_and_not_before(tmp_path: Path) -> None:
    home = Home(tmp_path, hung_grace_seconds=12)
    hung, neighbour = home.session(), home.session()
    left, spared = hung.mcp(), neighbour.mcp()
    home.watch()
    home.say_goodbye(hung, ago=8.0)
    over = time.monotonic() + 4.0
    stays("its grace is not over", hung, left, seconds=over - time.monotonic() - 0.2)
    hung.gone(15)
    left.gone(15)
    assert neighbour.alive
    assert spared.alive
    home.closed(hung)
    (line,) = [
        line for line in home.journal() if line["event"] == "action" and line["pid"] == hung.pid
    ]
    assert line["class"] == "hung-session"


@namespaced
def test_a_session_that_waits_for_its_own_hook_is_ended_after_it(tmp_path: Path) -> None:
    home = Home(tmp_path, hung_grace_seconds=10)
    waits, hung = home.session(), home.session()
    hook = waits.hook()
    shell = Child(procfs.process(hook.pid).ppid)  # type: ignore[union-attr]  # it runs
    home.watch()
    for one in (waits, hung):
        home.say_goodbye(one, ago=100.0)
    hung.gone(15)
    stays("its own hook is at work", waits, hook, shell)
    os.kill(hook.pid, signal.SIGKILL)
    waits.gone(15)
    assert home.closed(waits) == "hung"


@namespaced
def test_a_hung_session_is_written_down_as_one(tmp_path: Path) -> None:
    home = Home(tmp_path, hung_grace_seconds=10)
    hung, neighbour = home.session(), home.session()
    home.watch()
    home.say_goodbye(hung, ago=20.0)
    hung.gone(15)
    home.closed(hung)
    assert home.told(hung)["state"] == "hung"
    assert neighbour.alive


@pytest.mark.parametrize("reason", ["unreported", "clear", "resume"])
@namespaced
def test_a_goodbye_that_may_leave_the_process_there_is_no_reason_to_end_it(
    reason: str, tmp_path: Path
) -> None:
    home = Home(tmp_path, hung_grace_seconds=10)
    one, hung = home.session(), home.session()
    spared = one.mcp()
    home.watch()
    home.say_goodbye(one, reason, ago=100.0)
    home.say_goodbye(hung, "other", ago=100.0)
    hung.gone(15)
    stays(f"only a {reason}", one, spared)


@namespaced
def test_a_goodbye_that_is_taken_back_is_no_reason_either(tmp_path: Path) -> None:
    home = Home(tmp_path, hung_grace_seconds=10)
    one, hung = home.session(), home.session()
    home.watch()
    home.say_goodbye(one, ago=8.0)
    home.say_goodbye(hung, ago=8.0)
    alive = {key: value for key, value in home.record(one).items() if key != "ended"}
    home.registry.write(alive)
    hung.gone(15)
    stays("it took its goodbye back", one)


@namespaced
def test_a_session_that_the_client_is_not_proven_to_be_is_never_ended_itself(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, hung_grace_seconds=10)
    one, hung = home.session(), home.session()
    home.change(one, recognised=False)
    home.watch()
    for each in (one, hung):
        home.say_goodbye(each, ago=100.0)
    hung.gone(15)
    stays("only CLAUDE_PID said that it is a client", one)


@namespaced
def test_a_grace_shorter_than_the_heartbeat_is_kept_to(tmp_path: Path) -> None:
    home = Home(tmp_path, hung_grace_seconds=10, heartbeat_interval_seconds=3600)
    hung, neighbour = home.session(), home.session()
    home.watch()
    home.say_goodbye(hung, ago=9.0)
    hung.gone(12)
    assert neighbour.alive


# The watcher's own life


@namespaced
def test_the_heartbeat_says_when_which_boot_and_who(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = home.session()
    watcher = home.watch()
    beat = home.root / "sessions" / one.session_id / "heartbeat"
    first = json.loads(beat.read_text())
    assert set(first) == {"boot_id", "monotonic", "at", "watcher"}
    assert first["boot_id"] == home.boot
    assert first["watcher"] == watcher.pid
    assert 0 <= clock.monotonic() - first["monotonic"] < 15
    assert time.strptime(first["at"], "%Y-%m-%dT%H:%M:%SZ")
    assert beat.stat().st_mode & 0o777 == 0o600
    later = wait_until(
        lambda: (now := json.loads(beat.read_text()))["monotonic"] > first["monotonic"] and now,
        10,
        "another beat",
    )
    assert later["watcher"] == watcher.pid


@namespaced
def test_the_heartbeat_says_when_a_session_or_a_child_last_had_work(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, waiting, letting_go = home.session(), home.session(), home.session()
    waiting.mcp()
    home.watch()
    spin = ["sh", "-c", "while :; do :; done"]
    letting_go.run_bash("nohup sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null &")
    one._order("server", argv=spin, env=home.env)

    def stamp(session: Pretend) -> dict[str, Any]:
        path = home.root / "sessions" / session.session_id / "heartbeat"
        read: dict[str, Any] = json.loads(path.read_text())
        return read

    busy = wait_until(lambda: stamp(one).get("busy_monotonic"), 15, "its child has work")
    wait_until(lambda: stamp(one)["busy_monotonic"] > busy, 15, "and still has")
    for quiet in (waiting, letting_go):
        assert "busy_monotonic" not in stamp(quiet), "what was let go of works for itself"


@namespaced
def test_killed_it_is_started_by_the_next_hook_and_goes_on_where_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    # Started with an empty environment, by a server that then ends: only what was seen while it lived can tell whose it is.
    ready = tmp_path / "bare"
    words = pretend.child_command(str(ready))
    one._order("server", argv=["env", "-i", "PATH=/usr/bin:/bin", "HOME=/", *words], env=home.env)
    bare = Child(int(wait_until(lambda: ready.exists() and ready.read_text(), 10)))
    spared = neighbour.mcp()
    first = home.watch()
    home.known(one, bare)
    first.kill()
    first.wait()
    assert home.holder_pid() == 0
    assert bare.alive
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/bin/false")
    shutil.copy(ROOT / "requirements.lock", venv / "process-janitor.id")
    answer = neighbour._order(
        "hook", argv=["/bin/sh", str(ROOT / "hooks" / "run"), "Stop"], payload={"session_id": neighbour.session_id},
        env={**home.env, **pretend.hook_marks(neighbour.session_id, neighbour.pid), "PROCESS_JANITOR_VENV": str(venv)},
    )  # fmt: skip
    assert answer["code"] == 0
    wait_until(lambda: home.holder_pid() not in (0, first.pid), 15, "another watcher")
    one.kill()
    bare.gone(20)
    assert home.closed(one) == "crashed"
    assert spared.alive


@pytest.mark.case("U73", "no hook and no watcher saw the end", "reap")
@namespaced
def test_a_death_while_no_watcher_ran_is_found_by_the_next_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    left, spared = one.mcp(), neighbour.mcp()
    first = home.watch()
    home.known(one, left)
    first.kill()
    first.wait()
    one.kill()
    home.begin()
    left.gone(20)
    assert home.closed(one) == "crashed"
    assert spared.alive


@namespaced
def test_it_ends_when_no_session_is_left_and_not_before(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, two = home.session(), home.session()
    watcher = home.watch()
    one.kill()
    home.closed(one)
    stays("a session is left", Child(watcher.pid), two, seconds=2.5)
    two.kill()
    assert watcher.wait(20) == 0
    held = lease.acquire(home.place)
    assert held is not None, "the lease is free again"
    os.close(held)
    assert home.log() == ""


@namespaced
def test_without_any_session_it_ends_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.begin().wait(15) == 0
    assert home.log() == ""


@namespaced
def test_of_twenty_that_start_at_once_one_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = home.session()
    started = [home.begin() for _ in range(20)]
    wait_until(
        lambda: sum(each.poll() is None for each in started) == 1, 40, "all but one are gone"
    )
    (left,) = [each for each in started if each.poll() is None]
    assert {each.returncode for each in started if each is not left} == {0}
    wait_until(lambda: home.holder_pid() == left.pid, 10, "it holds the lease")
    child = one.mcp()
    one.kill()
    child.gone()
    assert left.wait(20) == 0
    assert len([line for line in home.journal() if line["event"] == "session"]) == 1
    assert home.log() == ""


@namespaced
def test_the_lease_is_not_kept_by_a_child_at_work(tmp_path: Path) -> None:
    home = Home(tmp_path, term_grace_seconds=8)
    dead, neighbour = home.session(), home.session()
    stubborn = dead.mcp(stubborn=True)
    first = home.watch()
    dead.kill()
    wait_until(lambda: children(first.pid), 10, "a child cleans")
    first.kill()
    first.wait()
    second = home.begin()
    wait_until(lambda: home.holder_pid() == second.pid, 5, "the next watcher has the lease")
    stubborn.gone(30)
    assert neighbour.alive


@namespaced
def test_asked_to_retire_it_hands_over_and_nothing_is_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = home.session()
    child = one.mcp()
    first = home.watch()
    files.touch(os.path.join(home.place, lease.RETIRE_NAME))
    second = home.begin()
    assert first.wait(10) == 0
    wait_until(lambda: home.holder_pid() == second.pid, 10, "the newer one holds the lease")
    assert not wanted.asked_to_retire(home.place)
    stays("a change of the watcher is no end of a session", one, child)
    assert second.poll() is None
    one.kill()
    child.gone()


def _overdue(home: Home, *, asleep: bool = False, **named: int) -> None:
    """As if the holder had announced itself for the last time so long ago that its term is over by now; `asleep`: by a
    clock that goes on while the machine sleeps.
    """
    path = Path(home.place, lease.HOLDER_NAME)
    pid, start, boot, version, term, _ = path.read_text().split()
    over = int(clock.monotonic()) - 1
    uptime = clock.ticks() // clock.ticks_per_second() - 1
    line = f"{named.get('pid', pid)} {named.get('start', start)} {boot} {version} {term if asleep else over} {uptime}\n"
    path.write_text(line)


def _turn(session: Pretend, env: dict[str, str], event: str) -> None:
    answer = session._order(
        "hook", argv=["/bin/sh", str(ROOT / "hooks" / "run"), event], payload={"session_id": session.session_id},
        env={**env, **pretend.hook_marks(session.session_id, session.pid), "PROCESS_JANITOR_VENV": "/nonexistent/janitor"},
    )  # fmt: skip
    assert (answer["code"], answer["said"]) == (0, "")


@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop"])
@namespaced
def test_a_turn_finds_a_watcher_that_hangs_and_none_that_has_time_left(
    tmp_path: Path, event: str
) -> None:
    home = Home(tmp_path)
    one = home.session()
    child = one.mcp()
    first = home.watch()
    _turn(one, home.env, event)  # the first one makes the stamp
    os.kill(first.pid, signal.SIGSTOP)
    wait_until(
        lambda: (row := procfs.process(first.pid)) is not None and row.state == "T", 5, "stopped"
    )
    for asleep in (False, True):
        if asleep:
            _overdue(home, asleep=True)
        _turn(one, home.env, event)
        assert not wanted.asked_to_retire(home.place), "a late heartbeat is no lost watcher"
    _overdue(home)
    _turn(one, home.env, event)
    assert first.wait(20) == -signal.SIGKILL
    wait_until(lambda: home.holder_pid() not in (0, first.pid), 10, "another one watches")
    assert (one.alive, child.alive) == (True, True)
    one.kill()
    child.gone()


@namespaced
def test_a_watcher_that_hangs_is_replaced_and_one_that_has_time_left_is_not(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    one = home.session()
    child = one.mcp()
    first = home.watch()
    os.kill(first.pid, signal.SIGSTOP)
    wait_until(
        lambda: (row := procfs.process(first.pid)) is not None and row.state == "T",
        5,
        "it is stopped",
    )
    assert not start.ensure_watcher(str(home.root)), "a late heartbeat is no lost watcher"
    # Somebody may have asked it to step down all the same: its successor waits for it and gives up.
    files.touch(os.path.join(home.place, lease.RETIRE_NAME))
    assert home.begin().wait(20) == 0
    assert first.poll() is None
    assert not wanted.asked_to_retire(home.place), "and takes its request back"
    _overdue(home)
    assert start.ensure_watcher(str(home.root))
    assert first.wait(20) == -signal.SIGKILL
    wait_until(lambda: home.holder_pid() not in (0, first.pid), 10, "another one watches")
    assert lease.lost(home.place, home.boot) is None
    assert not wanted.asked_to_retire(home.place)
    assert (one.alive, child.alive) == (True, True)
    one.kill()
    child.gone()
    assert "stopped its heartbeat" in (home.root / "logs" / "watcher.log").read_text()


@namespaced
def test_a_watcher_that_was_only_slow_steps_down_by_itself(tmp_path: Path) -> None:
    home = Home(tmp_path, heartbeat_interval_seconds=60)
    one = home.session()
    first = home.watch()
    _overdue(home)
    assert start.ensure_watcher(str(home.root))
    assert first.wait(15) == 0, "not ended, but asked"
    wait_until(lambda: home.holder_pid() not in (0, first.pid), 10, "another one watches")
    assert one.alive
    assert lease.lost(home.place, home.boot) is None


@namespaced
def test_nothing_but_the_watcher_that_has_the_lease_is_ended_for_an_old_heartbeat(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    one, other = home.session(), home.session()
    first = home.watch()
    second = launch.python(launch.script("watcher"))
    os.kill(first.pid, signal.SIGSTOP)
    # Named, and no watcher; the same program, and without the lease; a number that was given out again.
    decoy = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(300)", second[-1]], env=home.env
    )
    wait_until(lambda: second[-1] in (procfs.argv(decoy.pid) or ()), 5, "it runs")
    for named in (one, Child(decoy.pid)):
        _overdue(home, pid=named.pid, start=named.identity.start)
        assert lease.lost(home.place, home.boot) == named.identity.key
        assert lost_watcher.end(home.place) == 0
        assert named.alive
    _overdue(home, pid=first.pid, start=1)
    assert lost_watcher.end(home.place) == 0
    assert (first.poll(), decoy.poll()) == (None, None)
    assert (one.alive, other.alive) == (True, True)
    _overdue(home, pid=first.pid, start=identity_of(first).start)
    assert lost_watcher.end(home.place) == first.pid
    assert first.wait(10) == -signal.SIGKILL


def identity_of(process: subprocess.Popen[bytes]) -> Identity:
    found = identity.identify(process.pid)
    assert found is not None
    return found


def _copied(folder: Path) -> Path:
    plugin = folder / "plugin"
    for part in ("hooks", "src", "scripts", ".claude-plugin"):
        shutil.copytree(
            ROOT / part, plugin / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "requirements.lock", plugin)
    return plugin


@namespaced
def test_a_newer_version_takes_over_from_an_older_watcher_by_its_hooks_alone(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    older = _copied(tmp_path)
    manifest = older / ".claude-plugin" / "plugin.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": "0.0.1"}))
    one = home.session()
    first = home.watch(older)
    assert lease.version(home.place) == "0.0.1"
    answer = one._order(
        "hook", argv=["/bin/sh", str(ROOT / "hooks" / "run"), "SessionStart"], payload={"session_id": one.session_id},
        env={**home.env, **pretend.hook_marks(one.session_id, one.pid), "PROCESS_JANITOR_VENV": "/nonexistent/janitor"},
    )  # fmt: skip
    assert answer["code"] == 0
    assert first.wait(15) == 0
    wait_until(
        lambda: home.holder_pid() and lease.version(home.place) != "0.0.1",
        15,
        "the newer version watches",
    )
    assert one.alive


@namespaced
def test_a_broken_configuration_is_logged_once_a_change(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = home.session()
    home.configure(heartbeat_interval_seconds=1, cleanup_on_exit="no")
    home.watch()

    def logged() -> list[str]:
        return [line for line in home.log().splitlines() if "its default is used" in line]

    def beat() -> None:
        path = Path(home.registry.of_session(one.session_id)[0].directory) / "heartbeat"
        before = path.read_text()
        wait_until(lambda: path.read_text() != before, 10, "a heartbeat")

    beat()
    beat()
    assert len(logged()) == 1
    assert "cleanup_on_exit: 'no' is not allowed" in logged()[0]
    home.configure(heartbeat_interval_seconds=1, cleanup_on_exit=False)
    beat()
    beat()
    home.configure(heartbeat_interval_seconds=1, cleanup_on_exit=0)
    wait_until(lambda: len(logged()) == 2, 10, "the other mistake is logged")


@pytest.mark.parametrize("how", ["removed", "manifest removed", "disabled"])
@namespaced
def test_a_plugin_that_is_gone_or_switched_off_ends_nothing(how: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    plugin = _copied(tmp_path)
    one = home.session()
    child = one.mcp()
    watcher = home.watch(plugin, "process-janitor-market")
    home.known(one, child)
    if how == "removed":
        plugin.rename(tmp_path / "removed")
    elif how == "manifest removed":
        (plugin / ".claude-plugin" / "plugin.json").unlink()
    else:
        (home.config_dir / "settings.json").write_text(
            json.dumps({"enabledPlugins": {"process-janitor@market": False}})
        )
    one.kill()
    assert watcher.wait(15) == 0
    stays("nobody wants a cleanup any more", child)
    assert home.journal() == []


@pytest.mark.parametrize(
    "settings",
    [
        '{"enabledPlugins": {"process-janitor@market": true}}', '{"enabledPlugins": {"process-janitor@other": false}}',
        '{"enabledPlugins": {}}', '{"enabledPlugins": []}', "not json", "[]", "",
    ],
)  # fmt: skip
@namespaced
def test_a_plugin_that_is_not_clearly_switched_off_works(settings: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.config_dir / "settings.json").write_text(settings)
    one, neighbour = home.session(), home.session()
    child, spared = one.mcp(), neighbour.mcp()
    home.watch(plugin_data="process-janitor-market")
    one.kill()
    child.gone()
    assert spared.alive


# Sessions that began before the plugin


@pytest.mark.case(
    "N4", "a session older than the plugin, started by a script: seen, then killed", "reap"
)
@namespaced
def test_a_session_nobody_registered_is_watched_by_its_own_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    registered = home.session()
    old, neighbour = (home.session(registered=False, scripted=True) for _ in range(2))
    row = procfs.process(old.pid)
    assert row is not None
    assert row.pgid != old.pid, "its script leads the group, and takes that proof along"
    client_file(home, old.pid, old.session_id)
    home.watch()
    client_file(home, neighbour.pid, neighbour.session_id)
    left, let_go, spared, other = (
        old.mcp(),
        old.detached("setsid"),
        neighbour.mcp(),
        registered.mcp(),
    )
    home.known(old, left)
    home.known(neighbour, spared)
    old.kill()
    left.gone()
    stays("it had let go, or its session lives", let_go, registered, neighbour, spared, other)
    (line,) = [line for line in home.journal() if line["event"] == "action"]
    assert line["pid"] == left.pid
    assert not [line for line in home.journal() if line["event"] == "session"], (
        "how a session ended that never said anything is not known"
    )


@pytest.mark.case(
    "N5", "what a program left whose number a client's file names, and which is no client", "keep"
)
@namespaced
def test_a_file_does_not_make_a_session_of_any_program(tmp_path: Path) -> None:
    home = Home(tmp_path)
    registered, old = home.session(), home.session(registered=False)
    left = old.mcp()
    noted = tmp_path / "children"
    # Servers and calls with a cleared environment are known by where they were seen alone.
    line = f"env -i sleep 300 & echo $! >{noted}; wait"
    stranger = subprocess.Popen(["sh", "-c", line], env=home.env, start_new_session=True)
    child = Child(int(wait_until(lambda: noted.exists() and noted.read_text(), what="its child")))
    client_file(home, stranger.pid, "of-a-stranger")
    client_file(home, old.pid, old.session_id)
    home.watch()
    home.known(old, left)
    document = home.cli("report", "--json").json
    assert old.pid in {one["pid"] for one in document["sessions"]}
    stranger.kill()
    stranger.wait()
    old.kill()
    left.gone()
    stays("its parent was no client", child, registered)


@namespaced
def test_the_watcher_stays_for_a_session_nobody_registered_and_goes_with_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    registered, old = home.session(), home.session(registered=False)
    client_file(home, old.pid, old.session_id)
    watcher = home.watch()
    left = old.mcp()
    home.known(old, left)
    registered.kill()
    home.closed(registered)
    stays("its session lives", old, left)
    assert watcher.poll() is None
    old.kill()
    left.gone()
    assert watcher.wait(15) == 0


@namespaced
def test_a_session_that_registers_late_has_its_heartbeat_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path, heartbeat_interval_seconds=300)
    first, late = home.session(), home.session(registered=False)
    client_file(home, late.pid, late.session_id)
    watcher = home.watch()
    home.known(late, late.mcp())
    home.register(late)
    entry = home.registry.find(late.pid, late.identity.start)
    assert entry is not None
    home.beaten(entry, watcher.pid)
    late.kill()
    assert home.closed(late) == "crashed"
    assert first.alive


# Sessions of other worlds


@namespaced
def test_a_session_of_an_earlier_boot_is_closed_and_whoever_has_its_number_now_lives(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    innocent, neighbour = home.session(registered=False), home.session()
    spared = innocent.mcp()
    host = identity.host_name()
    earlier = innocent.identity._replace(boot_id="00000000-0000-0000-0000-000000000000")
    home.registry.write(new_record("before-the-reboot", earlier, host=host, recognised=True))
    home.watch()
    wait_until(
        lambda: _record_of(home, "before-the-reboot").get("closed"), 15, "the record is closed"
    )
    stays("its number is now another's", innocent, spared, neighbour)


def _record_of(home: Home, session_id: str) -> dict[str, Any]:
    (entry,) = [
        entry for entry in home.registry.entries() if entry.record["session_id"] == session_id
    ]
    return entry.record


@pytest.mark.parametrize(
    "where",
    ["another host", "another pid namespace", "a time namespace", "no boot id", "no namespace"],
)
@namespaced
def test_a_session_of_another_world_is_left_as_it_is(where: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    here, neighbour = home.session(registered=False), home.session()
    spared = here.mcp()
    host, owner = (
        identity.host_name(),
        here.identity._replace(pid=here.pid, start=here.identity.start + 7),
    )
    if where == "another host":
        host, owner = "elsewhere", owner._replace(boot_id="00000000-0000-0000-0000-000000000000")
    elif where == "another pid namespace":
        owner = owner._replace(pid_namespace=owner.pid_namespace + 1)
    elif where == "a time namespace":
        owner = owner._replace(boot_id=f"{owner.boot_id}+0.0+86400.0")
    elif where == "no boot id":
        host, owner = "", owner._replace(boot_id="")
    else:
        owner = owner._replace(pid_namespace=0)
    entry = home.registry.write(new_record(here.session_id, owner, host=host, recognised=True))
    before = Path(entry.path).read_bytes()
    dead = home.session()
    left = dead.mcp()
    home.watch()
    dead.kill()
    left.gone()
    stays("its session is in another world", here, spared, neighbour)
    assert Path(entry.path).read_bytes() == before


@namespaced
def test_a_reused_number_of_a_dead_session_is_not_the_session(tmp_path: Path) -> None:
    home = Home(tmp_path)
    neighbour = home.session()
    innocent = home.session(registered=False)
    spared = innocent.mcp()
    owner = innocent.identity._replace(start=innocent.identity.start - 1)
    home.registry.write(new_record("long-gone", owner, host=identity.host_name(), recognised=True))
    home.watch()
    wait_until(
        lambda: _record_of(home, "long-gone").get("closed"), 15, "the dead session is closed"
    )
    stays("the number is reused", innocent, spared, neighbour)


# Two at once, and faults


@namespaced
def test_one_stubborn_process_does_not_keep_the_next_death_from_being_seen(tmp_path: Path) -> None:
    home = Home(tmp_path, term_grace_seconds=6)
    first, second, neighbour = home.session(), home.session(), home.session()
    stubborn, left, spared = first.mcp(stubborn=True), second.mcp(), neighbour.mcp()
    home.watch()
    first.kill()
    died = time.monotonic()
    wait_until(lambda: time.monotonic() > died + 1.0)
    second.kill()
    assert stubborn.alive
    left.gone(12)
    stubborn.gone(12)
    assert {home.closed(first), home.closed(second)} == {"crashed"}
    assert neighbour.alive
    assert spared.alive


@namespaced
def test_an_ordinary_cleanup_does_not_wait_for_another_ones_stubborn_process(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, term_grace_seconds=12)
    first, second, neighbour = home.session(), home.session(), home.session()
    stubborn, left = first.mcp(stubborn=True), second.mcp()
    home.watch()
    first.kill()
    died = time.monotonic()
    wait_until(lambda: time.monotonic() > died + 1.0)
    second.kill()
    left.gone(6)
    assert stubborn.alive, "the order of things shows nothing"
    assert neighbour.alive


@namespaced
def test_it_sleeps_while_its_child_waits_for_a_stubborn_process(tmp_path: Path) -> None:
    home = Home(tmp_path, term_grace_seconds=8, heartbeat_interval_seconds=3600)
    first, second, neighbour = home.session(), home.session(), home.session()
    stubborn = first.mcp(stubborn=True)
    watcher = home.watch()
    wait_until(lambda: not children(watcher.pid), 10, "the first beat is over")
    first.kill()
    wait_until(lambda: children(watcher.pid), 10, "a child cleans")
    second.kill()
    before, start = cpu_seconds(watcher.pid), time.monotonic()
    wait_until(lambda: time.monotonic() > start + 4.0)
    assert stubborn.alive
    spent = cpu_seconds(watcher.pid) - before
    assert spent < 0.4, f"{spent:.1f} s of processor time in 4 s of waiting"
    assert neighbour.alive


@namespaced
def test_an_idle_watcher_costs_next_to_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, heartbeat_interval_seconds=60)
    one = home.session()
    watcher = home.watch()
    before, start = cpu_seconds(watcher.pid), time.monotonic()
    wait_until(lambda: time.monotonic() > start + 4.0)
    assert cpu_seconds(watcher.pid) - before <= 0.1
    assert one.alive


@namespaced
def test_a_fault_in_the_cleaning_is_logged_and_tried_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left = dead.mcp()
    keep = home.root / "keep.json"
    keep.write_text("not json")
    watcher = home.watch()
    dead.kill()
    wait_until(lambda: "nothing more was cleaned" in home.log(), 15, "the fault is logged")
    stays("what is protected cannot be read", left, neighbour, seconds=0.5)
    assert "closed" not in home.record(dead)
    keep.unlink()
    left.gone(20)
    assert home.closed(dead) == "crashed"
    assert watcher.poll() is None
    assert neighbour.alive


@namespaced
def test_a_cleaning_child_that_is_killed_is_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path, term_grace_seconds=3)
    dead, neighbour = home.session(), home.session()
    stubborn = dead.mcp(stubborn=True)
    watcher = home.watch()
    dead.kill()
    (child,) = wait_until(lambda: children(watcher.pid), 10, "a child cleans")
    os.kill(child, signal.SIGKILL)
    stubborn.gone(30)
    assert home.closed(dead, 30) == "crashed"
    assert watcher.poll() is None
    assert neighbour.alive


@namespaced
def test_a_fault_that_stays_is_given_up_for_now_and_the_watcher_goes_on(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    dead, neighbour = home.session(), home.session()
    left = dead.mcp()
    keep = home.root / "keep.json"
    keep.write_text("not json")
    watcher = home.watch()
    dead.kill()
    home.closed(dead, 40)
    assert "gave up" in home.log()
    assert left.alive
    keep.unlink()
    another = home.session()
    child = another.mcp()
    home.known(another, child)
    another.kill()
    child.gone(20)
    assert watcher.poll() is None
    assert neighbour.alive


def _unmount(home: Home) -> None:
    subprocess.run(["umount", "-l", str(home.root)], check=True)


def _fill(folder: Path) -> None:
    with open(folder / "filler", "ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@namespaced
def test_a_full_disk_stops_neither_the_watcher_nor_the_cleaning(tmp_path: Path) -> None:
    home = Home(tmp_path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(home.root)], check=True)
    home.registry.prepare()
    dead, neighbour = home.session(), home.session()
    early = dead.mcp()
    watcher = home.watch()
    home.known(dead, early)
    _fill(home.root)
    late, spared = dead.mcp(), neighbour.mcp()
    stays("a full disk is no death", early, late, spared, dead, neighbour)
    assert watcher.poll() is None, "the watcher ended because a note could not be written"
    dead.kill()
    early.gone(20)
    late.gone(20)
    assert neighbour.alive
    assert spared.alive
    stays("and it goes on", Child(watcher.pid), seconds=2.0)
    _unmount(home)


@namespaced
def test_a_full_disk_does_not_keep_a_watcher_from_starting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(home.root)], check=True)
    home.registry.prepare()
    dead, neighbour = home.session(), home.session()
    left = dead.mcp()
    _fill(home.root)
    home.begin()
    dead.kill()
    left.gone(20)
    assert neighbour.alive
    _unmount(home)


@namespaced
def test_damaged_records_are_put_aside_and_the_others_are_watched(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one, neighbour = home.session(), home.session()
    child = one.mcp()
    folder = home.root / "sessions" / "damaged"
    folder.mkdir()
    (folder / "12-34.json").write_text('{"pid": 1}')
    (folder / "1-1.json").write_text("")
    (folder / "-1-0.json").symlink_to("/etc/passwd")
    (folder / "5-5.json").mkdir()
    (folder / "5-5.json" / "something").write_text("mine")
    # The same names were put aside before.
    home.registry.quarantine_malformed()
    (folder / "12-34.json").write_text('{"pid": -1}')
    (folder / "5-5.json").mkdir()
    (folder / "5-5.json" / "something").write_text("mine")
    home.watch()
    one.kill()
    child.gone()
    assert neighbour.alive


@namespaced
def test_a_session_that_lives_is_never_closed_for_lack_of_descriptors(tmp_path: Path) -> None:
    home = Home(tmp_path)
    sessions = [home.session() for _ in range(12)]
    command = launch.python(str(ROOT / "src/process_janitor/watcher/__main__.py"), "")
    null = subprocess.DEVNULL
    subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -n 12; exec "$@"', "sh", *command], env=home.env, cwd="/", stdin=null, stdout=null, stderr=null,
        start_new_session=True,
    )  # fmt: skip
    stays("all of them live", *sessions, seconds=6.0)
    assert [session.pid for session in sessions if home.record(session).get("closed")] == []
