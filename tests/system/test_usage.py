"""What processes use and hold, measured on real ones."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from process_janitor.core.model import Decision, Process
from process_janitor.system import held, procfs
from process_janitor.system.usage import Usage, usage
from tests.namespaced import namespaced
from tests.serving import serving
from tests.world import Child, World


def row(child: Child) -> Process:
    found = procfs.process(child.pid)
    assert found is not None
    return found


@namespaced
def test_memory_processor_ports_and_connections_of_real_servers(tmp_path: Path) -> None:
    session = World(tmp_path).session()
    heavy = serving(session, "heavy", megabytes=40)
    busy = serving(session, "busy", "spin")
    rows = [row(heavy.child), row(busy.child), row(session)]
    found = [usage(rows, 0.3)[one.key] for one in rows]
    assert 40e6 < found[0].memory < 80e6
    assert found[2].memory < 30e6
    assert found[0].cpu_percent < 5
    assert found[1].cpu_percent > 20, (
        "it wants a whole core; on a busy machine it gets a part of one"
    )
    assert (found[0].held.ports, found[1].held.ports) == ((heavy.port,), (busy.port,))
    assert len(found[0].held.connected) == 2, "both ends of the connection to itself"
    assert found[2].held.connected == frozenset()
    assert found[0].held.descriptors == len(os.listdir(f"/proc/{heavy.child.pid}/fd"))


@namespaced
def test_a_process_that_is_gone_or_another_by_now_has_no_usage(tmp_path: Path) -> None:
    session = World(tmp_path).session()
    server, twin = session.mcp(), session.mcp()
    there, reused = row(server), row(twin)._replace(start=row(twin).start - 1)
    session.kill()
    zombie = subprocess.Popen(["true"])
    wait = time.monotonic() + 10
    while (dead := procfs.process(zombie.pid)) is None or not dead.dead:
        assert time.monotonic() < wait
    assert set(usage([there, reused, dead], 0.0)) == {there.key}
    zombie.wait()
    assert usage([], 60.0) == {}


@namespaced
def test_the_soft_limit_is_known_where_it_is_near(tmp_path: Path) -> None:
    del tmp_path
    program = "import os,sys,time\nfds=[os.open('/', 0) for _ in range(int(sys.argv[1]))]\nprint(flush=True)\ntime.sleep(60)"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    many, few = (
        subprocess.Popen([sys.executable, "-c", program, count], stdout=subprocess.PIPE)
        for count in ("250", "5")
    )
    for one in (many, few):
        assert one.stdout is not None
        one.stdout.readline()
    found = usage([row(Child(many.pid)), row(Child(few.pid))], 0.0).values()
    assert [one.soft_limit for one in found] == [300, 0]
    assert [(one.held.descriptors or 0) > 200 for one in found] == [True, False]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for one in (many, few):
        one.kill()
        one.communicate()


@namespaced
def test_without_the_kernel_s_clock_the_process_table_tells(tmp_path: Path) -> None:
    busy = serving(World(tmp_path).session(), "busy", "spin")

    def refused(_: int) -> float:
        raise OSError

    exact, time.clock_gettime = time.clock_gettime, refused
    found = usage([row(busy.child)], 0.3)
    time.clock_gettime = exact
    assert [one.cpu_percent > 10 for one in found.values()] == [True]


@namespaced
def test_only_what_is_free_counts_as_freed(tmp_path: Path) -> None:
    session = World(tmp_path).session()
    ended, stays = serving(session, "ended"), serving(session, "stays")
    rows = [row(ended.child), row(stays.child)]
    holdings = held.Holdings()
    holdings.note(Decision(one, ended.child.identity, "reap") for one in rows)
    assert holdings.freed([one.key for one in rows], 0) == held.Freed(), "they still run"
    session.kill()
    os.kill(ended.child.pid, 9)  # our own child, adopted by this namespace's first process
    ended.child.gone()
    freed = holdings.freed([one.key for one in rows], 7)
    assert (freed.memory, freed.connections, freed.ports, freed.taken) == (7, 2, (ended.port,), ())
    assert freed.descriptors > 3
    import socket

    with socket.create_server(("127.0.0.1", ended.port)):
        again = holdings.freed([one.key for one in rows], 7)
    assert (again.ports, again.taken) == ((), (ended.port,))
    assert stays.child.alive


def test_nothing_measured_is_nothing_used() -> None:
    assert Usage() == Usage(0, 0, 0.0, held.Held(), 0)
