"""The pages about what is written down: history, keep rules, configuration."""

from __future__ import annotations

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.units import count, size
from process_janitor.faces import documents, words
from process_janitor.faces.render.fitting import Fitted
from process_janitor.faces.render.times import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Literal

    from rich.console import Console, ConsoleOptions, RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]
    State = Literal["there", "ended", "unusable"]

_OUTCOME_STYLES = {
    "gone": "green",
    "survived": "bold red",
    "refused": "yellow",
    "crashed": "red",
    "hung": "red",
}


def history_page(document: Document, type_this: str, *, abnormal: bool) -> Page:
    entries = document["entries"]
    if not entries:
        said = "No crash and no hang is on record." if abnormal else "Nothing is on record yet."
        return [Text(said, "bold"), Text(f"Next: {type_this} scan", "bold")]
    rows = [_entry(entry) for entry in entries]
    widths = [
        max(len(cells[at]) for cells in (_HEADS, *(row.cells for row in rows))) for at in range(3)
    ]
    head = _line(_HEADS, widths).append("WHAT IT WAS")
    head.stylize("dim")
    totals = document["totals"]
    said = f"{count(totals['ended'], 'process', 'processes')} ended, {size(totals['freed_bytes'])} freed in the {count(len(entries), 'line')} shown."
    return [
        head,
        *(_Told(row, widths) for row in rows),
        Text(),
        *(() if abnormal else (Text(said),)),
        Text(f"Next: {type_this} history --json    (with the evidence)", "bold"),
    ]


_HEADS = ("WHEN", "WHAT", "PID")
# With so many columns what was done and why stands before the command; with fewer below it, and nothing is cut.
_WIDE_FROM = 140


class _Entry(NamedTuple):
    """One line of the journal: its columns, what it is about, and what is to be said of that."""

    cells: tuple[str, str, str]
    subject: str
    told: str
    # Whether the subject is a command, which begins with a program.
    program: bool = False


class _Told:
    """An entry in the room that there is."""

    def __init__(self, entry: _Entry, widths: Sequence[int]) -> None:
        self._entry = entry
        self._widths = widths

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        del console
        entry = self._entry
        line = _line(entry.cells, self._widths)
        start = self._widths[0] + 2
        line.stylize(_OUTCOME_STYLES.get(entry.cells[1], ""), start, start + len(entry.cells[1]))
        if options.max_width >= _WIDE_FROM and entry.subject:
            yield Fitted(line.append(f"{entry.told}: "), entry.subject, program=entry.program)
        elif entry.subject:
            yield Fitted(line, entry.subject, program=entry.program)
            yield Padding(Text(entry.told, "dim", overflow="fold"), (0, 0, 0, start))
        else:
            yield line.append(entry.told) if options.max_width >= _WIDE_FROM else line
            if options.max_width < _WIDE_FROM:
                yield Padding(Text(entry.told, "dim", overflow="fold"), (0, 0, 0, start))


def _line(cells: Sequence[str], widths: Sequence[int]) -> Text:
    when, what, pid = cells
    return Text(
        f"{when:<{widths[0]}}  {what:<{widths[1]}}  {pid:>{widths[2]}}  ", no_wrap=True, overflow="ellipsis"
    )  # fmt: skip


def _entry(entry: Document) -> _Entry:
    what = str(entry.get("outcome") or entry.get("state") or entry["event"])
    cells = (local(str(entry.get("at", ""))), what, str(entry["pid"]) if "pid" in entry else "")
    if entry["event"] == "action":
        return _Entry(cells, str(entry.get("command", "")), _done(entry), program=True)
    why = str(entry.get("why") or "")
    if entry["event"] == "lock":
        told = (str(entry.get("class", "")), f"by {words.by(entry.get('trigger'))}", why)
        return _Entry(cells, str(entry.get("path", "")), ", ".join(filter(None, told)))
    if entry["event"] == "session":
        said = f", after saying {entry['reason']}" if entry.get("reason") else ""
        return _Entry(
            cells, str(entry.get("cwd", "")), f"session {entry.get('session_id', '')}{said}"
        )
    return _Entry(cells, "", str(entry.get("text", "")))


def _done(entry: Document) -> str:
    """What was done to a process, for what reason, by whom."""
    signals = [str(name) for name in entry.get("signals") or ()]
    freed = entry.get("freed_bytes")
    freed = freed if type(freed) is int else 0  # a foreign line may hold anything
    parts = [words.reason_of(entry), "+".join(signals) or "no signal"]
    parts += [f"freed {size(freed)}"] if freed else []
    parts += [f"by {words.by(entry.get('trigger'))}", str(entry.get("why") or "")]
    return ", ".join(filter(None, parts))


def keep_page(document: Document, states: Sequence[State], type_this: str) -> Page:
    """The rules with the numbers that `--remove` takes."""
    if not document["rules"]:
        return [
            Text("Nothing is protected by a rule.", "bold"),
            Text(f"Next: {type_this} keep PID", "bold"),
        ]
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    grid.add_column("N", justify="right")
    grid.add_column("PID", justify="right")
    grid.add_column("KEEPS", ratio=1, overflow="fold")
    for number, (rule, state) in enumerate(zip(document["rules"], states), 1):
        if state == "unusable":
            said = f"unusable: {documents.value_text(rule)[:200]}"
            grid.add_row(str(number), "-", Text(said, "bold red", overflow="fold"))
        elif "command" in rule:
            grid.add_row(
                str(number), "-", Text(f"commands that match {rule['command']}", overflow="fold")
            )
        else:
            shown = str(rule.get("command_shown", "")) + (
                "" if state == "there" else "  (has ended)"
            )
            grid.add_row(str(number), str(rule["pid"]), Text(shown, overflow="fold"))
    page: Page = [grid, Text()]
    if "unusable" in states:
        said = "As long as a rule is unusable, nothing is judged and nothing is ended."
        page.append(Text(said, "bold red", overflow="fold"))
    return [*page, Text(f"Next: {type_this} keep --remove N    (takes one back)", "bold")]


def config_page(document: Document, type_this: str) -> Page:
    """Every setting with its source, and what is wrong."""
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    grid.add_column("KEY", no_wrap=True)
    grid.add_column("VALUE", no_wrap=True)
    grid.add_column("FROM", ratio=1, overflow="fold")
    for name, one in document["values"].items():
        value = str(one["value"]).lower() if isinstance(one["value"], bool) else str(one["value"])
        source = "the file" if one["source"] == document["path"] else str(one["source"])
        grid.add_row(
            name, Text(value, "" if one["source"] == "default" else "bold"), Text(source, "dim")
        )
    page: Page = [grid, Text()]
    page += [Text(problem, "bold red", overflow="fold") for problem in document["problems"]]
    page += [Text(warning, "yellow", overflow="fold") for warning in document["warnings"]]
    there = "" if document["exists"] else " (not there yet)"
    return [
        *page, Text(f"File: {document['path']}{there}", overflow="fold"),
        Text(f"Next: {type_this} config set KEY VALUE", "bold"),
    ]  # fmt: skip


__all__ = ["config_page", "history_page", "keep_page"]
