"""The watcher: waits on every registered session's process, and does for a dead one what it can no longer do itself.

One per user and state directory, standard library only. Everything it knows is on disk, so it may be killed at any time:
the next hook starts another one, which goes on where it was.
"""

from __future__ import annotations

import os
import select
import time

from process_janitor.core.model import Seen
from process_janitor.core.tree import Tree
from process_janitor.system import clock, identity, lease, paths, procfs, seen
from process_janitor.system.config import Unsafe, load_settings
from process_janitor.system.registry import Entry, Registry, as_session
from process_janitor.watcher import duties, wanted
from process_janitor.watcher.sightings import sighted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TICK_SECONDS = 1.0
# A clean exit stops its own children within this; acting sooner would only race it.
CLEAN_EXIT_SECONDS = 1.0
_LOOK_SHARE = 0.01
_STEP_DOWN_WAIT_SECONDS = 5.0


class Watched:
    """One living session: its record as last read, its pidfd, and the descendants seen so far."""

    def __init__(self, entry: Entry, fd: int, descendants: dict[tuple[int, int], Seen]) -> None:
        self.entry = entry
        self.fd = fd
        self.descendants = descendants


class Watcher:
    def __init__(self, root: str, plugin_data: str) -> None:
        self.root = root
        self.registry = Registry(root)
        self.boot_id = identity.boot_id()
        self.namespace = identity.pid_namespace()
        self.plugin_data = plugin_data
        self.options = load_settings()
        self._poll = select.poll()
        self._watched: dict[tuple[int, int], Watched] = {}
        self._by_fd: dict[int, tuple[int, int]] = {}
        self._newest_pid = 0
        self._version = -1
        self._look_after = 0.0
        self._beat_after = 0.0
        # Owners that are gone but whose time to be judged has not come: key -> monotonic time.
        self._due: dict[tuple[int, int], float] = {}

    def run(self) -> None:
        """Until no session is left, the plugin is gone, or a newer watcher asks for the lease."""
        while wanted.still_wanted(self.plugin_data) and not wanted.asked_to_retire(self.root):
            self._refresh()
            if not self._watched and not self._due:
                return
            self._wait()
            now = clock.monotonic()
            if now >= self._beat_after:
                self._beat(now)
            self._clean_due(now)

    def _refresh(self) -> None:
        """Take note of new, moved and changed records, and look at the trees; nothing when nothing was started since."""
        newest = procfs.newest_pid()
        now = clock.monotonic()
        if newest == self._newest_pid or now < self._look_after:
            return
        self._newest_pid = newest
        version = self.registry.version()
        if version != self._version:
            self._version = version
            for entry in list(self.registry.entries()):
                self._take(entry)
        if self._watched:
            self._look()
        spent = clock.monotonic() - now
        self._look_after = now + max(TICK_SECONDS * 0.9, spent / _LOOK_SHARE)

    def _take(self, entry: Entry) -> None:
        owner = entry.owner
        known = self._watched.get(owner.key)
        if known is not None:
            known.entry = entry
            return
        if entry.record.get("closed") or owner.key in self._due:
            return
        if owner.boot_id != self.boot_id:
            duties.close_after_reboot(self.registry, entry)
            return
        if owner.pid_namespace != self.namespace:
            return
        fd = identity.open_pidfd(owner)
        if fd is None:
            self._due[owner.key] = clock.monotonic()
            return
        self._watched[owner.key] = Watched(entry, fd, seen.load(self.root, *owner.key))
        self._by_fd[fd] = owner.key
        self._poll.register(fd, select.POLLIN)
        self._beat_after = 0.0

    def _look(self) -> None:
        tree = Tree(procfs.table())
        for one in self._watched.values():
            owner = one.entry.owner
            now = sighted(tree, owner, one.descendants)
            if now != one.descendants:
                one.descendants = now
                seen.store(self.root, owner.pid, owner.start, now)

    def _wait(self) -> None:
        """Sleep until a session's process ends, a due time comes, or the next tick."""
        until = min([TICK_SECONDS, *(at - clock.monotonic() for at in self._due.values())])
        for fd, _ in self._poll.poll(max(0, int(until * 1000))):
            key = self._by_fd.pop(fd)
            one = self._watched.pop(key)
            self._poll.unregister(fd)
            os.close(fd)
            self._due[key] = clock.monotonic() + (CLEAN_EXIT_SECONDS if self._said_goodbye(one.entry) else 0.0)

    def _said_goodbye(self, entry: Entry) -> bool:
        current = self.registry.find(*entry.owner.key)
        return bool((current or entry).record.get("ended"))

    def _beat(self, now: float) -> None:
        """Stamp every session, end the ones that hang after their goodbye, and note what the next session is told."""
        self.options = load_settings()
        self._beat_after = now + float(self.options.value("heartbeat_interval_seconds"))
        for one in self._watched.values():
            duties.stamp(one.entry, now, self.boot_id)
        hung_grace = float(self.options.value("hung_grace_seconds"))
        hung = set()
        for key, one in self._watched.items():
            session = as_session(one.entry, now, self.boot_id)
            if session.ended_ago is not None:
                left = hung_grace - session.ended_ago
                if left <= 0:
                    hung.add(key)
                else:
                    self._beat_after = min(self._beat_after, now + left + 0.1)
        if hung:
            duties.end_hung(self.root, self.options, hung)
        duties.note_leftovers(self.root, self.options)

    def _clean_due(self, now: float) -> None:
        ready = {key for key, at in self._due.items() if at <= now}
        if ready:
            for key in ready:
                del self._due[key]
            if wanted.still_wanted(self.plugin_data):
                duties.clean_after(self.registry, load_settings(), ready)


def main(arguments: Sequence[str]) -> int:
    """Run the watcher of this user's state directory; returns at once when there is one already.

    `--auto` instead cleans up once, as `process-janitor auto` would, and ends.
    """
    plugin_data = arguments[0] if arguments else ""
    root = paths.root()
    registry = Registry(root)
    try:
        registry.prepare()
        if plugin_data == "--auto":
            duties.clean_all(root, load_settings())
            return 0
        while True:
            held = _acquire(root)
            if held is None:
                return 0
            try:
                wanted.clear_retirement(root)
                me = identity.identify(os.getpid())
                if me is not None:
                    lease.announce(root, me, wanted.version())
                registry.quarantine_malformed()
                Watcher(root, plugin_data).run()
            finally:
                os.close(held)
            # A hook that registered while we were deciding to stop found the lease held and went away content.
            if not wanted.still_wanted(plugin_data) or wanted.asked_to_retire(root) or not _unwatched(registry):
                return 0
    except (OSError, Unsafe) as error:
        duties.log(root, f"watcher stopped: {error}")
        return 1


def _acquire(root: str) -> int | None:
    """The lease; worth a wait only when its holder has been asked to step down."""
    until = time.monotonic() + (_STEP_DOWN_WAIT_SECONDS if wanted.asked_to_retire(root) else 0.0)
    while True:
        held = lease.acquire(root)
        if held is not None or time.monotonic() >= until:
            return held
        time.sleep(0.05)


def _unwatched(registry: Registry) -> bool:
    boot, namespace = identity.boot_id(), identity.pid_namespace()
    return any(
        not entry.record.get("closed")
        and (entry.owner.boot_id, entry.owner.pid_namespace) == (boot, namespace)
        for entry in registry.entries()
    )


__all__ = ["Watcher", "main"]
