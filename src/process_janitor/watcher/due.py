"""After whom is to be cleaned, and when: at once, and again as long as it fails."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system.config import Unsafe
from process_janitor.watcher.closing import close, settled
from process_janitor.watcher.faults import attempt, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from process_janitor.system.registry import Entry, Registry

_RETRY_SECONDS = 5.0
_TRIES_MAX = 3
# With every heartbeat: a day, as it is set by default.
_LATER_TRIES_MAX = 1440
# What is still in use after ten more heartbeats is somebody's: to end it in a moment of silence would surprise them.
_LOOKS_MAX = _TRIES_MAX + 10


class _Gone(NamedTuple):
    """`session_id`: where its record was last, "" for one that nobody registered. `tries`: how many have failed, `looks`:
    how often something of it was still in use.
    """

    session_id: str
    at: float
    tries: int = 0
    looks: int = 0


class Due:
    """Sessions whose process is gone, from then until they are cleaned after. Times are of the monotonic clock."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: dict[tuple[int, int], _Gone] = {}
        self._sent: dict[tuple[int, int], _Gone] = {}

    def __contains__(self, key: tuple[int, int]) -> bool:
        return key in self._waiting or key in self._sent

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(
        self, key: tuple[int, int], session_id: str, at: float, *, failed: bool = False
    ) -> None:
        """To be cleaned after, from then on. `failed`: an earlier watcher has tried it in vain often enough."""
        self._waiting[key] = _Gone(session_id, at, _TRIES_MAX + 1 if failed else 0)

    def times(self) -> Iterable[float]:
        return [one.at for one in self._waiting.values()]

    def ready(self, now: float) -> dict[tuple[int, int], str]:
        """Those whose time has come, with their session ids."""
        return {key: one.session_id for key, one in self._waiting.items() if one.at <= now}

    def tells(self, keys: Iterable[tuple[int, int]]) -> Callable[[Exception], bool]:
        """Whether the user is to hear of an error in the next try for these: once, rules that cannot be read at once, for
        those do not mend themselves; anything else when it is given up for now.
        """
        tries = {self._waiting[key].tries for key in keys}
        return lambda error: (0 if isinstance(error, Unsafe) else _TRIES_MAX) in tries

    def send(self, keys: Iterable[tuple[int, int]]) -> None:
        """A child is at work for these."""
        for key in keys:
            self._sent[key] = self._waiting.pop(key)

    def settle(self, now: float, later: float, *, cleaned: bool) -> None:
        """The child is back; `cleaned` if it did its work. What it left has to be done again: soon, then every `later`
        seconds, for a day.

        A full disk is cleared after hours, a rule that cannot be read is mended, who was using a leftover goes away; a
        session without a record has nobody else to come back for it.
        """
        sent, self._sent = self._sent, {}
        for key, one in sent.items():
            self._settle(key, one, now, later, cleaned=cleaned)

    def _settle(
        self, key: tuple[int, int], one: _Gone, now: float, later: float, *, cleaned: bool
    ) -> None:
        root = self._registry.root
        entry = self._registry.find(*key, one.session_id)
        left = entry is not None and not settled(entry.record)
        if cleaned and not left:
            return
        if cleaned:
            looks = one.looks + 1
            if entry is not None and looks > _LOOKS_MAX:
                attempt(root, close, self._registry, entry)
                return
            wait = later if looks > _TRIES_MAX else _RETRY_SECONDS
            self._waiting[key] = _Gone(one.session_id, now + wait, 0, looks)
            return
        tries = one.tries + 1
        if tries > _TRIES_MAX + _LATER_TRIES_MAX:
            log(root, f"gave up cleaning after session process {key[0]} for good")
            return
        if tries == _TRIES_MAX + 1:
            log(
                root,
                f"gave up cleaning after session process {key[0]} for now; see the lines above",
            )
        if tries > _TRIES_MAX and entry is not None and left:
            # Its story is told, and whoever watches after us knows that it is not done with.
            attempt(root, _close_unfinished, self._registry, entry)
        wait = later if tries > _TRIES_MAX else _RETRY_SECONDS
        self._waiting[key] = one._replace(at=now + wait, tries=tries)


def _close_unfinished(registry: Registry, entry: Entry) -> None:
    close(registry, entry, cleaned=False)


__all__ = ["Due"]
