"""Whatever is typed, the answer is an exit code of the contract and at most one line of complaint."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from process_janitor.core.ties import Ties
from process_janitor.faces import cli
from process_janitor.faces.cli import parser

CODES = {0, 1, 2, 3, 4, 10}
# Nothing in here can act: `auto`, `--execute` and `demo` are tried on pretend sessions elsewhere.
WORDS = [
    "scan", "run", "stop", "report", "watch", "--interval", "status", "explain", "history", "keep", "config", "doctor", "help", "bogus", "--json", "--quiet", "-q", "-v",
    "--no-color", "--all", "--exit-code", "--dry-run", "--pid", "--session", "--class", "--plan", "--list", "--remove",
    "--command", "--abnormal", "--limit", "--help", "--version", "--", "-", "", "1", "0", "-1", "99999999999", "abc",
    "leftover", "show", "path", "check", "set", "detached", "reap", "(", "\ud800", "é", "--config", "/nowhere", "a b",
]  # fmt: skip


def call(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.perform(words, os.environ, out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.startswith(("CLAUDE", "PROCESS_JANITOR_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=6))
def test_any_words_give_an_exit_code_and_no_traceback(words: list[str]) -> None:
    words = [word for word in words if word not in ("auto", "demo")]
    code, _, err = call(*words)
    assert code in CODES, (words, err)
    assert "Traceback" not in err or "-v" in words
    if code in (1, 2) and "-v" not in words:
        complaints = [line for line in err.splitlines() if line.startswith("process-janitor: ")]
        assert complaints, words
        assert "unexpected" not in err, (words, err)


@pytest.mark.parametrize("name", sorted(parser.BY_NAME))
def test_every_command_has_help_with_examples(name: str) -> None:
    for words in ([name, "--help"], ["-h", name], ["help", name]):
        code, out, err = call(*words)
        assert (code, err) == (0, "")
        assert "Examples:" in out
        assert f"process-janitor {name}" in out
    assert name in call("--help")[1]


def test_options_everywhere_stand_before_and_after_the_command() -> None:
    for words in (["--json", "history"], ["history", "--json"]):
        assert call(*words)[1].startswith("{")
    assert call("--json", "--limit", "3", "history")[0] == 2, (
        "only the options everywhere may stand before"
    )


def test_the_version_and_the_reserved_words() -> None:
    assert call("--version")[1].startswith("process-janitor ")
    for name in ("launch", "metrics"):
        assert call(name)[0] == 2


def test_a_typing_error_is_answered_with_the_word_that_was_meant() -> None:
    code, out, err = call("scna")
    assert (code, out) == (2, "")
    assert "did you mean scan?" in err


def test_a_bad_configuration_stops_the_command_and_names_key_and_value(home: Path) -> None:
    path = home / ".claude" / "process-janitor-config.json"
    path.parent.mkdir()
    path.write_text('{"detached": "sometimes", "colour": 1}')
    code, out, err = call("scan")
    assert (code, out) == (1, "")
    assert "detached" in err
    assert "sometimes" in err
    assert "keep, report, reap" in err
    assert call("config", "show")[0] == 0
    code, _, err = call("config", "check")
    assert code == 1
    assert str(path) in err
    assert "unknown key 'colour'" in err


def test_an_unknown_key_is_only_a_warning(home: Path) -> None:
    path = home / ".claude" / "process-janitor-config.json"
    path.parent.mkdir()
    path.write_text('{"colour": 1}')
    code, _, err = call("history")
    assert code == 0
    assert "unknown key 'colour'" in err
    assert call("history", "--quiet")[2] == ""


def test_help_says_that_a_named_configuration_is_for_one_command_alone() -> None:
    for words in (("--help",), ("run", "--help")):
        code, out, _ = call(*words)
        assert code == 0
        assert "this command alone" in " ".join(out.split())


def test_a_named_configuration_that_is_not_there_is_an_error() -> None:
    assert call("--config", "/nowhere/x.json", "scan")[0] == 1


def test_verbose_shows_where_it_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    from process_janitor.faces.cli import history

    def broken(*_: object) -> int:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(history, "run", broken)
    code, out, err = call("history")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "Traceback" in call("history", "--verbose")[2]


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from process_janitor.faces.cli import history

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(history, "run", interrupted)
    assert call("history")[0] == 130


def test_an_unreadable_process_table_is_not_a_clean_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from process_janitor.sweep import look as real

    def blind(*arguments: Any) -> Any:
        judged = real(*arguments)
        ties = Ties(judged.observation.snapshot._replace(processes={}), ())
        return judged._replace(observation=judged.observation._replace(ties=ties))

    monkeypatch.setattr("process_janitor.faces.cli.scan.look", blind)
    code, out, err = call("scan")
    assert (code, out, err.count("\n")) == (4, "", 1)
