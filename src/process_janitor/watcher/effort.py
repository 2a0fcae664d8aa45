"""When a session last had work for a processor: its own process, or anything that still hangs on it."""

from __future__ import annotations

from process_janitor.system import clock, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from process_janitor.core.model import Seen

# Of one core, on the average of a heartbeat's interval. A client that waits redraws its prompt and little more.
BUSY_SHARE = 0.1
# A beat that comes early, for a new session or a goodbye, measures nothing: the cost of a redraw would look like work.
_LEAST_PART = 0.9


class Effort:
    """`busy_at`: monotonic time of the last interval with work in it, None until one was seen. Suspend adds nothing."""

    def __init__(self, busy_at: float | None = None) -> None:
        self.busy_at = busy_at
        self._since: float | None = None
        self._used: dict[tuple[int, int], int] = {}

    def measure(self, now: float, interval: float, keys: Iterable[tuple[int, int]]) -> None:
        """Compare with the last measure what the processes `keys` have used; one read of /proc each."""
        if self._since is not None and now - self._since < _LEAST_PART * interval:
            return
        used = {}
        for key in keys:
            row = procfs.process(key[0])
            if row is not None and row.start == key[1]:
                used[key] = row.cpu
        if self._since is not None:
            # What was not there before was started since: all it has used counts.
            spent = sum(max(0, ticks - self._used.get(key, 0)) for key, ticks in used.items())
            if spent > BUSY_SHARE * (now - self._since) * clock.ticks_per_second():
                self.busy_at = now
        self._since, self._used = now, used


def attached(
    owner: tuple[int, int], descendants: Mapping[tuple[int, int], Seen]
) -> list[tuple[int, int]]:
    """The session's process and what hangs on it; a dev server that was let go of works for itself."""
    return [owner, *(key for key, seen in descendants.items() if not seen.let_go)]


__all__ = ["BUSY_SHARE", "Effort", "attached"]
