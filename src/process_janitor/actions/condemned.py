"""What a sweep has already decided to end, for the looks that follow.

A tree does not die at once. When a shell has ended and its job has not, the job looks like one that was let go of on
purpose; it was not: it hung on the shell when the sweep began. Noted on disk as well, for a sweep that is cut off.
"""

from __future__ import annotations

from process_janitor.core.model import Identity, Seen, Session
from process_janitor.system import begun, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Decision
    from process_janitor.system.observe import Observation


class Condemned:
    """The processes signalled so far, by the session they came from."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._world = identity.boot_id(), identity.pid_namespace()
        self._sessions: dict[Identity, Session] = {}
        # What stands on the disk; what sweeps before this one were cut off at is among it.
        self._noted = {one.owner: one for one in begun.load(root, *self._world)}

    def add(self, targets: Iterable[Decision], observation: Observation) -> None:
        """Note what is about to be signalled.

        On disk only what is proven to be left over: what a user has named would be ended unasked the next time.
        """
        changed = False
        for target in targets:
            owner = target.owner
            if owner is None or owner.key == target.process.key:
                continue
            _note(self._sessions, owner, target, observation.snapshot.now)
            if target.verdict == "reap" and target.finding != "detached":
                changed |= _note(self._noted, owner, target, observation.snapshot.now)
        if changed:
            self._store()

    def sessions(self) -> list[Session]:
        """What is to be known of these sessions in the next look, registered or not."""
        return list(self._sessions.values())

    def over(self) -> None:
        """The sweep came to its end: only what has survived it stays noted."""
        if self._noted:
            living = begun.load(self._root, *self._world)
            self._noted = {one.owner: one for one in living}
            self._store()

    def _store(self) -> None:
        try:
            begun.store(self._root, *self._world, self._noted.values())
        except OSError:
            return  # a full disk costs the note, not the cleaning


def _note(noted: dict[Identity, Session], owner: Identity, target: Decision, now: int) -> bool:
    """Whether the process was not noted before."""
    process = target.process
    session = noted.get(owner) or Session(target.session_id, owner, source="sweep")
    new = process.key not in session.descendants
    if new:
        seen = Seen(owner.pid, owner.start, server=target.via == "server", condemned=True)
        session = session._replace(descendants={**session.descendants, process.key: seen})
    calls = dict(session.condemned_sids)
    if process.pid == process.sid and target.via == "call" and process.pid not in calls:
        calls[process.pid] = now
        session = session._replace(condemned_sids=tuple(calls.items()))
    noted[owner] = session
    return new


__all__ = ["Condemned"]
