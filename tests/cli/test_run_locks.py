"""`run --class stale-lock`: a plan, a question, an act; no lock is ever removed in passing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from process_janitor.actions import plans
from process_janitor.core.locks import Fingerprint, Lock, judge
from process_janitor.faces import schemas
from tests.namespaced import namespaced
from tests.world import World

DEAD = 4_000_000


def ide(world: World, pid: int = DEAD, port: int = 40001) -> Path:
    path = world.config_dir / "ide" / f"{port}.lock"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps({"pid": pid, "workspaceFolders": [str(world.home)], "authToken": "secret-token"})
    )
    return path


@namespaced
def test_a_stale_lock_is_shown_planned_and_removed_on_demand_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    stale, living = ide(world), ide(world, os.getpid(), 40002)
    session = world.session()
    server = session.mcp()
    session.kill()
    shown = world.cli("scan", "--json").json
    assert schemas.complaints("scan", shown) == []
    (found,) = [one for one in shown["findings"] if one["class"] == "stale-lock"]
    assert (found["pid"], found["command"], found["verdict"]) == (None, str(stale), "report")
    assert "an editor's lock" in world.cli("scan").out
    before = world.files()
    dry = world.cli("run", "--class", "stale-lock", "--dry-run")
    assert (dry.code, world.files()) == (0, before)
    assert "remove 1 lock" in dry.out

    assert world.cli("auto").code == 0
    assert (server.alive, stale.exists()) == (False, True), "auto never removes a lock"
    assert world.cli("run", "--execute").code == 0
    assert world.cli("run", "--class", "detached", "--execute").code == 0
    assert stale.exists(), "nor does a run that was not asked to"

    planned = world.cli("run", "--class", "stale-lock", "--json").json
    assert schemas.complaints("scan", planned) == []
    assert planned["plan"]["paths"] == [str(stale)]
    plan = planned["plan"]["id"]
    stored = json.loads((world.root / "plans" / f"{plan}.json").read_text())
    assert schemas.complaints("plan", stored) == []
    done = world.cli("run", "--plan", plan, "--execute", "--json")
    assert done.code == 0
    assert schemas.complaints("scan", done.json) == []
    assert [(a["path"], a["outcome"]) for a in done.json["actions"]] == [(str(stale), "gone")]
    assert (stale.exists(), living.exists()) == (False, True)
    history = world.cli("history", "--json")
    assert schemas.complaints("history", history.json) == []
    assert history.json["entries"][-1]["path"] == str(stale)
    assert str(stale)[-20:] in world.cli("history", COLUMNS="200").out
    assert not any(
        b"secret-token" in data for path, data in world.files().items() if "ide" not in path
    )


@namespaced
def test_execute_removes_what_it_finds_and_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    stale, living = ide(world), ide(world, os.getpid(), 40002)
    done = world.cli("run", "--class", "stale-lock", "--execute")
    assert (done.code, stale.exists(), living.exists()) == (0, False, True)
    assert "Removed 1 lock." in done.out
    again = world.cli("run", "--class", "stale-lock", "--execute", "--json")
    assert (again.code, again.json["actions"]) == (0, [])


@namespaced
def test_a_lock_that_is_taken_after_the_plan_was_made_is_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    stale = ide(world)
    plan = world.cli("run", "--class", "stale-lock", "--json").json["plan"]["id"]
    ide(world, os.getpid())
    done = world.cli("run", "--plan", plan, "--execute")
    assert (done.code, stale.exists()) == (3, True)
    assert "taken" in done.out
    assert world.cli("run", "--plan", plan, "--execute").code == 1, "a plan is used once"


@namespaced
def test_what_only_looks_stale_is_refused_with_its_veto(tmp_path: Path) -> None:
    world = World(tmp_path)
    directory = world.config_dir / "x.lock"
    directory.mkdir(parents=True)
    (directory / "owner").touch()
    os.utime(directory, (1, 1))
    planned = world.cli("run", "--class", "stale-lock")
    assert planned.code == 3
    assert "not-empty" in planned.out
    done = world.cli("run", "--class", "stale-lock", "--execute", "--json")
    assert (done.code, [a["outcome"] for a in done.json["actions"]]) == (3, ["refused"])
    quiet = world.cli("run", "--class", "stale-lock", "--execute", "--quiet")
    assert (quiet.code, quiet.out) == (3, "")
    assert "not removed" in quiet.err
    assert directory.exists()


@namespaced
def test_a_pid_or_another_session_narrows_the_locks_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    stale, session = ide(world), world.session()
    assert (
        world.cli("run", "--class", "stale-lock", "--pid", str(session.pid), "--execute").code == 3
    )
    words = ["--class", "stale-lock", "--session", session.session_id, "--execute"]
    assert world.cli("run", *words).code in (0, 3)
    assert stale.exists()
    assert session.alive


def test_a_plan_keeps_its_locks_and_a_damaged_one_is_no_plan(tmp_path: Path) -> None:
    lock = Lock("ide", "/c/ide/1.lock", Fingerprint(1, 2, 3, "0" * 64), pid=DEAD)
    found = judge(lock, "here", {})
    assert found is not None
    plan = plans.new([], "b00t", selected=True, locks=[found])
    plans.store(str(tmp_path), plan)
    assert plans.load(str(tmp_path), plan.id, "b00t") == plan
    path = tmp_path / "plans" / f"{plan.id}.json"
    sound = path.read_text()
    for change in (
        {"inode": "2"},
        {"inode": True},
        {"path": 5},
        {"digest": None},
        {"path": "ide/1.lock"},
    ):
        document = json.loads(sound)
        document["locks"][0].update(change)
        path.write_text(json.dumps(document))
        with pytest.raises(plans.NoPlan, match="cannot be read"):
            plans.load(str(tmp_path), plan.id, "b00t")
    document = json.loads(sound)
    del document["locks"]
    path.write_text(json.dumps(document))
    with pytest.raises(plans.NoPlan, match="cannot be read"):
        plans.load(str(tmp_path), plan.id, "b00t")


@namespaced
def test_pages_with_nothing_but_a_lock_end_with_what_removes_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()

    def last(*words: str) -> str:
        return world.cli(*words).out.splitlines()[-1]

    for words in (("scan",), ("report",), ("auto",)):
        assert last(*words).startswith("Next: nothing to do."), words
    assert world.cli("scan", "--exit-code").code == 0
    path = ide(world)
    assert world.cli("scan", "--exit-code").code == 10
    for words in (("scan",), ("report",)):
        assert last(*words).startswith("Next: process-janitor run --class stale-lock "), words
    assert last("auto").startswith("Next: process-janitor scan ")
    assert str(path) in world.cli("scan", COLUMNS="160").out, "which of several locks it is"
    assert session.alive
