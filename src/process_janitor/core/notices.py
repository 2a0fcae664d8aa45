"""What to tell somebody who was not asked: what was cleaned up by itself, and what a session left running on purpose."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import usable_pid
from process_janitor.core.units import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_SHOWN_MAX = 3
# With more of them than this, the command that ends them names their session instead.
_PIDS_MAX = 4
_TEXT_MAX = 400
_NUMBERS = ("ended", "freed", "sessions", "survived")


class Left(NamedTuple):
    """A program that was put in the background on purpose, with what runs below it. `command` is redacted and short,
    `pids` holds (pid, start) of each process, `memory` is in bytes.
    """

    command: str
    pids: tuple[tuple[int, int], ...]
    session_id: str = ""
    ports: tuple[int, ...] = ()
    memory: int = 0


class Notice(NamedTuple):
    """One piece of news. `ended` processes of `sessions` dead sessions held `freed` bytes, `survived` could not be
    ended; `problem` is why nothing was.
    """

    ended: int = 0
    freed: int = 0
    sessions: int = 0
    survived: int = 0
    problem: str = ""
    left: tuple[Left, ...] = ()

    @property
    def worth_telling(self) -> bool:
        return bool(self.ended or self.survived or self.problem or self.left)


def title(notice: Notice) -> str:
    """A notification's heading."""
    if notice.problem:
        return "Nothing was cleaned up"
    if notice.ended or notice.survived:
        return f"Cleaned up {_ended(notice)}"
    many = len(notice.left) > 1
    return (
        f"A session left {len(notice.left) if many else 'a'} program{'s' if many else ''} running"
    )


def body(notice: Notice) -> str:
    """What stands below it, a few short lines for somebody who is outside Claude Code."""
    lines = []
    if notice.problem:
        lines.append(f"{_upper(notice.problem)}. To look: process-janitor scan")
    if notice.ended:
        lines.append(f"{size(notice.freed)} freed. Which: process-janitor history")
    if notice.survived:
        lines.append(f"{notice.survived} could not be ended. To look: process-janitor scan")
    lines += [
        f"Still running: {_about(one)}. To end it: process-janitor {_ending(one)}"
        for one in notice.left[:_SHOWN_MAX]
    ]
    more = len(notice.left) - _SHOWN_MAX
    lines += [f"{more} more: process-janitor scan"] if more > 0 else []
    return "\n".join(lines)


def line(notices: Iterable[Notice], runs: Callable[[int, int], bool]) -> str:
    """The same for several of them, in one line inside Claude Code. `runs` says whether a process is still there."""
    told = list(notices)
    total = Notice(
        sum(one.ended for one in told),
        sum(one.freed for one in told),
        sum(one.sessions for one in told),
        sum(one.survived for one in told),
    )
    parts = list(dict.fromkeys(one.problem for one in told if one.problem))
    if total.ended:
        parts.append(f"cleaned up {_ended(total)}, {size(total.freed)}; see /cleanup history")
    if total.survived:
        parts.append(f"{total.survived} could not be ended; see /cleanup scan")
    left = [one for each in told for one in each.left if any(runs(*key) for key in one.pids)]
    parts += [
        f"a session left {_about(one)} running; end it with /cleanup {_ending(one)}"
        for one in left[:1]
    ]
    parts += [f"{len(left) - 1} more are left running; see /cleanup scan"] if left[1:] else []
    return "; ".join(parts)


def _ended(notice: Notice) -> str:
    count = notice.ended
    sessions = "a dead session" if notice.sessions <= 1 else f"{notice.sessions} dead sessions"
    return f"{count} process{'' if count == 1 else 'es'} of {sessions}"


def _about(one: Left) -> str:
    ports = ", ".join(map(str, one.ports))
    held = [f"port {ports}"] if ports else []
    return f"{one.command} ({', '.join((*held, size(one.memory)))})"


def _ending(one: Left) -> str:
    """The command that ends them, without the program's name."""
    if len(one.pids) > _PIDS_MAX and one.session_id:
        return f"run --session {one.session_id} --class detached"
    return "run " + " ".join(f"--pid {pid}" for pid, _ in one.pids)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def document(notice: Notice) -> dict[str, Any]:
    """The notice as it is written down until somebody has been told."""
    return {**notice._asdict(), "left": [one._asdict() for one in notice.left]}


def notice_of(value: object) -> Notice | None:
    """The notice that was written down; None for a file that is damaged, or nothing of ours."""
    if not isinstance(value, dict):
        return None
    ended, freed, sessions, survived = numbers = [_count(value.get(name)) for name in _NUMBERS]
    problem, rows = value.get("problem"), value.get("left")
    if not isinstance(problem, str) or not isinstance(rows, list):
        return None
    left = [_left(row) for row in rows]
    if min(numbers) < 0 or None in left:
        return None
    found = tuple(one for one in left if one is not None)
    return Notice(ended, freed, sessions, survived, _plain(problem), found)


def _count(value: object) -> int:
    """A whole number that counts something, -1 for anything else."""
    return value if type(value) is int else -1


def _left(row: object) -> Left | None:
    if not isinstance(row, dict):
        return None
    command, session_id, memory = (row.get(name) for name in ("command", "session_id", "memory"))
    pids, ports = _pairs(row.get("pids")), row.get("ports")
    if not isinstance(command, str) or not isinstance(session_id, str) or type(memory) is not int:
        return None
    if not pids or not isinstance(ports, list) or not all(type(port) is int for port in ports):
        return None
    return Left(_plain(command), pids, _plain(session_id), tuple(ports), memory)


def _pairs(value: object) -> tuple[tuple[int, int], ...]:
    rows: Sequence[object] = value if isinstance(value, list) else ()
    return tuple(
        (row[0], row[1])
        for row in rows
        if isinstance(row, list) and len(row) == 2 and usable_pid(row[0]) and type(row[1]) is int
    )


def _plain(text: str) -> str:
    """One line without control characters, whatever a damaged file holds."""
    return "".join(char if char.isprintable() else " " for char in text[:_TEXT_MAX])


__all__ = ["Left", "Notice", "body", "document", "line", "notice_of", "title"]
