"""The JSON documents of what was done earlier, or only played: the journal's lines, its days, a demonstration."""

from __future__ import annotations

from process_janitor.core.trend import Day
from process_janitor.system import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from process_janitor.faces.documents import Document

HISTORY = "process-janitor.history/1"
TREND = "process-janitor.trend/1"
DEMO = "process-janitor.demo/1"


def history(entries: Sequence[Document]) -> Document:
    """The journal's lines, oldest first, and what they come to."""
    ended = [e for e in entries if e.get("event") == "action" and e.get("outcome") == "gone"]
    freed = sum(e["freed_bytes"] for e in ended if type(e.get("freed_bytes")) is int)
    return {
        "schema": HISTORY,
        "entries": list(entries),
        "totals": {"ended": len(ended), "freed_bytes": freed},
    }


def trend(days: Sequence[Day]) -> Document:
    """The journal as a series, oldest day first, and what it comes to."""
    rows = [day._asdict() for day in days]
    sums = {name: sum(row[name] for row in rows) for name in Day._fields[1:]}
    return {"schema": TREND, "at": clock.utc(), "days": rows, "totals": sums}


def demo(steps: Sequence[Document], *, seconds: float, passed: bool) -> Document:
    return {"schema": DEMO, "steps": list(steps), "seconds": round(seconds, 2), "passed": passed}


__all__ = ["DEMO", "HISTORY", "TREND", "demo", "history", "trend"]
