"""The watcher: waits on every registered session's process, and does for a dead one what it can no longer do itself.

It only watches. Whatever needs a decision is done by a short-lived child (`hands`), so that the watcher stays small, sees
the next death while a stubborn process has its grace, and cannot be taken down by a fault in the cleaning.

One per user and state directory, standard library only. Everything it knows is on disk, so it may be killed at any time:
the next hook starts another one, which goes on where it was.
"""

from __future__ import annotations

import errno
import os
import select
import time

from process_janitor.core.model import Seen, differently_timed, natural
from process_janitor.core.tree import Tree
from process_janitor.system import clock, identity, lease, paths, procfs, seen, stamps
from process_janitor.system.config import heartbeat_limit, load_settings
from process_janitor.system.registry import Entry, Registry, as_session
from process_janitor.watcher import cleaning, hands, stillness, wanted
from process_janitor.watcher.closing import close
from process_janitor.watcher.effort import Effort, attached
from process_janitor.watcher.sightings import sighted
from process_janitor.watcher.unregistered import Unregistered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from process_janitor.core.model import Identity
    from process_janitor.core.settings import Settings

# How often the watcher looks whether anything was started, and then at the trees.
TICK_SECONDS = 1.0
# A clean exit stops its own children within this; acting sooner would only race it.
CLEAN_EXIT_SECONDS = 1.0
# A look that took long waits longer for its turn: never more than this share of one core.
_LOOK_SHARE = 0.01
_RETRY_SECONDS = 5.0
_TRIES_MAX = 3
# With every heartbeat: a day, as it is set by default.
_LATER_TRIES_MAX = 1440
_PROBLEM_MAX = 1000
_STEP_DOWN_WAIT_SECONDS = 5.0
# Descriptors that no session gets: looking at the machine, writing and the child's pidfd need some.
_SPARE = 32
# What data makes of code that did not expect it.
_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


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


class Watcher:
    """`lease_fd` holds the lease; a child must not keep it when we are gone."""

    def __init__(self, root: str, plugin_data: str, lease_fd: int) -> None:
        self.root = root
        self.registry = Registry(root)
        self.boot_id = identity.boot_id()
        self.namespace = identity.pid_namespace()
        self.plugin_data = plugin_data
        # Of the code that runs here, whatever is put in its place on the disk.
        self._version_name = paths.plugin_version() or "0"
        self._problems: tuple[str, ...] = ()
        self.options = self._configured()
        self._hands = hands.Hands(root, lease_fd)
        self._stillness = stillness.Stillness()
        self._poll = select.poll()
        self._watched: dict[tuple[int, int], Watched] = {}
        self._by_fd: dict[int, tuple[int, int]] = {}
        self._newest_pid = 0
        self._version = -1
        self._unregistered = Unregistered(self.boot_id, self.namespace)
        self._look_after = 0.0
        self._beat_after = 0.0
        # Owners that are gone: key -> when they are to be cleaned after, and how often that was tried.
        self._due: dict[tuple[int, int], float] = {}
        self._tries: dict[tuple[int, int], int] = {}
        # Sessions whose process cannot be waited for.
        self._unheld: dict[tuple[int, int], Entry] = {}

    def announce(self) -> None:
        """Name ourselves to the hooks, until the next heartbeat is overdue."""
        me = identity.identify(os.getpid())
        if me is not None:
            term = heartbeat_limit(self.options)
            self._try(lease.announce, self.root, me, self._version_name, term)

    def run(self) -> None:
        """Until no session is left, the plugin is gone, or another watcher asks for the lease."""
        self.announce()
        self._try(hands.prepare, self.root)
        self._try(self.registry.quarantine_malformed)  # what nobody can believe
        while wanted.still_wanted(self.plugin_data) and not wanted.asked_to_retire(self.root):
            self._refresh()
            if not (self._watched or self._due or self._unheld or self._hands.busy):
                return
            self._wait()
            now = clock.monotonic()
            if now >= self._beat_after:
                self._beat(now)
            self._clean_due(now)

    def _refresh(self) -> None:
        """Take note of new, moved and changed records, and look at the trees.

        An idle machine costs one stat and one read: nothing was registered, and no process was started since the last look.
        """
        version = self.registry.version()
        if version != self._version:
            self._version = version
            for entry in list(self.registry.entries()):
                self._with(entry, self._take, entry)
        for entry in list(self._unheld.values()):
            self._with(entry, self._take, entry)
        newest = procfs.newest_pid()
        now = clock.monotonic()
        if newest == self._newest_pid or now < self._look_after:
            return
        self._newest_pid = newest
        self._meet()
        if self._watched:
            self._look()
        spent = clock.monotonic() - now
        self._look_after = now + max(TICK_SECONDS * 0.9, spent / _LOOK_SHARE)

    def _take(self, entry: Entry) -> None:
        owner = entry.owner
        known = self._watched.get(owner.key)
        if known is not None:
            if known.entry is None or entry.record.get("ended"):
                self._beat_after = 0.0  # its grace begins now, not with the next heartbeat
            known.entry = entry
            return
        if entry.record.get("closed") or owner.key in self._due or self._hands.busy_with(owner.key):
            return
        if owner.boot_id != self.boot_id:
            # An earlier boot of this host: its processes went with it. Another host's record is left alone, and one of
            # another time namespace.
            same_host = entry.record.get("host") == identity.host_name()
            if same_host and not differently_timed(owner.boot_id, self.boot_id):
                self._try(close, self.registry, entry)
            return
        if owner.pid_namespace != self.namespace:
            return
        try:
            fd = _held(owner, _SPARE)
        except OSError as error:
            # No descriptor left, or a kernel without pidfds: then it is asked after with every tick.
            if owner.key not in self._unheld:
                hands.log(self.root, f"session process {owner.pid} cannot be waited for: {error}")
            self._unheld[owner.key] = entry
            return
        self._unheld.pop(owner.key, None)
        if fd is None:
            self._due[owner.key] = clock.monotonic()
            return
        self._watch(owner, entry, fd)
        self._beat_after = 0.0

    def _watch(self, owner: Identity, entry: Entry | None, fd: int) -> None:
        # What an earlier watcher saw of its work still counts.
        ago = None
        if entry is not None:
            ago = stamps.read(self.root, entry.record["session_id"], self.boot_id).busy_ago
        effort = Effort(clock.monotonic() - ago if ago is not None else None)
        self._watched[owner.key] = Watched(
            owner, entry, fd, seen.load(self.root, *owner.key), effort
        )
        self._by_fd[fd] = owner.key
        self._poll.register(fd, select.POLLIN)

    def _meet(self) -> None:
        """Watch living sessions that no hook registered as well; what is known of them is only what is seen."""
        for owner in self._unregistered.owners():
            if owner.key in self._watched or owner.key in self._due or owner.key in self._unheld:
                continue
            try:
                # The client's files may name any number; registered sessions come first.
                fd = _held(owner, _descriptors() // 2)
            except OSError:
                continue  # without a way to see it die, its descendants are not worth remembering
            if fd is not None:
                self._watch(owner, None, fd)

    def _look(self) -> None:
        tree = Tree(procfs.table())
        for one in self._watched.values():
            owner = one.owner
            now = sighted(tree, owner, one.descendants)
            stored = now == one.descendants or self._try(
                seen.store, self.root, owner.pid, owner.start, now
            )
            if stored:
                one.descendants = now

    def _wait(self) -> None:
        """Sleep until a session's process ends, a child has done its work, a due time comes, or the next tick."""
        # While a child is at work nothing else can begin; its end wakes us.
        due = [] if self._hands.busy else self._due.values()
        until = min([TICK_SECONDS, *(at - clock.monotonic() for at in due)])
        if self._hands.fd is not None:
            self._poll.register(self._hands.fd, select.POLLIN)
        for fd, _ in self._poll.poll(max(0, int(until * 1000))):
            if fd != self._hands.fd:
                self._note_death(fd)
        if self._hands.fd is not None:
            self._poll.unregister(self._hands.fd)
        working = self._hands.busy
        done, cleaned = self._hands.collect()
        for key in done:
            self._check_done(key, cleaned=cleaned)
        if working and not self._hands.busy:
            self._stillness.over(self._reading(), self._hands.finished, clock.monotonic())

    def _note_death(self, fd: int) -> None:
        key = self._by_fd.pop(fd)
        one = self._watched.pop(key)
        self._poll.unregister(fd)
        os.close(fd)
        # Of one that was never registered nobody knows whether it said goodbye.
        crashed = False
        if one.entry is not None:
            current = self.registry.find(*key, one.entry.record["session_id"]) or one.entry
            crashed = not current.record.get("ended")
        self._due[key] = clock.monotonic() + (0.0 if crashed else CLEAN_EXIT_SECONDS)

    def _check_done(self, key: tuple[int, int], *, cleaned: bool) -> None:
        """A child that failed, or left the record open, has to go again: soon, then with every heartbeat, for a day.

        A full disk is cleared after hours, a rule that cannot be read is mended; a session without a record has nobody
        else to come back for it.
        """
        entry = self.registry.find(*key)
        still_open = entry is not None and not entry.record.get("closed")
        tries = self._tries.pop(key, 0) + 1
        if key in self._watched or (cleaned and not still_open):
            return
        if tries > _TRIES_MAX + _LATER_TRIES_MAX:
            hands.log(self.root, f"gave up cleaning after session process {key[0]} for good")
            return
        self._tries[key] = tries
        wait = _RETRY_SECONDS
        if tries > _TRIES_MAX:
            wait = float(self.options.value("heartbeat_interval_seconds"))
            if tries == _TRIES_MAX + 1:
                hands.log(
                    self.root,
                    f"gave up cleaning after session process {key[0]} for now; see the lines above",
                )
            if entry is not None and still_open:
                self._try(close, self.registry, entry)
        self._due[key] = clock.monotonic() + wait

    def _try(self, write: Callable[..., object], *arguments: object) -> bool:
        """A full or read-only disk costs what is written, not the watching: the next look writes it again."""
        try:
            write(*arguments)
        except OSError as error:
            hands.log(self.root, f"{getattr(write, '__name__', 'write')}: {error}")
            return False
        return True

    def _with(self, entry: Entry, act: Callable[..., object], *arguments: object) -> None:
        """What one record says may cost that record, never the watching of all the others."""
        try:
            act(*arguments)
        except _FAULTS as error:
            target = self.registry.set_aside(entry)
            self._unheld.pop(entry.owner.key, None)
            hands.log(
                self.root,
                f"{entry.path} cannot be worked with ({type(error).__name__}: {error}): "
                + (f"moved to {target}" if target else "it could not be moved aside"),
            )

    def _beat(self, now: float) -> None:
        """Stamp every session, find the ones that hang after their goodbye, and have the leftovers counted if there can be
        others than the last time.
        """
        self.options = self._configured()
        self.announce()
        interval = float(self.options.value("heartbeat_interval_seconds"))
        self._beat_after = now + interval
        grace = float(self.options.value("hung_grace_seconds"))
        hung = []

        def beat(key: tuple[int, int], one: Watched, entry: Entry) -> None:
            one.effort.measure(now, interval, attached(key, one.descendants))
            self._try(stamps.beat, entry.directory, now, self.boot_id, one.effort.busy_at)
            ago = as_session(entry, now, self.boot_id).ended_ago
            if ago is not None and ago >= grace:
                hung.append(key)
            elif ago is not None:
                self._beat_after = min(self._beat_after, now + grace - ago + 0.1)

        for key, one in self._watched.items():
            if one.entry is not None:
                self._with(one.entry, beat, key, one, one.entry)
        reading = self._reading()
        if not hung and self._stillness.lasts(reading, now):
            return
        if self._hands.begin((), hung):
            self._stillness.began(reading)
        elif hung:
            self._beat_after = now + TICK_SECONDS

    def _reading(self) -> stillness.Reading:
        return stillness.read(self.registry.version(), paths.keep_file(self.root), self.options)

    def _configured(self) -> Settings:
        """The settings in force. What is wrong with them is logged when it changes, not with every heartbeat."""
        options = load_settings()
        if options.problems != self._problems:
            self._problems = options.problems
            for problem in options.problems:
                text = " ".join(problem.split())[:_PROBLEM_MAX]
                hands.log(self.root, f"configuration, its default is used: {text}")
        return options

    def _clean_due(self, now: float) -> None:
        ready = [key for key, at in self._due.items() if at <= now]
        if ready and wanted.still_wanted(self.plugin_data) and self._hands.begin(ready, ()):
            for key in ready:
                del self._due[key]


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


def main(arguments: Sequence[str]) -> int:
    """Run the watcher of this user's state directory; returns at once when there is one already.

    Arguments: the name of the plugin's data directory, and the descriptor of the lease if it was taken for us.
    `--auto` instead cleans up once, as `process-janitor auto` would, and ends.
    """
    plugin_data = arguments[0] if arguments else ""
    inherited = natural(arguments[1]) if len(arguments) > 1 else None
    root = paths.root()
    if procfs.foreign():
        hands.log(root, f"no watcher: {procfs.unusable()}")
        return 1
    try:
        Registry(root).prepare()
        if plugin_data == "--auto":
            cleaning.clean_all(root)
            return 0
        held = _acquire(root) if inherited is None else inherited
        while held is not None and _watch(root, plugin_data, held):
            held = _acquire(root)
    except Exception as error:  # noqa: BLE001  # nobody reads a detached process's traceback; the log is read
        hands.log(root, f"watcher stopped: {type(error).__name__}: {error}")
        return 1
    return 0


def _watch(root: str, plugin_data: str, held: int) -> bool:
    """Watch with the lease held. True when there is a session to go on for."""
    os.set_inheritable(held, False)
    try:
        wanted.clear_retirement(root)
        watcher = Watcher(root, plugin_data, held)
        watcher.run()
    finally:
        os.close(held)
    if not wanted.still_wanted(plugin_data) or wanted.asked_to_retire(root):
        return False
    # A hook that registered while we were deciding to stop found the lease held and went away content.
    boot, namespace = identity.boot_id(), identity.pid_namespace()
    return any(
        not entry.record.get("closed")
        and (entry.owner.boot_id, entry.owner.pid_namespace) == (boot, namespace)
        for entry in Registry(root).entries()
    )


def _acquire(root: str) -> int | None:
    """The lease; worth a wait only when its holder has been asked to step down. One that does not, and has let its term
    pass, hangs: it is ended.
    """
    until = time.monotonic() + (_STEP_DOWN_WAIT_SECONDS if wanted.asked_to_retire(root) else 0.0)
    while True:
        held = lease.acquire(root)
        if held is not None:
            return held
        if time.monotonic() >= until:
            if not wanted.asked_to_retire(root) or not _end_lost(root):
                return None
            until = time.monotonic() + _STEP_DOWN_WAIT_SECONDS
        time.sleep(0.05)


def _end_lost(root: str) -> bool:
    from process_janitor.actions import (
        lost_watcher,
    )  # the successor of one that hangs needs it, and nobody else

    pid = lost_watcher.end(root)
    if pid:
        hands.log(root, f"ended the watcher before, process {pid}: it had stopped its heartbeat")
    return pid != 0


__all__ = ["Watcher", "main"]
