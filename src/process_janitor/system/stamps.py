"""The stamps beside a session's record and what else tells how long it has been quiet: heartbeat, activity, transcript."""

from __future__ import annotations

import os
import time

from process_janitor.core import jsontext
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.record import valid_session_id
from process_janitor.system import clock, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from process_janitor.core.model import Session

_HEARTBEAT = "heartbeat"
_PROJECTS_MAX = 1000


class Stamps(NamedTuple):
    """Ages in seconds, None where there is no stamp of this boot. `activity_at` is for display, "" without one.

    `busy_ago` is since the watcher last saw the session, or what hangs on it, use a processor to speak of.
    """

    heartbeat_ago: float | None = None
    watcher: int = 0
    activity_ago: float | None = None
    activity_at: str = ""
    busy_ago: float | None = None


def read(root: str, session_id: str, boot_id: str) -> Stamps:
    """The stamps of one session id; nothing is made, nothing is raised."""
    if not valid_session_id(session_id):
        return Stamps()
    directory = os.path.join(root, "sessions", session_id)
    found = _heartbeat(os.path.join(directory, _HEARTBEAT), boot_id)
    try:
        at = os.lstat(os.path.join(directory, "activity")).st_mtime
    except OSError:
        return found
    return found._replace(activity_ago=max(0.0, time.time() - at), activity_at=clock.utc(at))


def _heartbeat(path: str, boot_id: str) -> Stamps:
    stamp = files.read_object(path, 4096)
    if stamp.get("boot_id") != boot_id:
        return Stamps()
    beat, watcher = _since(stamp.get("monotonic")), stamp.get("watcher")
    if beat is None:
        return Stamps()
    return Stamps(
        beat, watcher if type(watcher) is int else 0, busy_ago=_since(stamp.get("busy_monotonic"))
    )


def beat(directory: str, now: float, boot_id: str, busy_at: float | None) -> None:
    """Refresh the heartbeat in a session's directory, with when it last had work for a processor if that was seen. Raises
    OSError: that costs a stamp, not the watching, for a late one proves nothing anyway.
    """
    line: dict[str, object] = {
        "boot_id": boot_id, "monotonic": now, "at": clock.utc(), "watcher": os.getpid(),
    }  # fmt: skip
    if busy_at is not None:
        line["busy_monotonic"] = busy_at
    try:
        files.write_text(os.path.join(directory, _HEARTBEAT), jsontext.dumps(line) + "\n")
    except FileNotFoundError:
        return  # the record is moving to another id at this moment


def _since(at: object) -> float | None:
    if isinstance(at, bool) or not isinstance(at, (int, float)):
        return None
    return max(0.0, clock.monotonic() - at)


def all_stamped(
    root: str, sessions: Sequence[Session], boot_id: str, config_dir: str
) -> tuple[Session, ...]:
    """The same sessions with how long each has been quiet; those of the dead and of other boots as they are."""
    ours = {session.owner for session in sessions if session.source == "registry"}
    return tuple(
        session
        if session.over
        or session.owner.boot_id != boot_id
        or (session.source != "registry" and session.owner in ours)
        else stamped(root, session, boot_id, config_dir)
        for session in sessions
    )


def stamped(
    root: str, session: Session, boot_id: str, config_dir: str, known: Stamps | None = None
) -> Session:
    """A session with its stamps (`known`, if they were read already) and the age of its transcript's last change."""
    found = known
    if found is None:
        registered = session.source == "registry"
        found = read(root, session.session_id, boot_id) if registered else Stamps()
    return session._replace(
        heartbeat_ago=found.heartbeat_ago,
        activity_ago=found.activity_ago,
        busy_ago=found.busy_ago,
        transcript_ago=_transcript_ago(session, config_dir),
    )


def _transcript_ago(session: Session, config_dir: str) -> float | None:
    """By the wall clock: the file was written by the client, and that is the clock it has."""
    newest = None
    for path in _transcripts(session, config_dir):
        try:
            at = os.lstat(path).st_mtime
        except OSError:
            continue
        newest = at if newest is None else max(newest, at)
    return max(0.0, time.time() - newest) if newest is not None else None


def _transcripts(session: Session, config_dir: str) -> Iterator[str]:
    """Where it may be: as the first hook was told, beside that under a later id, else by the client's own rule."""
    if not valid_session_id(session.session_id):
        return
    name = f"{session.session_id}.jsonl"
    if session.transcript:
        yield session.transcript
        yield os.path.join(os.path.dirname(session.transcript), name)
        return
    projects = os.path.join(config_dir, "projects")
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in session.cwd)
    expected = os.path.join(projects, slug, name)
    yield expected
    if not os.path.exists(expected):
        # A long path is cut, and one with links in it is written otherwise.
        try:
            folders = os.listdir(projects)[:_PROJECTS_MAX]
        except OSError:
            return
        for folder in folders:
            yield os.path.join(projects, folder, name)


__all__ = ["Stamps", "all_stamped", "beat", "read", "stamped"]
