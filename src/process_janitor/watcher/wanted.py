"""Whether anybody still wants this watcher: the plugin is there, switched on, and no newer version has taken its place."""

from __future__ import annotations

import os

from process_janitor.system import client_files, files, lease, paths

_PLUGIN = client_files.PLUGIN
_INLINE = f"{_PLUGIN}-inline"
# Where the code was started from, looked up while it was surely there.
_ROOT = paths.plugin_root()


def still_wanted(plugin_data: str) -> bool:
    """False once the plugin was uninstalled (its files are gone) or disabled in the user's settings.

    `plugin_data` is the name of the plugin's data directory, `process-janitor-<marketplace>`; a plugin given with
    --plugin-dir (`-inline`) has no switch.
    """
    if _ROOT and not os.path.exists(os.path.join(_ROOT, ".claude-plugin", "plugin.json")):
        return False
    if not plugin_data.startswith(f"{_PLUGIN}-") or plugin_data == _INLINE:
        return True
    name = f"{_PLUGIN}@{plugin_data[len(_PLUGIN) + 1 :]}"
    return client_files.enabled_plugins(paths.config_dir()).get(name) is not False


def asked_to_retire(place: str) -> bool:
    return os.path.exists(os.path.join(place, lease.RETIRE_NAME))


def clear_retirement(place: str) -> None:
    files.remove(os.path.join(place, lease.RETIRE_NAME))


__all__ = ["asked_to_retire", "clear_retirement", "still_wanted"]
