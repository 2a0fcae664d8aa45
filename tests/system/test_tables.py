"""The process table where there is no /proc: psutil has to tell the same of the same processes, and no more than it knows."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from process_janitor.core.model import Identity, Process
from process_janitor.core.policy import Policy
from process_janitor.core.record import new_record
from process_janitor.sweep import look, sweep
from process_janitor.system import identity, observe, procfs, psutil_table
from process_janitor.system.config import load_settings
from process_janitor.system.marks import NAMES, marks_of
from process_janitor.system.registry import Registry
from tests.elsewhere import Queue, without_pidfds, without_proc
from tests.namespaced import namespaced
from tests.world import Child, Pretend, World, wait_until

case = pytest.mark.case
pytestmark = pytest.mark.namespace
ROOT = Path(__file__).resolve().parents[2]
TICK_MICROSECONDS = 1_000_000 // os.sysconf("SC_CLK_TCK")


def compared(row: Process) -> dict[str, Any]:
    """What of a row must be the same whoever tells it; its memory and processor time go on while it is asked for."""
    told = row._asdict()
    for name in ("rss", "cpu"):
        del told[name]
    # psutil gives the whole of a name that the kernel has cut.
    return {**told, "comm": row.comm[:15]}


def started(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, **how)


@namespaced
def test_psutil_tells_of_each_process_what_proc_tells(tmp_path: Path) -> None:
    program = tmp_path / "a program (with) a long name"
    program.symlink_to("/bin/sleep")
    _, terminal = pty.openpty()
    marked = {
        **os.environ,
        "CLAUDE_PID": "4242",
        "CLAUDE_CODE_SESSION_ID": "s-1",
        "CLAUDECODE": "1",
    }
    every = [
        started(["sleep", "60"], env=marked),
        started(["sleep", "60"], start_new_session=True, cwd="/"),
        started(["sleep", "60"], process_group=0, env={}),
        started([str(program), "60"]),
        subprocess.Popen(
            [sys.executable, "-c", "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); input()"],
            stdin=terminal, start_new_session=True,
        ),
        started(["sh", "-c", "kill -STOP $$"]),
        started(["true"]),
    ]  # fmt: skip

    def state(at: int) -> str:
        row = procfs.process(every[at].pid)
        return row.state if row is not None else ""

    wait_until(lambda: all(state(at) == "S" for at in range(5)) and state(5) + state(6) == "TZ")
    wait_until(lambda: (row := procfs.process(every[4].pid)) is not None and row.tty)
    booted = round(psutil.boot_time() * 1_000_000)
    theirs = {row.pid: row for row in psutil_table.rows()}
    for one in every:
        pid = one.pid
        row = procfs.process(pid)
        assert row is not None
        told = theirs[pid]
        assert compared(told) == {**compared(row), "start": booted + row.start * TICK_MICROSECONDS}
        assert psutil_table.process(pid) == told
        assert psutil_table.argv(pid) == procfs.argv(pid)
        if not row.dead:
            assert psutil_table.link(pid, "exe") == procfs.link(pid, "exe")
            assert psutil_table.link(pid, "cwd") == procfs.link(pid, "cwd")
        marks = marks_of(pid)
        with without_proc():
            assert marks_of(pid) == marks
    assert set(theirs) == set(procfs.table()), "none is missing, and none is made up"
    assert marks_of(every[0].pid) != marks_of(every[1].pid)
    for one in every:
        one.kill()
        one.wait()
    assert psutil_table.process(every[0].pid) is None
    assert psutil_table.argv(every[0].pid) is None
    assert psutil_table.environ(every[0].pid) is None
    assert psutil_table.absent(every[0].pid)
    assert not psutil_table.absent(os.getpid())


@namespaced
def test_nothing_of_an_environment_but_the_named_marks_is_handed_on() -> None:
    env = {"SECRET": "CLAUDE_PID=1", "CLAUDE_PID": "4242", "HOME": "/h", "CLAUDE_API_KEY": "k"}
    one = started(["/bin/sleep", "60"], env=env)
    wait_until(lambda: procfs.argv(one.pid) == ("/bin/sleep", "60"))
    assert psutil_table.environ(one.pid) == b"CLAUDE_PID=4242\0HOME=/h\0"
    assert set(env) & set(NAMES) == {"CLAUDE_PID", "HOME"}
    one.kill()


def registered(world: World, session: Pretend) -> Identity:
    """A record as it would be written there."""
    with without_proc():
        owner = identity.identify(session.pid)
        assert owner is not None
        registry = Registry(str(world.root))
        registry.prepare()
        registry.write(
            new_record(
                session.session_id, owner, host=identity.host_name(), pgid=os.getpgid(session.pid),
                sid=os.getsid(session.pid), recognised=True, cwd=str(world.home),
            )
        )  # fmt: skip
    return owner


def scene(tmp_path: Path) -> tuple[World, Pretend, Child, Child]:
    """A dead session with a server, and a living one with another: world, the living, the leftover, the one in use."""
    world = World(tmp_path)
    dying, living = world.session(registered=False), world.session(registered=False)
    for one in (dying, living):
        registered(world, one)
    left, used = dying.mcp(), living.mcp()
    dying.kill()
    return world, living, left, used


@case("X1", "a dead session's server where there is no /proc: who uses it is not told", "report")
@case("X2", "a living session's server where there is no /proc", "keep")
@namespaced
def test_without_proc_a_leftover_is_shown_and_never_proven(tmp_path: Path) -> None:
    world, living, left, used = scene(tmp_path)
    with without_proc():
        judged = look(str(world.root), Policy())
        found = {one.process.pid: one for one in judged.decisions}
    leftover = found[left.pid]
    assert (leftover.verdict, leftover.finding, leftover.vetoes) == ("report", "leftover", ())
    assert "owner-gone" in leftover.evidence
    assert "vetoes-unheard" in leftover.evidence
    assert used.pid not in found, "nothing has to be judged below a living client"
    assert found[living.pid].verdict == "keep"
    assert not [one for one in found.values() if one.verdict == "reap"]
    detail = judged.observation.snapshot.detail(left.pid)
    assert (detail.stdin_peer, detail.serving, detail.cgroup) == ("unknown", "unknown", "")


@namespaced
def test_without_proc_nothing_is_ended_by_itself(tmp_path: Path) -> None:
    world, _, left, used = scene(tmp_path)
    for answer in (elsewhere(world, "auto"), elsewhere(world, "run", "--execute")):
        assert answer.returncode == 0, answer.stderr
    stop = elsewhere(world, "stop", "--all", "--yes")
    assert stop.returncode == 1
    assert "/exit" in stop.stderr
    demo = elsewhere(world, "demo")
    assert demo.returncode == 1
    assert "pidfds" in demo.stderr
    with without_proc(), without_pidfds(kqueue=Queue):
        # Nor whatever a caller wants: only the trigger behind which a user stands may signal a number.
        swept = sweep(str(world.root), load_settings(), "auto", lambda d: d.process.pid == left.pid)
    assert {one.outcome for one in swept.actions} == {"refused"}
    assert left.alive
    assert used.alive


def elsewhere(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.elsewhere", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**world.env, "HOME": str(world.home), "COLUMNS": "80", "PYTHONPATH": f"{ROOT / 'src'}"},
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


@namespaced
def test_the_commands_that_look_work_without_proc(tmp_path: Path) -> None:
    world, living, left, used = scene(tmp_path)
    scan = json.loads(elsewhere(world, "scan", "--json").stdout)
    assert {one["pid"]: one["verdict"] for one in scan["findings"]} == {left.pid: "report"}
    states = {one["session_id"]: one["state"] for one in scan["sessions"]}
    assert states[living.session_id] == "live"
    assert set(states.values()) == {"live", "crashed"}
    (found,) = scan["findings"]
    assert found["memory_bytes"] > 0
    assert found["age_seconds"] < 60
    assert found["ports"] == []
    report = json.loads(elsewhere(world, "report", "--json").stdout)
    (shown,) = [one for one in report["sessions"] if one["session_id"] == living.session_id]
    assert used.pid in {one["pid"] for one in shown["tree"]}
    for pid, verdict in ((left.pid, "report"), (used.pid, "keep")):
        told = json.loads(elsewhere(world, "explain", str(pid), "--json").stdout)
        assert told["verdict"] == verdict, told
    words = elsewhere(world, "explain", str(left.pid)).stdout
    assert "does not tell who uses it" in " ".join(words.split())
    world.env["CLAUDE_PID"] = str(living.pid)
    status = json.loads(elsewhere(world, "status", "--json").stdout)
    assert status["session"]["session_id"] == living.session_id
    doctor = json.loads(elsewhere(world, "doctor", "--json").stdout)
    said = {one["name"]: one["state"] for one in doctor["checks"]}
    assert (said["processes"], said["pidfd"], said["boot id"]) == ("warning", "warning", "ok")


@namespaced
def test_run_ends_what_its_user_named_without_proc_and_pidfds(tmp_path: Path) -> None:
    world, living, left, used = scene(tmp_path)
    done = elsewhere(
        world, "run", "--pid", str(left.pid), "--pid", str(used.pid), "--execute", "--json"
    )
    acted = {one["pid"]: one["outcome"] for one in json.loads(done.stdout)["actions"]}
    assert acted == {left.pid: "gone", used.pid: "refused"}
    assert done.returncode == 3
    left.gone()
    assert used.alive
    assert living.alive


@namespaced
def test_the_clients_own_file_names_its_session_and_proves_no_death(tmp_path: Path) -> None:
    """What the client writes about its start there is not known to count as anything here does."""
    world = World(tmp_path)
    alive, gone = world.session(registered=False), world.session(registered=False)
    for one in (alive, gone):
        world.client_file(one, procStart="Sat Nov 21 08:00:00 2026")
    gone.kill()
    stranger = started(["sleep", "60"])
    number = {"pid": stranger.pid, "sessionId": "s-9", "procStart": "1"}
    (world.config_dir / "sessions" / f"{stranger.pid}.json").write_text(json.dumps(number))
    with without_proc():
        known = {one.owner.pid: one for one in observe.known_sessions(str(world.root))}
        judged = look(str(world.root), Policy())
        assert known[alive.pid].owner == identity.identify(alive.pid)
    assert set(known) == {alive.pid}
    stranger.kill()
    assert {one.process.pid: one.verdict for one in judged.decisions} == {alive.pid: "keep"}


@namespaced
def test_a_system_that_is_not_asked_through_psutil_says_that_it_saw_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    code = (
        "import sys, os\nfrom process_janitor.system import procfs\nprocfs.PROC = '/nowhere'\nsys.modules['psutil'] = None\n"
        "from process_janitor.faces.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    for command in ("scan", "report", "auto", "run"):
        done = subprocess.run(
            [sys.executable, "-c", code, command], env={**world.env, "PYTHONPATH": str(ROOT / "src")}, check=False,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 4, done.stderr
        assert "no /proc" in done.stderr


def test_macos_names_its_boot_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "0D3A-42\n", "")

    monkeypatch.setattr(identity, "_darwin_boots", [])
    monkeypatch.setattr(subprocess, "run", answer)
    with without_proc():
        elsewhere_boot = identity.boot_id()
        assert elsewhere_boot.startswith("booted-")
        monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Darwin", "mac", "", "", "")))
        assert identity.boot_id() == identity.boot_id() == "0D3A-42"
        assert identity.pid_namespace() == 1
    assert asked == [["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]]
    assert identity.boot_id() not in ("0D3A-42", elsewhere_boot), "where there is a /proc, it says"
