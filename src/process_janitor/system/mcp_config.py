"""The MCP servers that Claude Code is configured with: name, command and arguments. Their environment is never read.

Everything in here may have been written by anybody (a project's `.mcp.json` comes with the project): it is bounded in
size and number, and what is malformed counts as not there.
"""

from __future__ import annotations

import os

from process_janitor.core.mcp_names import Server
from process_janitor.system import files, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# The client keeps its projects' histories in the same file.
_USER_MAX = 16 << 20
_PROJECT_MAX = 1 << 20
_SERVERS_MAX = 500
_PLUGINS_MAX = 300
_DEPTH_MAX = 40
_WORDS_MAX = 200
_NAME_MAX = 64


class McpConfig:
    """Reads each file once; ask it for as many projects as there are sessions."""

    def __init__(self) -> None:
        self._user = files.read_object(paths.client_config(), _USER_MAX, follow=True)
        self._everywhere = (*_servers(self._user.get("mcpServers")), *_plugins(paths.config_dir()))
        self._folders: dict[str, tuple[Server, ...]] = {}

    def servers(self, cwd: str) -> tuple[Server, ...]:
        """What a session that works in `cwd` may have started: the user's, the plugins', and the project's servers."""
        if cwd not in self._folders:
            self._folders[cwd] = (*self._everywhere, *self._of_project(cwd))[:_SERVERS_MAX]
        return self._folders[cwd]

    def _of_project(self, cwd: str) -> Iterator[Server]:
        known = self._user.get("projects")
        for folder in _up_to_the_repository(cwd):
            project = known.get(folder) if isinstance(known, dict) else None
            if isinstance(project, dict):
                yield from _servers(project.get("mcpServers"))
            shared = files.read_object(os.path.join(folder, ".mcp.json"), _PROJECT_MAX)
            yield from _servers(shared.get("mcpServers"))


def _up_to_the_repository(cwd: str) -> Iterator[str]:
    """The directory and those above it, to the root of its repository; outside of one only itself."""
    if not os.path.isabs(cwd):
        return
    folder = os.path.normpath(cwd)
    above = [folder]
    for _ in range(_DEPTH_MAX):
        if os.path.lexists(os.path.join(folder, ".git")):
            yield from above
            return
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
        above.append(folder)
    yield above[0]


def _plugins(config_dir: str) -> Iterator[Server]:
    plugins = os.path.join(config_dir, "plugins")
    noted = files.read_object(os.path.join(plugins, "installed_plugins.json"), _PROJECT_MAX)
    found = dict(_installed(noted)) or dict(_cached(os.path.join(plugins, "cache")))
    for root, plugin in list(found.items())[:_PLUGINS_MAX]:
        for server in _of_plugin(root):
            # As the client itself calls it.
            yield server._replace(name=f"plugin:{plugin}:{server.name}", plugin_root=root)


def _installed(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    """(directory, name) of each plugin; older clients note one installation under a name, newer ones a list."""
    plugins = document.get("plugins")
    for key, value in plugins.items() if isinstance(plugins, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            path = one.get("installPath") if isinstance(one, dict) else None
            if isinstance(path, str) and os.path.isabs(path):
                yield os.path.normpath(path), key.split("@", 1)[0]


def _cached(cache: str) -> Iterator[tuple[str, str]]:
    """The same from the cache alone: MARKETPLACE/PLUGIN/VERSION."""
    for market in _names(cache):
        for plugin in _names(os.path.join(cache, market)):
            for version in _names(os.path.join(cache, market, plugin)):
                yield os.path.join(cache, market, plugin, version), plugin


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))[:_PLUGINS_MAX]
    except OSError:
        return []


def _of_plugin(root: str) -> Iterator[Server]:
    yield from _in_file(os.path.join(root, ".mcp.json"))
    manifest = files.read_object(os.path.join(root, ".claude-plugin", "plugin.json"), _PROJECT_MAX)
    said = manifest.get("mcpServers")
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, str):
            path = os.path.normpath(os.path.join(root, one))
            if path.startswith(root + os.sep) and path != os.path.join(root, ".mcp.json"):
                yield from _in_file(path)
        else:
            yield from _servers(one)


def _in_file(path: str) -> Iterator[Server]:
    """A plugin's file names its servers with or without `mcpServers` around them."""
    document = files.read_object(path, _PROJECT_MAX)
    inner = document.get("mcpServers")
    yield from _servers(inner if isinstance(inner, dict) else document)


def _servers(entries: object) -> Iterator[Server]:
    """The stdio servers among the entries; one with an address runs elsewhere and has no process."""
    for name, entry in list(entries.items())[:_SERVERS_MAX] if isinstance(entries, dict) else ():
        command = entry.get("command") if isinstance(entry, dict) else None
        if not isinstance(command, str) or not command or not _fit_to_show(name):
            continue
        args = entry.get("args", [])
        if isinstance(args, list) and len(args) <= _WORDS_MAX:
            yield Server(name, command, tuple(str(word) for word in args))


def _fit_to_show(name: str) -> bool:
    return 0 < len(name) <= _NAME_MAX and name.isprintable()


__all__ = ["McpConfig"]
