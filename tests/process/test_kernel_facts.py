"""What the kernel really shows of the situations a verdict rests on, with real processes in a namespace of their own."""

from __future__ import annotations

import ctypes
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from process_janitor.core.policy import Policy
from process_janitor.faces import pretend
from process_janitor.sweep import look
from process_janitor.system import procfs
from process_janitor.system.marks import marks_of
from tests.client_files import client_file
from tests.namespaced import namespaced
from tests.world import World, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from process_janitor.core.model import Decision

case = pytest.mark.case
pytestmark = pytest.mark.namespace

NAMED = """
import ctypes, os, signal, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
for number in map(int, sys.argv[3:]):
    signal.signal(number, signal.SIG_IGN)
open(sys.argv[2], "w").write(str(os.getpid()))
time.sleep(300)
"""
A = "aaaaaaaa-0000-4000-8000-000000000001"


def named(name: str, ready: Path, *ignored: int) -> list[str]:
    """A process of that name which writes its pid to `ready` and sleeps; it ignores the signals given."""
    return [sys.executable, "-I", "-S", "-c", NAMED, name, str(ready), *map(str, ignored)]


def pid_in(ready: Path) -> int:
    return int(wait_until(lambda: ready.exists() and ready.read_text(), what=str(ready)))


def decision(world: World, pid: int) -> Decision | None:
    found = look(str(world.root), Policy()).decisions
    return next((one for one in found if one.process.pid == pid), None)


def verdict(world: World, pid: int) -> tuple[str, str]:
    found = decision(world, pid)
    return (found.verdict, found.finding) if found is not None else ("keep", "")


def as_subreaper() -> None:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


@case("U25", "the terminal is hung up", "reap")
@namespaced
def test_a_client_whose_terminal_was_closed_is_orphaned_and_one_in_a_terminal_is_not(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    masters, clients = [], []
    for number in range(3):
        master, slave = pty.openpty()
        ready = tmp_path / f"client{number}"
        subprocess.Popen(
            named("claude", ready, signal.SIGHUP),
            stdin=slave,
            stdout=slave if number < 2 else subprocess.DEVNULL,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        masters.append(master)
        clients.append(pid_in(ready))
        client_file(world, clients[-1], f"{A[:-1]}{number}")
    closed, open_one, headless = clients
    os.close(masters[0])
    os.close(masters[2])
    assert verdict(world, closed) == ("reap", "orphaned-session")
    assert verdict(world, open_one) == ("keep", "")
    assert verdict(world, headless) == ("keep", ""), "its output still goes somewhere"


@case("U25b", "the terminal is hung up, somebody is connected to one of its sockets", "report")
@namespaced
def test_a_client_that_somebody_is_connected_to_is_never_ended_for_its_terminal(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    master, slave = pty.openpty()
    ours, theirs = socket.socketpair()
    ready = tmp_path / "client"
    subprocess.Popen(
        named("claude", ready, signal.SIGHUP),
        stdin=slave,
        stdout=slave,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    os.close(slave)
    theirs.close()
    pid = pid_in(ready)
    client_file(world, pid, A)
    os.close(master)
    assert verdict(world, pid) == ("report", "orphaned-session")
    ours.close()
    assert verdict(world, pid) == ("reap", "orphaned-session")


@case("U9", "a server that ignores the end of its input, its client gone without a trace", "reap")
@namespaced
def test_a_loose_stdin_socket_is_seen_and_a_held_one_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session(registered=False)
    loose, held = session.mcp(stubborn=True), session.mcp(stubborn=True)
    # Somebody else holds the far end of one server's input, as another program would that talks to it.
    stolen = _far_end(session.pid, held.pid)
    session.kill()
    wait_until(lambda: procfs.process(loose.pid) is not None and _parent(loose.pid) == 1)
    _age(world, 11.0)
    assert decision(world, held.pid) is not None
    for one in (loose, held):
        found = decision(world, one.pid)
        assert found is not None
        assert ("stdin-live-peer" in found.vetoes) is (one is held), found
    os.close(stolen)
    found = decision(world, held.pid)
    assert found is not None
    assert "stdin-live-peer" not in found.vetoes


def _far_end(client: int, server: int) -> int:
    """Our own copy of the client's end of a server's standard input, taken over with pidfd_getfd."""
    from process_janitor.system import peers

    table = peers.unix_peers()
    assert table is not None
    wanted = table[peers.inode(procfs.link(server, "fd/0") or "")]
    for name in os.listdir(f"/proc/{client}/fd"):
        if peers.inode(procfs.link(client, f"fd/{name}") or "") == wanted:
            fd = os.pidfd_open(client)
            copied = ctypes.CDLL(None, use_errno=True).syscall(438, fd, int(name), 0)
            os.close(fd)
            assert copied >= 0, os.strerror(ctypes.get_errno())
            return int(copied)
    raise AssertionError("the client does not hold the other end")


def _parent(pid: int) -> int:
    row = procfs.process(pid)
    return row.ppid if row is not None else 0


def _age(world: World, seconds: float) -> None:
    """Nothing can be judged before it is old enough; the decision is asked again until it no longer says so."""
    wait_until(
        lambda: not any("too-young" in d.vetoes for d in look(str(world.root), Policy()).decisions),
        seconds + 5,
        "everything is old enough",
    )


@case("U50", "spinning subshells of a dead session", "reap")
@namespaced
def test_a_spinning_subshell_is_told_from_a_sleeping_one_by_two_samples(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    fifo = tmp_path / "fifo"
    os.mkfifo(
        fifo
    )  # nobody ever writes to it: opening it waits, without a child and without a core
    session.run_bash(f"( while :; do :; done ) & echo $! > {tmp_path}/spin")
    session.run_bash(f"( read x < {fifo} ) & echo $! > {tmp_path}/wait")
    spinner, waiter = pid_in(tmp_path / "spin"), pid_in(tmp_path / "wait")
    wait_until(lambda: _parent(spinner) == 1 and _parent(waiter) == 1, what="their shells ended")
    session.kill()
    assert verdict(world, spinner) == ("reap", "runaway")
    assert verdict(world, waiter) == ("report", "detached")


@case("U11", "adopted by systemd --user, a subreaper or WSL's relay", "reap")
@namespaced
def test_a_real_subreaper_takes_orphans_in_and_they_are_found(tmp_path: Path) -> None:
    as_subreaper()
    world = World(tmp_path)
    session = world.session()
    server = session.mcp(stubborn=True)
    shell, below = session.bash()
    child = session.detached("setsid")
    session.kill()
    wait_until(lambda: _parent(server.pid) == os.getpid(), what="we took it in")
    assert verdict(world, server.pid) == ("reap", "leftover")
    assert verdict(world, shell.pid) == verdict(world, below.pid) == ("reap", "leftover")
    assert verdict(world, child.pid) == ("report", "detached")


@case("A5", "a tmux server first started in a Bash call, and its panes", "keep")
@namespaced
def test_a_real_tmux_server_started_in_a_bash_call_is_kept_with_its_panes(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    pane = tmp_path / "pane"
    tmux = f"tmux -S {tmp_path}/socket -f /dev/null new-session -d 'echo $$ > {pane}; sleep 300'"
    assert session.run_bash(tmux)
    inside = pid_in(pane)
    server = _parent(inside)

    def inherited() -> bool:
        # While a shell becomes its last command it has no environment for a moment.
        marks = marks_of(inside)
        return marks is not None and marks.session_id == session.session_id

    wait_until(inherited, what="the pane inherited the marks")
    session.kill()
    for pid in (server, inside):
        found = next(
            d
            for d in look(str(world.root), Policy(detached="reap")).decisions
            if d.process.pid == pid
        )
        assert found.verdict == "keep"
        assert "multiplexer" in found.vetoes


@case("B10", "a name that holds parentheses, blanks and a newline", "keep")
@namespaced
def test_a_hostile_process_name_hides_nothing(tmp_path: Path) -> None:
    names: Sequence[str] = ["a) S 1 (b", ") R 0 0", "x\ny", "claude"]
    for number, name in enumerate(names):
        ready = tmp_path / str(number)
        subprocess.Popen(named(name, ready), start_new_session=True)
        row = procfs.process(pid_in(ready))
        assert row is not None
        assert row.comm == name
        assert row.ppid == os.getpid()
    assert pretend.LIFETIME_SECONDS > 0


SERVING = """
import os, signal, socket, sys, time
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
kept = [socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[2:]]
own = socket.create_server(("127.0.0.1", 0))
own.setblocking(False)
said = f"{sys.argv[1]}.tmp"
open(said, "w").write(f"{os.getpid()} {own.getsockname()[1]}")
os.rename(said, sys.argv[1])
time.sleep(300)
"""


@case(
    "U8", "an orphan that goes on working: connected to the outside, nobody connected to it", "reap"
)
@case("C3", "a server with connected clients", "keep")
@namespaced
def test_who_is_connected_to_it_protects_a_server_and_whom_it_calls_does_not(
    tmp_path: Path,
) -> None:
    # Without a look at the ports of the machine around: the pid namespace alone does not part them.
    world = World(tmp_path)
    outside = socket.create_server(("127.0.0.1", 0))
    session = world.session()
    servers = []
    for number in range(2):
        ready = tmp_path / f"server{number}"
        argv = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            SERVING,
            str(ready),
            str(outside.getsockname()[1]),
        ]
        session.start_server(argv)
        wait_until(ready.exists, what="it serves")
        pid, port = map(int, ready.read_text().split())
        servers.append((pid, port))
    (polling, _), (used, served) = servers
    client = socket.create_connection(("127.0.0.1", served))
    session.kill()
    wait_until(lambda: _parent(polling) == 1 and _parent(used) == 1, what="they are orphans")
    assert verdict(world, polling) == ("reap", "leftover")
    found = decision(world, used)
    assert found is not None
    assert "serving-clients" in found.vetoes
    client.close()
    outside.close()


@case("U64", "the client's program as a server: Claude in Chrome, `claude mcp serve`", "reap")
@namespaced
def test_a_claude_that_is_a_server_is_told_from_a_client(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, neighbour = world.session(), world.session()
    os.mkfifo(tmp_path / "fifo")
    # Run as `claude mcp serve`, with this file for the subcommand.
    (tmp_path / "mcp").write_text(
        "printf claude > /proc/$$/comm\necho $$ > pid.tmp && mv pid.tmp $(cat next)\nread x < fifo\n"
    )
    pids = []
    for one in (session, neighbour):
        ready = tmp_path / f"server-{one.pid}"
        (tmp_path / "next").write_text(str(ready))
        one.start_server(["bash", "-c", "exec -a claude /bin/sh mcp serve"])
        pids.append(pid_in(ready))
    left, used = pids
    shell, _ = session.bash()
    assert procfs.argv(left) == ("claude", "mcp", "serve")
    session.kill()
    wait_until(lambda: _parent(left) == 1, what="it is an orphan")
    assert verdict(world, left) == ("reap", "leftover")
    assert verdict(world, used) == ("keep", "")
    assert verdict(world, shell.pid) == ("reap", "leftover"), decision(world, shell.pid)
