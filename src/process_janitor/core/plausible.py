"""What a number or a text from outside may be: anything else is damage, and names no process and no file."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard

# The largest pid Linux hands out (PID_MAX_LIMIT on 64 bit); anything above in a record is damage, not a process.
PID_MAX = 4_194_304
_DIGITS_MAX = 20


def usable_pid(pid: object) -> TypeGuard[int]:
    """True for a number that can name an ordinary process: kill(0), kill(-1) and kill(1) are disasters, not processes."""
    return type(pid) is int and 1 < pid <= PID_MAX


def natural(text: str) -> int | None:
    """The number that a text of ASCII digits names, None for anything else. `isdigit` alone accepts "²" as well."""
    fits = 0 < len(text) <= _DIGITS_MAX and text.isascii() and text.isdecimal()
    return int(text) if fits else None


def sound_text(value: object) -> TypeGuard[str]:
    """True for a text that the system can be asked about: a NUL, or half a surrogate pair, makes every call with it fail.

    Bytes of a file's name that are no UTF-8 are sound, in the way that Python writes them.
    """
    if not isinstance(value, str) or "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


__all__ = ["PID_MAX", "natural", "sound_text", "usable_pid"]
