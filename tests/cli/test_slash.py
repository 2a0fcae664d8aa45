"""`/cleanup` is the same command line, without a shell and without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces import slash
from process_janitor.faces.render import CLIENT_WIDTH

ROOT = Path(__file__).resolve().parents[2]


def ask(tmp_path: Path, event: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "scripts" / "start.py"), "--answer-slash-command"],
        input=event if isinstance(event, str) else json.dumps(event),
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def event(arguments: str, name: str = "process-janitor:cleanup") -> dict[str, Any]:
    return {
        "command_name": name,
        "command_args": arguments,
        "hook_event_name": "UserPromptExpansion",
    }


def test_the_answer_takes_the_place_of_a_turn(tmp_path: Path) -> None:
    answer = json.loads(ask(tmp_path, event("scan")))
    assert answer["decision"] == "block"
    assert "Next: " in answer["reason"]
    assert "\x1b" not in answer["reason"]
    assert max(map(len, answer["reason"].splitlines())) <= CLIENT_WIDTH
    assert list(tmp_path.iterdir()) == []


def test_in_model_mode_the_answer_goes_to_claude(tmp_path: Path) -> None:
    answer = json.loads(ask(tmp_path, event(""), PROCESS_JANITOR_SLASH_COMMAND_MODE="model"))
    assert set(answer) == {"hookSpecificOutput"}
    assert answer["hookSpecificOutput"]["hookEventName"] == "UserPromptExpansion"
    assert "Next: " in answer["hookSpecificOutput"]["additionalContext"]


@pytest.mark.parametrize(
    "what", [event("", "other:cleanup"), {}, [], "", "garbage", "\0", event("", "cleanups")]
)
def test_what_is_not_for_us_is_not_answered(tmp_path: Path, what: object) -> None:
    assert ask(tmp_path, what) == ""


def test_no_shell_ever_sees_the_words(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for words in (
        f"scan; touch {marker}",
        f"$(touch {marker})",
        f"`touch {marker}`",
        f"scan | touch {marker}",
        "'",
    ):
        assert json.loads(ask(tmp_path, event(words)))["reason"].startswith("process-janitor: ")
    assert not marker.exists()


def test_bad_quotes_and_terminal_commands_are_answered_in_words() -> None:
    assert "check the quotes" in slash.answer('explain "1', {})
    assert "terminal" in slash.answer("demo", {})
    assert "Here, report shows the same" in slash.answer("watch --interval 5", {})
    assert "Examples:" in slash.answer("demo --help", {})
    assert "Usage: process-janitor" in slash.answer("help", {})


def test_commands_are_named_as_they_are_typed_here() -> None:
    for words in (
        "nope",
        "explain",
        "explain 4000000",
        "config set",
        "keep --remove 7",
        "run --help",
    ):
        answer = slash.answer(words, {"HOME": "/nonexistent"})
        assert "process-janitor " not in answer.replace("process-janitor: ", ""), words
    assert slash.in_client("run process-janitor scan, scripts/process-janitor auto") == (
        "run /cleanup scan, scripts/process-janitor auto"
    )
