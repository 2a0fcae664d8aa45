"""Closing a session's record: how it ended, written down once."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.system import clock, identity
from process_janitor.system.registry import Entry, Registry, as_session


def close(registry: Registry, entry: Entry, noticed: str = "") -> None:
    """Mark a session as over. The record stays: what it left running is known by it. Raises OSError.

    `noticed`: when its process was seen to be gone, "" for now.
    """
    with registry.lock():
        # Read again under the lock: a goodbye may have come in since.
        current = registry.find(*entry.owner.key, entry.record["session_id"])
        if current is None or current.record.get("closed"):
            return
        session = as_session(current, clock.monotonic(), identity.boot_id())
        state = "ended" if session.ended_reason else "crashed"
        if current.record.get("hung"):
            state = "hung"
        # The journal first: killed in between, the story is told twice rather than never.
        Journal(registry.root).session_over(session, state, noticed)
        registry.write({**current.record, "closed": {"at": clock.utc(), "state": state}})


def mark_hung(registry: Registry, key: tuple[int, int]) -> None:
    """Note that this session's process had to be ended after its goodbye. Raises OSError."""
    with registry.lock():
        # Found under the lock: a hook may have moved the record, and the old one must not come back.
        entry = registry.find(*key)
        if entry is not None:
            registry.write({**entry.record, "hung": {"at": clock.utc()}})


__all__ = ["close", "mark_hung"]
