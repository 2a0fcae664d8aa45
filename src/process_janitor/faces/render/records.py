"""The pages about what is written down: history, keep rules, configuration."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from process_janitor.core.units import count, size
from process_janitor.faces import documents
from process_janitor.faces.render.fitting import Fitted
from process_janitor.faces.render.times import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from rich.console import RenderableType

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
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    for name in ("WHEN", "WHAT", "PID"):
        grid.add_column(name, no_wrap=True, justify="right" if name == "PID" else "left")
    grid.add_column("WHY AND WHO", ratio=1, no_wrap=True, overflow="ellipsis")
    for entry in entries:
        what = str(entry.get("outcome") or entry.get("state") or entry["event"])
        pid = str(entry["pid"]) if "pid" in entry else ""
        grid.add_row(
            _when(entry),
            Text(what, _OUTCOME_STYLES.get(what, "")),
            pid,
            _about(entry),
        )
    totals = document["totals"]
    said = f"{count(totals['ended'], 'process', 'processes')} ended, {size(totals['freed_bytes'])} freed in the {count(len(entries), 'line')} shown."
    return [
        grid,
        Text(),
        *(() if abnormal else (Text(said),)),
        Text(f"Next: {type_this} history --json    (with the evidence)", "bold"),
    ]


def _when(entry: Document) -> str:
    return local(str(entry.get("at", "")))


def _about(entry: Document) -> Fitted:
    if entry["event"] == "action":
        sent = (
            "+".join(str(name).removeprefix("SIG") for name in entry.get("signals") or ())
            or "no signal"
        )
        freed = entry.get("freed_bytes")
        freed = freed if type(freed) is int else 0  # a foreign line may hold anything
        done = f"{entry.get('class', '')}, {sent}, {size(freed)}, by {entry.get('trigger', '?')}"
        return Fitted(f"{done}: ", str(entry.get("command", "")))
    if entry["event"] == "lock":
        done = f"{entry.get('class', '')}, by {entry.get('trigger', '?')}"
        refused = f", {entry['why']}" if entry.get("why") else ""
        return Fitted(f"{done}{refused}: ", str(entry.get("path", "")), program=False)
    if entry["event"] == "session":
        said = f" after saying {entry['reason']}" if entry.get("reason") else ""
        return Fitted(
            f"session {entry.get('session_id', '')}{said}  ",
            str(entry.get("cwd", "")),
            program=False,
        )
    return Fitted("", str(entry.get("text", "")), program=False)


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
