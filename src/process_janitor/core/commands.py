"""Command lines for people: the user's part of a Bash call, without its secrets, and cut where it hurts least."""

from __future__ import annotations

import functools

from process_janitor.core import programs, shapes, shell_words
from process_janitor.core.redact import redact, redact_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 400
_SNAPSHOT = "/shell-snapshots/snapshot-"
_EVAL = " eval "
_LINE_MAX = 1 << 16
_UNCUT = 1 << 20


def shown(argv: Sequence[str], limit: int = LIMIT) -> str:
    """One printable line for a command, secrets hidden; of a Bash call only what it was asked to do. "" for no words."""
    return middle(_hidden(tuple(argv)), limit)


@functools.lru_cache(maxsize=64)
def _hidden(argv: tuple[str, ...]) -> str:
    """Without its secrets. To read a script behind `-c` takes a millisecond, and all workers of a program have one line."""
    asked = tool_command(argv)
    return redact(argv, _UNCUT) if asked is None else redact_line(asked, _UNCUT)


def tool_command(argv: Sequence[str]) -> str | None:
    """What a Bash call evaluates, None for every other command and for a wrapper of a form not known here."""
    line = shapes.tool_line(argv)
    if line is None:
        return None
    # Where a snapshot is sourced, its path may hold anything.
    line = f" {line[:_LINE_MAX]}"
    at = line.find(_EVAL, max(0, line.find(_SNAPSHOT)))
    if at < 0:
        return None
    word = next(shell_words.parts(line, at + len(_EVAL)), None)
    return word.text.strip() or None if word is not None else None


def brief(command: str) -> str:
    """The same with the program's path, and that of the script an interpreter runs, cut down to their last parts."""
    words = command.split(" ")
    script = programs.program(words)
    if script != words[0] and script in words[1:]:
        words[words.index(script, 1)] = _last_part(script)
    words[0] = _last_part(words[0])
    return " ".join(words)


def middle(text: str, width: int) -> str:
    """The text in at most `width` characters; what is left out is its middle, because the end tells commands apart."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def _last_part(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1] or path


__all__ = ["LIMIT", "brief", "middle", "shown", "tool_command"]
