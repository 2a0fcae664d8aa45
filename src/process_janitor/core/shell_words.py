"""A shell line taken apart: its words without their quotes, where they stand in it, and what ends a command.

No shell's grammar: what begins and ends a command is enough to know which program a word is given to. Whatever the line,
it is read once from left to right, and what does not close ends with the line.
"""

from __future__ import annotations

import re
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = re.compile(
    r"""(?P<plain>[^\s'"\\`$();&|<>]+)
    |(?P<joined>\\\n)
    |(?P<blank>[^\S\n]+)
    |(?P<escaped>\\[\s\S]?)
    |(?P<single>'[^']*'?)
    |(?P<double>")
    |(?P<ansi>\$'[^'\\]*(?:\\[\s\S][^'\\]*)*'?)
    |(?P<opens>\$?\()
    |(?P<dollar>\$)
    |(?P<here><<-?(?!<)[^\S\n]*(?:'[^'\n]*'|"[^"\n]*"|\\?[\w.-]+))
    |(?P<redirects>[<>]{1,3}[&|]?|&>{1,2})
    |(?P<mark>[\n;&|)`])""",
    re.VERBOSE,
)
# Inside double quotes, and inside the `$( … )` that may stand there, with quotes of its own.
_QUOTED = re.compile(r'[^"\\$]+|\\[\s\S]?|\$\(?|"')
_SUBSTITUTED = re.compile(r"[^'\"\\()]+|'[^']*'?|\\[\s\S]?|[\"()]")
_DELIMITER = re.compile(r"<<-?\s*\\?['\"]?(.*?)['\"]?$")
_ROW = re.compile(r"\t*([^\n]*)\n?")
_STRING = re.compile(r"[\[({,:=]\s{0,16}(?=\\{0,8}['\"])")
_QUOTE = re.compile(r"(\\{0,8})(['\"])")
_ESCAPED = re.compile(r"[^\\]+|\\[\s\S]?")
_BLANKS = {"n": "\n", "t": "\t", "r": "\r"}


class Part:
    """One word, or what stands between commands: then `mark` is "(", ")", "`" or ";" for all that only separates.

    `start` and `end` are where it stands in the line, quotes and all; `text` is a word as its program gets it.
    """

    __slots__ = ("_pieces", "_shift", "end", "mark", "start", "text")

    def __init__(self, start: int, mark: str = "") -> None:
        self.start = start
        self.end = start
        self.mark = mark
        self.text = ""
        # Where runs of characters begin, in the text, and how far from there they stand in the line.
        self._pieces: list[int] = []
        self._shift: list[int] = []

    def read(self, pieces: list[tuple[str, int]], end: int) -> Part:
        """The same with its pieces: what each says, and where in the line it stands."""
        length = 0
        for text, at in pieces:
            self._pieces.append(length)
            self._shift.append(at - length)
            length += len(text)
        self.text = "".join(text for text, _ in pieces)
        self.end = end
        return self

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where this part of the text stands in the line. All of it stands with its quotes."""
        if (start, end) == (0, len(self.text)):
            return self.start, self.end
        first, last = (self._shift[bisect_right(self._pieces, at) - 1] for at in (start, end - 1))
        return start + first, end + last


def parts(line: str, at: int = 0) -> Iterator[Part]:
    """The line's words, and between them what ends a command or stands around one."""
    start = at
    pieces: list[tuple[str, int]] = []
    word = False
    documents = True
    delimiters: list[str] = []
    while at < len(line):
        found = _match(_PART, line, at)
        kind = found.lastgroup
        begun, at = at, found.end()
        if kind in ("plain", "dollar", "escaped", "single", "double", "ansi"):
            if not word:
                start, word = begun, True
            if kind in ("plain", "dollar"):
                pieces.append((found[0], begun))
            elif kind == "escaped":
                pieces.append((found[0][1:], begun + 1))
            elif kind == "single":
                pieces.append((found[0][1:].rstrip("'"), begun + 1))
            elif kind == "double":
                at = _double(line, at, pieces)
            else:
                _escaped(line, begun + 2, at - line.endswith("'", begun + 2, at), pieces)
            continue
        if kind == "joined":
            continue
        if word:
            yield Part(start).read(pieces, begun)
            pieces, word = [], False
        if kind == "here" and documents:
            delimiters += _DELIMITER.findall(found[0])
        elif kind == "opens":
            yield Part(begun, "(").read([], at)
        elif kind == "mark":
            yield Part(begun, found[0] if found[0] in ")`" else ";").read([], at)
            if found[0] == "\n" and delimiters:
                begun, at = at, _document(line, at, delimiters)
                # One that does not end is none, and the others are not looked for: each would cost the whole line.
                documents, delimiters = at > begun, []
                if documents:
                    yield Part(begun).read([(line[begun:at], begun)], at)
                    yield Part(at, ";").read([], at)
    if word:
        yield Part(start).read(pieces, len(line))


def _match(pattern: re.Pattern[str], line: str, at: int) -> re.Match[str]:
    """What stands there; each pattern that is asked so knows every character."""
    found = pattern.match(line, at)
    if found is None:
        raise ValueError(f"{line[at]!r} is nothing in a shell line")
    return found


def _double(line: str, at: int, pieces: list[tuple[str, int]]) -> int:
    """Read what double quotes hold from `at`, and say where it goes on. `$( … )` stays as it is: it is a line itself."""
    while at < len(line):
        found = _match(_QUOTED, line, at)
        begun, at = at, found.end()
        text = found[0]
        if text == '"':
            return at
        if text == "$(":
            at = _substitution(line, at)
            pieces.append((line[begun:at], begun))
        elif text[0] == "\\" and text[1:] in ('"', "\\", "$", "`"):
            pieces.append((text[1:], begun + 1))
        elif text != "\\\n":
            pieces.append((text, begun))
    return at


def _substitution(line: str, at: int) -> int:
    """Where the `$( … )` ends that was opened before `at`."""
    inside = [")"]
    while inside and at < len(line):
        quoted = inside[-1] == '"'
        found = _match(_QUOTED if quoted else _SUBSTITUTED, line, at)
        at = found.end()
        text = found[0]
        if text == inside[-1]:
            inside.pop()
        elif text in ("$(", "("):
            inside.append(")")
        elif text == '"':
            inside.append('"')
    return at


def _document(line: str, at: int, delimiters: list[str]) -> int:
    """Where the here documents end that begin at `at`, in which a quote opens nothing; `at` if one of them does not."""
    left = iter(delimiters)
    delimiter = next(left)
    for row in _ROW.finditer(line, at):
        if row[1] == delimiter:
            following = next(left, None)
            if following is None:
                return row.end(1)
            delimiter = following
    return at


def strings(text: str) -> Iterator[Part]:
    """What stands in quotes in a list, JSON's or a program's: `{"command": "a", "args": ["b", "c"]}`."""
    at = 0
    while (found := _STRING.search(text, at)) is not None:
        begun = found.end()
        inside = quoted(text, begun)
        if inside is None:  # more backslashes than any nesting needs
            return
        start, end = inside
        pieces: list[tuple[str, int]] = []
        _escaped(text, start, end, pieces)
        at = min(len(text), end + start - begun)
        yield Part(begun).read(pieces, at)


def quoted(text: str, at: int) -> tuple[int, int] | None:
    """The inside of the quotes that open there: up to their like, with as many backslashes, or the end. None: no quote."""
    quote = _QUOTE.match(text, at)
    if quote is None:
        return None
    before = len(quote[1])
    # Of what is escaped inside, a backslash at the end has these before it any number of times.
    within = rf"(?<!\\)(?:\\{{{2 * before + 2}}})*"
    closing = re.compile(rf"{within}(\\{{{before}}}{quote[2]})").search(text, quote.end())
    return quote.end(), closing.start(1) if closing is not None else len(text)


def _escaped(line: str, at: int, end: int, pieces: list[tuple[str, int]]) -> None:
    r"""Read what knows `\n`: the inside of a shell's `$'…'`, of a string in JSON."""
    for found in _ESCAPED.finditer(line, at, end):
        text = found[0]
        if text[0] == "\\" and len(text) > 1:
            pieces.append((_BLANKS.get(text[1], text[1]), found.start() + 1))
        else:
            pieces.append((text, found.start()))


__all__ = ["Part", "parts", "quoted", "strings"]
