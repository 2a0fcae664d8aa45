"""docs/process-janitor.1 is what the parsers say, and roff has nothing to object to."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.core.settings import KEYS
from process_janitor.faces.grammar import described

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "process-janitor.1"


def rendered(*options: str) -> str:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-man", "-ww", *options, str(PAGE)],
        capture_output=True, text=True, encoding="utf-8", timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make-man"), "--check"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"run scripts/make-man ({done.stderr.strip()})"


def test_roff_finds_nothing_wrong() -> None:
    assert rendered("-z") == ""


def test_everything_there_is_can_be_read_on_it() -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", rendered("-Tutf8"))
    # A word may be broken at the end of a line, after its dash.
    text = re.sub(r"(?<=-)\n\s+", "", shown)
    for command in described():
        assert re.search(rf"^\s+{command.name}$", shown, re.MULTILINE), command.name
        for word in command.words:
            for flag in word.flags:
                assert flag in text, (command.name, flag)
        for line in command.examples:
            assert " ".join(line.split()) in " ".join(text.split()), line
    for key in KEYS:
        assert key.name in text
