"""Closing a session's record: how it ended, written down once, and whether it has been cleaned after."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.system import clock, identity
from process_janitor.system.registry import Entry, Registry, as_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def settled(record: Mapping[str, Any]) -> bool:
    """Whether a record is closed and nothing is left to be done for it."""
    closed = record.get("closed")
    return bool(closed) and not (isinstance(closed, dict) and closed.get("unfinished"))


def close(registry: Registry, entry: Entry, noticed: str = "", *, cleaned: bool = True) -> None:
    """Mark a session as over. The record stays: what it left running is known by it. Raises OSError.

    `noticed`: when its process was seen to be gone, "" for now. `cleaned`: else it is still to be cleaned after, by whoever
    watches then.
    """
    with registry.lock():
        # Read again under the lock: a goodbye may have come in since.
        current = registry.find(*entry.owner.key, entry.record["session_id"])
        if current is None or settled(current.record):
            return
        closed = current.record.get("closed")
        if closed and not cleaned:
            return
        if not closed:
            session = as_session(current, clock.monotonic(), identity.boot_id())
            state = "ended" if session.ended_reason else "crashed"
            if current.record.get("hung"):
                state = "hung"
            # The journal first: killed in between, the story is told twice rather than never.
            Journal(registry.root).session_over(session, state, noticed)
            closed = {"at": clock.utc(), "state": state}
        closed = {name: value for name, value in closed.items() if name != "unfinished"}
        if not cleaned:
            closed["unfinished"] = True
        registry.write({**current.record, "closed": closed})


def mark_hung(registry: Registry, key: tuple[int, int], session_id: str) -> None:
    """Note that this session's process had to be ended after its goodbye; its id was `session_id`. Raises OSError."""
    with registry.lock():
        # Found under the lock: a hook may have moved the record, and the old one must not come back.
        entry = registry.find(*key, session_id)
        if entry is not None:
            registry.write({**entry.record, "hung": {"at": clock.utc()}})


__all__ = ["close", "mark_hung", "settled"]
