"""Every command's `--json` is what its JSON Schema, and so the contract, says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from process_janitor.core.settings import KEYS, value_for
from process_janitor.faces import schemas
from process_janitor.system import identity, lease, worlds
from tests.namespaced import namespaced
from tests.world import Answer, World

SCAN_KEYS = {"schema", "at", "host", "sessions", "findings", "unexamined", "totals"}


def sound(name: str, answer: Answer) -> dict[str, object]:
    document: dict[str, object] = answer.json
    assert schemas.complaints(name, document) == []
    return document


@pytest.mark.parametrize(
    "path", sorted(Path(schemas.DIRECTORY).glob("*.json")), ids=lambda p: p.stem
)
def test_every_schema_is_one(path: Path) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_a_schema_objects_to_a_document_that_is_not_its_own() -> None:
    assert schemas.complaints("scan", {"schema": "process-janitor.scan/2"})


def test_the_configuration_schema_allows_what_the_settings_allow() -> None:
    properties = schemas.load("config")["properties"]
    assert set(properties) == {key.name for key in KEYS}
    for key in KEYS:
        assert properties[key.name]["default"] == key.default
        candidates: list[object] = [True, False, -1, 0, 1, 10**9, "", "keep", "auto", 1.5, None]
        if not isinstance(key.default, bool) and isinstance(key.default, int):
            low, high = key.allowed
            candidates += [low - 1, low, high, high + 1]
        for candidate in candidates:
            try:
                value_for(key, candidate)
                allowed = True
            except ValueError:
                allowed = False
            assert (schemas.complaints("config", {key.name: candidate}) == []) == allowed, (
                key.name,
                candidate,
            )


@namespaced
def test_scan_run_auto_and_explain_keep_the_contract(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    shell, _ = session.bash()
    detached = session.detached()
    alive = sound("scan", world.cli("scan", "--json"))
    assert set(alive) == SCAN_KEYS
    assert [one["state"] for one in alive["sessions"]] == ["live"]  # type: ignore[attr-defined]
    assert alive["findings"] == []
    session.kill()

    found = sound("scan", world.cli("scan", "--json"))
    assert set(found) == SCAN_KEYS
    by_pid = {one["pid"]: one for one in found["findings"]}  # type: ignore[attr-defined]
    assert by_pid[server.pid]["verdict"] == by_pid[shell.pid]["verdict"] == "reap"
    assert (by_pid[server.pid]["class"], by_pid[server.pid]["kind"]) == ("leftover", "mcp-server")
    assert (by_pid[shell.pid]["class"], by_pid[shell.pid]["kind"]) == ("leftover", "bash-task")
    assert (by_pid[detached.pid]["class"], by_pid[detached.pid]["verdict"]) == (
        "detached",
        "report",
    )
    assert by_pid[server.pid]["identity"] == server.identity.text
    assert by_pid[server.pid]["memory_bytes"] > 0
    assert {one["session_id"] for one in by_pid.values()} == {session.session_id}
    (one,) = found["sessions"]  # type: ignore[misc]
    assert (one["state"], one["registered"], one["pid"]) == ("crashed", True, session.pid)  # type: ignore[has-type]
    assert one["processes"] == len(by_pid)  # type: ignore[has-type]

    explained = sound("explain", world.cli("explain", str(server.pid), "--json"))
    assert set(explained) == {
        "schema", "pid", "verdict", "class", "session_id", "evidence", "vetoes", "ancestors",
    }  # fmt: skip
    assert (explained["verdict"], explained["class"]) == ("reap", "leftover")

    planned = sound("scan", world.cli("run", "--json"))
    assert set(planned) == {*SCAN_KEYS, "plan"}
    plan = world.root / "plans" / f"{planned['plan']['id']}.json"  # type: ignore[index]
    assert schemas.complaints("plan", json.loads(plan.read_text())) == []
    assert plan.stat().st_mode & 0o777 == 0o600

    acted = sound("scan", world.cli("auto", "--json"))
    assert set(acted) == {*SCAN_KEYS, "actions", "freed"}
    assert {one["outcome"] for one in acted["actions"]} == {"gone"}  # type: ignore[attr-defined]
    assert server.pid in {one["pid"] for one in acted["actions"]}  # type: ignore[attr-defined]
    assert detached.alive

    told = sound("history", world.cli("history", "--json"))
    assert len(told["entries"]) == len(acted["actions"])  # type: ignore[arg-type]
    for line in (world.root / "journal.jsonl").read_text().splitlines():
        assert schemas.complaints("journal", json.loads(line)) == []


@namespaced
def test_status_keeps_the_contract_inside_a_session_and_exits_4_outside(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    shell, inside = session.bash()
    answer = world.cli("status", "--json", CLAUDE_PID=str(session.pid))
    status = sound("status", answer)
    assert status["session"]["session_id"] == session.session_id  # type: ignore[index]
    kinds = {row["pid"]: row["kind"] for row in status["tree"]}  # type: ignore[attr-defined]
    assert kinds == {
        session.pid: "claude",
        server.pid: "mcp-server",
        shell.pid: "bash-task",
        inside.pid: "bash-task",
    }
    by_id = world.cli("status", "--json", CLAUDE_CODE_SESSION_ID=session.session_id)
    assert by_id.json["session"]["pid"] == session.pid
    outside = world.cli("status")
    assert outside.code == 4
    assert outside.out == ""
    assert outside.err.count("\n") == 1
    assert "no watcher runs" in outside.err
    me = identity.identify(os.getpid())
    assert me is not None
    place = worlds.directory(str(world.root))
    worlds.make(place)
    lease.announce(place, me, "1", 60.0)
    assert f"the watcher runs (process {me.pid})" in world.cli("status").err


@pytest.mark.parametrize("registered", [True, False])
@namespaced
def test_no_next_turn_is_promised_where_the_plugin_is_switched_off(
    registered: bool, tmp_path: Path
) -> None:
    world = World(tmp_path)
    session = world.session(registered=registered)

    def said() -> str:
        answer = world.cli("status", CLAUDE_PID=str(session.pid))
        assert answer.code == 0
        return answer.out + answer.err

    assert "the next turn" in said()
    settings = world.config_dir / "settings.json"
    for off in (False, True):
        rows = {"process-janitor@market": not off, "another@market": off}
        settings.write_text(json.dumps({"enabledPlugins": rows}))
        assert ("the next turn" in said()) is not off
        assert ("the plugin is switched off" in said()) is off


@namespaced
def test_the_stamps_of_a_session_are_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    folder = world.root / "sessions" / session.session_id
    stamp = {"boot_id": session.identity.boot_id, "monotonic": 0.5, "at": "", "watcher": 1}
    (folder / "heartbeat").write_text(json.dumps(stamp))
    (folder / "activity").touch()
    (one,) = world.cli("scan", "--json").json["sessions"]
    assert one["heartbeat_age_seconds"] > 1
    assert one["last_activity_at"]
    assert one["state"] == "live"


@namespaced
def test_a_session_that_claude_registered_as_well_counts_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    folder = world.config_dir / "sessions"
    folder.mkdir()
    own = {
        "pid": session.pid,
        "procStart": str(session.identity.start),
        "sessionId": session.session_id,
    }
    (folder / f"{session.pid}.json").write_text(json.dumps(own))
    (one,) = world.cli("scan", "--json").json["sessions"]
    assert (one["registered"], one["state"]) == (True, "live")


@namespaced
def test_looking_creates_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    session.mcp()
    session.kill()
    before = world.files()
    for words in (
        ["scan"], ["scan", "--all"], ["explain", "1"], ["status"], ["history"], ["keep"], ["keep", "--list"],
        ["config"], ["config", "check"], ["config", "path"], ["run", "--dry-run"], ["run", "--dry-run", "--json"],
    ):  # fmt: skip
        world.cli(*words)
        assert world.files() == before, words


@namespaced
def test_nothing_is_made_in_an_empty_home(tmp_path: Path) -> None:
    world = World(tmp_path)
    for words in (
        ["scan"],
        ["status"],
        ["explain", "1"],
        ["history"],
        ["keep"],
        ["run", "--dry-run"],
        ["run"],
    ):
        world.cli(*words)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".claude"]
