"""The clocks: which one counts for what.

Ages of stamps use the monotonic clock with the boot id: it stops in suspend, so a night's sleep makes nothing stale.
The wall clock is for display only; a step of it must not change a verdict.
"""

from __future__ import annotations

import os
import time


def monotonic() -> float:
    """Seconds since boot without suspend; comparable between processes of one boot."""
    return time.monotonic()


def ticks() -> int:
    """Clock ticks since boot with suspend, as process start times count."""
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    seconds = time.clock_gettime(clock) if clock is not None else time.monotonic()
    return int(seconds * ticks_per_second())


def ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


def utc(seconds: float | None = None) -> str:
    """`2026-11-21T08:00:00Z`, for people and journals."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


__all__ = ["monotonic", "ticks", "ticks_per_second", "utc"]
