"""The stamps beside a session's record: the watcher's heartbeat and the time of the last activity."""

from __future__ import annotations

import os
import time

from process_janitor.core import jsontext
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.record import valid_session_id
from process_janitor.system import clock, files


class Stamps(NamedTuple):
    """Ages in seconds, None where there is no stamp of this boot. `activity_at` is for display, "" without one."""

    heartbeat_ago: float | None = None
    watcher: int = 0
    activity_ago: float | None = None
    activity_at: str = ""


def read(root: str, session_id: str, boot_id: str) -> Stamps:
    """The stamps of one session id; nothing is made, nothing is raised."""
    if not valid_session_id(session_id):
        return Stamps()
    directory = os.path.join(root, "sessions", session_id)
    beat, watcher = _heartbeat(os.path.join(directory, "heartbeat"), boot_id)
    try:
        at = os.lstat(os.path.join(directory, "activity")).st_mtime
    except OSError:
        return Stamps(beat, watcher)
    return Stamps(beat, watcher, max(0.0, time.time() - at), clock.utc(at))


def _heartbeat(path: str, boot_id: str) -> tuple[float | None, int]:
    try:
        stamp = jsontext.loads(files.read_text(path, 4096))
    except (OSError, ValueError):
        return None, 0
    if not isinstance(stamp, dict) or stamp.get("boot_id") != boot_id:
        return None, 0
    at, watcher = stamp.get("monotonic"), stamp.get("watcher")
    if isinstance(at, bool) or not isinstance(at, (int, float)):
        return None, 0
    return max(0.0, clock.monotonic() - at), watcher if type(watcher) is int else 0


__all__ = ["Stamps", "read"]
