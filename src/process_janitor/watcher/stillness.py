"""Whether anything can have changed since the hands looked at the whole machine, so that a heartbeat may do without."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import activity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.settings import Settings

# What no process starts or ends for: a connection that is closed, a record that is old enough to be removed.
LOOK_AGAIN_SECONDS = 3600.0


class Reading(NamedTuple):
    """What changes with the answer: `threads` with every end, `newest` with every start, the rest with their writers.

    `processes` is for containers, whose threads are counted with everybody else's; `threads` for those of other users,
    which a mount with hidepid does not list.
    """

    newest: int
    threads: int
    processes: int
    registry: int
    keep_rules: int
    options: Settings


def read(registry: int, keep_file: str, options: Settings) -> Reading:
    newest, threads = activity.counts()
    try:
        keep_rules = os.stat(keep_file).st_mtime_ns
    except OSError:
        keep_rules = 0
    return Reading(newest, threads, activity.listing(), registry, keep_rules, options)


class Stillness:
    """One look after another: `began` right before the hands start, `over` once they are gone, `lasts` to ask."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._settled: Reading | None = None
        self._until = 0.0

    def lasts(self, reading: Reading, now: float) -> bool:
        """Whether a look now would find what the last one found."""
        return reading == self._settled and now < self._until

    def began(self, reading: Reading) -> None:
        self._before = reading

    def over(self, reading: Reading, hands: int, now: float) -> None:
        """`hands` is the pid of the child that has looked, 0 for one that failed. A machine on which anything else was
        started or has ended meanwhile is looked at again: nobody knows whether before or after it was listed.
        """
        before, self._before, self._settled = self._before, None, None
        if before is not None and reading.threads and reading == before._replace(newest=hands):
            self._settled, self._until = reading, now + LOOK_AGAIN_SECONDS


__all__ = ["LOOK_AGAIN_SECONDS", "Reading", "Stillness", "read"]
