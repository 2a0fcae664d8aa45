"""The page of `report`: the machine, every session with its tree, what each kind comes to, and what was found."""

from __future__ import annotations

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from process_janitor.core.units import age, count, size
from process_janitor.faces import words
from process_janitor.faces.render import closing
from process_janitor.faces.render.findings import STATE_STYLES, by_session
from process_janitor.faces.render.processes import Processes
from process_janitor.faces.render.times import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]


def report_page(document: Document, type_this: str, *, verbose: bool = False) -> Page:
    page: Page = [*_head(document)]
    shown = [one for one in document["sessions"] if one["tree"] or one["state"] in ("live", "idle")]
    for one in shown:
        page += [Text(), *session_head(one), Padding(Processes(one["tree"]), (0, 0, 0, 2))]
    page += _empty([one for one in document["sessions"] if one not in shown], verbose=verbose)
    if document["kinds"]:
        page += [Text(), Text("By kind", "bold"), _kinds(document)]
    if document["findings"]:
        page += [Text(), Text("Findings", "bold"), *by_session(document, type_this)]
    if document["unexamined"]:
        said = count(len(document["unexamined"]), "process", "processes")
        page += [Text(), Text(f"{said} of yours could not be examined.", "yellow")]
    return [*page, Text(), Text(_next(document, type_this), "bold", overflow="fold")]


def _head(document: Document) -> Page:
    totals, host = document["totals"], document["host"]
    said = (
        f"{count(totals['sessions'], 'session')}, {totals['running']} running: {held(totals)}."
        if totals["sessions"]
        else "No session is known."
    )
    page: Page = [Text(said, "bold", overflow="fold")]
    parts = [f"load {host['load'][0]:.1f} on {count(host['cores'], 'core')}"]
    if host["memory_total_bytes"]:
        used = host["memory_total_bytes"] - host["memory_available_bytes"]
        parts.append(f"{size(used)} of {size(host['memory_total_bytes'])} memory in use")
    if host["swap_total_bytes"]:
        parts.append(f"{size(host['swap_used_bytes'])} of {size(host['swap_total_bytes'])} swap")
    page.append(Text(f"{host['name']}: {', '.join(parts)}.", "dim", overflow="fold"))
    freed = document["would_free"]
    if freed["processes"]:
        what = count(freed["processes"], "leftover process", "leftover processes")
        page.append(Text(f"run would end {what}: {held(freed, processes=False)}.", "bold red"))
    return page


def held(totals: Document, *, processes: bool = True) -> str:
    """What some processes use and hold, in one line; what is nothing is left out."""
    parts = [count(totals["processes"], "process", "processes")] if processes else []
    parts.append(size(totals["memory_bytes"]))
    if totals["swap_bytes"]:
        parts[-1] += f" ({size(totals['swap_bytes'])} of it in swap)"
    if processes or totals["cpu_percent"] >= 1:
        parts.append(f"CPU {totals['cpu_percent']:.0f} %")
    if totals["descriptors"]:
        parts.append(count(totals["descriptors"], "descriptor"))
    if totals["connections"]:
        parts.append(count(totals["connections"], "connection"))
    if totals["ports"]:
        named = ", ".join(map(str, totals["ports"]))
        parts.append(f"{'port' if len(totals['ports']) == 1 else 'ports'} {named}")
    return ", ".join(parts)


def session_head(session: Document) -> Page:
    """State and project, then who it is, when it was last heard of, and what it comes to."""
    state = session["state"]
    line = Text(overflow="fold")
    line.append(state, STATE_STYLES.get(state, "bold"))
    line.append(f" ({words.STATES[state]})", "dim")
    if session["cwd"]:
        line.append(f"  {session['cwd']}", "bold")
    who = [f"session {session['session_id']}"] if session["session_id"] else ["no session id"]
    who += [f"process {session['pid']}"] if session["pid"] else []
    who += [session["terminal"]] if session["terminal"] else []
    who += [f"host {session['host']}"] if state == "elsewhere" and session["host"] else []
    who += [] if session["registered"] else ["not registered"]
    rows: Page = [line, Text(", ".join(who), "dim", overflow="fold")]
    rows.append(Text(", ".join(heard(session)), "dim", overflow="fold"))
    if session["tree"]:
        rows.append(Text(held(session["totals"]), overflow="fold"))
    return rows


def heard(session: Document) -> list[str]:
    """When it started, did something, and was seen by the watcher."""
    said = []
    if session["started_at"]:
        since = (
            f" ({age(session['age_seconds'])} ago)" if session["age_seconds"] is not None else ""
        )
        said.append(f"started {local(session['started_at'])}{since}")
    if session["quiet_seconds"] is not None:
        said.append(f"last activity {age(session['quiet_seconds'])} ago")
    if session["heartbeat_age_seconds"] is not None:
        said.append(f"heartbeat {age(session['heartbeat_age_seconds'])} ago")
    return said or ["nothing is known of when it started"]


def _empty(sessions: list[Document], *, verbose: bool) -> Page:
    """The sessions of which nothing is left here: a line, or with --verbose a table."""
    if not sessions:
        return []
    if not verbose:
        states: dict[str, int] = {}
        for one in sessions:
            states[one["state"]] = states.get(one["state"], 0) + 1
        named = ", ".join(f"{number} {state}" for state, number in states.items())
        said = f"Of {count(len(sessions), 'more session')} no process is left here ({named}); --verbose lists them."
        return [Text(), Text(said, "dim", overflow="fold")]
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("STATE", "STARTED", "SESSION"):
        grid.add_column(name, no_wrap=name != "SESSION", overflow="fold")
    for one in sessions:
        where = "  ".join(part for part in (one["session_id"], one["host"], one["cwd"]) if part)
        grid.add_row(
            Text(one["state"], STATE_STYLES.get(one["state"], "")), local(one["started_at"]), where
        )
    return [Text(), grid]


def _kinds(document: Document) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("KIND", "PROCESSES", "MEMORY", "CPU", "DESCRIPTORS"):
        grid.add_column(name, no_wrap=True, justify="left" if name == "KIND" else "right")
    for one in document["kinds"]:
        grid.add_row(
            one["kind"], str(one["processes"]), size(one["memory_bytes"]), f"{one['cpu_percent']:.0f} %",
            str(one["descriptors"]),
        )  # fmt: skip
    return grid


def _next(document: Document, type_this: str) -> str:
    if document["would_free"]["processes"]:
        return f"Next: {type_this} run    (shows the plan for what is left over)"
    nothing = f"Next: nothing to do. {type_this} report --html FILE makes a page of this"
    return closing.next_step(document["findings"], type_this) or nothing


__all__ = ["heard", "held", "report_page", "session_head"]
