"""The cleaning itself, in a child of the watcher: everything in here decides, and may signal."""

from __future__ import annotations

import time

from process_janitor.sweep import look, proven, sweep
from process_janitor.system import leftovers
from process_janitor.system.config import load_settings, policy
from process_janitor.system.registry import Registry
from process_janitor.watcher.closing import close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from process_janitor.core.model import Decision

_GOODBYE_SECONDS = 0.5


def clean(root: str, gone: Collection[tuple[int, int]], hung: Collection[tuple[int, int]]) -> None:
    """Do for these dead sessions what `auto` would, end the hung ones, and note what is left over.

    Raises config.Unsafe when the user's keep rules cannot be read, OSError when the state directory cannot be used.
    """
    options = load_settings()
    limit = options.value("auto_limit")

    def belongs(decision: Decision) -> bool:
        return proven(decision) and decision.owner is not None and decision.owner.key in gone

    def hangs(decision: Decision) -> bool:
        return proven(decision) and decision.process.key in hung

    if gone and options.value("cleanup_on_exit"):
        sweep(root, options, "watcher", belongs, limit)
    if hung:
        sweep(root, options, "watcher", hangs, limit)
    _close_all(Registry(root), gone)
    judged = look(root, policy(root, options))
    leftovers.store(root, [d.identity for d in judged.decisions if proven(d)])


def _close_all(registry: Registry, gone: Collection[tuple[int, int]]) -> None:
    """Close the records, with a moment's patience for a goodbye: its hook was started before the process ended."""
    until = time.monotonic() + _GOODBYE_SECONDS
    for key in gone:
        entry = registry.find(*key)
        while entry is not None and not entry.record.get("ended") and time.monotonic() < until:
            time.sleep(0.05)
            entry = registry.find(*key)
        if entry is not None and not entry.record.get("closed"):
            close(registry, entry)


def clean_all(root: str) -> None:
    """What `process-janitor auto` does, at the start of a session. Raises config.Unsafe, OSError."""
    options = load_settings()
    sweep(root, options, "auto-on-start", proven, options.value("auto_limit"))
    clean(root, (), ())


__all__ = ["clean", "clean_all"]
