"""Whether a Bash call of a gone session may be on its way to another process of its conversation.

"Move to background" ends the old process first. The daemon names its new one about a second later, and until then what
was handed over cannot be told from what a crash left: its parent is gone, and its marks name the old process.
"""

from __future__ import annotations

from process_janitor.core import client_shapes
from process_janitor.core.policy import GOODBYE_SECONDS, HAND_OVER_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Session, Snapshot, Via

# After these goodbyes nothing is handed over. The dialog's is `prompt_input_exit`; old clients give no reason at all.
_ENDS_ALL = frozenset({"other", "logout"})


def may_move(session: Session) -> bool:
    """Whether what a gone session left may go on in another process, as far as its goodbye tells."""
    return session.ended_reason not in _ENDS_ALL


def is_handed_on(via: Via, *, detached: bool) -> bool:
    """Whether a conversation takes this along: its Bash calls, and what they put into the background.

    Of those, what was told the project's directory (by the user's own environment) looks like something of a hook's.
    """
    return via == "call" or (via == "hook" and detached)


def may_be_moving(session: Session | None, known_for: float, *, background: bool) -> bool:
    """Whether it is too early to end a Bash call of this registered session (None: not registered).

    `known_for`: seconds since it was first seen to be left over; `background`: `background_runs` of the present look.

    After the goodbye that the dialog gives, a daemon that runs has `HAND_OVER_SECONDS` to say so; where none has appeared
    within moments, nothing was handed over. Without any goodbye the session may have crashed, or its last hook may still be writing the goodbye down: that takes
    moments, and matters only where a daemon runs that could have taken the work over.
    """
    if session is not None and session.ended_reason:
        ago = session.ended_ago
        until = HAND_OVER_SECONDS if background else GOODBYE_SECONDS
        return may_move(session) and ago is not None and ago < until
    if session is not None and session.over:
        return False
    return known_for < GOODBYE_SECONDS and background


def background_runs(sessions: Iterable[Session], snapshot: Snapshot) -> bool:
    """Whether the client's background daemon, or one of its workers, is there. Yes where a client's command is not known."""
    if any(session.source == "roster" for session in sessions):
        return True
    for pid, process in snapshot.processes.items():
        if (
            process.uid == snapshot.uid
            and not process.dead
            and client_shapes.is_claude_name(process.comm)
        ):
            argv = snapshot.detail(pid).argv
            if not argv or client_shapes.is_background_host(argv):
                return True
    return False


__all__ = ["background_runs", "is_handed_on", "may_be_moving", "may_move"]
