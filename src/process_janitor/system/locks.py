"""The locks that Claude Code and its neighbours leave behind, read with suspicion: few places, small files, no links followed.

Only what belongs to this user is read. A file that is no lock, or says nothing usable, is passed over.
"""

from __future__ import annotations

import os
import stat
import time

from process_janitor.core.locks import Fingerprint, Lock, judge
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.system import files, lock_users, paths, ports
from process_janitor.system.git_locks import git_locks
from process_janitor.system.lock_holders import HOLDERS
from process_janitor.system.mounts import Mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.core.locks import Kind, Stale
    from process_janitor.core.ties import Ties

_TEXT_MAX = 64 * 1024
# Of each place; a place with more has another trouble than a stale lock, and a scan must stay quick.
_NAMES_MAX = 2000
_DIRECTORIES_MAX = 200
# The boot's moment by the wall clock is a second off or two.
_BOOT_SLACK_SECONDS = 60.0
_TEMPORARY_PROFILES = ("puppeteer_dev_chrome_profile-", "playwright_chromiumdev_profile-")


class Places(NamedTuple):
    """Where to look. `user` is the name in the browser bridge's directory."""

    config_dir: str
    home: str
    user: str
    temporary: str = "/tmp"  # noqa: S108  # where the client itself puts its sockets, whatever TMPDIR says

    @property
    def default(self) -> bool:
        return self.config_dir == os.path.realpath(os.path.join(self.home, ".claude"))


def places() -> Places:
    """Where this user's locks are, from the environment."""
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = os.environ.get("USER", "default")
    home = os.path.realpath(os.environ.get("HOME") or os.path.expanduser("~"))
    return Places(os.path.realpath(paths.config_dir()), home, user)


def stale(ties: Ties, where: Places | None = None) -> list[Stale]:
    """The locks that are, or look, stale on this look at the machine. Changes nothing, raises nothing.

    None where the system does not tell who has a file open, or listens: a lock in use would look like a stale one.
    """
    snapshot = ties.snapshot
    if not snapshot.complete:
        return []
    found = (
        judge(lock, snapshot.host, snapshot.processes) for lock in find(ties, where or places())
    )
    return [one for one in found if one is not None]


def find(ties: Ties, places: Places) -> list[Lock]:
    """Every lock of this user in the known places, with what is needed to judge it. Raises nothing, changes nothing."""
    return [*_Finder(ties, places).all()]


def fingerprint(info: os.stat_result, text: str) -> Fingerprint:
    """Of a lock with this content; a directory and a socket have none."""
    return Fingerprint(info.st_dev, info.st_ino, info.st_mtime_ns, _digest(text) if text else "")


def _digest(text: str) -> str:
    # An editor's lock holds a token. What is written into a plan must not let anybody read it.
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def content(path: str, info: os.stat_result) -> str:
    """What the lock at `path` says: a small file's text, where a link leads, "" for anything else. Raises OSError.

    Git writes the whole index into its lock; that says nothing about its holder.
    """
    if stat.S_ISREG(info.st_mode):
        return files.read_text(path, _TEXT_MAX) if info.st_size <= _TEXT_MAX else ""
    return os.readlink(path) if stat.S_ISLNK(info.st_mode) else ""


class _Finder:
    """One search, with what is the same for all its locks."""

    def __init__(self, ties: Ties, places: Places) -> None:
        self._ties = ties
        self._places = places
        self._mounts = Mounts()
        self._now = time.time()
        self._shared = lock_users.shared(ties)
        snapshot = ties.snapshot
        self._uptime = snapshot.now / snapshot.ticks_per_second

    def all(self) -> Iterator[Lock]:
        config = self._places.config_dir
        yield from self._editors(os.path.join(config, "ide"))
        yield from self._ownerless()
        for path in (
            os.path.join(config, "daemon.lock"),
            os.path.join(config, "daemon", "daemon.lock"),
        ):
            yield from self._named(path, "daemon")
        yield from self._schedules()
        yield from self._profiles()
        yield from self._bridges()
        over = lock_users.directories(self._ties, self._mounts, _DIRECTORIES_MAX, over=True)
        for found in git_locks(over):
            lock = self._lock("git", found.path, stat.S_ISREG, session_id=found.session_id)
            if lock is not None:
                yield lock._replace(users=lock_users.git_users(self._ties, found.places))

    def _lock(self, kind: Kind, path: str, is_type: object, **fields: object) -> Lock | None:
        """The lock at `path` if it is this user's and of the type it should be."""
        try:
            info = os.lstat(path)
            if info.st_uid != self._ties.snapshot.uid or not is_type(info.st_mode):  # type: ignore[operator]
                return None
            text = content(path, info)
        except OSError:
            return None
        age = max(0.0, self._now - info.st_mtime)
        lock = Lock(
            kind, path, fingerprint(info, text), age, before_boot=age > self._uptime + _BOOT_SLACK_SECONDS,
            remote=self._mounts.remote(os.path.realpath(os.path.dirname(path))), shared=self._shared,
        )  # fmt: skip
        said = HOLDERS[kind](text) if kind in HOLDERS else {}
        return lock._replace(**{**said, **fields})  # type: ignore[arg-type]  # each field its own type

    def _editors(self, directory: str) -> Iterator[Lock]:
        for name in _names(directory):
            lock = (
                self._lock("ide", os.path.join(directory, name), stat.S_ISREG)
                if name.endswith(".lock")
                else None
            )
            if lock is not None:
                port = natural(name[: -len(".lock")])
                # Asked only where its holder is not to be seen: the table of connections may be long.
                unseen = lock.pid not in self._ties.snapshot.processes
                yield lock._replace(
                    listening=unseen and port is not None and ports.announced(port),
                    away=not lock.folders or not all(self._is_here(one) for one in lock.folders),
                )

    def _is_here(self, folder: str) -> bool:
        """Whether an editor that has this folder open may run here.

        One in a container that shares ~/.claude writes the number which it has there, and names no namespace.
        """
        if not folder.startswith("/") or "\0" in folder:
            return False
        return not self._mounts.remote(os.path.normpath(folder)) and os.path.isdir(folder)

    def _ownerless(self) -> Iterator[Lock]:
        config = self._places.config_dir
        candidates = [
            os.path.join(config, name) for name in _names(config) if name.endswith(".lock")
        ]
        if self._places.default:
            candidates.append(os.path.join(self._places.home, ".claude.json.lock"))
        tasks = os.path.join(config, "tasks")
        candidates += [os.path.join(tasks, name, ".lock.lock") for name in _names(tasks)]
        for path in candidates:
            lock = self._lock("directory", path, stat.S_ISDIR)
            if lock is not None:
                clients = lock_users.clients(self._ties, config, default=self._places.default)
                yield lock._replace(empty=not _names(path), users=clients)

    def _schedules(self) -> Iterator[Lock]:
        for directory, session_id in lock_users.directories(
            self._ties, self._mounts, _DIRECTORIES_MAX
        ):
            yield from self._named(
                os.path.join(directory, ".claude", "scheduled_tasks.lock"),
                "schedule",
                session_id=session_id,
            )

    def _named(self, path: str, kind: Kind, **fields: object) -> Iterator[Lock]:
        lock = self._lock(kind, path, stat.S_ISREG, **fields)
        if lock is not None:
            yield lock

    def _profiles(self) -> Iterator[Lock]:
        """Browser profiles that automation made for itself. The user's own browser has no business in here."""
        for directory in self._profile_directories():
            path = os.path.join(directory, "SingletonLock")
            lock = self._lock("profile", path, stat.S_ISLNK)
            if lock is not None:
                yield lock._replace(users=lock_users.profile_users(self._ties, directory))

    def _profile_directories(self) -> Iterator[str]:
        cache = os.path.join(self._places.home, ".cache")
        for name in _names(cache):
            if name.startswith("ms-playwright"):
                for profile in _names(os.path.join(cache, name)):
                    if profile.startswith("mcp-"):
                        yield os.path.join(cache, name, profile)
        owned = os.path.join(cache, "chrome-devtools-mcp")
        yield from (os.path.join(owned, name) for name in _names(owned))
        for name in _names(self._places.temporary, 20_000):
            if name.startswith(_TEMPORARY_PROFILES):
                yield os.path.join(self._places.temporary, name)

    def _bridges(self) -> Iterator[Lock]:
        directory = os.path.join(
            self._places.temporary, f"claude-mcp-browser-bridge-{self._places.user}"
        )
        bound: set[str] | None = None
        for name in _names(directory):
            pid = natural(name[: -len(".sock")]) if name.endswith(".sock") else None
            if usable_pid(pid):
                path = os.path.join(directory, name)
                lock = self._lock("bridge", path, stat.S_ISSOCK, pid=pid)
                if lock is not None:
                    bound = lock_users.bound_sockets() if bound is None else bound
                    yield lock._replace(listening=path in bound)


def _names(directory: str, limit: int = _NAMES_MAX) -> list[str]:
    """The names in a real directory, sorted; nothing where there is none, or only a link to one."""
    try:
        if not stat.S_ISDIR(os.lstat(directory).st_mode):
            return []
        return sorted(os.listdir(directory))[:limit]
    except OSError:
        return []


__all__ = ["Places", "content", "find", "fingerprint", "places", "stale"]
