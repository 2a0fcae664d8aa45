"""What a starting session sets going, and what it tells the user: all of it detached, or already known."""

from __future__ import annotations

import os

from process_janitor.core.plausible import natural
from process_janitor.system import (
    built,
    files,
    identity,
    launch,
    lease,
    leftovers,
    paths,
    worlds,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from process_janitor.core.model import Identity
    from process_janitor.core.settings import Settings
    from process_janitor.system.registry import Registry

_PROBLEMS_NAME = "config.problems"
# Retention leaves half as many. To read 100,000 took 8 s, and the session waits.
_SESSIONS_MAX = 5000
# Settings of the user's environment, and answers given at the installation, which the client hands to every hook.
_PREFIXES = ("PROCESS_JANITOR_", "CLAUDE_PLUGIN_OPTION_")
# Variables of ours that set no value of the configuration.
_NO_SETTINGS = frozenset(
    {
        "PROCESS_JANITOR_HOME",
        "PROCESS_JANITOR_VENV",
        "PROCESS_JANITOR_KEEP",
        "PROCESS_JANITOR_NO_BUILD",
    }
)


def ensure_watcher(root: str) -> bool:
    """Start this world's watcher if nobody holds its lease, or one of an older version does, or one that is lost. True when one
    was started.
    """
    place = worlds.directory(root)
    held = lease.acquire(place)
    if held is None:
        if not _is_outdated(lease.version(place)) and not lease.lost(place, identity.boot_id()):
            return False
        # It is asked to step down. Whether one that does not may be ended is its successor's affair: no hook waits for it.
        files.touch(os.path.join(place, lease.RETIRE_NAME))
        launch.detached(launch.python(launch.script("watcher"), plugin_data_name()))
        return True
    # The watcher is born with the lease: of a hundred sessions that start at once, one starts it.
    command = launch.python(launch.script("watcher"), plugin_data_name(), str(held))
    launch.detached(command, keep=held)
    os.close(held)
    return True


def _is_outdated(running: str) -> bool:
    """Whether the watcher that runs is of an older version than this plugin; False where either cannot be told."""
    ours = _numbers(paths.plugin_version())
    theirs = _numbers(running)
    return bool(ours and theirs and theirs < ours)


def _numbers(version: str) -> tuple[int, ...]:
    found = [natural(part) for part in version.split(".")]
    return tuple(number for number in found if number is not None) if None not in found else ()


def plugin_data_name() -> str:
    """`process-janitor-<marketplace>`, by which the watcher finds the plugin's switch in the settings."""
    return os.path.basename(os.environ.get("CLAUDE_PLUGIN_DATA", "").rstrip("/"))


def session_start(
    registry: Registry,
    session_id: str,
    owner: Identity,
    log: Callable[[str], None],
    *,
    watcher_started: bool,
) -> str:
    """The one line for the user, "" when all is well. Also starts `auto` and the environment's building where due.

    `log` gets a line for what is wrong with the configuration, whenever that has changed.
    """
    root = registry.root
    build_environment(root)
    options = _configured()
    lines = []
    problems = options.problems if options is not None else ()
    if problems:
        lines.append(
            "the configuration is broken and defaults are used instead; /cleanup config check names the place"
        )
    _log_changed(root, problems, log)
    rivals = _rivals(registry, session_id, owner)
    if rivals:
        others = ", ".join(str(pid) for pid in rivals)
        lines.append(
            f"this conversation is also open in process {others}: two writers, one transcript"
        )
    # Known from the living watcher; only when there was none does the first session look for itself.
    note = leftovers.still_there(root, owner.boot_id)
    if options is not None and options.value("auto_cleanup_on_start"):
        launch.detached(launch.python(launch.script("watcher"), "--auto"))
    else:
        pids = _left_over(registry) if watcher_started else note.found
        if pids:
            lines.append(_of_leftovers(pids))
    if os.path.exists(os.path.join(root, "notices")):
        lines += _news(root)
    sessions = len({*note.sessions, owner.pid})
    if sessions > 1:
        # Whoever is alone has nothing to end, and most are: they do not even pay for the import.
        from process_janitor.faces import overloaded

        limit = options.value("max_sessions_warning") if options is not None else None
        warned = overloaded.warning(root, sessions, limit, owner.boot_id)
        lines += [warned] if warned else []
    return "process-janitor: " + "; ".join(lines) if lines else ""


def _of_leftovers(pids: Sequence[int]) -> str:
    # Most sessions start without any, and do not pay for the import.
    from process_janitor.core.units import size as in_words
    from process_janitor.system import memory

    size = sum(memory.read(pid).held for pid in pids)
    one = len(pids) == 1
    return (
        f"{len(pids)} process{'' if one else 'es'} of dead sessions {'holds' if one else 'hold'} "
        f"{in_words(size)}; see /cleanup scan, end {'it' if one else 'them'} with /cleanup run"
    )


def _news(root: str) -> list[str]:
    """What happened since and no desktop has shown. Told once."""
    from process_janitor.core.notices import line
    from process_janitor.system import notices

    said = line(notices.take(root), identity.runs)
    return [said] if said else []


def _configured() -> Settings | None:
    """The settings; None where nothing is set: most users have configured nothing, and need not wait for their loading."""
    named = (name for name in os.environ if name.startswith(_PREFIXES) and name not in _NO_SETTINGS)
    if not os.path.lexists(paths.config_file()) and not any(named):
        return None
    from process_janitor.system.config import load_settings

    return load_settings()


def _log_changed(root: str, problems: Sequence[str], log: Callable[[str], None]) -> None:
    """Every session starts with the same broken file: once is enough, and what was logged last is noted."""
    note = os.path.join(root, _PROBLEMS_NAME)
    text = "".join(f"{' '.join(problem.split())}\n" for problem in problems)
    text = text.encode("utf-8", "replace").decode()
    try:
        logged = files.read_text(note)
    except OSError:
        logged = ""
    if text == logged:
        return
    for line in text.splitlines():
        log(f"configuration, its default is used: {line}")
    try:
        files.write_text(note, text)
    except OSError as error:
        log(f"{note}: {error.strerror}")  # the user is to be told all the same


def _left_over(registry: Registry) -> Sequence[int]:
    root = registry.root
    if len(os.listdir(registry.sessions)) > _SESSIONS_MAX:
        # Nobody has pruned for long. The watcher that was just started does, and the next session is told what it found.
        return ()
    from process_janitor.sweep import look
    from process_janitor.system.config import Unsafe, load_settings, policy

    try:
        options = load_settings()
        judged = look(root, policy(root, options))
        return [d.process.pid for d in leftovers.resting(judged.decisions, registry, options)]
    except Unsafe:
        return []


def _rivals(registry: Registry, session_id: str, owner: Identity) -> list[int]:
    """Other living claude processes that registered under the same id."""
    keys = (entry.owner.key for entry in registry.of_session(session_id))
    return [key[0] for key in keys if key != owner.key and identity.runs(*key)]


def build_environment(root: str, *, now: bool = False) -> None:
    """The command line's environment is built on the side; tracking and cleaning work without it.

    The builder leaves a note in the state directory: the id of the pinned libraries it installed, and where.
    """
    plugin = paths.plugin_root()
    script = os.path.join(plugin, "scripts", "bootstrap.py")
    if not plugin or not os.path.exists(script):
        return
    try:
        noted = built.read(root)
        ready = noted.libraries == built.wanted(plugin) and os.path.exists(noted.python)
    except OSError:
        ready = False
    if not ready:
        # With our own environment: where packages come from may be set there. It cleans it for what it leaves running.
        # `now`: somebody waits for it, so an attempt that failed a moment ago is no reason to wait.
        words = ("--detached", "--now") if now else ("--detached",)
        launch.detached(launch.python(script, *words), os.environ)


__all__ = ["build_environment", "ensure_watcher", "plugin_data_name", "session_start"]
