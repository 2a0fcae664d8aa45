"""The JSON document of `stop`: what is meant, and what came of it."""

from __future__ import annotations

from process_janitor.core.redact import redact_text
from process_janitor.faces import documents
from process_janitor.system import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from process_janitor.core.model import Decision, Snapshot
    from process_janitor.core.stoppable import Living
    from process_janitor.faces.documents import Document
    from process_janitor.faces.view import View
    from process_janitor.stopping import Ended, Stopped

STOP = "process-janitor.stop/1"


def stop(
    targets: Sequence[Document], spared: Sequence[Document], stopped: Stopped | None
) -> Document:
    """`stop`: what is meant, and after acting what came of it, in the order it happened."""
    document: Document = {
        "schema": STOP,
        "at": clock.utc(),
        "executed": stopped is not None,
        "targets": list(targets),
        "spared": list(spared),
    }
    if stopped is not None:
        snapshot = stopped.last.observation.snapshot
        document["ended"] = [ended(one) for one in stopped.ended]
        document["actions"] = [
            {
                **documents.action(one),
                "command": stopped.commands.get(one.decision.process.key, ""),
            }
            for one in stopped.actions
        ]
        document["freed"] = documents.freed_by(stopped.freed)
        document["left"] = [left_behind(one, snapshot) for one in stopped.left]
        document["problem"] = stopped.problem
    return document


def stop_target(one: Living, seen: View) -> Document:
    """A living session that may be stopped, with what hangs on it."""
    members = next((s.members for s in seen.sessions if s.session.owner == one.session.owner), ())
    return {
        "pid": one.pid,
        "identity": one.decision.identity.text,
        "session_id": one.session.session_id,
        "role": one.role,
        "name": one.name,
        "lead": one.lead or None,
        "own": one.own,
        "cwd": redact_text(one.session.cwd),
        "processes": len(members),
        "memory_bytes": sum(seen.memory(process) for process in members),
        "vetoes": list(one.decision.vetoes),
    }


def ended(one: Ended) -> Document:
    return {
        "pid": one.identity.pid,
        "identity": one.identity.text,
        "role": one.role,
        "name": redact_text(one.name),
        "mcp_server": redact_text(one.mcp_server),
        "session_id": one.session_id,
        "cwd": redact_text(one.cwd),
        "outcome": one.outcome,
        "signals": list(one.signals),
        "seconds": round(one.seconds, 2),
        "freed_bytes": one.freed_bytes,
        "problem": one.problem,
    }


def left_behind(decision: Decision, snapshot: Snapshot) -> Document:
    """What a stopped session leaves, and the words that end it."""
    detail = snapshot.detail(decision.process.pid)
    pid = decision.process.pid
    return {
        "pid": pid,
        "identity": decision.identity.text,
        "class": decision.finding,
        "verdict": decision.verdict,
        "kind": decision.kind,
        "session_id": decision.session_id,
        "command": documents.command(snapshot, decision.process),
        "ports": list(detail.ports),
        "next": f"process-janitor {'explain' if decision.verdict == 'keep' else 'run --pid'} {pid}",
    }


__all__ = ["STOP", "ended", "stop", "stop_target"]
