"""The journal: one line for every decision acted on and every session that ended, bounded in size."""

from __future__ import annotations

import os
import time

from process_janitor.core import jsontext
from process_janitor.core.model import Detail
from process_janitor.system import clock, files, flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from process_janitor.actions.terminate import Action
    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision, Outcome, Session, Snapshot

NAME = "journal.jsonl"
LOCK_NAME = "journal.lock"
ROTATE_BYTES = 1 << 20
ROTATED = 3
_DAY_SECONDS = 86_400
# Of one file nothing but its newest part is read, and no line that is longer than any of ours: a file that something
# else has filled costs a moment, not the memory of the machine.
_READ_BYTES = 16 << 20
_LINE_BYTES = 1 << 18
_UNKNOWN = Detail()
# What each field is, wherever it stands; others are a later version's affair.
_TEXTS = frozenset({
    "at", "class", "command", "cwd", "event", "identity", "kind", "outcome", "path", "reason", "session_id", "state", "text",
    "trigger", "verdict", "why",
})  # fmt: skip
_NUMBERS = frozenset({"pid", "holder", "freed_bytes"})
# More levels than any of ours, and fewer than whoever writes a document bears.
_DEEP = 100
_LISTS = {"evidence": str, "vetoes": str, "signals": str, "ports": int}


class Journal:
    def __init__(self, root: str) -> None:
        self.root = root
        self.path = os.path.join(root, NAME)
        # What `lines` could not read the last time, one sentence each.
        self.problems: list[str] = []

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
            **({"why": action.why} if action.why else {}),
            **({"ports": list(ports)} if ports else {}),
        })  # fmt: skip

    def lock(self, stale: Stale, outcome: Outcome, why: str, trigger: str) -> None:
        """Write down what was done about a stale lock; `why` it was refused. What it says is not kept. Raises OSError."""
        said = stale.condition
        self._append({
            "schema": "process-janitor.journal/1",
            "at": clock.utc(),
            "event": "lock",
            "trigger": trigger,
            "path": said.subject,
            "kind": stale.lock.kind,
            "holder": stale.lock.pid or None,
            "class": said.finding,
            "session_id": said.session_id,
            "evidence": list(said.evidence),
            "vetoes": list(said.vetoes),
            "outcome": outcome,
            "why": why,
        })  # fmt: skip

    def session_over(self, session: Session, state: str, noticed: str = "") -> None:
        """Write down that a session's process is gone: `ended`, `crashed` or `hung`. Raises OSError.

        `noticed` is when that was seen, as `clock.utc` writes it: how it went is known only after its leftovers have gone.
        """
        self._append({
            "schema": "process-janitor.journal/1",
            "at": noticed or clock.utc(),
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

    def prune(self, days: int) -> None:
        """Remove rotated journals whose newest line is older than that. Raises OSError."""
        oldest = time.time() - days * _DAY_SECONDS
        if not any(_written(path) < oldest for path in self._rotated()):
            return
        with flock.Lock(os.path.join(self.root, LOCK_NAME), 1.0) as held:
            # Looked at again under the lock: a rotation in between puts a newer one in its place.
            for path in self._rotated() if held else ():
                if _written(path) < oldest:
                    files.remove(path)

    def _rotated(self) -> Iterator[str]:
        """Oldest first."""
        return (f"{self.path}.{number}" for number in range(ROTATED, 0, -1))

    def _append(self, line: dict[str, Any]) -> None:
        files.make_root(self.root)
        with flock.Lock(os.path.join(self.root, LOCK_NAME), 1.0):
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
        """Every readable line, oldest first. A torn, foreign or endless line is passed over, and one of whose fields is
        not what we write in it. A text may be shown and written anywhere: bytes of a path that are no text are replaced.
        """
        self.problems = []
        for path in (*self._rotated(), self.path):
            try:
                for line in files.read_lines(path, _READ_BYTES, _LINE_BYTES):
                    try:
                        value = jsontext.loads(line)
                        if "\\ud" in line.lower() or line.count("[") + line.count("{") > _DEEP:
                            value = _writable(value, _DEEP)
                    except ValueError:
                        continue
                    if isinstance(value, dict) and "event" in value and _sound(value):
                        yield value
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                self.problems.append(f"{path}: {error.strerror or 'not a regular file'}")


class Recorder:
    """Writes each action of one campaign to the journal as it is done. A journal that fails half-way must not leave a
    tree, or a team, half ended: `problem` says so in the end, "" while all is well.
    """

    def __init__(self, journal: Journal, trigger: str) -> None:
        self._journal = journal
        self._trigger = trigger
        self._known: dict[tuple[int, int], Detail] = {}
        self.problem = ""

    def learn(self, targets: Iterable[Decision], snapshot: Snapshot) -> None:
        """Remember what these are, before they are gone and nobody can ask."""
        for decision in targets:
            detail = snapshot.details.get(decision.process.pid)
            self._known.setdefault(decision.process.key, detail or _UNKNOWN)

    @property
    def known(self) -> Mapping[tuple[int, int], Detail]:
        """What was learnt, by (pid, start)."""
        return self._known

    def write(self, action: Action) -> None:
        """Write down what was done to one of them."""
        # 8 ms of import, spent while the signalled processes end.
        from process_janitor.core.commands import shown

        known = self._known.get(action.decision.process.key, _UNKNOWN)
        try:
            self._journal.action(action, shown(known.argv), self._trigger, known.ports)
        except OSError as error:
            self.problem = f"the journal could not be written: {error}"


def _sound(line: Mapping[str, Any]) -> bool:
    """Whether whoever shows a line can take each field for what it is."""
    for name, value in line.items():
        if name in _TEXTS:
            fits = isinstance(value, str)
        elif name in _NUMBERS:
            fits = value is None or type(value) is int
        elif name in _LISTS:
            fits = isinstance(value, list) and all(type(one) is _LISTS[name] for one in value)
        else:
            continue
        if not fits:
            return False
    return True


def _writable(value: Any, deep: int) -> Any:
    """The same as it can be written as JSON again: with a question mark for every half of a surrogate pair. Raises
    ValueError where it is nested deeper than that.
    """
    if deep < 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_writable(one, deep - 1) for one in value]
    if isinstance(value, dict):
        return {_writable(name, deep): _writable(one, deep - 1) for name, one in value.items()}
    return value


def _written(path: str) -> float:
    """When a file was last written; "never" is later than anything."""
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return float("inf")


__all__ = ["Journal", "Recorder"]
