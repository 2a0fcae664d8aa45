"""Where everything lives, by the environment and by where this file is; and the version that the manifest there names."""

from __future__ import annotations

import os

from process_janitor.system import files


def config_dir() -> str:
    """Claude Code's own directory, absolute."""
    return os.path.abspath(os.environ.get("CLAUDE_CONFIG_DIR") or default_config_dir())


def default_config_dir() -> str:
    """Where that is for whoever sets nothing."""
    return os.path.join(_home(), ".claude")


def config_name() -> str:
    """The one name of Claude Code's directory where it has several: without the variable, if that leads there as well."""
    ours, default = config_dir(), default_config_dir()
    if ours == default or os.path.realpath(ours) == os.path.realpath(default):
        return default
    return ours


def client_config() -> str:
    """The file in which Claude Code keeps the user's own MCP servers, absolute."""
    return os.path.join(
        os.path.abspath(os.environ.get("CLAUDE_CONFIG_DIR") or _home()), ".claude.json"
    )


def _home() -> str:
    return os.environ.get("HOME") or os.path.expanduser("~")


def root() -> str:
    """The janitor's state directory, absolute. Nothing is ever written outside it and the configuration file."""
    return os.path.abspath(
        os.environ.get("PROCESS_JANITOR_HOME") or os.path.join(config_dir(), "process-janitor")
    )


def config_file() -> str:
    return os.path.join(config_dir(), "process-janitor-config.json")


def keep_file(root: str) -> str:
    """The user's protection rules in this state directory."""
    return os.path.join(root, "keep.json")


def plugin_root() -> str:
    """The directory that holds hooks/, scripts/ and src/; "" for a package installed without the plugin around it."""
    here = os.path.dirname(
        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    )
    return here if os.path.exists(os.path.join(here, ".claude-plugin", "plugin.json")) else ""


def plugin_version() -> str:
    """The version in the plugin's manifest, "" for a package without the plugin around it."""
    plugin = plugin_root()
    if not plugin:
        return ""
    found = files.read_object(os.path.join(plugin, ".claude-plugin", "plugin.json")).get("version")
    return found if isinstance(found, str) and " " not in found else ""


__all__ = [
    "client_config",
    "config_dir",
    "config_file",
    "config_name",
    "default_config_dir",
    "keep_file",
    "plugin_root",
    "plugin_version",
    "root",
]
