"""Chains of real processes: ended whole, or left whole when one member is in use or kept."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.sweep import proven, sweep
from process_janitor.system import files, peers, procfs
from process_janitor.system.config import load_settings
from tests.client_files import client_file
from tests.namespaced import namespaced
from tests.world import Child, World, wait_until

INNER = "bbbbbbbb-0000-4000-8000-000000000002"
# The nested client: it writes a line now and then, as `claude -p --output-format stream-json` does.
CLIENT = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(15, b"claude", 0, 0, 0)
open(sys.argv[1], "w").write(str(os.getpid()))
while True:
    print("{}", flush=True)
    time.sleep(0.1)
"""

# What npm, uv and timeout do: hand a signal on to the one child.
LAUNCHER = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
def on(number, frame):
    child.send_signal(number)
    sys.exit(child.wait())
signal.signal(signal.SIGTERM, on)
open(sys.argv[1], "w").write(str(os.getpid()))
child.wait()
"""

SERVER = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1] + ".port", "w").write(str(listening.getsockname()[1]))
open(sys.argv[1], "w").write(str(os.getpid()))
conversation = listening.accept()
time.sleep(300)
"""

LOCAL = """
import os, socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1] + ".sock")
listening.listen()
open(sys.argv[1], "w").write(str(os.getpid()))
conversation = listening.accept()
time.sleep(300)
"""

# A job that says something now and then, and dies of SIGPIPE like any other program when nobody reads it.
JOB = """
import os, signal, sys, time
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
open(sys.argv[1], "w").write(str(os.getpid()))
while True:
    print("epoch", flush=True)
    time.sleep(0.1)
"""

SCRIPT = """#!/bin/bash
trap '' HUP
echo $$ >"$0.pid"
while :; do sleep 0.1; done
"""
# What ignores a polite signal.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(300)
"""


def script(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text)
    return str(path)


def pid_in(ready: Path) -> int:
    return int(wait_until(lambda: ready.exists() and ready.read_text(), what=str(ready)))


def settled(*pids: int) -> None:
    for pid in pids:

        def adopted(pid: int = pid) -> bool:
            row = procfs.process(pid)
            return row is None or row.ppid == 1

        wait_until(adopted, what=f"{pid} is adopted")


def auto(world: World) -> None:
    sweep(str(world.root), load_settings(), "test", proven, 1000)


@namespaced
def test_the_pipeline_of_a_living_nested_client_is_left_whole(tmp_path: Path) -> None:
    """`claude -p … | tee log | jq` in a Bash call whose session was killed: without jq the client writes into nothing."""
    world = World(tmp_path)
    outer = world.session()
    ready = tmp_path / "inner"
    client = f"{sys.executable} -I -S {script(tmp_path, 'client', CLIENT)} {ready}"
    shell = outer.run_bash(f"{client} | tee {tmp_path}/log | cat >{tmp_path}/out; :")
    inner = Child(pid_in(ready))
    client_file(world, inner.pid, INNER)
    wait_until(
        lambda: (tmp_path / "out").exists() and (tmp_path / "out").read_text(), what="it flows"
    )
    outer.kill()
    settled(shell)
    auto(world)
    before = len((tmp_path / "out").read_text())
    wait_until(
        lambda: len((tmp_path / "out").read_text()) > before, 3, "the living client is still heard"
    )
    assert inner.alive
    os.kill(inner.pid, 9)
    inner.gone()
    auto(world)
    wait_until(lambda: procfs.process(shell) is None, what="the call is gone")


@namespaced
def test_what_the_user_keeps_is_not_ended_through_its_launcher(tmp_path: Path) -> None:
    """Signalling the launcher is signalling the kept process: npm, uv and timeout hand SIGTERM on."""
    world = World(tmp_path)
    session = world.session()
    top, leaf = tmp_path / "top", tmp_path / "leaf"
    line = " ".join([
        sys.executable, "-I", "-S", script(tmp_path, "launcher", LAUNCHER), str(top),
        sys.executable, "-I", "-S", "-c", f"'import os,time; open(\"{leaf}\",\"w\").write(str(os.getpid())); time.sleep(300)'",
    ])  # fmt: skip
    shell = session.run_bash(line + "; :")
    kept = Child(pid_in(leaf))
    pid_in(top)
    files.make_root(str(world.root))
    assert world.cli("keep", str(kept.pid)).code == 0
    session.kill()
    settled(shell)
    auto(world)
    assert kept.alive, "the user said keep"
    assert world.cli("keep", "--remove", str(kept.pid)).code == 0
    auto(world)
    kept.gone()


@namespaced
def test_what_the_user_keeps_goes_on_writing_to_whoever_reads_it(tmp_path: Path) -> None:
    """`PROCESS_JANITOR_KEEP=1 python train.py | tee log`: the mark is the job's alone, and tee is all that it writes to."""
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "job"
    job = f"PROCESS_JANITOR_KEEP=1 {sys.executable} -I -S {script(tmp_path, 'job', JOB)} {ready}"
    shell = session.run_bash(f"{job} | cat >{tmp_path}/log; :")
    kept = Child(pid_in(ready))
    session.kill()
    settled(shell)
    auto(world)
    before = len((tmp_path / "log").read_text())
    wait_until(
        lambda: len((tmp_path / "log").read_text()) > before, 3, "the kept job is still heard"
    )
    assert kept.alive


@namespaced
def test_a_server_with_clients_is_not_ended_through_its_launcher(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    top, leaf = tmp_path / "top", tmp_path / "leaf"
    session.start_server([
        sys.executable, "-I", "-S", script(tmp_path, "launcher", LAUNCHER), str(top),
        sys.executable, "-I", "-S", script(tmp_path, "server", SERVER), str(leaf),
    ])  # fmt: skip
    server, launcher = Child(pid_in(leaf)), pid_in(top)
    other = socket.create_connection(("127.0.0.1", int((tmp_path / "leaf.port").read_text())))
    session.kill()
    settled(launcher)
    auto(world)
    assert server.alive, "another program is connected to it"
    other.close()
    auto(world)
    server.gone()
    wait_until(lambda: procfs.process(launcher) is None, what="its launcher is gone as well")


@pytest.mark.parametrize("accepts", [True, False])
@namespaced
def test_a_server_that_others_use_through_a_socket_is_left(tmp_path: Path, accepts: bool) -> None:
    """C3 of the danger scenarios: one stdio server used through a socket by other sessions. A TCP port protects it.

    Whom a busy server has not accepted yet is no less of a client.
    """
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "server"
    text = LOCAL if accepts else LOCAL.replace("listening.accept()", "None")
    session.start_server([sys.executable, "-I", "-S", script(tmp_path, "local", text), str(ready)])
    server = Child(pid_in(ready))
    other = socket.socket(socket.AF_UNIX)
    other.connect(f"{ready}.sock")
    session.kill()
    settled(server.pid)
    auto(world)
    assert server.alive, "another program is connected to it"
    other.close()
    auto(world)
    server.gone()


# What postgres, socat and sshd do: who listens is not who talks.
FORKING = """
import os, socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1] + ".sock")
listening.listen()
open(sys.argv[1], "w").write(str(os.getpid()))
conversation, _ = listening.accept()
if os.fork() == 0:
    listening.close()
    conversation.send(b"1")
    time.sleep(300)
conversation.close()
time.sleep(300)
"""


@pytest.mark.case("M56", "a server that forks for each client, used through a unix socket", "keep")
@namespaced
def test_a_server_that_forks_for_each_client_is_left_while_it_has_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "server"
    path = script(tmp_path, "forking", FORKING)
    session.start_server([sys.executable, "-I", "-S", path, str(ready)])
    server = Child(pid_in(ready))
    other = socket.socket(socket.AF_UNIX)
    other.connect(f"{ready}.sock")
    assert other.recv(1) == b"1"
    session.kill()
    settled(server.pid)
    auto(world)
    assert server.alive, "another program is connected to its child"
    other.close()
    auto(world)
    server.gone()


@pytest.mark.parametrize("name", ["claude", "2.1.329", "10.0.1"])
@namespaced
def test_a_users_script_is_not_ended_for_its_name(tmp_path: Path, name: str) -> None:
    """`./claude & disown`, the terminal closed. Nothing says that Claude Code has anything to do with it."""
    world = World(tmp_path)
    script = tmp_path / name
    script.write_text(SCRIPT)
    script.chmod(0o755)
    master, slave = pty.openpty()
    subprocess.Popen([script], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    ready = tmp_path / f"{name}.pid"
    mine = Child(int(wait_until(lambda: ready.exists() and ready.read_text().strip())))
    os.close(master)
    sweep(str(world.root), load_settings(), "test", proven, 1000)
    assert mine.alive


@namespaced
def test_a_call_without_a_snapshot_does_not_break_the_sweep_off(tmp_path: Path) -> None:
    """StopIteration out of `Recorder.write`: no SIGKILL for what ignores SIGTERM, no journal."""
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "stubborn"
    words = f"{sys.executable} -I -S {script(tmp_path, 'stubborn', STUBBORN)} {ready}"
    line = f"\\builtin shopt -u extglob 2>/dev/null || true && eval '{words}' < /dev/null && pwd -P >| /tmp/claude-2532-cwd"
    session._order("call", argv=["/bin/bash", "-c", "-l", line], env=session.tool_env())
    stubborn = Child(pid_in(ready))
    session.kill()
    world.configure(term_grace_seconds=1)
    failed = ""
    try:
        sweep(str(world.root), load_settings(), "test", proven, 1000)
    except BaseException as error:  # noqa: BLE001
        failed = repr(error)
    journal = world.root / "journal.jsonl"
    alive, told = stubborn.alive, journal.exists() and "npm" not in journal.read_text()
    assert (failed, alive, told) == ("", False, True)


@namespaced
def test_a_call_without_a_snapshot_can_be_shown_by_every_command(tmp_path: Path) -> None:
    """Its session lives and is well: one such call, and `scan`, `report` and `explain` show nothing at all."""
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "child"
    words = f"{sys.executable} -I -S {script(tmp_path, 'stubborn', STUBBORN)} {ready}"
    line = f"\\builtin shopt -u extglob 2>/dev/null || true && eval '{words}' < /dev/null && pwd -P >| /tmp/claude-2532-cwd"
    shell = session._order("call", argv=["/bin/bash", "-c", "-l", line], env=session.tool_env())[
        "pid"
    ]
    pid_in(ready)
    commands = (("scan",), ("scan", "--all"), ("report",), ("explain", str(shell)), ("auto",))
    answers = {words: world.cli(*words) for words in commands}
    assert all(one.code == 0 for one in answers.values()), {
        words: (one.code, one.err) for words, one in answers.items()
    }


@namespaced
def test_the_name_of_a_strangers_socket_does_not_stop_every_cleanup(tmp_path: Path) -> None:
    """Any program of any user: /proc/net/unix prints a newline in a socket's name as it is."""
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    stranger = socket.socket(socket.AF_UNIX)
    stranger.bind(f"\0x{os.getpid()}\na b c zz e f 1 h")
    stranger.listen()
    session.kill()
    sweep(str(world.root), load_settings(), "test", proven, 1000)
    server.gone()


@namespaced
def test_where_the_kernel_names_no_peers_a_server_in_use_is_left_all_the_same(
    tmp_path: Path,
) -> None:
    """No unix_diag (gVisor, a kernel without the module): `unix_peers` is None, and "cannot tell" became "nobody"."""
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "server"
    session.start_server([sys.executable, "-I", "-S", script(tmp_path, "local", LOCAL), str(ready)])
    server = Child(pid_in(ready))
    other = socket.socket(socket.AF_UNIX)
    other.connect(f"{ready}.sock")
    session.kill()
    settled(server.pid)
    peers.unix_peers = lambda: None
    sweep(str(world.root), load_settings(), "test", proven, 1000)
    assert server.alive, "another program is connected to it"
    other.close()


# It listens on every address, as node does unless it is told otherwise, and its own worker talks to it.
DUAL = """
import os, socket, sys, time
listens = socket.socket(socket.AF_INET6)
listens.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listens.bind(("::", 0))
listens.listen()
port = listens.getsockname()[1]
child = os.fork()
if child == 0:
    near = socket.create_connection((sys.argv[2], port))
    time.sleep(300)
far = listens.accept()
open(sys.argv[1] + ".port", "w").write(str(port))
open(sys.argv[1] + ".new", "w").write(f"{os.getpid()} {child}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(300)
"""


@pytest.mark.case("M47", "a server on all addresses whose own worker is its only client", "reap")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@namespaced
def test_a_server_that_only_its_own_worker_uses_is_used_by_nobody(
    tmp_path: Path, address: str
) -> None:
    """Who connects by 127.0.0.1 to a socket on `::` stands in the one kernel table by that, in the other by ::ffff:127.0.0.1."""
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "server"
    session.start_server([
        sys.executable, "-I", "-S", script(tmp_path, "dual", DUAL), str(ready), address,
    ])  # fmt: skip
    wait_until(ready.exists, what="it serves")
    server, worker = (Child(int(word)) for word in ready.read_text().split())
    port = int((tmp_path / "server.port").read_text())
    other = socket.create_connection((address, port))
    session.kill()
    settled(server.pid)
    auto(world)
    assert (server.alive, worker.alive) == (True, True), "another program is connected to it"
    other.close()
    auto(world)
    server.gone()
    worker.gone()
