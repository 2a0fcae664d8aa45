"""The watcher's note of what is left over and which sessions live, for a hook that has no time to look for itself."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity, usable_pid
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import files, identity, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "leftovers.json"
_LISTED_MAX = 500


class Note(NamedTuple):
    """Pids of what the watcher noted and what is still there: proven leftovers, and the processes of sessions."""

    found: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()


def store(root: str, found: Sequence[Identity], sessions: Sequence[Identity]) -> None:
    """Raises OSError."""
    noted = {
        "boot_id": identity.boot_id(),
        "found": [[one.pid, one.start] for one in found[:_LISTED_MAX]],
        "sessions": [[one.pid, one.start] for one in sessions[:_LISTED_MAX]],
    }
    files.write_text(os.path.join(root, NAME), jsontext.dumps(noted) + "\n")


def still_there(root: str, boot_id: str) -> Note:
    """What of the note is still there; nothing when there is no note of this boot."""
    try:
        document = jsontext.loads(files.read_text(os.path.join(root, NAME)))
    except (OSError, ValueError):
        return Note()
    if not isinstance(document, dict) or document.get("boot_id") != boot_id:
        return Note()
    return Note(_alive(document.get("found")), _alive(document.get("sessions")))


def _alive(rows: object) -> tuple[int, ...]:
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 2 and usable_pid(row[0]):
            process = procfs.process(row[0])
            if process is not None and process.start == row[1] and not process.dead:
                found.append(process.pid)
    return tuple(found)


__all__ = ["Note", "still_there", "store"]
