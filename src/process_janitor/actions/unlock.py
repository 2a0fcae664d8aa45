"""Removing stale locks: only what was chosen, only as it was judged, and only after everything was asked once more."""

from __future__ import annotations

import os
import stat

from process_janitor.actions.journal import Journal
from process_janitor.actions.plans import LockMember
from process_janitor.core.model import Identity
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.ties import Ties
from process_janitor.system import lock_files
from process_janitor.system.identity import proven_gone
from process_janitor.system.locks import content, fingerprint, stale
from process_janitor.system.observe import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from process_janitor.core.locks import Lock, Stale
    from process_janitor.core.model import Outcome
    from process_janitor.system.locks import Places

# Later than any process can have started: a living holder that is known by its number alone never counts as gone.
_NEVER = 1 << 62


class Unlocked(NamedTuple):
    """What was done about the lock at `path`; `why` says why it was refused."""

    path: str
    outcome: Outcome
    why: str = ""


def unlock(
    root: str, members: Iterable[LockMember], trigger: str, where: Places | None = None
) -> list[Unlocked]:
    """Look again and remove those that are still as they were and still proven stale; nothing is said of one that is not
    there any more. What was tried is written to the journal.

    Raises OSError when the machine or the journal cannot be used; what was done until then is in the journal.
    """
    journal = Journal(root)
    found = {LockMember(one.lock.path, one.lock.mark): one for one in _fresh(root, where)}
    done = []
    for member in members:
        chosen = found.get(member)
        if chosen is not None:
            result = _removed(chosen, lambda: _fresh(root, where))
            journal.lock(chosen, result.outcome, result.why, trigger)
            done.append(result)
        elif os.path.lexists(member.path):
            done.append(Unlocked(member.path, "refused", "it has been taken or touched since"))
    return done


def _fresh(root: str, where: Places | None) -> list[Stale]:
    observation = observe(root)
    return stale(Ties(observation.snapshot, observation.sessions), where)


def _removed(chosen: Stale, again: Callable[[], Iterable[Stale]]) -> Unlocked:
    lock = chosen.lock
    if not chosen.removable:
        return Unlocked(chosen.condition.subject, "refused", ", ".join(chosen.condition.vetoes))
    try:
        with lock_files.Taken(lock.path) as taken:
            info = taken.check(lock.mark)
            why = _in_use(lock, info, taken)
            # Last of all, for it takes the longest to become wrong: nobody came who could be its holder.
            if not why and not any(one.lock.mark == lock.mark and one.removable for one in again()):
                why = "it is not proven stale any more"
            if why:
                return Unlocked(chosen.condition.subject, "refused", why)
            taken.remove(lock.mark)
    except lock_files.Changed as changed:
        return Unlocked(chosen.condition.subject, "refused", str(changed))
    except OSError as error:
        return Unlocked(chosen.condition.subject, "refused", f"{error.strerror or error}")
    return Unlocked(chosen.condition.subject, "gone")


def _in_use(lock: Lock, info: os.stat_result, taken: lock_files.Taken) -> str:
    """Why it may not be removed now, "" when nothing speaks against it. Raises OSError."""
    if fingerprint(info, content(lock.path, info)) != lock.mark:
        return "what it says has changed since"
    if lock.pid and not proven_gone(Identity(lock.pid, lock.start), _NEVER):
        return f"process {lock.pid} runs"
    if stat.S_ISREG(info.st_mode) and not taken.free():
        return "a process holds a lock on it"
    return lock_files.held(lock.path, info.st_dev, info.st_ino, tree=lock.kind == "profile")


__all__ = ["Unlocked", "unlock"]
