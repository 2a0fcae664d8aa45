"""Waiting for events with a deadline, so that no test sleeps and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.05


class TimedOut(AssertionError):
    """What was awaited did not happen before its deadline, or what should have stayed true did not."""


def until(probe: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first truthy answer of ``probe``; ``TimedOut`` naming ``what`` when ``seconds`` pass without one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


def stays(probe: Callable[[], bool], seconds: float, what: str) -> None:
    """Return after ``seconds`` in which ``probe`` was true at every look; ``TimedOut`` at the first false."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        if not probe():
            raise TimedOut(f"no longer true after {time.monotonic() - begun:.1f} s: {what}")
        time.sleep(POLL_SECONDS)
