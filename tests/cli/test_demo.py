"""The demo works anywhere, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.faces import schemas, stage
from process_janitor.system import procfs
from tests.namespaced import ROOT, namespaced
from tests.world import World, wait_until


def others() -> set[int]:
    return {row.pid for row in procfs.table().values() if row.state != "Z"} - {1, os.getpid()}


@namespaced
def test_the_demo_passes_and_leaves_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    before, there = others(), set(tmp_path.rglob("*"))
    answer = world.cli("demo", "--json", TMPDIR=str(tmp_path))
    assert answer.code == 0, answer
    assert schemas.complaints("demo", answer.json) == []
    assert answer.json["passed"]
    assert answer.json["seconds"] < 10
    assert [one["step"] for one in answer.json["steps"]] == [
        "session",
        "children",
        "kill",
        "scan",
        "auto",
        "kept",
    ]
    assert answer.json["steps"][-1]["alive"]
    for step in ("scan", "auto"):
        (document,) = [one["document"] for one in answer.json["steps"] if one["step"] == step]
        assert schemas.complaints("scan", document) == []
    wait_until(lambda: others() <= before, 5, "nothing of the demo runs")
    assert set(tmp_path.rglob("*")) == there


@namespaced
def test_the_demo_works_inside_a_session_and_leaves_that_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    env = {
        **session.tool_env(),
        "PROCESS_JANITOR_DETACHED": "reap",
        "PROCESS_JANITOR_HOME": str(world.root),
    }
    answer = world.cli("demo", TMPDIR=str(tmp_path), **env)
    assert answer.code == 0, answer
    assert session.alive
    assert server.alive


# An interrupt while the interpreter itself still starts is Python's own to answer: the clock runs from our first line.
_START = (
    "import sys; sys.argv[:] = sys.argv[1:]; code = compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'); "
    "print('go', flush=True); exec(code, {'__name__': '__main__', '__file__': sys.argv[0]})"
)


@pytest.mark.parametrize("after", [0.05, 0.12, 0.2, 0.3, 0.5, 1.0])
@namespaced
def test_ctrl_c_leaves_nothing_either(tmp_path: Path, after: float) -> None:
    import time

    world = World(tmp_path)
    before = others()
    demo = subprocess.Popen(
        [sys.executable, "-I", "-c", _START, str(ROOT / "scripts" / "start.py"), "demo"],
        env={**world.env, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert demo.stdout is not None
    assert demo.stdout.readline() == b"go\n"
    time.sleep(after)  # the moment is what is varied here; nothing is waited for
    demo.send_signal(signal.SIGINT)
    _, said = demo.communicate(timeout=20)
    assert demo.returncode in (130, -2, 0), said
    assert b"Traceback" not in said
    wait_until(lambda: others() <= before, 5, f"nothing of the demo runs; {procfs.table()}")
    assert not list(tmp_path.glob("process-janitor-demo-*"))


def test_only_settings_of_ours_are_taken_out_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PROCESS_JANITOR_DETACHED", "reap")
    monkeypatch.setenv("SOMETHING_OTHER_DETACHED", "1")  # as long a name
    taken = stage.settings_variables()
    assert "PROCESS_JANITOR_DETACHED" in taken
    assert "SOMETHING_OTHER_DETACHED" not in taken
