"""A time namespace shifts every start tick and clock for whoever reads in it: what is written there proves nothing here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core.model import Identity, compare
from process_janitor.core.policy import Policy
from process_janitor.sweep import look
from process_janitor.system import clock, identity, procfs
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.world import Pretend, World, wait_until

case = pytest.mark.case
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(
        not os.path.exists("/proc/self/timens_offsets"), reason="platform: no time namespaces"
    ),
]
ROOT = Path(__file__).resolve().parents[2]
A = "aaaaaaaa-0000-4000-8000-000000000001"
# Back, so that a client seems to have started before its children did, and its goodbye to be long ago.
SHIFTED = ["unshare", "--time", "--fork", "--boottime=-5", "--monotonic=3600"]
REAP = Policy(detached="reap")
REGISTER = """
import sys
from process_janitor.core.record import new_record
from process_janitor.system import identity, procfs
from process_janitor.system.registry import Registry
pid, root, session_id = int(sys.argv[1]), sys.argv[2], sys.argv[3]
row, owner = procfs.process(pid), identity.identify(pid)
registry = Registry(root)
registry.prepare()
registry.write(new_record(session_id, owner, host=identity.host_name(), pgid=row.pgid, sid=row.sid, recognised=True))
print(owner.text)
"""
CLIENT = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(15, b"claude", 0, 0, 0)
start = open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]
os.symlink(f"{os.getpid()} {start}", sys.argv[1])
time.sleep(300)
"""


def python(world: World, code: str, *words: str) -> list[str]:
    world.env["PYTHONPATH"] = str(ROOT / "src")
    return [*SHIFTED, sys.executable, "-c", code, *words]


def register_inside(world: World, session: Pretend) -> Identity:
    """As a hook of the session would that somebody runs in a time namespace."""
    words = (str(session.pid), str(world.root), session.session_id)
    done = subprocess.run(
        python(world, REGISTER, *words), env=world.env, check=True, capture_output=True, text=True
    )
    (entry,) = Registry(str(world.root)).entries()
    assert entry.owner.text == done.stdout.strip()
    return entry.owner


def verdicts(world: World) -> dict[int, str]:
    return {d.process.pid: d.verdict for d in look(str(world.root), REAP).decisions}


def scanned(world: World, *prefix: str) -> Any:
    start = ROOT / "scripts" / "start.py"
    done = subprocess.run(
        [*prefix, sys.executable, "-I", str(start), "scan", "--json", "--all"],
        env={**world.env, "HOME": str(world.home)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@case("T1", "a session that a hook registered in a time namespace, or we are in one", "keep")
@namespaced
def test_a_living_session_registered_with_other_clocks_is_not_dead(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session(registered=False)
    server, let_go = session.mcp(), session.detached("setsid")
    owner = register_inside(world, session)
    assert owner.start != session.identity.start, "the ticks are shifted there"
    assert compare(owner, session.identity) == "unknown"
    found = verdicts(world)
    for pid in (session.pid, server.pid, let_go.pid):
        assert found.get(pid, "keep") != "reap"
    assert [
        s["state"] for s in scanned(world)["sessions"] if s["session_id"] == session.session_id
    ] == ["elsewhere"]


@case("T1", "a session that a hook registered in a time namespace, or we are in one", "keep")
@namespaced
def test_from_inside_a_time_namespace_nobody_outside_is_dead_or_hung(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(detached="reap")
    session, ended = world.session(), world.session()
    let_go, server = session.detached("setsid"), ended.mcp()
    said = {"reason": "other", "monotonic": clock.monotonic(), "boot_id": identity.boot_id()}
    world.register(ended, ended={**said, "at": clock.utc()})
    seen = scanned(world, *SHIFTED)
    assert {s["state"] for s in seen["sessions"] if s["registered"]} == {"elsewhere"}
    assert not [f for f in seen["findings"] if f["verdict"] == "reap"], seen["findings"]
    assert seen["host"]["boot_id"] != identity.boot_id()
    ended.kill()
    session.kill()
    assert not [f for f in scanned(world, *SHIFTED)["findings"] if f["verdict"] == "reap"]
    found = verdicts(world)
    assert found[server.pid] == found[let_go.pid] == "reap", (
        "where the clocks agree they are proven"
    )


@case("T2", "a client in a time namespace that only its own file names", "keep")
@namespaced
def test_a_clients_own_file_counts_in_the_clients_clocks(tmp_path: Path) -> None:
    world = World(tmp_path)
    clients = []
    for number, prefix in enumerate((SHIFTED, [])):
        ready = tmp_path / f"client{number}"
        subprocess.Popen(
            [*prefix, sys.executable, "-c", CLIENT, str(ready)], start_new_session=True
        )
        wait_until(ready.is_symlink, what="the client runs")
        pid, start = map(int, os.readlink(ready).split())
        folder = world.config_dir / "sessions"
        folder.mkdir(exist_ok=True)
        document = {"pid": pid, "sessionId": f"{A[:-1]}{number}", "procStart": str(start)}
        (folder / f"{pid}.json").write_text(json.dumps(document))
        row = procfs.process(pid)
        assert row is not None
        assert (row.start != start) is bool(prefix)
        clients.append(pid)
    shifted, plain = clients
    states = {s["pid"]: s["state"] for s in scanned(world)["sessions"]}
    assert states[plain] == "live"
    assert states[shifted] != "crashed", "it runs; only its clocks differ"
    assert verdicts(world).get(shifted, "keep") == "keep"


def test_outside_a_time_namespace_a_boot_id_is_the_kernels() -> None:
    if os.readlink("/proc/self/ns/time") == "time:[4026531834]":
        kernels = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert identity.boot_id() == kernels
