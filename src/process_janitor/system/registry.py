"""The registry: `sessions/<session-id>/<pid>-<start>.json`, one record per claude process.

Writers are hooks and the watcher. One small file each, written to a temporary name and renamed, so a reader never sees
half a record; the lock is only held where a record moves or two hooks may meet on it.
"""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity, Session
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.record import (
    MalformedRecord,
    checked,
    file_name,
    owner_of,
    pane_of,
    renamed,
    valid_session_id,
)
from process_janitor.system import clock, files, flock, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOCK_NAME = "registry.lock"
LOCK_SECONDS = 1.0
_RECORD_MAX = 256 * 1024


class Entry(NamedTuple):
    """A readable record and the file it is in."""

    path: str
    record: dict[str, Any]

    @property
    def owner(self) -> Identity:
        return owner_of(self.record)

    @property
    def directory(self) -> str:
        return os.path.dirname(self.path)


class Registry:
    """All records below one state directory. Reading creates nothing."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.sessions = os.path.join(root, "sessions")
        self.quarantine = os.path.join(root, "quarantine")
        self._changed = os.path.join(root, "registry.changed")

    def prepare(self) -> None:
        """Make the directories a writer needs. Raises OSError."""
        files.make_root(self.root)
        files.make_directory(self.sessions)

    def version(self) -> int:
        """Changes with every write: whoever reads again and again need not read thousands of old records each time."""
        try:
            return os.stat(self._changed).st_mtime_ns
        except OSError:
            return 0

    def lock(self) -> flock.Lock:
        return flock.Lock(os.path.join(self.root, LOCK_NAME), LOCK_SECONDS)

    def entries(self) -> Iterator[Entry]:
        """Every sound record. Malformed ones are passed over here and moved aside by `quarantine_malformed`."""
        for path in self.paths():
            try:
                yield self.read(path)
            except (OSError, MalformedRecord):
                continue

    def paths(self) -> Iterator[str]:
        for name in _no_links(self.sessions):
            if valid_session_id(name):
                directory = os.path.join(self.sessions, name)
                for record in _names(directory):
                    if record.endswith(".json"):
                        yield os.path.join(directory, record)

    def read(self, path: str) -> Entry:
        """Raises OSError, or MalformedRecord for anything a record must not be, its own file name included."""
        text = files.read_text(path, _RECORD_MAX)
        try:
            record = checked(jsontext.loads(text))
        except ValueError as error:
            raise MalformedRecord(str(error)) from None
        if os.path.basename(path) != file_name(owner_of(record)):
            raise MalformedRecord("pid and start_ticks do not match the file's name")
        if os.path.basename(os.path.dirname(path)) != record["session_id"]:
            raise MalformedRecord("session_id does not match the directory")
        return Entry(path, _without_future(record))

    def find(self, pid: int, start: int, likely_id: str = "") -> Entry | None:
        """The record of one claude process, under whatever session id it is now; `likely_id` is looked at first."""
        name = f"{pid}-{start}.json"
        found = self._under(likely_id, name) if likely_id else None
        if found is not None:
            return found  # not even listed: of old sessions there may be thousands
        for session_id in _names(self.sessions):
            found = self._under(session_id, name)
            if found is not None:
                return found
        return None

    def _under(self, session_id: str, name: str) -> Entry | None:
        path = os.path.join(self.sessions, session_id, name)
        if os.path.exists(path) and not os.path.islink(os.path.dirname(path)):
            try:
                return self.read(path)
            except (OSError, MalformedRecord):
                return None
        return None

    def of_session(self, session_id: str) -> list[Entry]:
        """The sound records under one session id."""
        found = []
        directory = os.path.join(self.sessions, session_id)
        for name in _names(directory) if not os.path.islink(directory) else []:
            if name.endswith(".json"):
                try:
                    found.append(self.read(os.path.join(directory, name)))
                except (OSError, MalformedRecord):
                    continue
        return found

    def write(self, record: dict[str, Any]) -> Entry:
        """Create or replace the record of a claude process. Raises OSError."""
        directory = os.path.join(self.sessions, record["session_id"])
        files.make_directory(directory)
        path = os.path.join(directory, file_name(owner_of(record)))
        files.write_text(path, jsontext.dumps(record) + "\n")
        files.touch(self._changed)
        return Entry(path, record)

    def move(self, entry: Entry, session_id: str) -> Entry:
        """The record under its new conversation id; the old file goes once the new one stands."""
        if entry.record["session_id"] == session_id:
            return entry
        moved = self.write(renamed(entry.record, session_id))
        files.remove(entry.path)
        self._drop_empty(entry.directory)
        files.touch(self._changed)  # whoever read in between has seen both
        return moved

    def drop(self, entry: Entry) -> None:
        files.remove(entry.path)
        self._drop_empty(entry.directory)

    def _drop_empty(self, directory: str) -> None:
        """Remove a session's directory with its stamps once no record is left in it."""
        if any(name.endswith(".json") for name in _names(directory)):
            return
        for name in _names(directory):
            if name in ("heartbeat", "activity") or name.endswith(".tmp"):
                files.remove(os.path.join(directory, name))
        try:
            os.rmdir(directory)
        except OSError:
            return  # something of somebody else's is in it: not ours to remove

    def set_aside(self, entry: Entry) -> str:
        """Move a record into quarantine that reads well and cannot be worked with. Returns where, "" if that failed."""
        return self._aside(entry.path)

    def _aside(self, path: str) -> str:
        """Where an unusable record was moved to, "" when it could not be moved. Never onto an earlier one."""
        parts = path.split(os.sep)
        for number in range(1000):
            target = os.path.join(self.quarantine, f"{parts[-2]}--{parts[-1]}.{number}")
            if not os.path.lexists(target):
                try:
                    files.make_directory(self.quarantine)
                    os.rename(path, target)
                except OSError:
                    return ""
                return target
        return ""

    def quarantine_malformed(self) -> list[tuple[str, str]]:
        """Move every unusable record aside, never delete it. Returns (new path, reason).

        One that cannot be read now is not damaged: it may be another user's, and its session may live.
        """
        moved = []
        for path in list(self.paths()):
            try:
                self.read(path)
            except (files.Unfit, MalformedRecord) as error:
                target = self._aside(path)
                if target:
                    moved.append((target, str(error)))
            except OSError:
                continue
        return moved


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _no_links(directory: str) -> list[str]:
    """The names in it that are no links, sorted: a listing tells them without asking for each again."""
    try:
        with os.scandir(directory) as entries:
            return sorted(one.name for one in entries if not one.is_symlink())
    except OSError:
        return []


def as_session(entry: Entry, now: float, boot_id: str) -> Session:
    """What a record says, in the decision's words. `now` is the monotonic clock of boot `boot_id`."""
    record = entry.record
    ended = record.get("ended")
    same_boot = ended is not None and ended["boot_id"] == boot_id
    return Session(
        session_id=record["session_id"],
        owner=entry.owner,
        aliases=tuple(record["aliases"]),
        source="registry",
        host=record.get("host", ""),
        pgid=record.get("pgid", 0),
        sid=record.get("sid", 0),
        cwd=record.get("cwd", ""),
        cgroup=record.get("cgroup", ""),
        kind=record.get("kind", ""),
        ended_reason=ended["reason"] if ended else "",
        ended_ago=max(0.0, now - ended["monotonic"]) if ended and same_boot else None,
        over=_closed(record, "state"),
        over_at=_closed(record, "at"),
        parent=tuple(record.get("parent") or ()),
        recognised=record.get("recognised") is True,
        transcript=record.get("transcript_path", ""),
        predecessors=(record["forked_from"],)
        if valid_session_id(record.get("forked_from"))
        else (),
        forked=record.get("source") == "fork" and not record.get("forked_from"),
        started_at=record.get("started_at", ""),
        since=record["registered_ticks"] if type(record.get("registered_ticks")) is int else 0,
        tty=record["tty"] if type(record.get("tty")) is int else 0,
        pane=pane_of(record),
    )


def _without_future(record: dict[str, Any]) -> dict[str, Any]:
    """A goodbye that is still to come was never said: to wait until it is old enough would be to wait for ever."""
    ended = record.get("ended")
    if (
        ended is None
        or ended["boot_id"] != identity.boot_id()
        or ended["monotonic"] <= clock.monotonic()
    ):
        return record
    return {key: value for key, value in record.items() if key != "ended"}


def _closed(record: dict[str, Any], field: str) -> str:
    closed = record.get("closed")
    value = closed.get(field) if isinstance(closed, dict) else None
    return value if isinstance(value, str) else ""


__all__ = ["Entry", "Registry", "as_session"]
