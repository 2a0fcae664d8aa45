"""Closing a session's record: how it ended, written down once."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.system import clock, identity
from process_janitor.system.registry import Entry, Registry, as_session


def close(registry: Registry, entry: Entry) -> None:
    """Mark a session as over. The record stays: what it left running is known by it. Raises OSError."""
    session = as_session(entry, clock.monotonic(), identity.boot_id())
    state = "ended" if session.ended_reason else "crashed"
    if entry.record.get("hung"):
        state = "hung"
    registry.write({**entry.record, "closed": {"at": clock.utc(), "state": state}})
    Journal(registry.root).session_over(session, state)


__all__ = ["close"]
