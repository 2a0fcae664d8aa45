"""Plots in plain characters: a bar says the same without colour, and the number stands beside it."""

from __future__ import annotations

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from process_janitor.core.units import count, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]

# Both bars, their numbers and the day fit into the client's 76 columns.
_BAR_WIDTH = 21


def trend_page(document: Document, type_this: str) -> list[RenderableType]:
    """Leftovers and freed memory, a line a day."""
    days, totals = document["days"], document["totals"]
    span = count(len(days), "day")
    crashes = f"{count(totals['crashed'], 'session')} crashed, {totals['hung']} hung"
    if not totals["leftovers"]:
        said = f"Nothing was left over in the last {span}; {crashes}."
        return [Text(said, "bold"), Text(f"Next: {type_this} scan", "bold")]
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column("DAY", no_wrap=True)
    grid.add_column("LEFT OVER", justify="right", no_wrap=True)
    grid.add_column("", width=_BAR_WIDTH, no_wrap=True)
    grid.add_column("FREED", justify="right", no_wrap=True)
    grid.add_column("", width=_BAR_WIDTH, no_wrap=True)
    most = max(one["leftovers"] for one in days)
    largest = max(one["freed_bytes"] for one in days)
    for one in days:
        freed = one["freed_bytes"]
        grid.add_row(
            one["day"],
            str(one["leftovers"] or "-"),
            _bar(one["leftovers"], most, "yellow"),
            size(freed) if freed else "-",
            _bar(freed, largest, "green"),
        )
    left = totals["leftovers"] - totals["ended"]
    not_ended = f" ({left} not ended)" if left > 0 else ""
    said = f"{count(totals['leftovers'], 'process', 'processes')} left over{not_ended}, {size(totals['freed_bytes'])} freed in {span}; {crashes}."
    return [
        grid,
        Text(),
        Text(said, overflow="fold"),
        Text(f"Next: {type_this} history --abnormal", "bold"),
    ]


def _bar(value: int, most: int, colour: str) -> RenderableType:
    """The largest fills its column; whatever is not nothing shows at least a sliver."""
    if not value:
        return ""
    return Bar(most, 0, max(value, most / _BAR_WIDTH / 8), width=_BAR_WIDTH, color=colour)


__all__ = ["trend_page"]
