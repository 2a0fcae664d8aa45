"""JSON text for the hot path: the interpreter's own C scanner and encoder, without `json`.

Importing `json` pulls in `re`, `enum` and `functools` and doubles the time of a hook. Falls back to `json` on an
interpreter that lacks the C parts or has changed them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BLANKS = " \t\r\n"


class _Strict:
    """What the C scanner asks its decoder for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(float)


def _builtin() -> tuple[Callable[[str, int], tuple[Any, int]], Callable[[Any, int], Any]]:
    import _json

    return (
        _json.make_scanner(_Strict),
        _json.make_encoder(None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, False),
    )


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


try:
    _scan, _encode = _builtin()
except (ImportError, AttributeError, TypeError):
    _scan = _encode = None  # type: ignore[assignment]


def loads(text: str) -> Any:
    """The value of one JSON document. Raises ValueError on anything else, also on nesting too deep to read."""
    if _scan is None:
        import json

        return json.loads(text)
    start = len(text) - len(text.lstrip(_BLANKS))
    try:
        value, end = _scan(text, start)
    except StopIteration:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if text[end:].strip(_BLANKS):
        raise ValueError("text after the JSON document")
    return value


def dumps(value: object) -> str:
    """One line of ASCII JSON, so that a torn or foreign encoding cannot split a character."""
    if _encode is None:
        import json

        return json.dumps(value, separators=(",", ":"))
    return "".join(_encode(value, 0))


__all__ = ["dumps", "loads"]
