"""The JSON documents of the contract, built from the decision's own values. Text is rendered from these, too, so what
people and programs are told cannot differ.
"""

from __future__ import annotations

import os

from process_janitor.core.commands import shown
from process_janitor.core.locks import printable
from process_janitor.core.redact import redact_text
from process_janitor.faces import words
from process_janitor.system import clock
from process_janitor.system.memory import Memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from process_janitor.actions.plans import Plan
    from process_janitor.actions.terminate import Action
    from process_janitor.actions.unlock import Unlocked
    from process_janitor.core.conditions import Condition
    from process_janitor.core.model import Decision, Process, Snapshot
    from process_janitor.core.settings import Settings
    from process_janitor.faces.view import SessionView, View
    from process_janitor.system.held import Freed

    Document = dict[str, Any]

SCAN = "process-janitor.scan/1"
EXPLAIN = "process-janitor.explain/1"
STATUS = "process-janitor.status/1"
KEEP = "process-janitor.keep/1"
CONFIG = "process-janitor.config/1"


def scan(
    seen: View,
    *,
    actions: Iterable[Action] | None = None,
    unlocked: Iterable[Unlocked] = (),
    plan: Plan | None = None,
    freed: Freed | None = None,
) -> Document:
    """`scan`, `run` and `auto`. `actions`, `unlocked` and `freed` are there only after acting, `plan` only where one was
    written.
    """
    document: Document = {
        "schema": SCAN,
        "at": clock.utc(),
        "host": {
            "name": seen.snapshot.host,
            "boot_id": seen.snapshot.boot_id,
            "pid_namespace": seen.snapshot.pid_namespace,
        },
        "sessions": [session(one, seen) for one in seen.sessions],
        "findings": [
            *(finding(decision, seen) for decision in seen.findings),
            *(condition(one, seen) for one in seen.conditions),
        ],
        "unexamined": [{"pid": one.pid, "why": one.why} for one in seen.unexamined],
        "totals": totals(seen),
    }
    if plan is not None:
        document["plan"] = {"id": plan.id, "pids": [m.identity.pid for m in plan.members]}
        if plan.locks:
            document["plan"]["paths"] = [redact_text(printable(one.path)) for one in plan.locks]
    locks = [lock_action(one) for one in unlocked]
    if actions is not None or locks:
        document["actions"] = [*(action(one) for one in actions or ()), *locks]
    if freed is not None:
        document["freed"] = freed_by(freed)
    return document


def freed_by(freed: Freed) -> Document:
    """What acting has freed."""
    return {
        "memory_bytes": freed.memory,
        "descriptors": freed.descriptors,
        "connections": freed.connections,
        "ports": list(freed.ports),
        "ports_taken": list(freed.taken),
    }


def session(one: SessionView, seen: View) -> Document:
    about = one.session
    beat = one.stamps.heartbeat_ago
    return {
        "session_id": about.session_id,
        "aliases": list(about.aliases),
        "pid": about.owner.pid or None,
        "state": one.state,
        "registered": about.source == "registry",
        "cwd": redact_text(about.cwd),
        "started_at": one.started_at,
        "last_activity_at": one.stamps.activity_at,
        "heartbeat_age_seconds": round(beat, 1) if beat is not None else None,
        "idle_seconds": int(one.idle) if one.idle is not None else None,
        "processes": len(one.members),
        "memory_bytes": sum(seen.memory(process) for process in one.members),
    }


def finding(decision: Decision, seen: View) -> Document:
    process = decision.process
    detail = seen.snapshot.detail(process.pid)
    memory = seen.memories.get(process.key, Memory())
    return {
        "pid": process.pid,
        "identity": decision.identity.text,
        "class": decision.finding,
        "verdict": decision.verdict,
        "kind": decision.kind,
        "session_id": decision.session_id,
        "evidence": list(decision.evidence),
        "vetoes": list(decision.vetoes),
        "command": command(seen.snapshot, process),
        "cwd": redact_text(detail.cwd),
        # What was ended may have been started after the look.
        "age_seconds": round(max(0.0, seen.snapshot.age(process)), 1),
        "memory_bytes": memory.held,
        "swap_bytes": memory.swap,
        "cpu_percent": cpu_percent(seen.snapshot, process),
        "ports": list(detail.ports),
        "about": next((quiet for quiet in map(words.quiet, decision.evidence) if quiet), ""),
        "next": words.deals_with(decision.verdict, decision.finding, decision.vetoes, process.pid),
    }


def condition(one: Condition, seen: View) -> Document:
    """What is no process has the same keys: its name where a process has its command, nothing where it has numbers."""
    process = one.process
    return {
        "pid": process.pid if process is not None else None,
        "identity": seen.snapshot.identity(process).text if process is not None else "",
        "class": one.finding,
        "verdict": one.verdict,
        "kind": "other",
        "session_id": one.session_id,
        "evidence": list(one.evidence),
        "vetoes": list(one.vetoes),
        "command": redact_text(one.subject),
        "cwd": "",
        "age_seconds": round(max(0.0, one.age), 1),
        "memory_bytes": one.size,
        "swap_bytes": 0,
        "cpu_percent": 0.0,
        "ports": [],
        "about": one.about,
        "next": one.next,
    }


def totals(seen: View) -> Document:
    """How many of each verdict there are, listed or not, and what `reap` and `report` hold together. What is no process
    and as it should be is listed at most, and not counted.
    """
    count = {"reap": 0, "report": 0, "keep": 0}
    for decision in seen.decisions:
        count[decision.verdict] += 1
    for one in seen.conditions:
        count[one.verdict] += one.verdict != "keep"
    held = sum(seen.memory(d.process) for d in seen.findings if d.verdict != "keep")
    return {**count, "memory_bytes": held}


def action(one: Action) -> Document:
    return {
        "pid": one.decision.process.pid,
        "identity": one.identity.text,
        "signals": list(one.signals),
        "outcome": one.outcome,
        "freed_bytes": one.freed_bytes,
        "why": one.why,
    }


def lock_action(one: Unlocked) -> Document:
    return {
        "pid": None,
        "identity": "",
        "signals": [],
        "outcome": one.outcome,
        "freed_bytes": 0,
        "path": redact_text(printable(one.path)),
        "why": one.why,
    }


def explain(decision: Decision, session_id: str, ancestors: Sequence[Document]) -> Document:
    return {
        "schema": EXPLAIN,
        "pid": decision.process.pid,
        "verdict": decision.verdict,
        "class": decision.finding,
        "session_id": session_id,
        "evidence": list(decision.evidence),
        "vetoes": list(decision.vetoes),
        "ancestors": list(ancestors),
    }


def relative(snapshot: Snapshot, process: Process) -> Document:
    """A process above the one explained, nearest first."""
    return {"pid": process.pid, "command": command(snapshot, process)}


def config(options: Settings, path: str) -> Document:
    return {
        "schema": CONFIG,
        "path": path,
        "exists": os.path.exists(path),
        "values": {
            name: {"value": value, "source": options.sources[name]}
            for name, value in options.values.items()
        },
        "problems": list(options.problems),
        "warnings": list(options.warnings),
    }


def command(snapshot: Snapshot, process: Process) -> str:
    """The command line with its secrets hidden, of a Bash call its own part, the kernel's name for the process where there is none."""
    return shown(snapshot.detail(process.pid).argv) or process.comm


def cpu_percent(snapshot: Snapshot, process: Process) -> float:
    """The average over the process's life, in percent of one core."""
    age = snapshot.age(process)
    return round(100.0 * process.cpu / snapshot.ticks_per_second / age, 1) if age > 0 else 0.0


def value_text(value: object) -> str:
    """A setting's value as it stands in the file."""
    import orjson

    return orjson.dumps(value).decode()


def dumps(document: Mapping[str, Any]) -> str:
    """One JSON text, a line at its end."""
    import orjson

    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


__all__ = [
    "CONFIG", "EXPLAIN", "KEEP", "SCAN", "STATUS", "action", "command", "condition", "config", "cpu_percent", "dumps",
    "explain", "finding", "freed_by", "lock_action", "relative", "scan", "session", "totals", "value_text",
]  # fmt: skip
