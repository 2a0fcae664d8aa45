"""The heartbeat: every session is stamped, those that hang are found, and what is left over is counted anew."""

from __future__ import annotations

import os

from process_janitor.system import clock, identity, lease, paths, stamps, worlds
from process_janitor.system.config import heartbeat_limit, load_settings
from process_janitor.system.registry import as_session
from process_janitor.watcher import stillness
from process_janitor.watcher.effort import attached
from process_janitor.watcher.faults import attempt, guarded, log
from process_janitor.watcher.sessions import TICK_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.settings import Settings
    from process_janitor.system.registry import Entry
    from process_janitor.watcher.hands import Hands
    from process_janitor.watcher.sessions import Sessions, Watched

_PROBLEM_MAX = 1000
# A goodbye's grace is over a little after its time, never right before it.
_AFTER_GRACE_SECONDS = 0.1


class Heartbeat:
    """The settings are read with every beat; between two of them they do not change."""

    def __init__(self, sessions: Sessions, hands: Hands) -> None:
        self._sessions = sessions
        self._hands = hands
        self._root = sessions.registry.root
        # Of the code that runs here, whatever is put in its place on the disk.
        self._version_name = paths.plugin_version() or "0"
        self._problems: tuple[str, ...] = ()
        self._options = self._configured()
        self._stillness = stillness.Stillness()
        self._after = 0.0

    @property
    def interval(self) -> float:
        return float(self._options.value("heartbeat_interval_seconds"))

    def announce(self) -> None:
        """Name ourselves to the hooks, until the next heartbeat is overdue."""
        me = identity.identify(os.getpid())
        if me is not None:
            term = heartbeat_limit(self._options)
            place = worlds.directory(self._root)
            attempt(self._root, lease.announce, place, me, self._version_name, term)

    def beat(self, now: float) -> None:
        """If it is time: stamp every session, find the ones that hang after their goodbye, and have the leftovers counted
        if there can be others than the last time.
        """
        if now < self._after and not self._sessions.changed:
            return
        self._sessions.changed = False
        self._options = self._configured()
        self.announce()
        self._after = now + self.interval
        hung: dict[tuple[int, int], str] = {}
        for key, one in self._sessions.watched.items():
            if one.entry is not None:
                guarded(
                    self._sessions.registry, one.entry, self._stamp, key, one, one.entry, now, hung
                )
        reading = self._reading()
        if not hung and self._stillness.lasts(reading, now):
            return
        if self._hands.begin({}, hung):
            self._stillness.began(reading)
        elif hung:
            self._after = now + TICK_SECONDS

    def _stamp(
        self,
        key: tuple[int, int],
        one: Watched,
        entry: Entry,
        now: float,
        hung: dict[tuple[int, int], str],
    ) -> None:
        boot_id = self._sessions.boot_id
        one.effort.measure(now, self.interval, attached(key, one.descendants))
        attempt(self._root, stamps.beat, entry.directory, now, boot_id, one.effort.busy_at)
        ago = as_session(entry, now, boot_id).ended_ago
        grace = float(self._options.value("hung_grace_seconds"))
        if ago is not None and ago >= grace:
            hung[key] = entry.record["session_id"]
        elif ago is not None:
            self._after = min(self._after, now + grace - ago + _AFTER_GRACE_SECONDS)

    def looked(self) -> None:
        """The hands are back."""
        self._stillness.over(self._reading(), self._hands.finished, clock.monotonic())

    def _reading(self) -> stillness.Reading:
        version = self._sessions.registry.version()
        return stillness.read(version, paths.keep_file(self._root), self._options)

    def _configured(self) -> Settings:
        """The settings in force. What is wrong with them is logged when it changes, not with every heartbeat."""
        options = load_settings()
        if options.problems != self._problems:
            self._problems = options.problems
            for problem in options.problems:
                text = " ".join(problem.split())[:_PROBLEM_MAX]
                log(self._root, f"configuration, its default is used: {text}")
        return options


__all__ = ["Heartbeat"]
