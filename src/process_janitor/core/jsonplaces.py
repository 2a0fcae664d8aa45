"""Where in a JSON text something stands, for people who have to mend it. Not for the hot path: it imports `json`."""

from __future__ import annotations

import json

from process_janitor.core import jsontext
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_BLANKS = " \t\r\n"


class Broken(ValueError):
    """The text is no JSON document. `line` and `column` count from 1."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(what)
        self.line = line
        self.column = column


class Member(NamedTuple):
    """One `name: value` of the outermost object; `line` counts from 1 and is the name's."""

    name: str
    value: Any
    line: int


def members(text: str) -> tuple[Member, ...] | None:
    """The members of the outermost object in the order of the text, a repeated one as often as it is there.

    None where the document is something else. Raises Broken.
    """
    try:
        # Numbers are left as text here: the value of thousands of digits is refused without saying where they are.
        document = json.loads(text, parse_int=str)
    except json.JSONDecodeError as error:
        raise Broken(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise Broken("nested too deep", 1, 1) from None
    return tuple(_walk(text)) if isinstance(document, dict) else None


def _walk(text: str) -> Iterator[Member]:
    """The text is known to be one object, so there is nothing left to check but its numbers."""
    # The numbers that the settings are read with: a document that is refused there must not be called sound here.
    read = json.JSONDecoder(
        parse_int=jsontext.integer, parse_float=jsontext.number, parse_constant=jsontext.number
    ).raw_decode
    line, counted = 1, 0
    at = _after_blanks(text, text.index("{") + 1)
    while text[at] != "}":
        at = _after_blanks(text, at + 1) if text[at] == "," else at
        line, counted = line + text.count("\n", counted, at), at
        name, end = read(text, at)
        behind_colon = _after_blanks(text, _after_blanks(text, end) + 1)
        try:
            value, end = read(text, behind_colon)
        except ValueError as error:
            column = behind_colon - text.rfind("\n", 0, behind_colon)
            line += text.count("\n", at, behind_colon)
            raise Broken(f"{name}: {error}", line, column) from None
        yield Member(name, value, line)
        at = _after_blanks(text, end)


def _after_blanks(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


__all__ = ["Broken", "Member", "members"]
