"""Findings as a table under their sessions: the middle of every page about processes."""

from __future__ import annotations

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from process_janitor.core.units import age, size
from process_janitor.faces import words
from process_janitor.faces.render.closing import typed
from process_janitor.faces.render.fitting import Fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]

# The strongest first. The word says it; the colour only repeats it.
VERDICT_STYLES = {"reap": "bold red", "report": "yellow", "keep": "green"}
_SETTLED_SECONDS = 30
# Of a group, so many pids are named; --json has all.
_LISTED = 12
STATE_STYLES = {"live": "green", "idle": "green", "crashed": "red", "hung": "red"}


def strongest_first(findings: Iterable[Document]) -> list[list[Document]]:
    """The findings session by session: first the sessions of which something will be ended, last those of which
    everything is kept, and in each the same; else in the order in which they came.
    """
    groups: dict[str, list[Document]] = {}
    for finding in findings:
        groups.setdefault(finding["session_id"], []).append(finding)
    ranked = [sorted(group, key=_rank) for group in groups.values()]
    return sorted(ranked, key=lambda group: _rank(group[0]))


def _rank(finding: Document) -> int:
    return tuple(VERDICT_STYLES).index(finding["verdict"])


def by_session(
    document: Document, type_this: str, *, numbered: bool = False
) -> Iterator[RenderableType]:
    """Every finding, grouped under a line about its session."""
    sessions = {one["session_id"]: one for one in reversed(document["sessions"])}
    first = 1
    for findings in strongest_first(document["findings"]):
        session_id = findings[0]["session_id"]
        yield Text()
        if any(one["pid"] for one in findings) or session_id in sessions:
            yield session_line(sessions.get(session_id), session_id)
        else:
            yield Text("on this machine", "bold")
        yield table(findings, type_this, first if numbered else 0)
        first += len(findings)


def session_line(session: Document | None, session_id: str) -> Text:
    """State and directory, below it the session's id and process."""
    line = Text(overflow="fold")
    if session is None:
        return line.append("no session" if not session_id else f"session {session_id}", "bold")
    state = session["state"]
    line.append(f"{state}", STATE_STYLES.get(state, "bold"))
    line.append(f" ({words.STATES[state]})", "dim")
    if session["cwd"]:
        line.append(f"  {session['cwd']}", "bold")
    name = session_id or session["session_id"]
    about = [f"session {name}"] if name else []
    about += [f"process {session['pid']}"] if session["pid"] else []
    line.append("\n" + ", ".join(about), "dim")
    return line


def table(findings: Sequence[Document], type_this: str, first: int = 0) -> Group:
    """Two lines or more a finding: its figures and command, and below them why. `first` numbers them from there; without
    numbers, what is alike stands in one row.
    """
    alike = [[finding] for finding in findings] if first else _alike(findings)
    findings = [_summed(group) for group in alike]
    rows = [_HEADS, *(_cells(finding) for finding in findings)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADS))]
    lead = len(str(first + len(findings) - 1)) + 2 if first else 0
    parts: list[RenderableType] = [_line(rows[0], widths, " " * lead).append("COMMAND")]
    parts[0].stylize("dim")  # type: ignore[union-attr]  # a Text, just made
    for number, (finding, row, group) in enumerate(zip(findings, rows[1:], alike), first):
        line = _line(row, widths, f"{number:>{lead - 2}}  " if first else "")
        line.stylize(VERDICT_STYLES[finding["verdict"]], lead, lead + len(row[0]))
        if len(group) > 1:
            line.append(f"{len(group)}x ")
        why = _why(finding, [one["pid"] for one in group[1:]])
        if finding["next"] and (finding["pid"] is None or finding["class"] == "overload"):
            # Of a process it is known: whatever its verdict is, `run --pid` or a plan ends it.
            why.append(f"\n{typed(finding['next'], type_this)}", "bold not dim")
        # Of what is no process it is a path: which lock it is stands in its folders.
        what = Fitted(line, finding["command"], program=finding["pid"] is not None)
        parts += [what, Padding(why, (0, 0, 0, lead + 8))]
    return Group(*parts)


def _alike(findings: Sequence[Document]) -> list[list[Document]]:
    """In groups: what was let go of on purpose, the same command for the same reasons. Whoever listens is named alone."""
    groups: dict[tuple[object, ...], list[Document]] = {}
    for one in findings:
        # What is no process is one of a kind.
        key: tuple[object, ...] = (one["pid"],) if one["pid"] else (None, len(groups))
        if one["class"] == "detached" and not one["ports"]:
            why = (*one["evidence"], *one["vetoes"])
            key = (one["verdict"], one["kind"], one["command"], why)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _summed(group: Sequence[Document]) -> Document:
    """One row for all of them: the first one's, with the memory of all and the age of the oldest."""
    return {
        **group[0],
        "memory_bytes": sum(one["memory_bytes"] for one in group),
        "age_seconds": max(one["age_seconds"] for one in group),
        "cpu_percent": max(one["cpu_percent"] for one in group),
    }


_HEADS = ("VERDICT", "PID", "KIND", "MEMORY", "AGE")


def _cells(finding: Document) -> tuple[str, ...]:
    if finding["pid"] is None:
        # What is no process is told apart by its class, and has no figures but the ones it has.
        held, old = finding["memory_bytes"], finding["age_seconds"]
        said = (size(held) if held else "-", age(old) if old else "-")
        return (finding["verdict"], "-", finding["class"], *said)
    figures = (size(finding["memory_bytes"]), age(finding["age_seconds"]))
    return (finding["verdict"], str(finding["pid"]), finding["kind"], *figures)


def _line(row: Sequence[str], widths: Sequence[int], lead: str) -> Text:
    verdict, pid, kind, memory, old = row
    text = f"{lead}{verdict:<{widths[0]}}  {pid:>{widths[1]}}  {kind:<{widths[2]}}  {memory:>{widths[3]}}  {old:>{widths[4]}}  "
    return Text(text, no_wrap=True, overflow="ellipsis")


def _why(finding: Document, also: Sequence[int]) -> Text:
    why = [words.CLASSES[finding["class"]]] if finding["class"] else []
    why += [finding["about"]] if finding["about"] else []
    # Where its session lives, that is the reason; what else there is stands among the codes.
    if words.runs_on(finding):
        why.append(words.RUNS_ON)
    else:
        lives = "live-owner" in finding["vetoes"]
        why += [words.veto(code) for code in (("live-owner",) if lives else finding["vetoes"])]
    if also:
        more = f" and {len(also) - _LISTED} more" if len(also) > _LISTED else ""
        why.append(f"also {', '.join(map(str, also[:_LISTED]))}{more}")
    if finding["ports"]:
        why.append(f"port {', '.join(map(str, finding['ports']))}")
    # The average over the first seconds of a life is the cost of starting, nothing more.
    if finding["cpu_percent"] >= 1 and finding["age_seconds"] >= _SETTLED_SECONDS:
        why.append(f"CPU {finding['cpu_percent']:.0f} %")
    against = sorted(finding["vetoes"], key=lambda code: code != "live-owner")
    codes = " ".join((*finding["evidence"], *against))
    return Text(f"{'; '.join(why)}  [{codes}]" if codes else "; ".join(why), "dim", overflow="fold")


__all__ = [
    "STATE_STYLES",
    "VERDICT_STYLES",
    "by_session",
    "session_line",
    "strongest_first",
    "table",
]
