"""JSON text for the hot path: the interpreter's own C scanner and encoder, without `json`.

Importing `json` pulls in `re`, `enum` and `functools` and doubles the time of a hook. Falls back to `json` on an
interpreter that lacks the C parts or has changed them.

It reads what `json` reads, except numbers that no count, size or time of ours reaches: NaN, infinities and whatever lies
beyond 2**63. Arithmetic on them raises where nobody expects it, far from the file, or never comes to an end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BLANKS = " \t\r\n"
_NUMBER_MAX = 1 << 63
# No number in range has more digits. Turning thousands of them into an integer takes quadratic time.
_DIGITS_MAX = 20


def integer(text: str) -> int:
    """An integer of a document. Raises ValueError for one out of range."""
    if len(text) <= _DIGITS_MAX:
        value = int(text)
        if -_NUMBER_MAX <= value <= _NUMBER_MAX:
            return value
    raise ValueError("a number out of range")


def number(text: str) -> float:
    """Any other number of a document, NaN and infinities among what it is asked for. Raises ValueError for one out of range."""
    value = float(text)
    if -_NUMBER_MAX <= value <= _NUMBER_MAX:  # NaN is not
        return value
    raise ValueError("a number out of range")


class _Strict:
    """What the C scanner asks its decoder for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(number)
    parse_int = staticmethod(integer)
    parse_constant = staticmethod(number)


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


def _builtin() -> tuple[Callable[[str], Any], Callable[[object], str]]:
    """Reader and writer on the C parts. Raises when they are missing or take other arguments than they used to."""
    import _json

    make_scanner: Any = _json.make_scanner
    make_encoder: Any = _json.make_encoder
    scan = make_scanner(_Strict)
    encode = make_encoder(
        None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, False
    )

    def read(text: str) -> Any:
        start = len(text) - len(text.lstrip(_BLANKS))
        try:
            value, end = scan(text, start)
        except (StopIteration, SystemError):
            # 3.10 and 3.11 look up JSONDecodeError in json.decoder, and fail themselves where nobody has imported it.
            raise ValueError("not JSON") from None
        except RecursionError:
            raise ValueError("nested too deep") from None
        if text[end:].strip(_BLANKS):
            raise ValueError("text after the JSON document")
        return value

    return read, lambda value: "".join(encode(value, 0))


def _plain() -> tuple[Callable[[str], Any], Callable[[object], str]]:
    import json

    def read(text: str) -> Any:
        try:
            return json.loads(text, parse_float=number, parse_int=integer, parse_constant=number)
        except RecursionError:
            raise ValueError("nested too deep") from None

    return read, lambda value: json.dumps(value, separators=(",", ":"), allow_nan=False)


try:
    _read, _write = _builtin()
except (ImportError, AttributeError, TypeError):
    _read, _write = _plain()


def loads(text: str) -> Any:
    """The value of one JSON document. Raises ValueError on anything else, also on nesting too deep to read and on
    numbers beyond 2**63 or that are none.
    """
    return _read(text)


def dumps(value: object) -> str:
    """One line of ASCII JSON, so that a torn or foreign encoding cannot split a character."""
    return _write(value)


__all__ = ["dumps", "integer", "loads", "number"]
