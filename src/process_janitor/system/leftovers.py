"""The watcher's note of what is left over here and which sessions live, for a hook that has no time to look for itself."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import usable_pid
from process_janitor.system import files, identity, paths, worlds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_janitor.core.model import Decision
    from process_janitor.core.settings import Settings
    from process_janitor.system.registry import Registry

NAME = "leftovers.json"
_LISTED_MAX = 500
# As many rows as that, twice, and the longest numbers there are. A session that starts waits for the reading.
_NOTE_MAX = 64 * 1024


def resting(decisions: Iterable[Decision], registry: Registry, options: Settings) -> list[Decision]:
    """What is proven to be left over and stays until somebody asks: the watcher is not at it, and is not about to be.

    It is, as long as the record of a session that is gone or hangs has not been closed.
    """
    at_work = set()
    if options.value("cleanup_on_exit"):
        at_work = {entry.owner for entry in registry.entries() if not entry.record.get("closed")}
    return [
        d
        for d in decisions
        if d.verdict == "reap" and (d.owner not in at_work or d.finding == "orphaned-session")
    ]


class Note(NamedTuple):
    """Pids of what the watcher noted and what is still there: proven leftovers, and the processes of sessions."""

    found: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()


def store(root: str, found: Sequence[Identity], sessions: Sequence[Identity]) -> None:
    """Raises OSError."""
    place = worlds.directory(root)
    worlds.make(place)
    noted = {
        "boot_id": identity.boot_id(),
        "found": [[one.pid, one.start] for one in found[:_LISTED_MAX]],
        "sessions": [[one.pid, one.start] for one in sessions[:_LISTED_MAX]],
    }
    files.write_text(os.path.join(place, NAME), jsontext.dumps(noted) + "\n")


def still_there(root: str, boot_id: str) -> Note:
    """What of the note is still there; nothing when there is no note of this boot.

    A note older than the user's rules may name what they keep by now: the watcher writes the next one within a minute.
    """
    note = os.path.join(worlds.directory(root), NAME)
    document = files.read_object(note, _NOTE_MAX)
    if document.get("boot_id") != boot_id:
        return Note()
    stale = _written(note) <= _written(paths.keep_file(root))
    return Note(() if stale else _alive(document.get("found")), _alive(document.get("sessions")))


def _alive(rows: object) -> tuple[int, ...]:
    named = dict.fromkeys(
        (row[0], row[1])
        for row in (rows[:_LISTED_MAX] if isinstance(rows, list) else ())
        if isinstance(row, list) and len(row) == 2 and usable_pid(row[0]) and type(row[1]) is int
    )
    return tuple(pid for pid, start in named if identity.runs(pid, start))


def _written(path: str) -> int:
    """When a file was last written, in nanoseconds; 0 for one that is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


__all__ = ["Note", "resting", "still_there", "store"]
