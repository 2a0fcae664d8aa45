from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks.figures import Figure
from benchmarks.stage import declared_hooks, timed

QUIET = {"PATH": os.environ["PATH"]}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What would have been measured: topics with their peers."""
    asked: list[tuple[str, object]] = []

    def note(topic: str, *, quick: bool, client: str, peers: object) -> list[Figure]:
        assert not quick
        assert not client
        asked.append((topic, peers))
        return [Figure(f"{topic}.x", "ms", 1, 1, 1, 1)]

    monkeypatch.setattr(command_line, "measured", note)
    return asked


def test_a_peer_that_is_not_installed_is_left_out(
    measured: list[tuple[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    peers = ["--peer", f"mine={sys.executable} -c 'print(1)'", "--peer", "theirs=/no/such list"]
    assert command_line.main(["--only", "peers", *peers]) == 0
    assert measured == [("peers", {"mine": [sys.executable, "-c", "print(1)"]})]
    assert "not measuring theirs: /no/such is not installed" in capsys.readouterr().err


def test_a_peer_may_be_named_as_in_a_shell(
    measured: list[tuple[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "lists-things"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line.main(["--only", "peers", "--peer", "tool-2=lists-things --dry-run"]) == 0
    assert measured == [("peers", {"tool-2": [str(program), "--dry-run"]})]


@pytest.mark.parametrize("word", ["ps", "=ps", "a=", "a b=ps"])
def test_what_names_no_peer_is_a_usage_error(word: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        command_line.main(["--only", "peers", "--peer", word])
    assert stopped.value.code == 2


@pytest.mark.parametrize(("code", "counts"), [(0, True), (3, True), (127, False)])
def test_a_peer_may_end_with_a_code_of_its_own(code: int, counts: bool) -> None:
    words = ["/bin/sh", "-c", f"exit {code}"]
    if counts:
        assert timed(words, QUIET, failing=(126, 127)).wall > 0
    else:
        with pytest.raises(AssertionError, match="exit code 127"):
            timed(words, QUIET, failing=(126, 127))


@pytest.mark.parametrize("words", ["exit 1", "kill -9 $$"])
def test_what_fails_is_no_measurement(words: str) -> None:
    with pytest.raises(AssertionError, match=r"exit code 1|signal 9"):
        timed(["/bin/sh", "-c", words], QUIET)


def test_every_declared_hook_has_a_command() -> None:
    hooks = declared_hooks()
    assert {"SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"} <= set(hooks)
    assert all(words[0].startswith("/") and "${" not in " ".join(words) for words in hooks.values())
