"""How busy the machine is, as Linux tells anybody: load, memory, swap, and stalls (PSI) where the kernel counts them.

Six small files, cheap enough for a hook. What is missing or unreadable is None; nothing is guessed.
"""

from __future__ import annotations

import os

from process_janitor.core.overload import Pressure
from process_janitor.system import procfs

_UNIT = 1024


def read(proc: str = procfs.PROC) -> Pressure:
    """The machine's state now; never raises."""
    memory = _meminfo(f"{proc}/meminfo")
    cpu, held, io = (_stalls(f"{proc}/pressure/{name}") for name in ("cpu", "memory", "io"))
    return Pressure(
        cores=os.cpu_count() or 1,
        averages=_averages(f"{proc}/loadavg"),
        memory_total=memory.get("MemTotal"),
        memory_available=memory.get("MemAvailable"),
        swap_total=memory.get("SwapTotal"),
        swap_free=memory.get("SwapFree"),
        cpu_some=cpu.get("some"),
        memory_some=held.get("some"),
        memory_full=held.get("full"),
        io_full=io.get("full"),
    )


def _words(path: str) -> list[list[str]]:
    try:
        data = procfs.read(path) or b""
    except OSError:
        data = b""  # /proc/pressure is there and answers ENOTSUP where PSI is switched off
    return [line.split() for line in data.decode("ascii", "replace").splitlines()]


def _averages(path: str) -> tuple[float, float, float] | None:
    for words in _words(path)[:1]:
        numbers = [found for word in words[:3] if (found := _number(word)) is not None]
        if len(numbers) == 3:
            return numbers[0], numbers[1], numbers[2]
    return None


def _meminfo(path: str) -> dict[str, int]:
    found = {}
    for words in _words(path):
        if len(words) == 3 and words[1].isascii() and words[1].isdecimal() and len(words[1]) < 20:
            found[words[0].rstrip(":")] = int(words[1]) * _UNIT
    return found


def _stalls(path: str) -> dict[str, float]:
    """`some` and `full` -> percent of the last minute."""
    found = {}
    for words in _words(path):
        for word in words[1:]:
            name, _, value = word.partition("=")
            number = _number(value) if name == "avg60" else None
            if number is not None:
                found[words[0]] = number
    return found


def _number(text: str) -> float | None:
    """A decimal number; None for anything else, `nan` and `inf` included."""
    digits = text.replace(".", "", 1)
    return float(text) if digits.isascii() and digits.isdecimal() and len(text) < 20 else None


__all__ = ["read"]
