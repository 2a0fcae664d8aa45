"""One row of the live view as a line of text: what it is, its word, its figures, and how they went."""

from __future__ import annotations

from rich.cells import set_cell_size
from rich.console import Group
from rich.segment import Segment
from rich.text import Text

from process_janitor.core.commands import brief, middle
from process_janitor.core.units import about, age, count, size
from process_janitor.faces import words
from process_janitor.faces.render.findings import STATE_STYLES, VERDICT_STYLES
from process_janitor.faces.render.fitting import Fitted
from process_janitor.faces.render.report import heard, held
from process_janitor.faces.watching.model import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderableType

    from process_janitor.faces.watching.model import Row

    Document = dict[str, Any]

BLOCKS = "▁▂▃▄▅▆▇█"
# Of a core: what uses less than this all the time stays at the bottom and does not look busy.
_CPU_FLOOR = 20.0
_INDENT_MAX = 6
# With less room than this a command says nothing.
_COMMAND_LEAST = 8


class Printable:
    """A page in which nothing is an order to the terminal, whatever a command or a directory is called."""

    def __init__(self, page: Sequence[RenderableType]) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(Group(*self._page), options):
            if not segment.control:
                text = "\n".join(plain(part) for part in segment.text.split("\n"))
                yield Segment(text, segment.style)


def spark(values: Sequence[float], width: int, *, least: float = 0.0, from_zero: bool = False) -> str:  # fmt: skip
    """The last `width` values as blocks, right-aligned. `least` is the smallest span that fills the whole height.

    Without `from_zero` what hardly changes stays in the middle: a plot that climbs then means growth.
    """
    last = values[-width:]
    if not last or width <= 0:
        return " " * max(0, width)
    low, high = min(last), max(last)
    span = max(high if from_zero else high - low, least, 1e-9)
    base = 0.0 if from_zero else low - (span - (high - low)) / 2
    top = len(BLOCKS) - 1
    drawn = (BLOCKS[min(top, max(0, round((value - base) / span * top)))] for value in last)
    return "".join(drawn).rjust(width)


def memory_spark(values: Sequence[int], width: int) -> str:
    """Memory: a change of less than a fifth is not drawn over the whole height."""
    return spark(values, width, least=0.2 * max(values, default=0))


def cpu_spark(values: Sequence[float], width: int) -> str:
    return spark(values, width, least=_CPU_FLOOR, from_zero=True)


def plot_width(width: int) -> int:
    """How many samples are drawn where a line has so many columns; 0 where the numbers alone have room."""
    if width < 64:
        return 0
    return 8 if width < 110 else 16


def heading(width: int, sort: str) -> Text:
    """The names of the columns, with an arrow at the one that sorts."""
    plot = plot_width(width)
    gap = " " * (plot + 1 if plot else 0)
    names = {one: name + ("↓" if one == sort else "") for one, name in _NAMES.items()}
    right = f"{'STATE':<9}{names['memory']:>8}{gap}{names['cpu']:>7}{gap}{names['age']:>8}"
    return Text(_fitted("  SESSION / PROCESS", width - len(right)) + right)


_NAMES = {"memory": "MEMORY", "cpu": "CPU", "age": "AGE"}


def line(row: Row, width: int) -> Text:
    """The row in exactly `width` columns."""
    right = Text()
    right.append(f"{row.word:<9}", style_of(row))
    right.append_text(_figures(row, plot_width(width)))
    right.append(f"{about(row.age):>8}")
    left = Text()
    left.append("  " * min(row.depth, _INDENT_MAX))
    left.append(("▾ " if row.open else "▸ ") if row.below else "  ", "dim")
    left.append(row.label, "bold" if row.kind in ("session", "group") else "")
    if row.leftovers and (row.kind != "process" or not row.open):
        left.append(f"  {row.leftovers} reap", VERDICT_STYLES["reap"])
    elif row.below and not row.open:
        left.append(f"  +{row.below}", "dim")
    room = width - right.cell_len
    if row.pid and row.kind != "session":
        command = brief(plain(row.document["command"]))
        free = room - left.cell_len - 3
        left.append(f"  {middle(command, free)}" if free >= _COMMAND_LEAST else "", "dim")
    if room <= 1:
        left = Text()  # to rich, no width is no limit
    left.truncate(max(1, room - 1), overflow="ellipsis")
    left.append(" " * max(0, room - left.cell_len))
    return left.append_text(right)


def _figures(row: Row, plot: int) -> Text:
    """Memory and processor time, each with its plot; dashes for what is no process and uses nothing."""
    said = Text()
    if row.pid is None and not row.memory:
        gap = " " * (plot + 1 if plot else 0)
        return said.append(f"{'-':>8}{gap}{'-':>7}{gap}", "dim")
    said.append(f"{size(row.memory):>8}")
    if plot:
        said.append(" " + memory_spark(row.track.memory, plot), "cyan")
    said.append(f"{row.cpu:>5.0f} %")
    if plot:
        said.append(" " + cpu_spark(row.track.cpu, plot), "blue")
    return said


def style_of(row: Row) -> str:
    styles = STATE_STYLES if row.kind == "session" else VERDICT_STYLES
    return styles.get(row.word, "")


def head(document: Document, memory: Sequence[int], cpu: Sequence[float], width: int) -> Text:
    """Two lines: what there is, and what a cleanup would free."""
    totals, host, freed = document["totals"], document["host"], document["would_free"]
    said = Text(no_wrap=True, overflow="ellipsis")
    sessions = count(totals["running"], "session")
    said.append(f"{sessions}, {count(totals['processes'], 'process', 'processes')}", "bold")
    plot = plot_width(width)
    said.append(f"  {size(totals['memory_bytes'])} ")
    said.append(memory_spark(memory, plot), "cyan")
    said.append(f"  CPU {totals['cpu_percent']:.0f} % ")
    said.append(cpu_spark(cpu, plot), "blue")
    said.append(f"  load {host['load'][0]:.1f}/{host['cores']}", "dim")
    said.append("\n")
    if freed["processes"]:
        what = count(freed["processes"], "leftover process", "leftover processes")
        said.append(f"would free: {held(freed, processes=False)}", VERDICT_STYLES["reap"])
        said.append(f"  ({what})", VERDICT_STYLES["reap"])
    else:
        said.append("would free: nothing", VERDICT_STYLES["keep"])
    if totals["report"]:
        said.append(f"  {count(totals['report'], 'finding')} to look at", VERDICT_STYLES["report"])
    return said


def detail(row: Row) -> list[RenderableType]:
    """Three lines about the selected row: what it is in full, why its word, what it holds."""
    one = row.document
    if row.kind == "group":
        return [Text("What was found beside the sessions: e says what each means.", "dim")]
    if row.kind == "session":
        who = f"session {one['session_id'] or '-'}" + (
            f", process {one['pid']}" if one["pid"] else ""
        )
        where = f"{one['terminal']}  " if one["terminal"] else ""
        lead = Text(f"{row.word} ({words.STATES.get(row.word, row.word)})  ", style_of(row))
        return [
            Fitted(lead, f"{where}{one['cwd']}", program=False),
            _one_line(who),
            _one_line(f"{held(one['totals'])}; {', '.join(heard(one))}"),
        ]
    command: RenderableType = Fitted(f"{row.pid or '-'}  ", one["command"] or one["about"])
    why = Text(no_wrap=True, overflow="ellipsis")
    why.append(row.word, style_of(row))
    reason = one.get("reason") or one.get("about") or words.CLASSES.get(one["class"], "")
    why.append(f": {reason}" if reason else "")
    parts = [age(row.age)] if row.pid else []
    parts += [f"{size(one['swap_bytes'])} in swap"] if one["swap_bytes"] else []
    parts += [count(one["descriptors"], "descriptor")] if one.get("descriptors") else []
    parts += [count(one["connections"], "connection")] if one.get("connections") else []
    parts += [f"port {', '.join(map(str, one['ports']))}"] if one["ports"] else []
    return [command, why, _one_line(", ".join(parts))]


def _one_line(text: str) -> Text:
    return Text(text, "dim", no_wrap=True, overflow="ellipsis")


def _fitted(text: str, width: int) -> str:
    return set_cell_size(text, max(0, width))


__all__ = [
    "Printable", "cpu_spark", "detail", "head", "heading", "line", "memory_spark", "plot_width", "spark", "style_of",
]  # fmt: skip
