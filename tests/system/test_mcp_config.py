"""Which MCP servers are configured, from files that may be anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core.mcp_names import Server
from process_janitor.system.mcp_config import McpConfig


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def server(command: str) -> dict[str, Any]:
    return {"command": command, "args": ["-x"], "env": {"TOKEN": "environment-value"}}


def names(cwd: Path | str) -> list[str]:
    return [one.name for one in McpConfig().servers(str(cwd))]


def test_the_user_s_the_project_s_and_what_is_kept_for_a_project(home: Path) -> None:
    project = home / "project"
    put(home / ".claude.json", {
        "mcpServers": {"everywhere": server("a"), "remote": {"type": "http", "url": "https://x.example/mcp"}},
        "projects": {str(project): {"mcpServers": {"local": server("b")}}, "/other": {"mcpServers": {"not": server("c")}}},
    })  # fmt: skip
    put(project / ".mcp.json", {"mcpServers": {"shared": server("d")}})
    found = McpConfig().servers(str(project))
    assert [one.name for one in found] == ["everywhere", "local", "shared"]
    assert found[0] == Server("everywhere", "a", ("-x",))
    assert "environment-value" not in repr(found)
    assert names(home / "elsewhere") == ["everywhere"]
    assert names("") == names("relative") == ["everywhere"]


def test_a_directory_below_a_repository_has_the_repository_s_servers(home: Path) -> None:
    put(home / ".mcp.json", {"mcpServers": {"above": server("a")}})
    put(home / "repo" / ".mcp.json", {"mcpServers": {"root": server("b")}})
    put(home / "repo" / "sub" / ".mcp.json", {"mcpServers": {"sub": server("c")}})
    assert names(home / "repo" / "sub") == ["sub"]
    (home / "repo" / ".git").mkdir()
    assert names(home / "repo" / "sub" / "deep") == ["sub", "root"]


def test_another_configuration_directory_has_its_own_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / ".claude.json", {"mcpServers": {"usual": server("a")}})
    put(home / "other" / ".claude.json", {"mcpServers": {"other": server("b")}})
    assert names("/") == ["usual"]
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "other"))
    assert names("/") == ["other"]


@pytest.mark.parametrize("noted", ["old", "new", "cache only"])
def test_plugins_by_the_name_the_client_gives_them(home: Path, noted: str) -> None:
    plugins = home / ".claude" / "plugins"
    root = plugins / "cache" / "market" / "tools" / "1.2"
    put(root / ".mcp.json", {"in-file": {"command": "${CLAUDE_PLUGIN_ROOT}/run", "args": []}})
    put(root / ".claude-plugin" / "plugin.json", {"mcpServers": {"inline": server("b")}})
    put(root / "more.json", {"mcpServers": {"more": server("c")}})
    if noted != "cache only":
        one = {"installPath": str(root), "version": "1.2"}
        entry = one if noted == "old" else [{"scope": "user", **one}]
        put(plugins / "installed_plugins.json", {"plugins": {"tools@market": entry}})
        gone = plugins / "cache" / "market" / "gone" / "1"
        put(gone / ".mcp.json", {"mcpServers": {"not-installed": server("d")}})
    found = McpConfig().servers("/")
    assert [one.name for one in found] == ["plugin:tools:in-file", "plugin:tools:inline"]
    assert {one.plugin_root for one in found} == {str(root)}
    outside = plugins / "outside.json"
    put(outside, {"mcpServers": {"outside": server("e")}})
    manifest = {"mcpServers": ["./more.json", "../../../../outside.json", str(outside), 7]}
    put(root / ".claude-plugin" / "plugin.json", manifest)
    assert names("/") == ["plugin:tools:in-file", "plugin:tools:more"]


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "7", "null", "[" * 100_000, '{"mcpServers": []}', '{"mcpServers": {"a": null}}',
        '{"mcpServers": {"a": {"command": 7}}}', '{"mcpServers": {"a": {"command": ""}}}',
        '{"mcpServers": {"a": {"command": "x", "args": "y"}}}', '{"mcpServers": {"": {"command": "x"}}}',
        '{"mcpServers": {"a\\nb": {"command": "x"}}}', '{"mcpServers": {"' + "a" * 65 + '": {"command": "x"}}}',
        '{"projects": []}', '{"projects": {"/": 7}}', '{"plugins": 7}', '{"plugins": {"a": {"installPath": "rel"}}}',
        '{"plugins": {"a@b": [{"installPath": "/\\u0000"}]}}', "\udcff".encode("utf-8", "surrogateescape").decode("latin1"),
    ],
)  # fmt: skip
def test_what_is_malformed_counts_as_not_there(home: Path, content: str) -> None:
    for path in (
        home / ".claude.json",
        home / ".mcp.json",
        home / ".claude" / "plugins" / "installed_plugins.json",
    ):
        put(path, content)
    assert names(home) == []
    assert names("/\0") == []


def test_neither_a_pipe_nor_a_huge_file_nor_a_link_stops_it(home: Path) -> None:
    os.mkfifo(home / ".claude.json")
    put(home / "project" / "big.json", json.dumps({"mcpServers": {"big": server("x" * (1 << 20))}}))
    (home / "project" / ".mcp.json").symlink_to(home / "project" / "big.json")
    assert names(home / "project") == []
    (home / "project" / ".mcp.json").unlink()
    (home / "project" / "big.json").rename(home / "project" / ".mcp.json")
    assert names(home / "project") == []


def test_a_user_may_keep_the_file_elsewhere(home: Path) -> None:
    put(home / "dotfiles" / "claude.json", {"mcpServers": {"kept": server("a")}})
    (home / ".claude.json").symlink_to(home / "dotfiles" / "claude.json")
    assert names("/") == ["kept"]
