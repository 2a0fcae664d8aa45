"""Sizes and ages as people say them."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))


def size(number: int) -> str:
    """Bytes in decimal units, two or three digits: `950 kB`, `45 MB`, `1.2 GB`."""
    if number >= 1e9:
        return f"{number / 1e9:.1f} GB"
    if number >= 1e6:
        return f"{round(number / 1e6)} MB"
    return f"{round(number / 1e3)} kB" if number >= 1e3 else f"{number} B"


def age(seconds: float | None) -> str:
    """The two largest units: `12 s`, `5 min`, `3 h 20 min`, `4 d 2 h`; `-` for no age."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        minutes = whole % _HOUR // _MINUTE
        return f"{whole // _HOUR} h {minutes} min" if minutes else f"{whole // _HOUR} h"
    hours = whole % _DAY // _HOUR
    return f"{whole // _DAY} d {hours} h" if hours else f"{whole // _DAY} d"


def about(seconds: float | None) -> str:
    """The largest unit alone, where there is no room: `3 h`."""
    if seconds is None:
        return "-"
    return next(
        (f"{int(seconds) // unit} {word}" for unit, word in _UNITS if seconds >= unit),
        f"{int(seconds)} s",
    )


def count(number: int, one: str, many: str = "") -> str:
    """`1 process`, `3 processes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


__all__ = ["about", "age", "count", "size"]
