"""Times as the user's own clock shows them."""

from __future__ import annotations


def local(at: str) -> str:
    """A time of the journal (UTC) on the user's own clock: `2026-11-21 09:00:00`; what is no time stays as it is."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return at


__all__ = ["local"]
