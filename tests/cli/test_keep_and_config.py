"""The user's own files: what is written is read back, what is not ours stays."""

from __future__ import annotations

import json
import os
from pathlib import Path

from process_janitor.faces import schemas
from tests.namespaced import namespaced
from tests.world import World


@namespaced
def test_a_kept_process_lives_and_its_neighbour_does_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    kept, ended = session.mcp(), session.mcp()
    session.kill()
    assert world.cli("keep", str(kept.pid)).code == 0
    assert world.cli("auto").code == 0
    assert (kept.alive, ended.alive) == (True, False)
    refused = world.cli("run", "--pid", str(kept.pid), "--execute")
    assert refused.code == 3
    assert "kept-by-rule" in world.cli("explain", str(kept.pid)).out
    assert world.cli("keep", "--remove", str(kept.pid)).code == 0
    assert world.cli("auto").code == 0
    assert not kept.alive


@namespaced
def test_a_command_rule_keeps_what_matches_and_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    kept, ended = session.mcp(stubborn=True), session.mcp()
    session.kill()
    assert world.cli("keep", "--command", "stubborn$").code == 0
    assert world.cli("auto").code == 0
    assert (kept.alive, ended.alive) == (True, False)


@namespaced
def test_rules_survive_with_their_unknown_fields(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.mkdir(parents=True)
    path = world.root / "keep.json"
    before = {
        "schema": "process-janitor.keep/1",
        "team": "x",
        "rules": [{"command": "vite", "why": "mine"}],
    }
    path.write_text(json.dumps(before))
    added = world.cli("keep", str(os.getpid()), "--json")
    assert added.code == 0
    assert schemas.complaints("keep", added.json) == []
    document = json.loads(path.read_text())
    assert document["team"] == "x"
    assert document["rules"][0] == before["rules"][0]
    assert document["rules"][1]["pid"] == os.getpid()
    assert path.stat().st_mode & 0o777 == 0o600
    world.cli("keep", str(os.getpid()))
    assert len(json.loads(path.read_text())["rules"]) == 2, "the same rule is not added twice"
    assert world.cli("keep", "--remove", "vite").code == 0
    assert world.cli("keep", "--remove", "1").code == 0
    assert json.loads(path.read_text()) == {**before, "rules": []}
    assert world.cli("keep", "--remove", "1").code == 1


@namespaced
def test_bad_rules_are_not_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    for words in (
        ["--command", "("],
        ["--command", ""],
        ["--command", ".*"],
        ["--command", "a", "7"],
    ):
        assert world.cli("keep", *words).code == 2, words
    assert world.cli("keep", "4000000").code == 1
    assert not (world.root / "keep.json").exists()


@namespaced
def test_rules_that_cannot_be_read_stop_everything_and_are_left_as_they_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    session.kill()
    path = world.root / "keep.json"
    path.write_text('{"rules": [{"pid": 1}]}')
    for words in (
        ["scan"],
        ["run", "--execute"],
        ["auto"],
        ["keep", str(server.pid)],
    ):
        answer = world.cli(*words)
        assert answer.code == 1, words
        assert "keep.json" in answer.err
        assert answer.err.count("\n") == 1
    assert server.alive
    assert path.read_text() == '{"rules": [{"pid": 1}]}'


@namespaced
def test_an_unusable_rule_is_shown_and_can_be_removed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.root.mkdir(parents=True)
    path = world.root / "keep.json"
    rules = [{"command": "vite"}, {"pid": 1, "start_ticks": 0, "boot_id": ""}, {"command": "("}, 7]
    path.write_text(json.dumps({"rules": rules}))
    shown = world.cli("keep", "--list")
    assert shown.code == 0
    assert shown.out.count("unusable: ") == 3
    assert world.cli("keep", "--list", "--json").json["rules"] == rules
    assert world.cli("keep", "--command", "x").code == 1
    for number in ("4", "3", "2"):
        assert world.cli("keep", "--remove", number).code == 0
    assert json.loads(path.read_text())["rules"] == rules[:1]
    assert world.cli("scan").code == 0
    for text in ("[]", '{"rules": 7}', "{"):
        path.write_text(text)
        for words in (["--list"], ["--remove", "1"], ["--command", "x"]):
            answer = world.cli("keep", *words)
            assert (answer.code, answer.err.count("\n")) == (1, 1), (text, words)
        assert path.read_text() == text


@namespaced
def test_what_no_rule_can_name_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    for pid in ("0", "1", "-1", "4194305", "99999999"):
        assert world.cli("keep", pid).code == 2, pid
    assert not (world.root / "keep.json").exists()
    assert world.cli("scan").code == 0


@namespaced
def test_config_set_changes_one_value_and_keeps_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(colour="blue", auto_limit=7)
    path = world.config_dir / "process-janitor-config.json"
    assert world.cli("config", "set", "detached", "reap").code == 0
    assert world.cli("config", "set", "cleanup_on_exit", "off").code == 0
    assert json.loads(path.read_text()) == {
        "colour": "blue", "auto_limit": 7, "detached": "reap", "cleanup_on_exit": False,
    }  # fmt: skip
    shown = world.cli("config", "--json")
    assert schemas.complaints("config-show", shown.json) == []
    assert shown.json["values"]["detached"] == {"value": "reap", "source": str(path)}
    assert shown.json["values"]["retention_days"]["source"] == "default"
    over = world.cli("config", "--json", PROCESS_JANITOR_DETACHED="keep").json["values"]["detached"]
    assert over == {"value": "keep", "source": "PROCESS_JANITOR_DETACHED"}
    assert world.cli("config", "path").out == f"{path}\n"
    before = path.read_text()
    for words in (["detached", "maybe"], ["auto_limit", "0"], ["nope", "1"], ["auto_limit"], []):
        answer = world.cli("config", "set", *words)
        assert answer.code == 2, words
        assert answer.err.count("\n") == 1
    assert path.read_text() == before
    path.write_text("{")
    assert world.cli("config", "set", "detached", "keep").code == 1
    assert path.read_text() == "{"
