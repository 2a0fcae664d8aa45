"""The user's own files: what is written is read back, what is not ours stays."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core import jsonplaces, jsontext
from process_janitor.core.settings import BY_NAME
from process_janitor.faces import config_file, schemas
from process_janitor.system import files
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
    removed = world.cli("keep", "--remove", str(kept.pid))
    assert removed.code == 0
    assert removed.out.startswith(f"Not kept by this rule any more: process {kept.pid} (")
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
    removed = world.cli("keep", "--remove", "vite")
    assert removed.out == "Not kept by this rule any more: every command that matches 'vite'.\n"
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


def checked(path: Path, data: bytes) -> tuple[list[str], list[str]]:
    """What is found in a file, without its path in front of the line number."""
    path.write_bytes(data)
    found = config_file.examine(str(path))
    start = f"{path}:"
    assert all(text.startswith(start) for text in (*found.problems, *found.warnings)), found
    return (
        [text.removeprefix(start) for text in found.problems],
        [text.removeprefix(start) for text in found.warnings],
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_every_problem_has_its_line_and_its_key(tmp_path: Path, mark: bytes, end: bytes) -> None:
    lines = [
        b"{",
        b'  "detached": "maybe",',
        b'  "auto_limit": 0, "detachd": 1,',
        b'  "term_grace_seconds": "5",',
        b'  "nested": {"detached": ["}", {"detached": 1}], "x\\"}": 2},',
        b'  "retention_days": 7,',
        b'  "retention_days": 8, "cleanup_on_exit"',
        b"     : 1",
        b"}",
        b"",
    ]
    problems, warnings = checked(tmp_path / "c.json", mark + end.join(lines))
    assert problems == [
        "2: detached: 'maybe' is not allowed; use one of keep, report, reap",
        "3: auto_limit: 0 is not allowed; use a whole number from 1 to 100000",
        "4: term_grace_seconds: '5' is not allowed; use a whole number from 1 to 300",
        "7: retention_days: is in line 6 as well; only the last one counts",
        "7: cleanup_on_exit: 1 is not allowed; use true or false",
    ]
    assert warnings == [
        "3: unknown key 'detachd' is ignored; did you mean detached?",
        "5: unknown key 'nested' is ignored",
    ]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "1:1"),
        (b'{\n  "a": 1,\n}', "3:1"),
        (b'{\r\n  "a": tru\r\n}', "2:8"),
        (b'\xef\xbb\xbf{"a" 1}', "1:6"),
        (b'{"a": 1} x', "1:10"),
        (b'{"a": "\n"}', "1:8"),
        (b"[" * 100_000, "1:1"),
        (b'{"auto_limit": 3,\n "mine":\n  NaN}', "3:3"),
        (b'{"mine": [1e999]}', "1:10"),
        (b'{"auto_limit": 1' + b"0" * 6000 + b"}", "1:16"),
    ],
)
def test_what_is_no_json_is_told_with_line_and_column(
    tmp_path: Path, data: bytes, where: str
) -> None:
    (problem,), warnings = checked(tmp_path / "c.json", data)
    assert problem.startswith(f"{where}: not JSON: "), problem
    assert warnings == []
    # Whoever reads the settings refuses it as well.
    with pytest.raises(ValueError):  # noqa: PT011  # its subclass says nothing more
        jsontext.loads(files.read_text(str(tmp_path / "c.json")))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(BY_NAME)) | st.text(),
            st.recursive(
                st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                max_leaves=5,
            ),
        )
    ),
    st.sampled_from(["", " ", "\n", "\r\n", "\t\n"]),
)
def test_members_are_found_as_they_stand(pairs: list[tuple[str, object]], gap: str) -> None:
    between = f"{gap},{gap}".join(
        f"{json.dumps(name)}{gap}:{gap}{json.dumps(value)}" for name, value in pairs
    )
    text = f"{gap}{{{gap}{between}{gap}}}{gap}"
    found = jsonplaces.members(text)
    assert found is not None
    assert [(one.name, one.value) for one in found] == pairs
    step = gap.count("\n")
    assert [one.line for one in found] == [1 + 2 * step + 4 * step * n for n in range(len(pairs))]


def test_what_is_in_order_has_nothing_to_say(tmp_path: Path) -> None:
    assert checked(tmp_path / "c.json", b'\xef\xbb\xbf{"detached":\r\n"keep"}\r\n') == ([], [])
    assert checked(tmp_path / "c.json", b"{}") == ([], [])
    assert checked(tmp_path / "c.json", b"7")[0] == ["1: must hold one JSON object"]
    assert config_file.examine(str(tmp_path / "none.json")) == ((), ())
    (problem,) = config_file.examine(str(tmp_path)).problems
    assert problem.startswith(f"{tmp_path}: ")


@namespaced
def test_config_check_tells_lines_and_the_settings_agree_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    path = world.config_dir / "process-janitor-config.json"
    path.write_bytes(b'\xef\xbb\xbf{"detached":\r\n"keep"}\r\n')
    assert world.cli("config", "check").code == 0
    assert world.cli("config", "--json").json["values"]["detached"]["value"] == "keep"
    path.write_text('{\n"detached": "keep",\n"detached": 3\n}')
    answer = world.cli("config", "check", PROCESS_JANITOR_AUTO_LIMIT="many")
    assert answer.code == 1
    assert answer.err.splitlines() == [
        f"process-janitor: {path}:3: detached: is in line 2 as well; only the last one counts",
        f"process-janitor: {path}:3: detached: 3 is not allowed; use one of keep, report, reap",
        "process-janitor: $PROCESS_JANITOR_AUTO_LIMIT: auto_limit: 'many' is not allowed; use a whole number from 1 to 100000",
    ]
    document = world.cli("config", "check", "--json").json
    assert schemas.complaints("config-show", document) == []
    assert [text.removeprefix(f"{path}:")[:2] for text in document["problems"]] == ["3:", "3:"]
    path.write_text("{\n")
    answer = world.cli("config", "check")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert f"{path}:2:1: not JSON: " in answer.err


@namespaced
def test_config_set_keeps_the_mode_the_link_and_the_other_keys(tmp_path: Path) -> None:
    world = World(tmp_path)
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    real, link = dotfiles / "janitor.json", world.config_dir / "process-janitor-config.json"
    real.write_bytes(b'\xef\xbb\xbf{"colour": {"a": [1]}, "auto_limit": "bad"}\r\n')
    real.chmod(0o640)
    link.symlink_to(real)
    assert world.cli("config", "set", "detached", "keep").code == 0
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert json.loads(real.read_text()) == {
        "colour": {"a": [1]}, "auto_limit": "bad", "detached": "keep",
    }  # fmt: skip
    assert [path.name for path in dotfiles.iterdir()] == ["janitor.json"]
    link.unlink()
    assert world.cli("config", "set", "detached", "keep").code == 0
    assert link.stat().st_mode & 0o777 == 0o600


@namespaced
def test_a_state_directory_and_files_that_their_user_linked_are_changed_where_they_are(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    elsewhere = tmp_path / "dotfiles"
    (elsewhere / "state").mkdir(parents=True)
    world.root.symlink_to(elsewhere / "state")
    rules = elsewhere / "rules.json"
    rules.write_text('{"rules": [{"command": "vite"}]}')
    (world.root / "keep.json").symlink_to(rules)
    settings = world.config_dir / "process-janitor-config.json"
    settings.symlink_to(elsewhere / "settings.json")  # not there yet
    assert world.cli("keep", str(os.getpid())).code == 0
    assert world.cli("config", "set", "detached", "keep").code == 0
    assert [rule.get("command") for rule in json.loads(rules.read_text())["rules"]] == [
        "vite",
        None,
    ]
    assert json.loads((elsewhere / "settings.json").read_text()) == {"detached": "keep"}
    links = (world.root, world.root / "keep.json", settings)
    assert all(link.is_symlink() for link in links)
    assert len(world.cli("keep", "--list", "--json").json["rules"]) == 2
    # What is no directory is told, and left.
    world.root.unlink()
    world.root.write_text("mine")
    answer = world.cli("config", "set", "detached", "reap")
    assert (answer.code, answer.err.count("\n")) == (1, 1), answer
    assert world.root.read_text() == "mine"


@namespaced
def test_what_was_answered_at_the_installation_counts_below_the_file(tmp_path: Path) -> None:
    world = World(tmp_path)
    settings_json = world.config_dir / "settings.json"

    def shown() -> tuple[str, str]:
        one = world.cli("config", "--json").json["values"]["detached"]
        return one["value"], one["source"]

    def answered(**options: object) -> None:
        configs = {
            "process-janitor@anywhere": {"options": options},
            "another@process-janitor": {"options": {"detached": "report", "auto_limit": 1}},
        }
        settings_json.write_text(json.dumps({"pluginConfigs": configs}))

    answered(detached="reap", auto_cleanup_on_start=True)
    assert shown() == ("reap", f"{settings_json}, plugin options")
    assert world.cli("config", "--json").json["values"]["auto_limit"]["source"] == "default"
    world.configure(detached="keep")
    assert shown()[0] == "keep"
    (world.config_dir / "process-janitor-config.json").unlink()
    answered(detached="always")
    assert shown() == ("report", "default")
    stopped = world.cli("scan")
    assert stopped.code == 1
    assert "/plugin configure process-janitor" in stopped.err
    for text in ("", "[]", '{"pluginConfigs": 7}', '{"pluginConfigs": {"process-janitor@x": 7}}'):
        settings_json.write_text(text)
        assert shown() == ("report", "default"), text


@namespaced
def test_a_detached_server_goes_by_the_option(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.detached()
    session.kill()
    assert world.cli("auto").code == 0
    assert server.alive
    options = {"process-janitor@process-janitor": {"options": {"detached": "reap"}}}
    (world.config_dir / "settings.json").write_text(json.dumps({"pluginConfigs": options}))
    assert world.cli("auto").code == 0
    server.gone()
