"""What a cleanup has begun to end, on disk: `trees/begun-<boot>-<pid namespace>`, for when it is cut off.

A job whose shell has had its signal looks like one that was put in the background on purpose. Whoever looks next must know
better, whichever way the session was known. Hosts and containers may share the directory, so each has a file of its own.
"""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity, Seen, Session
from process_janitor.core.plausible import sound_text, usable_pid
from process_janitor.system import files, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FILE_MAX = 4 << 20


def path(root: str, boot_id: str, pid_namespace: int) -> str:
    return os.path.join(root, "trees", f"begun-{boot_id}-{pid_namespace}")


def load(root: str, boot_id: str, pid_namespace: int) -> list[Session]:
    """The sessions of this boot and namespace that something of is being ended, as far as that still runs."""
    noted = files.read_object(path(root, boot_id, pid_namespace), _FILE_MAX).get("sessions")
    found = []
    for row in noted if isinstance(noted, list) else ():
        session = _session(row, boot_id, pid_namespace) if isinstance(row, dict) else None
        if session is not None and not _is_doubtful(session.owner):
            living = {k: one for k, one in session.descendants.items() if identity.runs(*k)}
            if living:
                found.append(session._replace(descendants=living))
    return found


def store(root: str, boot_id: str, pid_namespace: int, sessions: Iterable[Session]) -> None:
    """Replace what is noted; without any session there is no file afterwards. Raises OSError."""
    rows = [
        {
            "session_id": one.session_id,
            "owner": list(one.owner.key),
            "processes": [[*key, int(seen.server)] for key, seen in one.descendants.items()],
            "calls": [list(call) for call in one.condemned_sids],
        }
        for one in sessions
    ]
    note = path(root, boot_id, pid_namespace)
    if not rows:
        files.remove(note)
        return
    files.make_directory(os.path.dirname(note))
    files.write_text(note, jsontext.dumps({"sessions": rows}) + "\n")


def _session(row: dict[str, object], boot_id: str, pid_namespace: int) -> Session | None:
    """Like one that only marks tell of: what other registers know of the same owner comes first."""
    session_id = row.get("session_id")
    owners = list(_numbers([row.get("owner")], 2))
    if not sound_text(session_id) or not owners:
        return None
    owner = Identity(owners[0][0], owners[0][1], boot_id, pid_namespace)
    return Session(
        session_id=session_id,
        owner=owner,
        source="marks",
        descendants={
            (pid, start): Seen(owner.pid, owner.start, server=server == 1, condemned=True)
            for pid, start, server in _numbers(row.get("processes"), 3)
        },
        condemned_sids=tuple((sid, since) for sid, since in _numbers(row.get("calls"), 2)),
    )


def _numbers(rows: object, count: int) -> Iterator[list[int]]:
    """The rows of so many numbers, the first of them a pid."""
    for row in rows if isinstance(rows, list) else ():
        if (
            isinstance(row, list)
            and len(row) == count
            and usable_pid(row[0])
            and all(type(number) is int for number in row)
        ):
            yield row


def _is_doubtful(owner: Identity) -> bool:
    """Whether an owner of which nobody knew more than the pid may be taken for who has that number by now."""
    return not owner.start and identity.identify(owner.pid) is not None


__all__ = ["load", "path", "store"]
