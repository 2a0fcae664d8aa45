"""A pid namespace without a /proc of its own (`unshare --pid`, some sandboxes): each number names two processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.system import identity, procfs
from tests.namespaced import namespaced
from tests.world import World

case = pytest.mark.case
pytestmark = pytest.mark.namespace
ROOT = Path(__file__).resolve().parents[2]
NESTED = ["unshare", "--pid", "--fork", "--kill-child"]
# The first process of a nested namespace: starts an innocent with the number it is given, then cleans up.
INNER = """
import os, subprocess, sys
from process_janitor.core.model import Identity
from process_janitor.system import identity, procfs
start, wanted, ticks, *command = sys.argv[1:]
number = 0
while number < int(wanted):
    number = os.fork()
    if not number:
        import signal
        signal.alarm(60)
        signal.pause()
assert number == int(wanted)
done = subprocess.run([sys.executable, "-I", start, *command], capture_output=True, text=True)
print(done.returncode, done.stderr)
try:
    identity.open_pidfd(Identity(number, int(ticks)))
    print("a handle on a number of another namespace")
except OSError:
    print("refused")
assert not identity.proven_gone(Identity(number, 1), 1), "one that nobody asked for"
assert not procfs.available()
print("innocent is", "there" if os.waitpid(number, os.WNOHANG)[0] == 0 else "ended")
"""


def inside(world: World, pid: int, start: int, *command: str) -> str:
    script = ROOT / "scripts" / "start.py"
    done = subprocess.run(
        [*NESTED, sys.executable, "-c", INNER, str(script), str(pid), str(start), *command],
        env={**world.env, "HOME": str(world.home), "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=40,
    )  # fmt: skip
    return done.stdout


@case("P3", "the number of a leftover in a namespace whose /proc is another one's", "keep")
@namespaced
def test_nothing_is_ended_by_the_numbers_of_another_namespaces_proc(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    session.kill()
    said = inside(world, server.pid, server.identity.start, "auto")
    assert said.startswith("4 "), said
    assert "another pid namespace" in said
    assert "unexpected" not in said
    assert "refused\ninnocent is there" in said
    assert server.alive
    watcher = str(ROOT / "src" / "process_janitor" / "watcher" / "__main__.py")
    done = subprocess.run(
        [*NESTED, sys.executable, "-I", watcher], env=world.env, check=False, timeout=20
    )
    assert done.returncode == 1
    assert "another pid namespace" in (world.root / "logs" / "watcher.log").read_text()
    # With a /proc that fits it goes.
    assert world.cli("auto").code == 0
    server.gone()


@namespaced
def test_a_hook_registers_nothing_by_the_numbers_of_another_namespaces_proc(tmp_path: Path) -> None:
    world = World(tmp_path)
    hook = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "hook.py"), "SessionStart"]

    def start(*prefix: str) -> str:
        session = world.session(registered=False)
        done = subprocess.run(
            [*prefix, *hook], env={**session.tool_env(), "PROCESS_JANITOR_NO_BUILD": "1"},
            input=f'{{"session_id": "{session.session_id}"}}', capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("", "")
        return session.session_id

    unheard, heard = start(*NESTED), start()
    assert {path.parent.name for path in world.root.glob("sessions/*/*.json")} == {heard}, unheard
    assert "another pid namespace" in (world.root / "logs" / "hooks.log").read_text()


@namespaced
def test_a_proc_of_our_own_namespace_is_not_foreign() -> None:
    assert not procfs.foreign()
    assert procfs.unusable() == ""
    assert identity.pid_namespace() == procfs.namespace(1)
