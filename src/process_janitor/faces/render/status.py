"""The page of `status`: the caller's session in about ten lines."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from process_janitor.core.units import age, count
from process_janitor.faces import words
from process_janitor.faces.render.findings import STATE_STYLES, VERDICT_STYLES
from process_janitor.faces.render.processes import Processes
from process_janitor.faces.render.report import held
from process_janitor.faces.render.times import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]

# What a session has put in the background is its own and hangs on nothing of it any more.
_LET_GO = "let go"
_NAMES = {
    "mcp-server": ("server",),
    "bash-task": ("Bash call",),
    "other": ("other process", "other processes"),
    _LET_GO: ("process in the background", "processes in the background"),
}
_FINDINGS_MAX = 5


def status_page(
    document: Document, type_this: str, later: Mapping[str, str], *, verbose: bool = False
) -> Page:
    """`later` says what will make a missing `record` or `watcher` be there."""
    session, watcher = document["session"], document["watcher"]
    state = session["state"]
    head = Text(overflow="fold").append(state, STATE_STYLES.get(state, "bold"))
    head.append(f" ({words.STATES[state]})", "dim").append(f"  session {session['session_id']}")
    page: Page = [head]
    where = session["terminal"] or "none"
    lines = [("project", session["cwd"] or "-"), ("terminal", f"{where}, process {session['pid']}")]
    started = local(session["started_at"]) if session["started_at"] else "-"
    since = session["age_seconds"]
    lines.append(("started", started + (f" ({age(since)} ago)" if since is not None else "")))
    quiet = session["quiet_seconds"]
    lines.append(("last activity", f"{age(quiet)} ago" if quiet is not None else "none yet"))
    if session["aliases"]:
        lines.append(("earlier ids", ", ".join(session["aliases"])))
    if not document["record"]:
        lines.append(("record", f"none: {later['record']}"))
    elif verbose:
        lines.append(("record", document["record"]))
    beat = session["heartbeat_age_seconds"]
    runs = f"process {watcher['pid']}" if watcher["alive"] else f"none: {later['watcher']}"
    lines.append(("watcher", runs + (f", heartbeat {age(beat)} ago" if beat is not None else "")))
    lines += [("uses", held(document["totals"])), ("runs", _runs(document["tree"], session["pid"]))]
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in lines:
        grid.add_row(Text(name, "dim"), Text(value, overflow="fold"))
    page.append(grid)
    if verbose:
        page += [Text(), Processes(document["tree"]), Text()]
    page += _findings(document["findings"])
    next_step = f"{type_this} report    (all sessions, with their processes)"
    if state == "hung":
        # It has no next turn, and whoever asks from a Bash call of it wants to be rid of it.
        next_step = (
            f"{type_this} stop --session {session['pid']}    (asks, then ends it with all it runs)"
        )
    return [*page, Text(f"Next: {next_step}", "bold", overflow="fold")]


def _runs(tree: list[Document], pid: int) -> str:
    """How many servers and tasks there are, servers by their names. What they started themselves is not counted."""
    kinds: dict[str, list[Document]] = {}
    for row in tree:
        if row["class"] == "zombie":
            continue  # it runs no more
        if row["depth"] == 1:
            kinds.setdefault(row["kind"], []).append(row)
        elif not row["depth"] and row["pid"] != pid:
            kinds.setdefault(_LET_GO, []).append(row)
    parts = []
    for kind, rows in kinds.items():
        named = sorted({row["mcp_server"] for row in rows} - {""})
        said = count(len(rows), *_NAMES.get(kind, (kind,)))
        parts.append(f"{said} ({', '.join(named)})" if named else said)
    return ", ".join(parts) or "nothing beside itself"


def _findings(findings: list[Document]) -> Page:
    page: Page = []
    for one in findings[:_FINDINGS_MAX]:
        line = Text(overflow="fold").append(one["verdict"], VERDICT_STYLES[one["verdict"]])
        who = f" {one['pid']}" if one["pid"] else ""
        said = "; ".join(
            part for part in (words.CLASSES.get(one["class"], ""), one["about"]) if part
        )
        page.append(line.append(f"{who}: {said}"))
    if len(findings) > _FINDINGS_MAX:
        page.append(Text(f"and {count(len(findings) - _FINDINGS_MAX, 'more finding')}", "dim"))
    return page


__all__ = ["status_page"]
