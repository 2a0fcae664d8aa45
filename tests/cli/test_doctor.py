"""`doctor` finds what is broken, says what to do, and mends only what is its own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces import schemas
from process_janitor.faces.doctor import installation, wiring
from process_janitor.system import lease
from tests.namespaced import namespaced
from tests.world import Answer, World, wait_until


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    # World itself changes the environment: put back what it takes.
    for name in [*os.environ]:
        if name.startswith(("CLAUDE", "PROCESS_JANITOR_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return World(tmp_path)


def ask(world: World, *words: str) -> tuple[int, dict[str, Any]]:
    answer: Answer = world.cli("doctor", "--json", *words)
    document = answer.json
    assert schemas.complaints("doctor", document) == []
    assert (answer.code == 1) == bool(document["totals"]["broken"]), answer.err
    return answer.code, document


def lines(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = [check for check in document["checks"] if check["name"] == name]
    assert found, f"no check {name!r}"
    return found


def state(document: dict[str, Any], name: str) -> str:
    (one,) = lines(document, name)
    return str(one["state"])


def test_a_new_home_has_nothing_broken_and_nothing_is_written_into_it(world: World) -> None:
    before = world.files()
    code, document = ask(world)
    assert code == 0
    assert state(document, "pidfd") == state(document, "records") == "ok"
    assert state(document, "watcher") == "ok"
    assert world.files() == before
    assert not world.root.exists()


def test_the_page_says_what_to_do_on_80_columns(world: World) -> None:
    world.configure(detached="eat")
    answer = world.cli("doctor")
    assert answer.code == 1
    assert "broken" in answer.out
    assert "process-janitor config check" in answer.out
    assert answer.out.strip().splitlines()[-1].startswith("Next: ")
    assert max(map(len, answer.out.splitlines())) <= 80


def test_a_bad_setting_and_bad_keep_rules_are_broken(world: World) -> None:
    world.configure(term_grace_seconds="soon")
    world.root.mkdir(mode=0o700)
    (world.root / "keep.json").write_text('{"rules": [{"pid": "all"}]}')
    (world.root / "keep.json").chmod(0o600)
    code, document = ask(world)
    assert code == 1
    (setting,) = lines(document, "configuration")
    assert setting["state"] == "broken"
    assert "term_grace_seconds" in setting["says"]
    assert state(document, "keep rules") == "broken"
    # Neither is ours to mend: --fix must not throw a user's wishes away.
    kept = (world.root / "keep.json").read_bytes()
    code, after = ask(world, "--fix")
    assert code == 1
    assert (world.root / "keep.json").read_bytes() == kept
    assert state(after, "keep rules") == "broken"


def test_what_others_may_look_into_is_closed_and_what_a_link_leads_to_is_not(world: World) -> None:
    elsewhere = world.home / "elsewhere"
    elsewhere.write_text("mine")
    elsewhere.chmod(0o644)
    (world.root / "logs").mkdir(parents=True, mode=0o755)
    world.root.chmod(0o755)
    log = world.root / "logs" / "hooks.log"
    log.write_text("")
    log.chmod(0o644)
    (world.root / "link").symlink_to(elsewhere)
    code, document = ask(world)
    assert code == 0
    assert state(document, "state directory") == "warning"
    _, after = ask(world, "--fix")
    assert [one["done"] for one in after["mended"]] == [True]
    assert state(after, "state directory") == "ok"
    assert {path.stat().st_mode & 0o777 for path in (world.root, world.root / "logs")} == {0o700}
    assert log.stat().st_mode & 0o777 == 0o600
    assert elsewhere.stat().st_mode & 0o777 == 0o644


def test_what_is_neither_file_nor_directory_is_named_and_left(world: World) -> None:
    world.root.mkdir(parents=True, mode=0o700)
    fifo = world.root / "fifo"
    os.mkfifo(fifo)
    fifo.chmod(0o666)
    (world.root / "open").write_text("")
    (world.root / "open").chmod(0o644)
    _, document = ask(world)
    (said,) = [one for one in document["checks"] if str(fifo) in str(one)]
    assert "--fix" not in str(said)
    _, after = ask(world, "--fix")
    assert [one["done"] for one in after["mended"]] == [True], "the file beside it is closed"
    assert state(after, "state directory") == "warning"
    assert fifo.stat().st_mode & 0o777 == 0o666
    assert (world.root / "open").stat().st_mode & 0o777 == 0o600


def test_a_malformed_record_is_set_aside_and_never_deleted(world: World) -> None:
    folder = world.root / "sessions" / "abc"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "7-7.json").write_text('{"pid": -1}')
    (folder / "7-7.json").chmod(0o600)
    _, document = ask(world)
    assert state(document, "records") == "warning"
    _, after = ask(world, "--fix")
    assert state(after, "records") == "ok"
    (aside,) = lines(after, "quarantine")
    assert aside["state"] == "warning"
    (kept,) = (world.root / "quarantine").iterdir()
    assert kept.read_text() == '{"pid": -1}'


def test_an_interpreter_that_is_gone_is_forgotten_and_one_that_runs_is_not(world: World) -> None:
    world.root.mkdir(mode=0o700)
    note = world.root / "python"
    note.write_text("/nowhere/python3\n")
    note.chmod(0o600)
    code, document = ask(world)
    assert code == 1
    assert state(document, "hooks' interpreter") == "broken"
    ask(world, "--fix")
    assert not note.exists()
    python = shutil.which("python3")
    assert python is not None
    note.write_text(f"{os.path.realpath(python)}\n")
    note.chmod(0o600)
    _, document = ask(world, "--fix")
    assert state(document, "hooks' interpreter") == "ok"
    assert note.exists()


def test_hooks_switched_off_are_broken(world: World) -> None:
    (world.config_dir / "settings.json").write_text('{"disableAllHooks": true}')
    code, document = ask(world)
    assert code == 1
    assert state(document, "plugin") == "broken"
    name = "process-janitor@process-janitor"
    (world.config_dir / "settings.json").write_text(json.dumps({"enabledPlugins": {name: True}}))
    assert state(ask(world)[1], "plugin") == "ok"
    (world.config_dir / "settings.json").write_text(json.dumps({"enabledPlugins": {name: False}}))
    (one,) = lines(ask(world)[1], "plugin")
    assert one["state"] == "broken"
    assert one["do"] == f"claude plugin enable {name}"


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("pkill -f 'claude.*--resume'", True),
        ("ps aux | grep mcp | awk '{print $2}' | xargs -r kill", True),
        ("kill -9 $(pgrep node)", True),
        ("killall node", True),
        ("fuser -k 3000/tcp", True),
        ("echo skills are fine", False),
        ("npm run lint", False),
        ("sh -c 'kill -0 $PPID'", False),
    ],
)
def test_hooks_of_other_cleaners_are_named(world: World, command: str, named: bool) -> None:
    hooks = {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}
    (world.config_dir / "settings.json").write_text(json.dumps({"hooks": hooks}))
    (one,) = lines(ask(world)[1], "other cleaners")
    assert (one["state"] == "warning") == named
    if named:
        assert "Stop" in one["says"]


def test_a_secret_in_another_cleaners_hook_is_not_shown(world: World) -> None:
    command = "sh -c 'pkill node; curl -u me:hunter2 https://h --token hunter3'"
    hooks = {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}
    (world.config_dir / "settings.json").write_text(json.dumps({"hooks": hooks}))
    (one,) = lines(ask(world)[1], "other cleaners")
    assert "pkill node; curl -u ***" in one["says"]
    assert "hunter" not in one["says"]


def test_another_plugins_hooks_are_looked_at_and_our_own_are_not(world: World) -> None:
    hooks = {
        "hooks": {"SessionStart": [{"hooks": [{"command": "sh", "args": ["-c", "killall node"]}]}]}
    }
    for name in ("reaper", "process-janitor"):
        folder = world.config_dir / "plugins" / "cache" / "market" / name / "1.0" / "hooks"
        folder.mkdir(parents=True)
        (folder / "hooks.json").write_text(json.dumps(hooks))
    (one,) = lines(ask(world)[1], "other cleaners")
    assert "reaper" in one["says"]


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"hooks": 7, "enabledPlugins": []}', '{"hooks": {"Stop": [{"hooks": [7, {}]}, 8]}}', "\0"]
)  # fmt: skip
def test_settings_of_any_shape_do_no_harm(world: World, text: str) -> None:
    path = world.config_dir / "settings.json"
    path.write_text(text)
    code, document = ask(world)
    assert code == 0
    # It is the client's to complain of; nothing in it is taken for a cleaner, or for a switch of ours.
    assert state(document, "plugin") == "warning"
    assert state(document, "other cleaners") == "ok"
    assert path.read_text() == text


def test_the_clients_versions_are_told(world: World) -> None:
    folder = world.config_dir / "sessions"
    folder.mkdir()
    (folder / "4711.json").write_text('{"pid": 4711, "version": "2.1.329"}')
    (one,) = lines(ask(world)[1], "Claude Code")
    assert one["state"] == "ok"
    assert "2.1.329" in one["says"]
    (folder / "4712.json").write_text('{"pid": 4712, "version": "1.0.3"}')
    assert state(ask(world)[1], "Claude Code") == "warning"


@namespaced
def test_a_session_without_a_watcher_gets_one_and_only_when_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    code, document = ask(world)
    assert code == 1
    assert state(document, "watcher") == "broken"
    assert lease.watching(str(world.root)) is None
    ask(world, "--fix")
    wait_until(lambda: lease.watching(str(world.root)), 10, "the watcher runs")
    _, document = ask(world)
    assert state(document, "watcher") == "ok"
    assert state(document, "sessions") == "ok"
    assert session.alive


@namespaced
def test_a_session_that_only_the_client_knows_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session(registered=False)
    folder = world.config_dir / "sessions"
    folder.mkdir()
    (folder / f"{session.pid}.json").write_text(
        json.dumps({
            "pid": session.pid, "procStart": str(session.identity.start), "sessionId": session.session_id,
        })
    )  # fmt: skip
    (one,) = lines(ask(world)[1], "sessions")
    assert one["state"] == "warning"
    assert str(session.pid) in one["says"]


def test_what_is_needed_is_what_the_package_depends_on() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> set[str]:
        return {one.split(">")[0].split(";")[0].strip() for one in requirements}

    assert names(project["dependencies"]) == set(installation.NEEDED)
    optional = {name for many in project["optional-dependencies"].values() for name in names(many)}
    assert optional <= set(installation.OPTIONAL)


def test_no_pattern_takes_the_plugins_own_hooks_for_a_cleaner() -> None:
    hooks = json.loads((Path(__file__).parents[2] / "hooks" / "hooks.json").read_text())["hooks"]
    commands = [command for _, command in wiring._commands(hooks)]
    assert commands
    assert not [command for command in commands if wiring._KILLS.search(command)]
