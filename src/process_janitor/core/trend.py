"""The journal as a series: day by day what was left over, what was ended of it, and what that freed."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any


class Day(NamedTuple):
    """One day in the user's own time. `leftovers` counts processes, however often one was tried; bytes are decimal."""

    day: str
    leftovers: int = 0
    ended: int = 0
    freed_bytes: int = 0
    crashed: int = 0
    hung: int = 0


def trend(
    lines: Iterable[Mapping[str, Any]], days: Sequence[str], day_of: Callable[[str], str]
) -> list[Day]:
    """One row for each of `days`, in their order, also where nothing happened. `day_of` turns a line's time into a day.

    A line without a usable time, or of another day, counts nowhere; whatever else a line holds is believed only where
    it has the right type.
    """
    found: dict[str, dict[str, int]] = {day: dict.fromkeys(Day._fields[1:], 0) for day in days}
    met: set[tuple[str, str]] = set()
    for line in lines:
        at = line.get("at")
        day = day_of(at) if isinstance(at, str) else ""
        if day not in found:
            continue
        row = found[day]
        if line.get("event") == "session" and line.get("state") in ("crashed", "hung"):
            row[str(line["state"])] += 1
        elif line.get("event") == "action" and line.get("trigger") != "stop":
            # What its user has stopped was not left over.
            name = str(line.get("identity", ""))
            row["leftovers"] += (day, name) not in met
            met.add((day, name))
            if line.get("outcome") == "gone":
                freed = line.get("freed_bytes")
                row["ended"] += 1
                row["freed_bytes"] += freed if type(freed) is int and freed > 0 else 0
    return [Day(day, **found[day]) for day in days]


__all__ = ["Day", "trend"]
