"""The watcher: waits on every session's process, and has done for a dead one what it can no longer do itself.

It only watches. Whatever needs a decision is done by a short-lived child (`hands`), so that the watcher stays small, sees
the next death while a stubborn process has its grace, and cannot be taken down by a fault in the cleaning.

Standard library only. Everything it knows is on disk, so it may be killed at any time: the next hook starts another one,
which goes on where it was.
"""

from __future__ import annotations

import select

from process_janitor.system import clock, worlds
from process_janitor.system.registry import Registry
from process_janitor.watcher import hands, wanted
from process_janitor.watcher.due import Due
from process_janitor.watcher.faults import attempt
from process_janitor.watcher.heartbeat import Heartbeat
from process_janitor.watcher.sessions import TICK_SECONDS, Sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Watcher:
    """`leases` are the descriptors that hold the lease; a child must not keep it when we are gone."""

    def __init__(self, root: str, plugin_data: str, leases: Iterable[int]) -> None:
        self._root = root
        self._place = worlds.directory(root)
        self._plugin_data = plugin_data
        registry = Registry(root)
        self._poll = select.poll()
        self._due = Due(registry)
        self._sessions = Sessions(registry, self._due, self._poll)
        self._hands = hands.Hands(root, leases)
        self._heartbeat = Heartbeat(self._sessions, self._hands)

    def run(self) -> None:
        """Until no session is left, the plugin is gone, or another watcher asks for the lease."""
        self._heartbeat.announce()
        attempt(self._root, hands.prepare, self._root)
        # What nobody can believe.
        attempt(self._root, self._sessions.registry.quarantine_malformed)
        while wanted.still_wanted(self._plugin_data) and not wanted.asked_to_retire(self._place):
            self._sessions.refresh()
            if not (self._sessions or self._due or self._hands.busy):
                return
            self._wait()
            now = clock.monotonic()
            self._heartbeat.beat(now)
            self._clean_due(now)

    def close(self) -> None:
        """Let go of every process that was waited for; a child at work goes on without us."""
        self._sessions.close()
        self._hands.close()

    def _wait(self) -> None:
        """Sleep until a session's process ends, a child has done its work, a due time comes, or the next tick."""
        # While a child is at work nothing else can begin; its end wakes us.
        due = [] if self._hands.busy else self._due.times()
        until = min([TICK_SECONDS, *(at - clock.monotonic() for at in due)])
        if self._hands.fd is not None:
            self._poll.register(self._hands.fd, select.POLLIN)
        for fd, _ in self._poll.poll(max(0, int(until * 1000))):
            if fd != self._hands.fd:
                self._sessions.died(fd)
        if self._hands.fd is not None:
            self._poll.unregister(self._hands.fd)
        cleaned = self._hands.collect()
        if cleaned is not None:
            self._due.settle(clock.monotonic(), self._heartbeat.interval, cleaned=cleaned)
            self._heartbeat.looked()

    def _clean_due(self, now: float) -> None:
        ready = self._due.ready(now)
        if not ready or not wanted.still_wanted(self._plugin_data):
            return
        if self._hands.begin(ready, {}, tell=self._due.tells(ready)):
            self._due.send(ready)


__all__ = ["Watcher"]
