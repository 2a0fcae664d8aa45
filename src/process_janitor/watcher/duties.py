"""What the watcher does, one duty a function: stamp, clean after a death, end the hung, tell the next session."""

from __future__ import annotations

import os

from process_janitor.actions.journal import Journal
from process_janitor.core import jsontext
from process_janitor.sweep import look, proven, sweep
from process_janitor.system import clock, config, files, identity, leftovers
from process_janitor.system.registry import Entry, Registry, as_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from process_janitor.core.model import Decision
    from process_janitor.core.settings import Settings

_LOG_MAX = 256 * 1024


def stamp(entry: Entry, now: float, boot_id: str) -> None:
    """Refresh a session's heartbeat. A full disk costs a stamp, not the watcher: a late one proves nothing anyway."""
    line = {"boot_id": boot_id, "monotonic": now, "at": clock.utc(), "watcher": os.getpid()}
    try:
        files.write_text(os.path.join(entry.directory, "heartbeat"), jsontext.dumps(line) + "\n")
    except OSError as error:
        log(os.path.dirname(os.path.dirname(entry.directory)), f"no heartbeat for {entry.path}: {error}")


def clean_after(registry: Registry, options: Settings, gone: Collection[tuple[int, int]]) -> None:
    """Do for these dead sessions what `auto` would, then close their records."""
    root = registry.root
    if options.value("cleanup_on_exit"):
        try:
            sweep(root, options, "watcher", lambda d: proven(d) and _belongs(d, gone), options.value("auto_limit"))
        except config.Unsafe as error:
            log(root, f"nothing was cleaned: {error}")
    for key in gone:
        entry = registry.find(*key)
        if entry is not None and not entry.record.get("closed"):
            close(registry, entry)
    note_leftovers(root, options)


def _belongs(decision: Decision, owners: Collection[tuple[int, int]]) -> bool:
    return decision.owner is not None and decision.owner.key in owners


def clean_all(root: str, options: Settings) -> None:
    """What `process-janitor auto` does, at the start of a session. Raises config.Unsafe, OSError."""
    sweep(root, options, "auto-on-start", proven, options.value("auto_limit"))
    note_leftovers(root, options)


def close(registry: Registry, entry: Entry) -> None:
    """Mark a session as over, and write down how it ended. The record stays: what it left running is known by it."""
    session = as_session(entry, clock.monotonic(), identity.boot_id())
    state = "ended" if session.ended_reason else "crashed"
    registry.write({**entry.record, "closed": {"at": clock.utc(), "state": state}})
    Journal(registry.root).session_over(session, state)


def close_after_reboot(registry: Registry, entry: Entry) -> None:
    """A record of an earlier boot of this host: its processes are gone with the boot. Another host's is left alone."""
    if entry.record.get("host") == identity.host_name():
        close(registry, entry)


def end_hung(root: str, options: Settings, owners: Collection[tuple[int, int]]) -> None:
    """End sessions whose process is still there long after it said goodbye."""
    try:
        sweep(root, options, "watcher", lambda d: proven(d) and d.process.key in owners, options.value("auto_limit"))
    except config.Unsafe as error:
        log(root, f"nothing was cleaned: {error}")


def note_leftovers(root: str, options: Settings) -> None:
    """Leave a note for the next SessionStart, so that telling the user costs that hook nothing."""
    try:
        policy = config.policy(root, options)
    except config.Unsafe as error:
        log(root, str(error))
        return
    leftovers.store(root, [d.identity for d in look(root, policy).decisions if proven(d)])


def log(root: str, text: str) -> None:
    """One line in logs/watcher.log. A log that cannot be written is no reason to stop watching."""
    path = os.path.join(root, "logs", "watcher.log")
    try:
        files.make_directory(os.path.dirname(path))
        files.append_bounded(path, f"{clock.utc()} {text}", _LOG_MAX)
    except OSError:
        return


__all__ = ["clean_after", "clean_all", "close", "close_after_reboot", "end_hung", "log", "note_leftovers", "stamp"]
