"""The pictures that the README shows are there, light enough, and the script that draws them runs."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests import namespaced
from tests.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
HEAVIEST = 200_000
# What `![words](file)` and `<img src="file" alt="words">` show.
MARKDOWN = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
TAG = re.compile(r"<(?:img|source)\b[^>]*>")


def shown() -> dict[str, str]:
    """Each picture of the README with the words for who cannot see it; None is never right, "" only inside <picture>."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = {file: words for words, file in MARKDOWN.findall(text)}
    for tag in TAG.findall(text):
        marks = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        found[marks.get("src") or marks["srcset"]] = marks.get("alt", "")
        assert tag.startswith("<source") or marks.get("alt"), f"no words: {tag}"
    return found


def test_every_picture_that_is_shown_is_there_and_the_other_way_round() -> None:
    files = {str(one.relative_to(ROOT)) for one in FOLDER.iterdir()}
    assert set(shown()) == files
    assert len(files) == 4


@pytest.mark.parametrize("picture", sorted(FOLDER.iterdir()), ids=lambda one: one.name)
def test_a_picture_is_light_and_asks_nobody_for_anything(picture: Path) -> None:
    data = picture.read_bytes()
    assert 1000 < len(data) <= HEAVIEST
    if picture.suffix == ".svg":
        text = data.decode()
        assert set(re.findall(r"\w+://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}
        assert "@import" not in text
        assert "<script" not in text
    else:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">II", data[16:24]) > (500, 300)


def words(picture: Path) -> str:
    """The text in an SVG."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", picture.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(text.replace("&#160;", " ").split())


@pytest.mark.parametrize("command", ["scan", "report"])
def test_the_pictures_in_the_readme_show_what_the_command_says(command: str) -> None:
    said = words(FOLDER / f"{command}.svg")
    for word in (f"process-janitor {command}", "crashed", "/home/ada/shop", "reap", "report", "Next:"):  # fmt: skip
        assert word in said, word


def test_the_output_on_the_first_screen_is_the_one_in_the_picture() -> None:
    """Shortened, but nothing in it is made up."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition("```\n$ process-janitor scan\n")[2].partition("\n```")[0]
    said = words(FOLDER / "scan.svg")
    lines = [" ".join(line.split()) for line in block.splitlines() if line not in ("", "...")]
    assert len(lines) > 5
    for line in lines:
        assert line in said, line
    # It says how many it has left out.
    assert said.count("min node ") - block.count("min  node ") == 3
    assert "three more" in text


@pytest.mark.slow
def test_the_script_draws_them_all(tmp_path: Path) -> None:
    chromium.needed()
    if namespaced.missing():
        pytest.skip(namespaced.missing())
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/make-pictures"), "--quick", str(tmp_path)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    drawn = {one.name for one in tmp_path.iterdir()}
    assert drawn == {one.name for one in FOLDER.iterdir()}
    for name in ("scan.svg", "report.svg"):
        said = words(tmp_path / name)
        for word in ("/home/ada/shop", "crashed", "9222", "node browser.js", "node dev-server.js --port 5173"):  # fmt: skip
            assert word in said, (name, word)
        assert "pretend" not in said
    # The names of the servers come from the project, those of the processes from the stage.
    assert {"files", "browser", "claude"} <= set(words(tmp_path / "report.svg").split())
