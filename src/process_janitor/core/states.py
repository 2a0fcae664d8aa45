"""What state a session is in, for people and reports. No state by itself allows anything to be ended: that is `decide`."""

from __future__ import annotations

from process_janitor.core.policy import HUNG_REPORT_SECONDS
from process_janitor.core.record import PASSING_REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from process_janitor.core.model import Session
    from process_janitor.core.owners import Presence

    State = Literal["live", "idle", "ended", "crashed", "hung", "elsewhere", "unknown"]


def state(session: Session, presence: Presence, *, idle: bool = False) -> State:
    """The state of one session. `idle` is what `idleness.idle_for` says of a living one.

    A late heartbeat is the watcher's trouble and changes nothing here. A session that only marks tell of is `unknown`:
    nobody saw how it went.
    """
    if not session.owner.boot_id or not session.owner.pid_namespace:
        return "unknown"
    if presence in ("elsewhere", "rebooted"):
        return "elsewhere"
    said_goodbye = bool(session.ended_reason) and session.ended_reason not in PASSING_REASONS
    if presence == "gone":
        if session.source == "marks":
            return "unknown"
        return "ended" if said_goodbye else "crashed"
    # A background session's goodbye is answered by its supervisor, who starts it again.
    if said_goodbye and session.kind != "bg":
        ago = session.ended_ago
        return "hung" if ago is not None and ago >= HUNG_REPORT_SECONDS else "live"
    return "idle" if idle else "live"


__all__ = ["state"]
