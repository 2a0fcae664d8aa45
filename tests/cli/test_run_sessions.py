"""A session that its user ends goes with what it could not end itself, and everything else stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces import schemas
from process_janitor.system import clock
from tests.namespaced import namespaced
from tests.world import Pretend, World


def hangs(world: World, session: Pretend, ago: float = 30.0) -> None:
    """As if it had said goodbye so long ago."""
    goodbye = {"reason": "other", "boot_id": session.identity.boot_id, "at": clock.utc()}
    world.register(session, ended={**goodbye, "monotonic": clock.monotonic() - ago})


def outcomes(document: dict[str, Any]) -> dict[int, str]:
    assert schemas.complaints("scan", document) == []
    return {one["pid"]: one["outcome"] for one in document["actions"]}


@pytest.mark.parametrize(
    "ago", [pytest.param(30.0, id="still in its grace"), pytest.param(100.0, id="beyond its grace")]
)
@pytest.mark.parametrize("how", ["pid", "session", "class", "plan"])
@namespaced
def test_what_a_hung_session_leaves_is_ended_by_the_same_run(
    how: str, ago: float, tmp_path: Path
) -> None:
    world = World(tmp_path)
    hung, other = world.session(), world.session()
    server, call, detached = hung.mcp(), hung.bash(), hung.detached()
    spared = other.mcp()
    hangs(world, hung, ago)
    words = {
        "pid": ["--pid", str(hung.pid)], "session": ["--session", hung.session_id],
        "class": ["--class", "hung-session"], "plan": ["--pid", str(hung.pid)],
    }[how]  # fmt: skip
    if how == "plan":
        words = ["--plan", world.cli("run", "--json", *words).json["plan"]["id"]]
    answer = world.cli("run", *words, "--execute", "--json")
    assert answer.code == 0, answer
    assert outcomes(answer.json) == {one.pid: "gone" for one in (hung, server, *call)}, answer.json[
        "actions"
    ]
    assert [one.alive for one in (other, spared, detached)] == [True] * 3
    told = {one["pid"]: one for one in answer.json["findings"]}
    assert told[server.pid]["class"] == "leftover"
    assert told[server.pid]["command"]
    again = world.cli("run", "--json").json
    assert "actions" not in again or again["actions"] == []


@namespaced
def test_what_was_found_on_the_second_look_has_its_command(tmp_path: Path) -> None:
    world = World(tmp_path)
    hung = world.session()
    server = hung.mcp()
    hangs(world, hung, 100.0)
    said = world.cli("auto").out
    (line,) = [line for line in said.splitlines() if f" {server.pid} " in line]
    assert line.split("TERM", 1)[1].strip(), said
    assert "Ended 2 processes" in said


@namespaced
def test_who_ends_a_session_hears_what_goes_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    hung, live, dead = world.session(), world.session(), world.session()
    detached = dead.detached()
    dead.kill()
    told = "What a session runs, its servers and Bash calls, ends with it."
    said = world.cli("run", "--pid", str(detached.pid), "--dry-run").out
    assert told not in said
    hangs(world, hung)
    said = world.cli("run", "--pid", str(hung.pid), "--dry-run").out
    assert told in said
    assert said.startswith("Plan: end 1 session, ")
    both = ("--pid", str(hung.pid), "--pid", str(detached.pid))
    assert world.cli("run", *both, "--dry-run").out.startswith(
        "Plan: end 1 session and 1 process, "
    )
    refused = world.cli("run", "--pid", str(live.pid))
    assert refused.code == 3
    last = refused.out.splitlines()[-1]
    assert last.startswith(f"Next: process-janitor stop --session {live.pid} ")
    assert (hung.alive, live.alive, detached.alive) == (True, True, True)


@namespaced
def test_a_kept_server_of_a_session_that_is_ended_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    hung = world.session()
    kept, server = hung.mcp(), hung.mcp()
    hangs(world, hung)
    assert world.cli("keep", str(kept.pid)).code == 0
    answer = world.cli("run", "--pid", str(hung.pid), "--execute", "--json")
    assert answer.code == 0, answer
    assert (hung.alive, server.alive, kept.alive) == (False, False, True)
    assert kept.pid not in outcomes(answer.json)


@namespaced
def test_a_session_that_hangs_is_told_how_to_be_rid_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    hung, live = world.session(), world.session()
    hangs(world, hung)

    def said(session: Pretend) -> str:
        inside = {"CLAUDE_PID": str(session.pid), "CLAUDE_CODE_SESSION_ID": session.session_id}
        answer = world.cli("status", **inside)
        assert answer.code == 0, answer
        return answer.out.splitlines()[-1]

    assert said(hung).startswith(f"Next: process-janitor stop --session {hung.pid} ")
    assert said(live).startswith("Next: process-janitor report ")
    assert f"stop --session {hung.pid}" in world.cli("explain", str(hung.pid)).out
    told = world.cli("stop", "--session", str(hung.pid), "--json").json
    assert [one["pid"] for one in told["targets"]] == [hung.pid]
