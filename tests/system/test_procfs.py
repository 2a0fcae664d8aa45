"""The process table of real processes with every oddity the kernel allows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from process_janitor.core.model import Identity, Marks, Process
from process_janitor.system import activity, identity, memory, proc_table, procfs
from process_janitor.system.marks import marks_of
from tests.namespaced import namespaced
from tests.world import children, wait_until

# The leader's own thread ends; another one goes on. The number of `exit` (not `exit_group`) is the machine's.
_EXIT = {"x86_64": 60, "aarch64": 93, "riscv64": 93}.get(os.uname().machine, 0)
_LEADERLESS = f"""
import ctypes, threading, time
libc = ctypes.CDLL(None)
threading.Thread(target=time.sleep, args=(120,)).start()
libc.syscall({_EXIT}, 0)
"""


def started(
    code: str = "import time; time.sleep(120)", env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A Python program that has got as far as running `code`."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", f"print(1, flush=True)\n{code}"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def zombie(pid: int) -> Process:
    """The row of a process whose leader has ended."""
    wait_until(lambda: (row := procfs.process(pid)) is not None and row.state == "Z")
    row = procfs.process(pid)
    assert row is not None
    return row


def named(name: bytes) -> subprocess.Popen[bytes]:
    process = started(
        f"import ctypes\nctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)\nprint(2, flush=True)\nimport time; time.sleep(120)"
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize(
    "name",
    [
        "a) S 1 1",
        "((",
        "))",
        ") R 0 0 0",
        "two\nlines",
        "\n",
        " ",
        "",
        "claude",
        "fifteen letters",
        "(sd-pam)",
        ") Z 1",
        "\\n",
    ],
)
@namespaced
def test_a_name_may_hold_anything(name: str) -> None:
    process = named(name.encode())
    row = procfs.process(process.pid)
    assert row is not None
    assert (row.pid, row.ppid, row.comm) == (process.pid, os.getpid(), name[:15])
    assert row.state in "SRD"
    assert (row.pgid, row.sid, row.uid) == (
        os.getpgid(process.pid),
        os.getsid(process.pid),
        os.geteuid(),
    )
    assert not row.dead
    assert procfs.table()[process.pid].comm == name[:15]


@namespaced
def test_a_name_that_is_no_text_is_read_all_the_same() -> None:
    process = named(b"\xff\xfe\x80)")
    row = procfs.process(process.pid)
    assert row is not None
    assert row.comm == "\ufffd\ufffd\ufffd)"
    assert row.ppid == os.getpid()


@namespaced
def test_start_ticks_are_the_kernels_and_never_change() -> None:
    process = started()
    row, again = procfs.process(process.pid), procfs.process(process.pid)
    assert row is not None
    assert again is not None
    assert row.key == again.key
    assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - row.start / os.sysconf("SC_CLK_TCK") < 30


@pytest.mark.skipif(
    not _EXIT, reason="platform: the number of this machine's exit call is not known here"
)
@namespaced
def test_a_leader_that_ended_before_its_threads_is_alive() -> None:
    process = started(_LEADERLESS)
    row = zombie(process.pid)
    assert not row.dead
    assert identity.identify(process.pid) is not None
    pidfd = identity.open_pidfd(Identity(row.pid, row.start))
    assert pidfd is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_until(
        lambda: (found := procfs.process(process.pid)) is None or found.dead, what="it is dead now"
    )
    assert identity.identify(process.pid) is None
    process.wait()


@namespaced
def test_a_zombie_is_dead_and_has_no_identity() -> None:
    process = started("pass")
    row = zombie(process.pid)
    assert row.dead
    assert identity.identify(process.pid) is None
    assert identity.open_pidfd(Identity(row.pid, row.start)) is None
    assert procfs.argv(process.pid) == ()
    process.wait()
    assert procfs.process(process.pid) is None


@namespaced
def test_of_a_process_that_is_gone_everything_says_so() -> None:
    process = started("pass")
    process.wait()
    pid = process.pid
    assert procfs.process(pid) is None
    assert marks_of(pid) is None
    assert procfs.argv(pid) is None
    assert procfs.link(pid, "exe") is None
    assert procfs.namespace(pid) == 0
    assert procfs.cgroup(pid) == ""
    assert memory.read(pid).held == 0
    assert pid not in procfs.table()


@namespaced
def test_numbers_that_are_no_process_name_none() -> None:
    for number in (0, -1, 1 << 22, (1 << 31) - 1):
        assert procfs.process(number) is None
        assert identity.identify(number) is None
        assert identity.open_pidfd(Identity(number, 1)) is None


@namespaced
def test_the_table_is_read_while_processes_come_and_go() -> None:
    code = "import os\nfor _ in range(100000):\n    pid = os.fork()\n    if not pid: os._exit(0)\n    os.waitpid(pid, 0)"
    storms = [started(code) for _ in range(3)]
    steady = started()
    for _ in range(60):
        table = procfs.table()
        assert {os.getpid(), steady.pid, *(one.pid for one in storms)} <= set(table)
        assert all(pid == row.pid for pid, row in table.items())
        for pid in table:
            marks_of(pid)
    for one in storms:
        one.kill()


@pytest.mark.parametrize("counter", ["the kernel's", "none", "one that stands still"])
@namespaced
def test_who_is_born_while_the_table_is_read_is_in_it(counter: str) -> None:
    """Its parent may have forked and ended before its turn: then the child is all that there is to see."""
    if counter != "the kernel's":
        # As gVisor and WSL 1 have it.
        told = {"none": 0, "one that stands still": 5}[counter]
        procfs._ever_started = lambda: told
    steady = [started() for _ in range(6)]
    rows = procfs.rows()
    seen = {next(rows).pid, next(rows).pid}
    born = started()
    seen |= {row.pid for row in rows}
    assert {born.pid, *(one.pid for one in steady)} <= seen


@namespaced
def test_a_table_in_which_nobody_was_born_is_listed_once() -> None:
    listed = []
    listing = os.listdir

    def counted(path: str) -> list[str]:
        listed.append(path)
        return listing(path)

    os.listdir = counted  # type: ignore[assignment]  # in this namespace alone

    def once() -> bool:
        del listed[:]
        procfs.table()
        return len(listed) == 1

    wait_until(once, 20, "nobody on this machine is born meanwhile")


# Marks


@namespaced
def test_marks_are_found_at_the_end_of_a_huge_environment() -> None:
    env = {f"FILLER_{number}": "x" * 100_000 for number in range(15)}
    env |= {"CLAUDE_CODE_SESSION_ID": "the-id", "CLAUDE_PID": "4711", "PROCESS_JANITOR_KEEP": "1"}
    process = started(env=env)
    assert marks_of(process.pid) == Marks(session_id="the-id", claude_pid=4711, keep=True)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("short", [-1, 0, 1])
@namespaced
def test_marks_are_found_where_an_environment_ends_with_a_whole_read(size: int, short: int) -> None:
    """A full answer is not the end, a short one is: the last mark must be found on either side of the border."""
    mark = b"CLAUDE_PID=4711\0"
    # With this entry the environment is as long as so many reads, or one byte less or more.
    filler = size * proc_table._CHUNK + short - len(b"F=\0") - len(mark)
    process = started(env={"F": "x" * filler, "CLAUDE_PID": "4711"})
    with open(f"/proc/{process.pid}/environ", "rb") as file:
        assert len(file.read()) == size * proc_table._CHUNK + short
    assert marks_of(process.pid) == Marks(claude_pid=4711)


@namespaced
def test_an_environment_that_is_no_text_is_read_all_the_same() -> None:
    raw = {
        b"A\xff": b"\xfe\xff",
        b"CLAUDE_CODE_SESSION_ID": b"\xff-id",
        b"CLAUDE_PID": "٣".encode(),
        b"Z": b"\n=",
    }
    process = subprocess.Popen(["sleep", "120"], env=raw, stdin=subprocess.DEVNULL)
    # The name is there a moment before the environment is.
    wait_until(
        lambda: (
            (row := procfs.process(process.pid)) is not None
            and row.comm == "sleep"
            and procfs.argv(process.pid)
        )
    )
    assert marks_of(process.pid) == Marks(session_id="\ufffd-id", claude_pid=0)


@pytest.mark.parametrize(
    ("text", "pid"),
    [
        ("12", 12),
        ("", 0),
        ("-1", 0),
        ("1e3", 0),
        (" 12", 0),
        ("0x10", 0),
        ("99999999", 0),
        ("12\n", 0),
        ("+5", 0),
    ],
)
@namespaced
def test_a_claude_pid_is_a_plain_number_or_nothing(text: str, pid: int) -> None:
    process = started(env={"CLAUDE_PID": text})
    found = marks_of(process.pid)
    assert found is not None
    assert found.claude_pid == pid


@namespaced
def test_names_that_only_look_like_marks_are_none() -> None:
    process = started(env={
        "MY_CLAUDE_PID": "5", "CLAUDE_PID_": "5", "claude_pid": "5", "X": "CLAUDE_PID=5", "CLAUDE_CODE_SESSION_IDS": "x",
        "PROCESS_JANITOR_KEEPER": "1", "PROCESS_JANITOR_KEEP": "0", "CLAUDECODE": "",
    })  # fmt: skip
    assert marks_of(process.pid) == Marks()


@namespaced
def test_every_mark_is_read() -> None:
    process = started(env={
        "CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": "s", "CLAUDE_PID": "7", "CLAUDE_CODE_CHILD_SESSION": "1",
        "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS": "a,b c", "CLAUDE_PLUGIN_ROOT": "/p", "CLAUDE_CONFIG_DIR": "/c",
    })  # fmt: skip
    assert marks_of(process.pid) == Marks(
        session_id="s",
        claude_pid=7,
        launched_by=("a", "b", "c"),
        tool_child=True,
        claudecode=True,
        project=True,
        config_dir="/c",
    )


# Commands, links, children


@namespaced
def test_words_of_a_command_come_back_as_they_were_given() -> None:
    words = ["sleep", "120", "", "two words", "a\nb", "ü"]
    process = subprocess.Popen(["sh", "-c", "sleep 120", *words], stdin=subprocess.DEVNULL)
    wait_until(lambda: "sh" in (procfs.argv(process.pid) or ()))
    assert procfs.argv(process.pid) == ("sh", "-c", "sleep 120", *words)
    raw = subprocess.Popen(["sh", "-c", "sleep 120", b"0\xff"], stdin=subprocess.DEVNULL)
    wait_until(lambda: "sh" in (procfs.argv(raw.pid) or ()))
    assert procfs.argv(raw.pid) == ("sh", "-c", "sleep 120", "0\ufffd")


@namespaced
def test_the_newest_number_tells_that_something_was_started() -> None:
    before = activity.newest_pid()
    assert activity.newest_pid() == before
    process = started()
    assert activity.newest_pid() >= process.pid > before


@namespaced
def test_memory_is_what_a_process_really_holds() -> None:
    small, large = (
        started(),
        started(
            "held = bytearray(b'x') * (64 << 20)\nprint(2, flush=True)\nimport time; time.sleep(120)"
        ),
    )
    assert large.stdout is not None
    large.stdout.readline()
    assert 60 << 20 < memory.read(large.pid).held - memory.read(small.pid).held < 90 << 20


@namespaced
def test_a_number_that_came_to_mean_another_process_is_noticed(tmp_path: Path) -> None:
    first = started()
    decided = identity.identify(first.pid)
    assert decided is not None
    first.kill()
    first.wait()
    wait_until(
        lambda: (
            time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK") > decided.start + 2
        )
    )
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(decided.pid - 1))
    second = subprocess.Popen(["sleep", "120"], stdin=subprocess.DEVNULL, cwd=tmp_path)
    assert second.pid == decided.pid, "the namespace gave another number"
    assert identity.open_pidfd(decided) is None
    now = identity.identify(second.pid)
    assert now is not None
    assert identity.open_pidfd(now) is not None


@namespaced
def test_another_pid_namespace_is_seen_as_one() -> None:
    inside = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "sleep", "120"], stdin=subprocess.DEVNULL
    )
    (child,) = wait_until(lambda: children(inside.pid))
    wait_until(lambda: procfs.argv(child) == ("sleep", "120"))
    assert procfs.namespace(child) not in (0, identity.pid_namespace())
    assert procfs.namespace(os.getpid()) == identity.pid_namespace()


def test_a_file_longer_than_its_limit_is_cut_and_a_missing_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * 10_000)
    assert procfs.read(str(path), 9000) == b"x" * 9000
    assert procfs.read(str(path), 20_000) == b"x" * 10_000
    assert procfs.read(str(tmp_path / "none")) is None
    assert procfs.read(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        # cgroup v2
        (
            "0::/user.slice/user-1000.slice/session-3.scope\n",
            "/user.slice/user-1000.slice/session-3.scope",
        ),
        # v1 with systemd, and the hybrid of both: the unified path may be the root's for everybody
        (
            "9:memory:/slurm/uid_1000/job_7\n1:name=systemd:/system.slice/slurmd.service\n0::/\n",
            "/system.slice/slurmd.service",
        ),
        ("12:pids:/docker/9f2c\n1:name=systemd:/docker/9f2c\n", "/docker/9f2c"),
        # v1 without systemd
        ("8:memory:/slurm/uid_1000/job_7/step_0\n", ""),
        ("0::/a:b\n", "/a:b"),
        ("", ""),
        ("nonsense\n:\n", ""),
    ],
)
def test_the_cgroup_is_the_one_that_names_units(
    text: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(text)
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    assert procfs.cgroup(7) == path
    assert procfs.cgroup(8) == ""
