"""The watcher's note of what is left over now, for a SessionStart hook that has no time to look for itself."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity, usable_pid
from process_janitor.system import files, identity, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "leftovers.json"
_LISTED_MAX = 500


def store(root: str, found: Sequence[Identity]) -> None:
    """Raises OSError."""
    rows = [[one.pid, one.start] for one in found[:_LISTED_MAX]]
    files.write_text(
        os.path.join(root, NAME),
        jsontext.dumps({"boot_id": identity.boot_id(), "found": rows}) + "\n",
    )


def still_there(root: str, boot_id: str) -> list[int] | None:
    """The noted pids that still are the processes noted; None when there is no note of this boot."""
    try:
        document = jsontext.loads(files.read_text(os.path.join(root, NAME)))
    except (OSError, ValueError):
        return None
    if (
        not isinstance(document, dict)
        or document.get("boot_id") != boot_id
        or not isinstance(document.get("found"), list)
    ):
        return None
    alive = []
    for row in document["found"]:
        if isinstance(row, list) and len(row) == 2 and usable_pid(row[0]):
            process = procfs.process(row[0])
            if process is not None and process.start == row[1] and not process.dead:
                alive.append(process.pid)
    return alive


__all__ = ["still_there", "store"]
