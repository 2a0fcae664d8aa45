"""What the client reads before any code runs. (The real client's own validation is tried elsewhere.)"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core.settings import BY_NAME

ROOT = Path(__file__).resolve().parents[2]


def load(path: str) -> dict[str, Any]:
    document = json.loads((ROOT / path).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def front_matter(path: str) -> dict[str, str]:
    text = (ROOT / path).read_text(encoding="utf-8")
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert found, f"{path} has no front matter"
    return dict(line.split(": ", 1) for line in found[1].splitlines() if re.match(r"\w", line))


def test_the_manifest_names_the_plugin() -> None:
    manifest = load(".claude-plugin/plugin.json")
    assert manifest["name"] == "process-janitor"
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["license"] == "MIT"


def test_what_is_asked_at_the_installation_is_a_setting_with_its_own_default() -> None:
    asked = load(".claude-plugin/plugin.json")["userConfig"]
    assert set(asked) == {"auto_cleanup_on_start", "detached", "notification_enabled"}
    types = {"boolean": bool, "string": str}
    for name, option in asked.items():
        default = BY_NAME[name].default
        assert option["default"] == default
        assert type(default) is types[option["type"]]
        assert all(str(word) in option["description"] for word in BY_NAME[name].allowed)
        assert option["title"]


def test_the_manifest_at_the_root_is_a_relative_link_inside_the_tree() -> None:
    link = ROOT / "plugin.json"
    assert link.is_symlink()
    assert str(link.readlink()) == ".claude-plugin/plugin.json"


def test_the_repository_is_its_own_marketplace() -> None:
    market = load(".claude-plugin/marketplace.json")
    assert market["name"] == "process-janitor"
    (plugin,) = market["plugins"]
    assert (plugin["name"], plugin["source"]) == ("process-janitor", "./")


def test_the_version_has_one_home() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    source = project["tool"]["hatch"]["version"]
    found = re.search(source["pattern"], (ROOT / source["path"]).read_text(encoding="utf-8"))
    assert found
    assert found["version"] == load(".claude-plugin/plugin.json")["version"]
    (plugin,) = load(".claude-plugin/marketplace.json")["plugins"]
    assert "version" not in plugin


def test_the_icon_is_a_square_png_that_the_directory_takes() -> None:
    data = (ROOT / ".claude-plugin/icon.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width == height
    assert 512 <= width <= 1024
    assert len(data) < 100_000


def test_the_command_answers_to_its_bare_name() -> None:
    # Without the name the client finds it only as /process-janitor:cleanup.
    assert front_matter("commands/cleanup.md")["name"] == "cleanup"
    assert front_matter("skills/process-cleanup/SKILL.md")["name"] == "process-cleanup"
    assert not (ROOT / "skills" / "cleanup").exists()  # old clients then find neither


@pytest.mark.parametrize("path", ["commands/cleanup.md", "skills/process-cleanup/SKILL.md"])
def test_no_text_for_the_model_pastes_arguments_into_a_shell(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert "!`" not in text
    assert "```!" not in text
    allowed = front_matter(path).get("allowed-tools", "")
    assert "Bash(*" not in allowed
    assert not re.search(r"\brun\b|\bauto\b|\bstop\b", allowed)


def test_the_readme_is_enough_for_the_directory() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) >= 40


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_id_of_a_lock_is_the_checksum_of_its_pins(name: str) -> None:
    first, body = (ROOT / name).read_bytes().split(b"\n", 1)
    assert first.decode() == f"# id: {hashlib.sha256(body).hexdigest()}", "run scripts/lock"


def test_the_lock_pins_every_dependency_and_nothing_about_a_host() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {re.split("[>=]", need)[0] for need in project["dependencies"]} <= pinned
    assert not re.search(r"https?://|file:|--(extra-)?index|--find-links", text)
