"""Made-up documents of `report` for the live view, and a machine that shows them and writes down what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text

from process_janitor.core.model import Identity
from process_janitor.faces import schemas
from process_janitor.faces.cli.planning import Question
from process_janitor.faces.watching.machine import Proposal
from process_janitor.faces.watching.model import Row

Document = dict[str, Any]
A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
_HELD = {
    "processes": 0, "memory_bytes": 0, "swap_bytes": 0, "cpu_percent": 0.0, "descriptors": 0, "connections": 0,
    "ports": [],
}  # fmt: skip


def process(pid: int, depth: int = 0, **more: Any) -> Document:
    """A row of a session's tree."""
    return {
        "pid": pid, "ppid": 1, "depth": depth, "kind": "mcp-server" if depth else "claude", "mcp_server": "",
        "command": f"command-{pid}", "age_seconds": 100.0 + pid, "memory_bytes": 10_000_000, "swap_bytes": 0,
        "cpu_percent": 1.0, "descriptors": 8, "connections": 0, "ports": [], "verdict": "keep", "class": "",
        "evidence": [], "vetoes": ["live-owner"], "reason": "the Claude session it belongs to is alive", **more,
    }  # fmt: skip


def leftover(pid: int, depth: int = 0, **more: Any) -> Document:
    left = {
        "kind": "mcp-server",
        "verdict": "reap",
        "class": "leftover",
        "evidence": ["owner-gone"],
        "vetoes": [],
        "reason": "left over by a session that is gone",
    }
    return process(pid, depth, **{**left, **more})


def session(session_id: str, tree: Sequence[Document], **more: Any) -> Document:
    return {
        "session_id": session_id, "aliases": [], "pid": tree[0]["pid"] if tree else None, "state": "live",
        "registered": True, "cwd": "/home/user/shop", "started_at": "2026-11-21T08:00:00Z", "last_activity_at": "",
        "heartbeat_age_seconds": 3.0, "idle_seconds": None, "processes": len(tree), "memory_bytes": 0, "host": "host",
        "terminal": "pts/1", "age_seconds": 3600.0, "quiet_seconds": 5.0, "tree": list(tree), "totals": total(tree),
        **more,
    }  # fmt: skip


def total(tree: Sequence[Document]) -> Document:
    return {
        **_HELD,
        "processes": len(tree),
        "memory_bytes": sum(one["memory_bytes"] for one in tree),
        "cpu_percent": round(sum(one["cpu_percent"] for one in tree), 1),
        "ports": sorted({port for one in tree for port in one["ports"]}),
    }


def finding(**more: Any) -> Document:
    """What is no process: a stale lock."""
    return {
        "pid": None, "identity": "", "class": "stale-lock", "verdict": "report", "kind": "other", "session_id": "",
        "evidence": ["holder-gone"], "vetoes": [], "command": "/home/user/shop/.git/index.lock", "cwd": "",
        "age_seconds": 900.0, "memory_bytes": 0, "swap_bytes": 0, "cpu_percent": 0.0, "ports": [],
        "about": "a lock of git", "next": "process-janitor run --class stale-lock", **more,
    }  # fmt: skip


def document(*sessions: Document, findings: Sequence[Document] = ()) -> Document:
    """A report that keeps its schema."""
    tree = [row for one in sessions for row in one["tree"]]
    reap = [row for row in tree if row["verdict"] == "reap"]
    made = {
        "schema": "process-janitor.report/1", "at": "2026-11-21T09:00:00Z",
        "host": {
            "name": "host", "boot_id": "b", "pid_namespace": 1, "cores": 8, "load": [1.5, 1.0, 0.5],
            "memory_total_bytes": 16_000_000_000, "memory_available_bytes": 8_000_000_000, "swap_total_bytes": 0,
            "swap_used_bytes": 0,
        },
        "sessions": list(sessions), "kinds": [], "findings": list(findings), "unexamined": [],
        "totals": {
            **total(tree), "reap": len(reap), "report": len(findings), "keep": 0, "sessions": len(sessions),
            "running": sum(one["state"] == "live" for one in sessions), "named_servers": 0,
        },
        "would_free": total(reap),
    }  # fmt: skip
    assert schemas.complaints("report", made) == []
    return made


def usual() -> Document:
    """A living session, and one that crashed and left two processes."""
    return document(
        session(
            A,
            [
                process(100, memory_bytes=400_000_000, cpu_percent=30.0),
                process(101, 1, mcp_server="files", memory_bytes=90_000_000, ports=[3000]),
                process(102, 1, kind="bash-task", command="npm run dev"),
                process(103, 2, kind="bash-task", command="node vite", cpu_percent=50.0),
            ],
        ),
        session(
            B,
            [
                leftover(200, command="node server.js"),
                leftover(201, 1, kind="bash-task", command="sleep 1000"),
            ],
            state="crashed", cwd="/home/user/blog", pid=199, age_seconds=None, terminal="",
        ),
        findings=[finding()],
    )  # fmt: skip


class Fake:
    """Shows `document`, or fails as `failing` says; `asked` lists what the view wanted of it, in order."""

    def __init__(self, shown: Document | None = None) -> None:
        self.document = shown or usual()
        self.failing: Exception | None = None
        self.asked: list[tuple[object, ...]] = []
        self.looks = 0
        self.questions: tuple[Question, ...] | None = None
        # An act waits for this, so that a test sees what the view is like meanwhile.
        self.may_act = threading.Event()
        self.may_act.set()

    def look(self) -> Document:
        self.looks += 1
        if self.failing is not None:
            raise self.failing
        return self.document

    def explain(self, row: Row) -> list[Any]:
        self.asked.append(("explain", row.pid))
        return [Text(f"verdict on {row.pid}")]

    def keeping(self, row: Row) -> Proposal:
        return self._proposal("keep", row)

    def cleaning(self, row: Row) -> Proposal:
        return self._proposal("clean", row)

    def _proposal(self, what: str, row: Row) -> Proposal:
        self.asked.append((f"propose {what}", row.pid))
        each = Question(f"{what} it?", frozenset((Identity(row.pid or 1, 1, "b", 1),)))
        questions = (each,) if self.questions is None else self.questions
        return Proposal([Text(f"plan for {row.pid}")], questions, self._act(what, row), "at work")

    def _act(self, what: str, row: Row) -> Callable[[Sequence[Question]], list[Any]]:
        def act(agreed: Sequence[Question]) -> list[Any]:
            self.may_act.wait(20)
            self.asked.append((what, row.pid, len(agreed)))
            return [Text(f"{what} done")]

        return act
