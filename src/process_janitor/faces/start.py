"""What a starting session sets going, and what it tells the user: all of it detached, or already known."""

from __future__ import annotations

import os

from process_janitor.core.model import natural
from process_janitor.system import files, launch, lease, leftovers, paths, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Identity
    from process_janitor.system.registry import Registry

# One of them is there where it was configured outside the file: by the user, or as an option of the plugin.
_AUTO_VARIABLES = (
    "PROCESS_JANITOR_AUTO_CLEANUP_ON_START",
    "CLAUDE_PLUGIN_OPTION_AUTO_CLEANUP_ON_START",
)


def ensure_watcher(root: str) -> bool:
    """Start the watcher if nobody holds its lease, or one of an older version does. True when one was started."""
    held = lease.acquire(root)
    if held is None:
        if not _is_outdated(lease.version(root)):
            return False
        files.touch(os.path.join(root, lease.RETIRE_NAME))
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
    registry: Registry, session_id: str, owner: Identity, *, watcher_started: bool
) -> str:
    """The one line for the user, "" when all is well. Also starts `auto` and the environment's building where due."""
    root = registry.root
    build_environment(root)
    lines = []
    rivals = _rivals(registry, session_id, owner)
    if rivals:
        others = ", ".join(str(pid) for pid in rivals)
        lines.append(
            f"this conversation is also open in process {others}: two writers, one transcript"
        )
    if _cleans_on_start():
        launch.detached(launch.python(launch.script("watcher"), "--auto"))
    else:
        pids = _left_over(root, owner, look_now=watcher_started)
        if pids:
            size = sum(procfs.memory(pid) for pid in pids)
            one = len(pids) == 1
            lines.append(
                f"{len(pids)} process{'' if one else 'es'} of dead sessions {'holds' if one else 'hold'} "
                f"{_megabytes(size)}; see /cleanup scan, end {'it' if one else 'them'} with /cleanup run"
            )
    return "process-janitor: " + "; ".join(lines) if lines else ""


def _cleans_on_start() -> bool:
    """`auto_cleanup_on_start`. Most users have configured nothing, and then the settings need not even be loaded."""
    if not os.path.exists(paths.config_file()) and not any(
        name in os.environ for name in _AUTO_VARIABLES
    ):
        return False
    from process_janitor.system.config import load_settings

    return bool(load_settings().value("auto_cleanup_on_start"))


def _left_over(root: str, owner: Identity, *, look_now: bool) -> list[int]:
    """Known from the living watcher's note. Only when there was no watcher does the first session look for itself."""
    if not look_now:
        return leftovers.still_there(root, owner.boot_id) or []
    from process_janitor.sweep import look, proven
    from process_janitor.system.config import Unsafe, load_settings, policy

    try:
        return [
            d.process.pid for d in look(root, policy(root, load_settings())).decisions if proven(d)
        ]
    except Unsafe:
        return []


def _rivals(registry: Registry, session_id: str, owner: Identity) -> list[int]:
    """Other living claude processes that registered under the same id."""
    found = []
    for entry in registry.of_session(session_id):
        process = procfs.process(entry.owner.pid)
        if entry.owner.key != owner.key and process is not None and not process.dead:
            found += [process.pid] if process.start == entry.owner.start else []
    return found


def build_environment(root: str, *, now: bool = False) -> None:
    """The command line's environment is built on the side; tracking and cleaning work without it.

    The builder leaves a note in the state directory: the id of the pinned libraries it installed, and where.
    """
    plugin = paths.plugin_root()
    script = os.path.join(plugin, "scripts", "bootstrap.py")
    if not plugin or not os.path.exists(script):
        return
    try:
        built = files.read_text(os.path.join(root, "environment")).splitlines()
        with open(os.path.join(plugin, "requirements.lock"), "rb") as lock:
            wanted = lock.readline().decode("utf-8", "replace").strip()
    except OSError:
        built, wanted = [], ""
    if (
        len(built) < 2
        or built[0] != wanted
        or not os.path.exists(os.path.join(built[1], "bin", "python"))
    ):
        # With our own environment: where packages come from may be set there. It cleans it for what it leaves running.
        # `now`: somebody waits for it, so an attempt that failed a moment ago is no reason to wait.
        words = ("--detached", "--now") if now else ("--detached",)
        launch.detached(launch.python(script, *words), os.environ)


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


__all__ = ["build_environment", "ensure_watcher", "plugin_data_name", "session_start"]
