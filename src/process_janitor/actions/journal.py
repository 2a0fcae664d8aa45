"""The journal: one line for every decision acted on and every session that ended, bounded in size."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.system import clock, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from process_janitor.actions.terminate import Action
    from process_janitor.core.model import Session

NAME = "journal.jsonl"
ROTATE_BYTES = 1 << 20
ROTATED = 3


class Journal:
    def __init__(self, root: str) -> None:
        self.root = root
        self.path = os.path.join(root, NAME)

    def action(
        self, action: Action, command: str, trigger: str, ports: tuple[int, ...] = ()
    ) -> None:
        """Write down what was done to one process; `command` is its redacted command line, `ports` those it listened on.
        Raises OSError.
        """
        decision = action.decision
        self._append({
            "schema": "process-janitor.journal/1",
            "at": clock.utc(),
            "event": "action",
            "trigger": trigger,
            "pid": decision.process.pid,
            "identity": decision.identity.text,
            "class": decision.finding,
            "verdict": decision.verdict,
            "kind": decision.kind,
            "session_id": decision.session_id,
            "evidence": list(decision.evidence),
            "vetoes": list(decision.vetoes),
            "command": command or decision.process.comm,
            "signals": list(action.signals),
            "outcome": action.outcome,
            "freed_bytes": action.freed_bytes,
            **({"ports": list(ports)} if ports else {}),
        })  # fmt: skip

    def session_over(self, session: Session, state: str) -> None:
        """Write down that a session's process is gone: `ended`, `crashed` or `hung`. Raises OSError."""
        self._append({
            "schema": "process-janitor.journal/1",
            "at": clock.utc(),
            "event": "session",
            "session_id": session.session_id,
            "pid": session.owner.pid,
            "identity": session.owner.text,
            "state": state,
            "reason": session.ended_reason,
            "cwd": session.cwd,
        })  # fmt: skip

    def note(self, event: str, text: str) -> None:
        """Write down something the user must be able to find later, such as a run that was refused. Raises OSError."""
        self._append(
            {"schema": "process-janitor.journal/1", "at": clock.utc(), "event": event, "text": text}
        )

    def _append(self, line: dict[str, Any]) -> None:
        files.make_root(self.root)
        with files.Lock(os.path.join(self.root, "journal.lock"), 1.0):
            # Without the lock (a holder stopped by a debugger) a line is still written whole; only rotation may double.
            self._rotate()
            files.append_line(self.path, jsontext.dumps(line))

    def _rotate(self) -> None:
        try:
            if os.lstat(self.path).st_size < ROTATE_BYTES:
                return
        except FileNotFoundError:
            return
        for number in range(ROTATED, 0, -1):
            older = f"{self.path}.{number}"
            newer = f"{self.path}.{number - 1}" if number > 1 else self.path
            if os.path.lexists(newer):
                os.rename(newer, older)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first. A torn or foreign line is passed over."""
        for path in (*(f"{self.path}.{n}" for n in range(ROTATED, 0, -1)), self.path):
            try:
                text = files.read_text(path, 2 * ROTATE_BYTES)
            except OSError:
                continue
            for line in text.splitlines():
                try:
                    value = jsontext.loads(line)
                except ValueError:
                    continue
                if isinstance(value, dict) and isinstance(value.get("event"), str):
                    yield value


__all__ = ["Journal"]
