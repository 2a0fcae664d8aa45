"""The report as one page for a browser: nothing in it is fetched from anywhere, and no script runs in it."""

from __future__ import annotations

from process_janitor.core.commands import brief
from process_janitor.core.units import about, age, count, size
from process_janitor.core.visible import visible
from process_janitor.faces import words
from process_janitor.faces.render.findings import strongest_first
from process_janitor.faces.render.processes import label, telling
from process_janitor.faces.render.report import heard, held
from process_janitor.faces.render.times import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Document = dict[str, Any]

_BARS_MAX = 20
# What a bar is made of, in this order; everything else is "other".
_PARTS = (
    ("claude", ("claude", "subagent")),
    ("servers", ("mcp-server", "lsp")),
    ("browsers", ("browser",)),
    ("tasks", ("bash-task", "hook")),
)
_OTHER = "other"


def page(document: Document) -> str:
    """The whole page. Everything that comes from the machine is escaped by the template engine."""
    import jinja2

    engine = jinja2.Environment(
        loader=jinja2.PackageLoader("process_janitor.faces.render", ""),
        autoescape=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters.update(size=size, age=age, about=about, local=local, brief=brief)
    engine.globals.update(label=label, telling=telling, held=held, count=count)
    running = [
        one for one in document["sessions"] if one["tree"] or one["state"] in ("live", "idle")
    ]
    ids = {one["session_id"]: one for one in reversed(document["sessions"])}
    return engine.get_template("report.html.j2").render(
        report=document,
        sessions=[
            {**one, "heard": heard(one), "says": words.STATES[one["state"]]} for one in running
        ],
        quiet=[one for one in document["sessions"] if one not in running],
        memory=_memory_bars(running),
        parts=[name for name, _ in _PARTS] + [_OTHER],
        ages=_age_bars(running),
        findings=[
            {**one, "why": why(one), "project": ids.get(one["session_id"], {}).get("cwd", "")}
            for group in strongest_first(document["findings"])
            for one in group
        ],
        used=document["host"]["memory_total_bytes"] - document["host"]["memory_available_bytes"],
    )


def why(finding: Document) -> list[str]:
    """The reasons of a finding in words: what it is, what speaks for that, and what forbids to end it."""
    said = [words.CLASSES[finding["class"]]] if finding["class"] else []
    said += [finding["about"]] if finding["about"] else []
    said += [words.evidence(code) for code in finding["evidence"] if code != "zombie"]
    return said + [f"kept: {words.veto(code)}" for code in finding["vetoes"]]


def _memory_bars(sessions: Sequence[Document]) -> list[Document]:
    """The heaviest sessions; each bar's parts in percent of the longest one."""
    heavy = sorted(sessions, key=lambda one: -int(one["totals"]["memory_bytes"]))[:_BARS_MAX]
    most = max((one["totals"]["memory_bytes"] for one in heavy), default=0) or 1
    bars = []
    for one in heavy:
        sizes: dict[str, int] = {}
        for row in one["tree"]:
            part = next((name for name, kinds in _PARTS if row["kind"] in kinds), _OTHER)
            sizes[part] = sizes.get(part, 0) + row["memory_bytes"]
        at, pieces = 0.0, []
        for part in (*(name for name, _ in _PARTS), _OTHER):
            width = 100.0 * sizes.get(part, 0) / most
            if width:
                pieces.append({"part": part, "x": round(at, 2), "width": round(width, 2), "bytes": sizes[part]})  # fmt: skip
            at += width
        bars.append({"session": one, "name": _name(one), "bytes": one["totals"]["memory_bytes"], "pieces": pieces})  # fmt: skip
    return bars


def _age_bars(sessions: Sequence[Document]) -> list[Document]:
    """The oldest sessions; the part of each bar in which nothing happened any more is marked."""
    old = [(_age(one), one) for one in sessions]
    old = sorted((pair for pair in old if pair[0] > 0), key=lambda pair: -pair[0])[:_BARS_MAX]
    most = max((seconds for seconds, _ in old), default=0.0) or 1.0
    bars = []
    for seconds, one in old:
        idle = min(one["quiet_seconds"] or 0.0, seconds)
        bars.append({
            "session": one, "name": _name(one), "age": seconds, "idle": idle if one["quiet_seconds"] is not None else None,
            "busy_width": round(100.0 * (seconds - idle) / most, 2), "idle_width": round(100.0 * idle / most, 2),
        })  # fmt: skip
    return bars


def _age(session: Document) -> float:
    """Of the session where it runs, else of the oldest process that it left."""
    own = session["age_seconds"]
    oldest: float = max((row["age_seconds"] for row in session["tree"]), default=0.0)
    return oldest if own is None else float(own)


def _name(session: Document) -> str:
    """What people know a session by: its project's last part, and enough of its id to find it."""
    folder = session["cwd"].rstrip("/").rsplit("/", 1)[-1]
    short = session["session_id"][:8]
    return " · ".join(part for part in (folder, short) if part) or f"process {session['pid']}"


__all__ = ["page", "why"]
