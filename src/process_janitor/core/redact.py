"""Command lines without their secrets: what may be shown, stored or sent to a journal.

A command is read word by word, each as its program would take it. A word that has blanks may be a line for another
program, and is read as one; so there is no depth at which a secret is out of sight.
"""

from __future__ import annotations

import re

from process_janitor.core import secret_texts, shell_words
from process_janitor.core.programs import base
from process_janitor.core.secret_names import TAKES_LINE, TAKES_SECRET, is_secret
from process_janitor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_janitor.core.secret_texts import Span
    from process_janitor.core.shell_words import Part

HIDDEN = "***"
# More than this is not read, and so not shown: nobody reads it, and reading takes time.
_READ_MAX = 1 << 16
# Lines in words of lines: what is deeper is hidden as it is.
_DEPTH_MAX = 6
_FLAG = re.compile(r"--?(?:[A-Za-z][a-z-]*(?:=.*)?)?$", re.DOTALL)
_NAMED_FLAG = re.compile(r"--?[\w.-]+$")
# What may hold words itself: a line, a list in JSON, or either with a backslash before each quote.
_MORE = re.compile(r"[\s'\"\\]")
# `CMD=mysql`, `--exec=curl`: what follows is a word as well.
_SETTING = re.compile(r"(?:-{0,2}[A-Za-z_][\w.-]*=)+")
# What the next word is: a secret, a line for a shell, the name of something that is `set`.
_SECRET = "secret"  # noqa: S105  # no secret itself
_LINE = "line"
_NAME = "name"


def redact(argv: Sequence[str], limit: int = 400) -> str:
    """One printable line for a command: secrets hidden, control characters made visible, at most `limit` characters."""
    command = _Command()
    shown: list[str] = []
    left = _READ_MAX
    for whole in argv:
        word = _read(whole, left)
        shown.append(_without(word, command.take(word, 0)))
        left -= len(whole) + 1
        if left < 0:
            break
    return _printable(" ".join(map(_on_one_line, shown)), limit)


def redact_line(line: str, limit: int = _READ_MAX) -> str:
    """The same for what a shell is given as one line: `cd x && deploy --token ***`."""
    line = _read(line, _READ_MAX)
    return _printable(_on_one_line(_without(line, _of_line(line, 0))), limit)


def redact_text(text: str) -> str:
    """The text with everything that looks like a credential replaced by `***`. What is hidden stays so."""
    return _without(text, _of_word(text, 0))


class _Command:
    """What is known of a command by the words that were read of it."""

    __slots__ = ("_expects", "_flags")

    def __init__(self) -> None:
        self._flags: dict[str, str] = {}
        self._expects = ""

    @property
    def expects(self) -> bool:
        return self._expects == _SECRET

    def take(self, word: str, depth: int) -> list[Span]:
        """What is to be hidden of the next word."""
        expected, self._expects = self._expects, ""
        if word and not _FLAG.match(word):
            if expected == _SECRET:
                return [(0, len(word))]
            if expected == _LINE:
                return _of_line(word, depth)
        elif expected in (_LINE, _NAME):
            self._expects = expected  # `bash -c -l LINE`
        setting = _SETTING.match(word)
        for at in (0, setting.end()) if setting is not None else (0,):
            if not word.startswith("-", at):
                self._name(word[at:], expected)
                continue
            begins = self._flag(word, at)
            if begins:
                return [(begins, len(word))]
        return _of_word(word, depth)

    def _flag(self, word: str, at: int) -> int:
        """Where in this word the secret of a flag begins, 0 where none does; then the next word may be one."""
        for flag, takes in self._flags.items():
            found = re.compile(flag).match(word, at)
            if found is not None and found.end() < len(word):
                return found.end()
            if found is not None:
                self._expects = takes
                return 0
        if _NAMED_FLAG.match(word, at) and is_secret(word[at:].lstrip("-")):
            self._expects = _SECRET
        return 0

    def _name(self, word: str, expected: str) -> None:
        """Flags go by the programs that were named so far: before one, there may be any that starts it (`sudo`, `env`)."""
        name = base(word)
        if name in TAKES_SECRET:
            self._flags[TAKES_SECRET[name]] = _SECRET
        if name in TAKES_LINE:
            self._flags[TAKES_LINE[name]] = _LINE
        if expected == _NAME and is_secret(word.rsplit(":", 1)[-1]):
            self._expects = _SECRET
        elif word == "set":
            self._expects = _NAME

    def given(self) -> None:
        """The word that was expected is the output of another command."""
        self._expects = ""


def _of_word(word: str, depth: int) -> list[Span]:
    found = list(secret_texts.spans(word, word=True))
    if _MORE.search(word):
        found += _words_of(word, depth)
        if depth <= _DEPTH_MAX:
            command = _Command()
            for part in shell_words.strings(word):
                found += _hidden(part, command.take(part.text, depth + 1))
    return found


def _of_line(line: str, depth: int) -> list[Span]:
    return [*secret_texts.spans(line, word=False), *_words_of(line, depth)]


def _words_of(line: str, depth: int) -> list[Span]:
    """What is to be hidden of a shell line, by its words."""
    if depth > _DEPTH_MAX:
        return [(0, len(line))]
    found: list[Span] = []
    command = _Command()
    # The commands around this one, what ends this one, and whether the word that it stands in is hidden.
    around: list[tuple[str, _Command, bool]] = []
    hidden_to = -1
    for part in shell_words.parts(line):
        if not part.mark:
            if part.start == hidden_to:
                hide = [(0, len(part.text))]
            else:
                hide = command.take(part.text, depth + 1)
            found += _hidden(part, hide)
            if any(end == len(part.text) for _, end in hide):
                hidden_to = part.end
        elif around and around[-1][0] == part.mark:
            _, command, within = around.pop()
            if within:
                hidden_to = part.end
        elif part.mark in ("(", "`"):
            within = command.expects or hidden_to == part.start
            around.append((")" if part.mark == "(" else part.mark, command, within))
            command.given()
            command = _Command()
        else:
            command = _Command()
    return found


def _hidden(part: Part, spans: Iterable[Span]) -> Iterable[Span]:
    """Where in the line that stands which is hidden of one of its words."""
    return (part.span(start, end) for start, end in spans if start < end)


def _without(text: str, spans: Iterable[Span]) -> str:
    """The text with each of these parts replaced, and overlapping ones by one."""
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end <= max(at, start):
            continue
        if start > at or not kept:
            kept += [text[at:start], HIDDEN]
        at = end
    return "".join((*kept, text[at:]))


def _read(text: str, most: int) -> str:
    """As much of it as is read: whole words, because of half a one it cannot be said what it is."""
    if len(text) <= most:
        return text
    words = text[:most].rsplit(None, 1)
    return f"{words[0]} …" if len(words) > 1 else "…"


def _on_one_line(text: str) -> str:
    return text if text.isprintable() else " ".join(filter(None, map(str.strip, text.splitlines())))


def _printable(line: str, limit: int) -> str:
    line = visible(line, frozenset())
    return line if len(line) <= limit else line[: limit - 1] + "…"


__all__ = ["HIDDEN", "redact", "redact_line", "redact_text"]
