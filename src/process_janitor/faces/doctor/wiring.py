"""How Claude Code sees the plugin: switched on, its hooks in place, its sessions registered, nobody in its way."""

from __future__ import annotations

import glob
import os
import re

from process_janitor.core.redact import redact_line
from process_janitor.faces.doctor import Check
from process_janitor.system import client_files, files, identity, paths, tables
from process_janitor.system.marks import marks_of
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from process_janitor.faces.doctor import Ward

_PLUGIN = "process-janitor"
# A command that ends processes by name or in bulk: it takes what is none of its business, ours included.
_KILLS = re.compile(
    r"\b(?:pkill|killall|taskkill|xargs\s+(?:-\S+\s+)*(?:sudo\s+)?kill|kill\s+-(?:9|KILL|SIGKILL)|fuser\s+-\S*k)\b"
)
_SETTINGS_MAX = 4 << 20


def _document(path: str) -> dict[str, Any]:
    """A JSON object of the user's, {} where there is none that can be read."""
    return files.read_object(path, _SETTINGS_MAX, follow=True)


def _settings(ward: Ward) -> list[tuple[str, dict[str, Any]]]:
    """The user's settings and those of the project we are called in, by their paths."""
    here = [
        os.path.join(ward.config_dir, name) for name in ("settings.json", "settings.local.json")
    ]
    project = os.path.join(ward.environment.get("CLAUDE_PROJECT_DIR") or os.getcwd(), ".claude")
    if os.path.realpath(project) != os.path.realpath(ward.config_dir):
        here += [os.path.join(project, name) for name in ("settings.json", "settings.local.json")]
    return [(path, _document(path)) for path in here if os.path.exists(path)]


def switch(ward: Ward) -> Iterator[Check]:
    """Whether the client has the plugin installed and switched on. One given with --plugin-dir is in no list."""
    if not paths.plugin_root():
        yield Check(
            "plugin", "ok", "this is the command line alone, without the plugin around it",
            "the plugin's hooks are what cleans up at once: see the README for installing it",
        )  # fmt: skip
        return
    states = {}
    for _, settings in _settings(ward):
        enabled = settings.get("enabledPlugins")
        for name, on in enabled.items() if isinstance(enabled, dict) else ():
            if name.split("@")[0] == _PLUGIN:
                states[name] = on is not False
    off = [name for name, on in states.items() if not on]
    stopped = [
        path for path, settings in _settings(ward) if settings.get("disableAllHooks") is True
    ]
    if stopped:
        yield Check(
            "plugin", "broken", f"{stopped[0]} switches all hooks off (disableAllHooks): no session is registered",
            "take disableAllHooks out of it",
        )  # fmt: skip
    elif any(states.values()):
        on = ", ".join(name for name in states if states[name])
        yield Check("plugin", "ok", f"{on} is switched on")
    elif off:
        yield Check(
            "plugin", "broken", f"{off[0]} is switched off, so no new session is registered",
            f"claude plugin enable {off[0]}",
        )  # fmt: skip
    else:
        yield Check(
            "plugin", "warning", "it is not installed in Claude Code for this user or project",
            "install it as the README says; with --plugin-dir all is well",
        )  # fmt: skip


def hooks(ward: Ward) -> Iterator[Check]:
    """The files that hooks.json names are there and run."""
    del ward
    plugin = paths.plugin_root()
    if not plugin:
        return
    path = os.path.join(plugin, "hooks", "hooks.json")
    events = _document(path).get("hooks")
    if not isinstance(events, dict) or not events:
        yield Check("hooks", "broken", f"{path} cannot be read", "install the plugin again")
        return
    wanted = ("hooks/run", "hooks/hook.py", "scripts/process-janitor", "scripts/find-python.sh")
    missing = [name for name in wanted if not os.access(os.path.join(plugin, name), os.R_OK)]
    if missing:
        yield Check(
            "hooks",
            "broken",
            f"missing in {plugin}: {', '.join(missing)}",
            "install the plugin again",
        )
    else:
        yield Check("hooks", "ok", ", ".join(events))


def sessions(ward: Ward) -> Iterator[Check]:
    """What proves that the hooks run: every living client is in the registry."""
    boot, namespace = identity.boot_id(), identity.pid_namespace()
    entries = list(Registry(ward.root).entries())
    registered = {entry.owner for entry in entries}
    living = {
        one.owner
        for one in client_files.sessions(ward.config_dir, boot, namespace)
        if identity.lives(one.owner)
    }
    unknown = sorted(owner.pid for owner in living - registered)
    running = sum(identity.lives(owner) for owner in registered | living)
    if unknown:
        yield Check(
            "sessions", "warning",
            f"{len(living) - len(unknown)} of {len(living)} running sessions are registered; not: {', '.join(map(str, unknown))}",
            "a session registers at its start or its next turn, if the plugin is on in it; until then it is judged by its marks",
        )  # fmt: skip
    else:
        yield Check(
            "sessions", "ok", f"{running} running, all registered; {len(entries)} on record"
        )


def others(ward: Ward) -> Iterator[Check]:
    """Hooks of other cleaners: they end by name what this plugin would prove first."""
    found = []
    pattern = os.path.join(glob.escape(ward.config_dir), "plugins/cache/*/*/*/hooks/hooks.json")
    of_plugins = [path for path in sorted(glob.glob(pattern)) if f"/{_PLUGIN}/" not in path]
    sources = [(path, settings.get("hooks")) for path, settings in _settings(ward)]
    sources += [(path, _document(path).get("hooks")) for path in of_plugins]
    for path, events in sources:
        for event, command in _commands(events):
            if _KILLS.search(command):
                found.append(f"{path}, {event}: {redact_line(command, 120)}")
    for one in found:
        yield Check(
            "other cleaners", "warning", one,
            "it ends processes by name or in bulk: take it out, or expect it to end what is in use",
        )  # fmt: skip
    if not found:
        yield Check("other cleaners", "ok", "no other hook ends processes by name")


def _commands(events: object) -> Iterator[tuple[str, str]]:
    """(event, command line) of every hook in a `hooks` object of any shape."""
    for event, groups in events.items() if isinstance(events, dict) else ():
        for group in groups if isinstance(groups, list) else ():
            entries = group.get("hooks") if isinstance(group, dict) else None
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("command"), str):
                    more = entry.get("args")
                    words = more if isinstance(more, list) else []
                    yield str(event), " ".join([entry["command"], *map(str, words)])


def visibility(ward: Ward) -> Iterator[Check]:
    """Sessions of another CLAUDE_CONFIG_DIR are not judged from here; say so where there are any."""
    mine = os.path.realpath(ward.config_dir)
    elsewhere = set()
    for process in tables.everyone().values():
        if process.uid == os.geteuid() and not process.dead:
            marks = marks_of(process.pid)
            if marks is not None and marks.names_session and marks.config_dir:
                elsewhere.add(os.path.realpath(marks.config_dir))
    elsewhere.discard(mine)
    for one in sorted(elsewhere):
        yield Check(
            "other configurations", "ok", f"sessions of {one} run here, too; they are not judged from here",
            f"CLAUDE_CONFIG_DIR={one} process-janitor scan",
        )  # fmt: skip


QUESTIONS = (switch, hooks, sessions, others, visibility)

__all__ = ["QUESTIONS"]
