"""The JSON documents of `report` and `status`, from which their pages are rendered as well."""

from __future__ import annotations

from process_janitor.core.redact import redact_text
from process_janitor.faces import documents, words
from process_janitor.system import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_janitor.core.model import Decision, Process
    from process_janitor.core.overload import Pressure
    from process_janitor.faces.documents import Document
    from process_janitor.faces.survey import Survey
    from process_janitor.faces.view import SessionView

REPORT = "process-janitor.report/1"
_RUNNING = ("live", "idle", "hung")


def report(found: Survey, pressure: Pressure) -> Document:
    """Everything there is to know, in one document."""
    seen = found.view
    scan = documents.scan(seen)
    sessions = [session(one, found) for one in found.sessions]
    rows = [row for one in sessions for row in one["tree"]]
    return {
        "schema": REPORT,
        "at": scan["at"],
        "host": {**scan["host"], **_machine(pressure)},
        "sessions": sessions,
        "kinds": _by_kind(found),
        "findings": [
            *(_finding(decision, found) for decision in seen.findings),
            *(documents.condition(one, seen) for one in seen.conditions),
        ],
        "unexamined": scan["unexamined"],
        "totals": {
            **scan["totals"],
            "sessions": len(sessions),
            "running": sum(one["state"] in _RUNNING for one in sessions),
            **_totals(found, [p for one in found.sessions for p in one.members]),
            "named_servers": len({row["mcp_server"] for row in rows} - {""}),
        },
        "would_free": _totals(
            found, [d.process for d in seen.findings if d.verdict == "reap"]
        ),
    }  # fmt: skip


def session(one: SessionView, found: Survey) -> Document:
    """One session with its tree and what that comes to."""
    owner = one.session.owner
    process = found.view.snapshot.living(owner)
    quiet = one.stamps.activity_ago
    return {
        **documents.session(one, found.view),
        "host": one.session.host,
        "terminal": found.terminals.get(owner, ""),
        "age_seconds": round(found.view.snapshot.age(process), 1) if process is not None else None,
        "quiet_seconds": round(quiet, 1) if quiet is not None else None,
        "tree": [row(process, depth, found) for process, depth in _ordered(one.members)],
        "totals": _totals(found, one.members),
    }


def row(process: Process, depth: int, found: Survey) -> Document:
    """One process of a session. `reason` is the verdict in words."""
    used = found.uses(process)
    decision = found.decisions.get(process.pid)
    return {
        "pid": process.pid,
        "ppid": process.ppid,
        "depth": depth,
        "kind": found.kind(process),
        "mcp_server": redact_text(found.servers.get(process.pid, "")),
        "command": found.command(process),
        "age_seconds": round(found.view.snapshot.age(process), 1),
        "memory_bytes": used.memory,
        "swap_bytes": used.swap,
        "cpu_percent": round(used.cpu_percent, 1),
        "descriptors": used.held.descriptors,
        "connections": len(used.held.connected),
        "ports": list(used.held.ports),
        "verdict": decision.verdict if decision is not None else "keep",
        "class": decision.finding if decision is not None else "",
        "evidence": list(decision.evidence) if decision is not None else [],
        "vetoes": list(decision.vetoes) if decision is not None else ["no-evidence"],
        "reason": _reason(decision, found),
    }


def status(found: Survey, one: SessionView, record: str, watcher: Document) -> Document:
    """The caller's session."""
    about = session(one, found)
    tree = about.pop("tree")
    totals = about.pop("totals")
    pids = {process.pid for process in one.members}
    seen = found.view
    return {
        "schema": documents.STATUS,
        "at": clock.utc(),
        "session": about,
        "record": record,
        "watcher": watcher,
        "tree": tree,
        "findings": [
            *(_finding(d, found) for d in seen.findings if d.process.pid in pids),
            *(
                documents.condition(c, seen)
                for c in seen.conditions
                if c.session_id and c.session_id == about["session_id"]
            ),
        ],
        "totals": totals,
    }


def _ordered(members: Sequence[Process]) -> Iterable[tuple[Process, int]]:
    """Each process after its parent with its depth, oldest first; what has lost its parent stands at the edge."""
    below: dict[int, list[Process]] = {}
    there = {one.pid: one for one in members}
    for one in sorted(members, key=lambda p: (p.start, p.pid)):
        parent = there.get(one.ppid)
        hangs = parent is not None and parent.start <= one.start and parent is not one
        below.setdefault(one.ppid if hangs else 0, []).append(one)
    wait = [(one, 0) for one in reversed(below.get(0, []))]
    while wait:
        one, depth = wait.pop()
        yield one, depth
        wait += [(child, depth + 1) for child in reversed(below.get(one.pid, []))]


def _totals(found: Survey, processes: Sequence[Process]) -> Document:
    """What these come to. A connection that several of them hold counts once."""
    used = [found.uses(one) for one in processes]
    return {
        "processes": len(processes),
        "memory_bytes": sum(one.memory for one in used),
        "swap_bytes": sum(one.swap for one in used),
        "cpu_percent": round(sum(one.cpu_percent for one in used), 1),
        "descriptors": sum(one.held.descriptors or 0 for one in used),
        "connections": len({inode for one in used for inode in one.held.connected}),
        "ports": sorted({port for one in used for port in one.held.ports}),
    }


def _by_kind(found: Survey) -> list[Document]:
    """The totals of each kind of process, the heaviest first."""
    kinds: dict[str, list[Process]] = {}
    for one in found.sessions:
        for process in one.members:
            kinds.setdefault(found.kind(process), []).append(process)
    rows = [{"kind": kind, **_totals(found, members)} for kind, members in kinds.items()]
    return sorted(rows, key=lambda one: (-one["memory_bytes"], one["kind"]))


def _finding(decision: Decision, found: Survey) -> Document:
    """As `scan` says it, with what was sampled here; of a zombie with the parent that has to wait for it."""
    used = found.uses(decision.process)
    told = documents.finding(decision, found.view)
    return {
        **told,
        "cpu_percent": round(used.cpu_percent, 1),
        "about": _unwaited(decision, found) or told["about"],
    }


def _unwaited(decision: Decision, found: Survey) -> str:
    if decision.finding != "zombie":
        return ""
    parent = found.view.snapshot.processes.get(decision.process.ppid)
    if parent is None:
        return ""
    name = found.commands.get(parent.pid) or documents.command(found.view.snapshot, parent)
    return f"its parent does not wait for it: process {parent.pid}, {name}"


def _reason(decision: Decision | None, found: Survey) -> str:
    """Why, in one sentence: what forbids it, else the class it was found to be, else nothing that ties it."""
    if decision is None:
        return words.NO_EVIDENCE
    if decision.finding == "zombie":
        return _unwaited(decision, found) or words.CLASSES["zombie"]
    lives = "live-owner" in decision.vetoes
    said = ["live-owner"] if lives else list(decision.vetoes)
    if decision.kind == "claude" and not decision.finding:
        return words.RUNS_ON
    parts = [words.CLASSES[decision.finding]] if decision.finding else []
    return redact_text("; ".join((*parts, *(words.veto(code) for code in said))))


def _machine(pressure: Pressure) -> Document:
    """How busy and how full the machine is; 0 where it does not say."""
    swap = pressure.swap_total or 0
    free = pressure.swap_free or 0
    return {
        "cores": pressure.cores,
        "load": [round(one, 2) for one in pressure.averages or (0.0, 0.0, 0.0)],
        "memory_total_bytes": pressure.memory_total or 0,
        "memory_available_bytes": pressure.memory_available or 0,
        "swap_total_bytes": swap,
        "swap_used_bytes": max(0, swap - free),
    }


__all__ = ["REPORT", "report", "row", "session", "status"]
