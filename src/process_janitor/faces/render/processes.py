"""A session's processes as rows: as many columns as there is room for, and a line below where there is more to say."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from process_janitor.core.commands import middle
from process_janitor.core.units import about, age, size
from process_janitor.faces.render.findings import VERDICT_STYLES
from process_janitor.faces.render.fitting import Fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderableType

    Document = dict[str, Any]

_WIDE_FROM = 118  # a terminal of 120, less what a tree is set in
_NARROW_WHAT, _WIDE_WHAT = 26, 44
_INDENT_MAX = 5


class Processes:
    """The rows of a session's tree, parents before children."""

    def __init__(self, rows: Sequence[Document]) -> None:
        self._rows = rows

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        del console
        if not self._rows:
            return
        wide = options.max_width >= _WIDE_FROM
        heads = ["PID", "WHAT", "MEMORY", "CPU", "AGE"]
        heads[-1:] = ["FDS", "CONN", "PORTS", "AGE", "VERDICT"] if wide else ["AGE"]
        table = [heads, *(self._cells(row, wide=wide) for row in self._rows)]
        widths = [max(len(line[at]) for line in table) for at in range(len(heads))]
        head = _line(heads, widths).append("COMMAND")
        head.stylize("dim")
        yield head
        for row, cells in zip(self._rows, table[1:]):
            line = _line(cells, widths)
            if wide:
                start = line.cell_len - 2 - widths[-1]
                line.stylize(VERDICT_STYLES[row["verdict"]], start, start + widths[-1])
            yield Fitted(line, row["command"])
            more = _more(row, wide=wide)
            if more:
                lead = widths[0] + 2 + 2 * min(row["depth"], _INDENT_MAX)
                more.overflow = "fold"
                yield Padding(more, (0, 0, 0, lead))

    @staticmethod
    def _cells(row: Document, *, wide: bool) -> list[str]:
        busy = f"{row['cpu_percent']:.0f} %"
        cells = [str(row["pid"]), _what(row, wide=wide), size(row["memory_bytes"]), busy]
        if not wide:
            return [*cells, about(row["age_seconds"])]
        held = row["descriptors"]
        return [
            *cells, "-" if held is None else str(held), str(row["connections"] or "-"),
            ",".join(map(str, row["ports"])) or "-", age(row["age_seconds"]), row["verdict"],
        ]  # fmt: skip


def label(row: Document) -> str:
    """What a process is: the name of its server where it has one, else its kind."""
    kind, server = str(row["kind"]), str(row["mcp_server"])
    return f"{server} ({kind})" if server else kind


def telling(row: Document) -> bool:
    """Whether the verdict on a process needs a word: what is kept because its session lives does not."""
    return row["verdict"] != "keep" or not {"live-owner"} & set(row["vetoes"])


def _what(row: Document, *, wide: bool) -> str:
    """Indented below its parent. Where there is little room a server is its name alone."""
    indent = "  " * min(row["depth"], _INDENT_MAX)
    plain = not wide and row["mcp_server"] and row["kind"] == "mcp-server"
    said = row["mcp_server"] if plain else label(row)
    return str(indent + middle(said, max(8, (_WIDE_WHAT if wide else _NARROW_WHAT) - len(indent))))


def _line(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """The columns of one row: what it is and its verdict to the left, numbers to the right."""
    parts = [
        f"{cell:<{width}}" if at in (1, 8) else f"{cell:>{width}}"
        for at, (cell, width) in enumerate(zip(cells, widths))
    ]
    line = "  ".join(parts) + "  "
    return Text(line, no_wrap=True, overflow="ellipsis")


def _more(row: Document, *, wide: bool) -> Text:
    """The reason of a verdict that is not a matter of course, and what had no room above."""
    line = Text()
    if telling(row):
        line.append(row["verdict"], VERDICT_STYLES[row["verdict"]])
        line.append(f": {row['reason']}" if row["reason"] else "", "dim")
    said = []
    if not wide:
        said += [f"port {', '.join(map(str, row['ports']))}"] if row["ports"] else []
        said += [f"{row['connections']} connected"] if row["connections"] else []
    if row["swap_bytes"]:
        said.append(f"{size(row['swap_bytes'])} in swap")
    if said:
        line.append("; " if line.plain else "").append(", ".join(said), "dim")
    return line


__all__ = ["Processes", "label", "telling"]
