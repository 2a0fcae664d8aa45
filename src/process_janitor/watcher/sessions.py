"""Which sessions are waited for, and what was seen below each: every registered one, and clients that no hook knows."""

from __future__ import annotations

import errno
import os
import select

from process_janitor.core.model import Seen, differently_timed
from process_janitor.core.tree import Tree
from process_janitor.system import activity, clock, identity, procfs, seen, stamps
from process_janitor.system.registry import Entry, Registry
from process_janitor.watcher.closing import close, settled
from process_janitor.watcher.effort import Effort
from process_janitor.watcher.faults import attempt, guarded, log
from process_janitor.watcher.sightings import sighted
from process_janitor.watcher.unregistered import Unregistered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Identity
    from process_janitor.watcher.due import Due

# How often the watcher looks whether anything was started, and then at the trees.
TICK_SECONDS = 1.0
# A clean exit stops its own children within this; acting sooner would only race it.
CLEAN_EXIT_SECONDS = 1.0
# A look that took long waits longer for its turn: never more than this share of one core.
_LOOK_SHARE = 0.01
# Descriptors that no session gets: looking at the machine, writing and the child's pidfd need some.
_SPARE = 32


class Watched:
    """One living session: its record as last read, its pidfd, the descendants seen so far, and when it had work.

    `entry` is None for a session that began before the plugin did: only the client's own files name it.
    """

    def __init__(
        self,
        owner: Identity,
        entry: Entry | None,
        fd: int,
        descendants: dict[tuple[int, int], Seen],
        effort: Effort,
    ) -> None:
        self.owner = owner
        self.entry = entry
        self.fd = fd
        self.descendants = descendants
        self.effort = effort


class Sessions:
    """`poll` is told of every process that is waited for; whoever is found gone is handed to `due`."""

    def __init__(self, registry: Registry, due: Due, poll: select.poll) -> None:
        self.registry = registry
        self.boot_id = identity.boot_id()
        self.watched: dict[tuple[int, int], Watched] = {}
        # One is new, or has said goodbye: its heartbeat, or its grace, begins now.
        self.changed = False
        self._namespace = identity.pid_namespace()
        self._root = registry.root
        self._due = due
        self._poll = poll
        self._by_fd: dict[int, tuple[int, int]] = {}
        # Sessions whose process cannot be waited for.
        self._unheld: dict[tuple[int, int], Entry] = {}
        self._unregistered = Unregistered(self.boot_id, self._namespace)
        # Of those the ones that are known to be gone.
        self._met_gone: set[tuple[int, int]] = set()
        self._version = -1
        self._newest_pid = 0
        self._look_after = 0.0

    def __bool__(self) -> bool:
        return bool(self.watched or self._unheld)

    def refresh(self) -> None:
        """Take note of new, moved and changed records, and look at the trees.

        An idle machine costs one stat and one read: nothing was registered, and no process was started since the last look.
        """
        version = self.registry.version()
        if version != self._version:
            self._version = version
            for entry in list(self.registry.entries()):
                self._take_note(entry)
        for entry in list(self._unheld.values()):
            self._take_note(entry)
        newest = activity.newest_pid()
        now = clock.monotonic()
        if newest == self._newest_pid or now < self._look_after:
            return
        self._newest_pid = newest
        self._meet()
        if self.watched:
            self._look()
        spent = clock.monotonic() - now
        self._look_after = now + max(TICK_SECONDS * 0.9, spent / _LOOK_SHARE)

    def died(self, fd: int) -> None:
        """The process behind a descriptor that `poll` names is gone."""
        key = self._by_fd.pop(fd)
        one = self.watched.pop(key)
        self._poll.unregister(fd)
        os.close(fd)
        # Of one that was never registered nobody knows whether it said goodbye.
        crashed, session_id = False, ""
        if one.entry is None:
            self._met_gone.add(key)
        else:
            current = self.registry.find(*key, one.entry.record["session_id"]) or one.entry
            crashed, session_id = not current.record.get("ended"), current.record["session_id"]
        self._due.add(key, session_id, clock.monotonic() + (0.0 if crashed else CLEAN_EXIT_SECONDS))

    def close(self) -> None:
        for fd in self._by_fd:
            os.close(fd)

    def _take_note(self, entry: Entry) -> None:
        if not guarded(self.registry, entry, self._take, entry):
            self._unheld.pop(entry.owner.key, None)

    def _take(self, entry: Entry) -> None:
        owner = entry.owner
        known = self.watched.get(owner.key)
        if known is not None:
            if known.entry is None or entry.record.get("ended"):
                self.changed = True
            known.entry = entry
            return
        if settled(entry.record) or owner.key in self._due:
            return
        if owner.boot_id != self.boot_id:
            # An earlier boot of this host: its processes went with it. Another host's record is left alone, and one of
            # another time namespace.
            same_host = entry.record.get("host") == identity.host_name()
            if same_host and not differently_timed(owner.boot_id, self.boot_id):
                attempt(self._root, close, self.registry, entry)
            return
        if owner.pid_namespace != self._namespace:
            return
        try:
            fd = _held(owner, _SPARE)
        except OSError as error:
            # No descriptor left, or a kernel without pidfds: then it is asked after with every tick.
            if owner.key not in self._unheld:
                log(self._root, f"session process {owner.pid} cannot be waited for: {error}")
            self._unheld[owner.key] = entry
            return
        self._unheld.pop(owner.key, None)
        if fd is None:
            tried = bool(entry.record.get("closed"))
            self._due.add(owner.key, entry.record["session_id"], clock.monotonic(), failed=tried)
            return
        self._watch(owner, entry, fd)
        self.changed = True

    def _watch(self, owner: Identity, entry: Entry | None, fd: int) -> None:
        # What an earlier watcher saw of its work still counts.
        ago = None
        if entry is not None:
            ago = stamps.read(self._root, entry.record["session_id"], self.boot_id).busy_ago
        effort = Effort(clock.monotonic() - ago if ago is not None else None)
        self.watched[owner.key] = Watched(
            owner, entry, fd, seen.load(self._root, *owner.key), effort
        )
        self._by_fd[fd] = owner.key
        self._poll.register(fd, select.POLLIN)

    def _meet(self) -> None:
        """Watch living sessions that no hook registered as well; what is known of them is only what is seen."""
        for owner in self._unregistered.owners():
            if owner.key in self.watched or owner.key in self._due or owner.key in self._unheld:
                continue
            try:
                # The client's files may name any number; registered sessions come first.
                fd = _held(owner, _descriptors() // 2)
            except OSError:
                continue  # without a way to see it die, its descendants are not worth remembering
            if fd is not None:
                self._watch(owner, None, fd)
            elif owner.key not in self._met_gone:
                self._met_gone.add(owner.key)
                self._find_gone(owner)

    def _find_gone(self, owner: Identity) -> None:
        """One that died before we began: an earlier watcher of this boot that had seen it may not have come to cleaning
        after it.

        That is all that tells: it has no record, and one that nobody ever watched is left to who asks for it.
        """
        watched = seen.watched(self._root, *owner.key)
        if watched and self.registry.find(*owner.key) is None:
            self._due.add(owner.key, "", clock.monotonic())

    def _look(self) -> None:
        tree = Tree(procfs.table())
        # Who has ended by now may have while the table was read: some of its processes then seem to have let go of it.
        ended = {fd for fd, _ in self._poll.poll(0)}
        for one in self.watched.values():
            if one.fd in ended:
                continue
            owner = one.owner
            now = sighted(tree, owner, one.descendants)
            stored = now == one.descendants or attempt(
                self._root, seen.store, self._root, owner.pid, owner.start, now
            )
            if stored:
                one.descendants = now


def _descriptors() -> int:
    """How many this process may have open."""
    return max(0, os.sysconf("SC_OPEN_MAX"))


def _held(owner: Identity, spare: int) -> int | None:
    """As `identity.open_pidfd`, and OSError as well when fewer than `spare` descriptors would be left."""
    fd = identity.open_pidfd(owner)
    if fd is None or fd < _descriptors() - spare:  # the kernel gives the lowest number that is free
        return fd
    os.close(fd)
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


__all__ = ["CLEAN_EXIT_SECONDS", "TICK_SECONDS", "Sessions", "Watched"]
