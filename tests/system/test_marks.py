"""What the environment of a process says, in the words that the decision compares."""

from __future__ import annotations

from pathlib import Path

import pytest

from process_janitor.system import locks, paths
from process_janitor.system.marks import told_by


def config_dir(home: str, said: str) -> str:
    marks = told_by(f"HOME={home}\0CLAUDE_CONFIG_DIR={said}\0".encode())
    assert marks is not None
    return marks.config_dir


@pytest.mark.parametrize("ours", ["", "target", "link"])
def test_one_configuration_directory_has_one_name(
    ours: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".claude").symlink_to(tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path))
    named = {"": "", "target": str(tmp_path / "data"), "link": str(tmp_path / ".claude")}[ours]
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", named)
    for said in ("", ".claude", "/.claude/", "data", "data//", "data/../.claude"):
        assert config_dir(str(tmp_path), f"{tmp_path}/{said}" if said else "") == "", said
    for said in ("work", "data/work", ".claude/..", "data/.."):
        assert config_dir(str(tmp_path), f"{tmp_path}/{said}") not in ("", paths.config_name())
    assert paths.config_name() == str(tmp_path / ".claude")
    # Clients without the variable use the directory that the link leads to.
    assert locks.places().default


def test_a_directory_of_its_own_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".claude", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "link"))
    for said in ("link", "work", "link/"):
        assert config_dir(str(tmp_path), f"{tmp_path}/{said}") == str(tmp_path / "link")
    assert config_dir(str(tmp_path), f"{tmp_path}/.claude") == ""
    assert config_dir("/home/other", f"{tmp_path}/.claude") == f"{tmp_path}/.claude"
    assert config_dir("/", "/.claude") == ""
    assert config_dir("/", "relative/") == "relative"
    assert not locks.places().default
