"""Where a session can be found: the terminal it was started in, by the number the kernel gives it."""

from __future__ import annotations

_PTS_MAJOR, _PTS_MAJORS, _CONSOLE_MAJOR = 136, 8, 4
_SERIAL_FROM = 64


def terminal_name(number: int) -> str:
    """`pts/3` for the `tty_nr` of /proc/PID/stat, "" for none (0)."""
    if not number:
        return ""
    major = (number >> 8) & 0xFFF
    minor = (number & 0xFF) | ((number >> 12) & 0xFFF00)
    if _PTS_MAJOR <= major < _PTS_MAJOR + _PTS_MAJORS:
        return f"pts/{(major - _PTS_MAJOR) * 256 + minor}"
    if major == _CONSOLE_MAJOR:
        return f"tty{minor}" if minor < _SERIAL_FROM else f"ttyS{minor - _SERIAL_FROM}"
    return f"tty {major}:{minor}"


__all__ = ["terminal_name"]
