"""Reading the user's configuration file and keep rules."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.plausible import usable_pid
from process_janitor.core.policy import KeepRule, Policy
from process_janitor.core.settings import Settings, Source, settings
from process_janitor.system import files, lease, matching, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.idleness import Patience

# A plugin is configured as `<name>@<marketplace>`.
_PLUGIN_AT = "process-janitor@"


def load_settings(path: str = "") -> Settings:
    """The settings in force. Problems are listed in the result, never raised: a hook must go on with defaults."""
    path = path or paths.config_file()
    document: object = None
    unreadable = ""
    try:
        document = jsontext.loads(files.read_text(path, follow=True))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        unreadable = f"{path}: {getattr(error, 'strerror', None) or error}"
    result = settings(document, path, os.environ.items(), _options())
    return result._replace(problems=(unreadable, *result.problems)) if unreadable else result


def _options() -> Source | None:
    """The plugin's options (`userConfig` in its manifest), as the client has written the answers into the user's settings.

    The client hands them to hooks as CLAUDE_PLUGIN_OPTION_<KEY>, but the watcher and the command line are no hooks: what
    a hook passed on would be stale once it is changed, or for good once the plugin is uninstalled. A project's settings
    have no say here: what is cleaned is the user's, not the project's.
    """
    path = os.path.join(paths.config_dir(), "settings.json")
    # Claude Code's own file: it complains itself of one that is damaged.
    configs = files.read_object(path, follow=True).get("pluginConfigs")
    found: dict[object, object] = {}
    for name, config in sorted(configs.items()) if isinstance(configs, dict) else ():
        ours = name.startswith(_PLUGIN_AT) and isinstance(config, dict)
        options = config.get("options") if ours else None
        found.update(options if isinstance(options, dict) else {})
    return Source(found, f"{path}, plugin options", "; /plugin configure process-janitor")


def load_keep_rules(root: str) -> tuple[tuple[KeepRule, ...], str]:
    """The user's protection rules, and what is wrong with the file ("" when nothing is).

    A file that is there but cannot be understood must not read as "nothing is protected": the caller gives up.
    """
    path = paths.keep_file(root)
    try:
        document = jsontext.loads(files.read_text(path, follow=True))
    except FileNotFoundError:
        return (), ""
    except (OSError, ValueError) as error:
        return (), f"{path}: {getattr(error, 'strerror', None) or error}"
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        return (), f"{path}: must hold an object with a list `rules`"
    found = []
    for number, rule in enumerate(rules, 1):
        parsed = keep_rule(rule)
        if parsed is None:
            return (
                (),
                f"{path}: rule {number} has neither a usable pid with start_ticks and boot_id nor a command",
            )
        found.append(parsed)
    return tuple(found), ""


def keep_rule(rule: object) -> KeepRule | None:
    """One entry of the keep file, None for one that names neither a process (pid, start and boot) nor a usable regular
    expression: it would protect nothing, so nobody may go on as if it did.
    """
    if not isinstance(rule, dict):
        return None
    command = rule.get("command")
    if isinstance(command, str) and command and _compiles(command):
        return KeepRule(command=command)
    pid, start, boot = rule.get("pid"), rule.get("start_ticks"), rule.get("boot_id")
    if usable_pid(pid) and type(start) is int and isinstance(boot, str):
        return KeepRule(pid, start, boot)
    return None


def _compiles(pattern: str) -> bool:
    import re

    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


class Unsafe(Exception):
    """What the user protects cannot be read, so nothing may be signalled."""


def patience(options: Settings) -> Patience:
    """When a session counts as idle."""
    from process_janitor.core.idleness import Patience  # only people ask

    return Patience(
        60.0 * options.value("idle_threshold_minutes"),
        60.0 * options.value("min_session_age_minutes"),
    )


def heartbeat_limit(options: Settings) -> float:
    """After how many seconds without a heartbeat the watcher is lost; one that is to come is always waited for."""
    threshold = 60.0 * options.value("stale_heartbeat_threshold_minutes")
    return float(max(threshold, 2.0 * options.value("heartbeat_interval_seconds")))


def policy(root: str, options: Settings, *, idle: bool = False) -> Policy:
    """What the decision needs of the user's wishes; `idle`: also which sessions nobody uses. Raises Unsafe when the
    keep rules cannot be read.
    """
    rules, problem = load_keep_rules(root)
    if problem:
        raise Unsafe(problem)
    watcher = lease.watching(root)
    return Policy(
        detached=options.value("detached"),
        hung_grace_seconds=float(options.value("hung_grace_seconds")),
        keep_rules=rules,
        own=frozenset({watcher.key} if watcher else ()),
        config_dir=paths.config_name(),
        default_config_dir=paths.default_config_dir(),
        patience=patience(options) if idle else None,
        finds=matching.finds,
    )


__all__ = [
    "Unsafe",
    "heartbeat_limit",
    "keep_rule",
    "load_keep_rules",
    "load_settings",
    "patience",
    "policy",
]
