"""The pages that only look: scan and explanation. Each ends with what to type next."""

from __future__ import annotations

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from process_janitor.core.units import age, count, size
from process_janitor.faces import words
from process_janitor.faces.render import closing
from process_janitor.faces.render.findings import STATE_STYLES, VERDICT_STYLES, by_session
from process_janitor.faces.render.fitting import Fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]

_LISTED = 8


def scan_page(
    document: Document, type_this: str, *, everything: bool, verbose: bool = False
) -> Page:
    page: Page = [_summary(document)]
    page += by_session(document, type_this)
    page += _sessions(document, verbose=verbose or everything)
    page += _unexamined(document)
    totals = document["totals"]
    if totals["reap"]:
        next_step = f"Next: {type_this} run    (shows the plan and asks)"
        if type_this.startswith("/"):
            next_step = f"Next: {type_this} run    (shows the plan and how to execute it)"
    else:
        kept = f" {type_this} scan --all lists what is kept, and why"
        nothing = f"Next: nothing to do.{kept if totals['keep'] and not everything else ''}"
        next_step = closing.next_step(document["findings"], type_this) or nothing
    return [*page, Text(), Text(next_step, "bold", overflow="fold")]


def _summary(document: Document) -> Text:
    totals = document["totals"]
    held = sum(f["memory_bytes"] for f in document["findings"] if f["verdict"] == "reap")
    line = Text()
    if totals["reap"]:
        line.append(f"{count(totals['reap'], 'process', 'processes')} of dead sessions", "bold")
        line.append(f" {'holds' if totals['reap'] == 1 else 'hold'} {size(held)}.")
    else:
        line.append("Nothing to clean.", "bold")
    background = sum(
        f["verdict"] == "report" and f["class"] == "detached" for f in document["findings"]
    )
    if background:
        what = count(background, "background process", "background processes")
        runs = "still runs" if background == 1 else "still run"
        line.append(f" {what} of dead sessions {runs} (started on purpose).")
    running = sum(
        one["verdict"] == "report" and one["pid"] is not None for one in document["findings"]
    )
    if running > background:
        other = count(running - background, "other process", "other processes")
        line.append(f" {other} to look at, ended only if you say so.")
    beside = sum(one["verdict"] == "report" and one["pid"] is None for one in document["findings"])
    if beside:
        line.append(f" {count(beside, 'other finding')} below.")
    return line


def _sessions(document: Document, *, verbose: bool) -> Page:
    running = [one for one in document["sessions"] if one["state"] in ("live", "idle", "hung")]
    if not verbose:
        if not running:
            return [Text(), Text("No session is running.", "dim")]
        memory = sum(one["memory_bytes"] for one in running)
        number = sum(one["processes"] for one in running)
        said = f"{count(len(running), 'session')} running: {count(number, 'process', 'processes')}, {size(memory)}."
        return [Text(), Text(said, "dim")]
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    for name in ("STATE", "PID", "PROCESSES", "MEMORY"):
        grid.add_column(name, no_wrap=True, justify="left" if name == "STATE" else "right")
    grid.add_column("SESSION", ratio=1, overflow="fold")
    for one in document["sessions"]:
        where = f"{one['session_id']}  {one['cwd']}".rstrip() + (
            "" if one["registered"] else "  (not registered)"
        )
        state = Text(one["state"], STATE_STYLES.get(one["state"], ""))
        grid.add_row(
            state, str(one["pid"] or "-"), str(one["processes"]), size(one["memory_bytes"]), where
        )
    return [Text(), grid] if document["sessions"] else [Text(), Text("No session is known.", "dim")]


def _unexamined(document: Document) -> Page:
    rows = document["unexamined"]
    if not rows:
        return []
    pids = ", ".join(str(one["pid"]) for one in rows[:_LISTED]) + (
        ", …" if len(rows) > _LISTED else ""
    )
    said = f"{count(len(rows), 'process', 'processes')} of yours could not be examined and {'is' if len(rows) == 1 else 'are'} left alone: {pids}"
    return [Text(), Text(said, "yellow", overflow="fold")]


def explain_page(document: Document, command: str, old: float, type_this: str) -> Page:
    """A verdict in sentences: what it is, why, what forbids, what would change it, and what is above it."""
    verdict, pid = document["verdict"], document["pid"]
    head = Text(overflow="fold")
    head.append(f"{pid}", "bold").append(f"  {command}  ({age(old)} old)")
    says = Text()
    says.append(verdict, VERDICT_STYLES[verdict]).append(f": {_MEANING[verdict]}")
    page: Page = [head, says]
    if document["class"]:
        page.append(Text(f"Class {document['class']}: {words.CLASSES[document['class']]}."))
    if document["session_id"]:
        page.append(Text(f"Session {document['session_id']}"))
    for title, codes, tell in (
        ("Evidence", document["evidence"], words.evidence), ("What forbids it", document["vetoes"], words.veto),
    ):  # fmt: skip
        if codes:
            page += [Text(), Text(title, "bold")]
            page += [
                Padding(Text(f"{tell(code)}  [{code}]", overflow="fold"), (0, 0, 0, 2))
                for code in codes
            ]
    if document["ancestors"]:
        page += [Text(), Text("Runs below", "bold")]
        page += [
            Padding(Fitted(f"{one['pid']}  ", one["command"]), (0, 0, 0, 2))
            for one in document["ancestors"]
        ]
    change = words.change(verdict, document["class"], document["vetoes"], pid)
    return [*page, Text(), Text(change.replace("process-janitor ", f"{type_this} "), "bold")]


_MEANING = {
    "reap": "a proven leftover; auto, run and the watcher end it",
    "report": "worth a look; not ended now unless you name it",
    "keep": "left alone, whoever asks",
}


__all__ = ["explain_page", "scan_page"]
