"""What a sweep has already decided to end, for the looks that follow.

A tree does not die at once. When a shell has ended and its job has not, the job looks like one that was let go of on
purpose; it was not: it hung on the shell when the sweep began. Noted on disk as well, for a sweep that is cut off.
"""

from __future__ import annotations

from process_janitor.core.model import Identity, Seen, Session
from process_janitor.system import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Decision
    from process_janitor.system.observe import Observation


class Condemned:
    """The processes signalled so far, by the session they came from."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._ids: dict[Identity, str] = {}
        self._seen: dict[Identity, dict[tuple[int, int], Seen]] = {}
        self._sids: dict[Identity, dict[int, int]] = {}

    def add(self, targets: Iterable[Decision], observation: Observation) -> None:
        """Note what is about to be signalled."""
        changed: set[Identity] = set()
        for target in targets:
            owner, process = target.owner, target.process
            if owner is None or owner.key == process.key:
                continue
            self._ids[owner] = target.session_id
            known = self._seen.setdefault(owner, {})
            if process.key not in known:
                known[process.key] = Seen(
                    owner.pid, owner.start, server=target.via == "server", condemned=True
                )
                changed.add(owner)
            if process.pid == process.sid and target.via == "call":
                self._sids.setdefault(owner, {}).setdefault(process.pid, observation.snapshot.now)
        for session in observation.sessions:
            if session.source == "registry" and session.owner in changed:
                noted = {**session.descendants, **self._seen[session.owner]}
                try:
                    seen.store(self._root, session.owner.pid, session.owner.start, noted)
                except OSError:
                    continue  # a full disk costs the note, not the cleaning

    def sessions(self) -> list[Session]:
        """What is to be known of these sessions in the next look, registered or not."""
        return [
            Session(
                session_id=self._ids[owner],
                owner=owner,
                source="sweep",
                descendants=noted,
                condemned_sids=tuple(self._sids.get(owner, {}).items()),
            )
            for owner, noted in self._seen.items()
        ]


__all__ = ["Condemned"]
