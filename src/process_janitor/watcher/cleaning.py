"""The cleaning itself, in a child of the watcher: everything in here decides, and may signal."""

from __future__ import annotations

import time

from process_janitor.sweep import look, proven, sweep
from process_janitor.system import clock, leftovers, procfs
from process_janitor.system.config import load_settings, policy
from process_janitor.system.registry import Entry, Registry
from process_janitor.system.retention import prune
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

    def helps(decision: Decision) -> bool:
        return belongs(decision) and decision.kind != "hook"

    def hangs(decision: Decision) -> bool:
        return proven(decision) and decision.process.key in hung

    registry = Registry(root)
    if gone and options.value("cleanup_on_exit"):
        sweep(root, options, "watcher", helps, limit)
        if not _said_goodbye(registry, gone):
            sweep(root, options, "watcher", belongs, limit)
    if hung:
        swept = sweep(root, options, "watcher", hangs, limit)
        for action in swept.actions:
            entry = registry.find(*action.decision.process.key)
            if entry is not None and action.signals:
                registry.write({**entry.record, "hung": {"at": clock.utc()}})
    for key in gone:
        entry = registry.find(*key)
        if entry is not None and not entry.record.get("closed") and not _runs(entry):
            close(registry, entry)
    prune(registry, options.value("retention_days"))
    judged = look(root, policy(root, options))
    leftovers.store(root, [d.identity for d in judged.decisions if proven(d)])


def _said_goodbye(registry: Registry, gone: Collection[tuple[int, int]]) -> bool:
    """Whether all of them did, given a moment: the hook that notes it was started before the process ended.

    Only then is it clear whether hooks that still run were cut off by a crash or are at work after a clean exit.
    """
    until = time.monotonic() + _GOODBYE_SECONDS
    while True:
        entries = [entry for key in gone if (entry := registry.find(*key)) is not None]
        if all(entry.record.get("ended") for entry in entries):
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)


def _runs(entry: Entry) -> bool:
    process = procfs.process(entry.owner.pid)
    return process is not None and process.start == entry.owner.start and not process.dead


def clean_all(root: str) -> None:
    """What `process-janitor auto` does, at the start of a session. Raises config.Unsafe, OSError."""
    options = load_settings()
    sweep(root, options, "auto-on-start", proven, options.value("auto_limit"))
    clean(root, (), ())


__all__ = ["clean", "clean_all"]
