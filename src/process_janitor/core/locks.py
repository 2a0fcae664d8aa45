"""Whether a lock is stale: its holder proven gone on this host and in this boot. Anything less leaves it alone.

A lock whose holder lives, or may live, is nobody's finding. One that looks stale and cannot be proven so is shown with a
veto and never removed. Age alone proves nothing; it only keeps a young lock without an owner's name out of sight.
"""

from __future__ import annotations

from process_janitor.core.conditions import Condition
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from process_janitor.core.model import Process

    Kind = Literal["ide", "daemon", "schedule", "bridge", "profile", "directory", "git"]

FINDING = "stale-lock"
# A lock without an owner's name is renewed by its holder every few seconds, or held for as long as git writes an index.
LEAST_AGE_SECONDS = 600.0

# Why a lock that looks stale is not removed.
WORDS = {
    "pid-taken": "a process of its holder's number runs, and nothing proves that it is another one",
    "shared-directory": "another host or container uses this directory, and the holder may be there",
    "network-filesystem": "it is on a file system that other hosts can use as well",
    "workspace-elsewhere": "its editor's folders are not here: it may run in a container, where its number counts",
    "port-listening": "somebody listens on the port it announces",
    "not-empty": "there is something in it",
}
_ABOUT = {
    "ide": "an editor's lock",
    "daemon": "the lock of Claude's background service",
    "schedule": "the lock of a project's scheduled tasks",
    "bridge": "the socket of a browser bridge",
    "profile": "the lock of an automation's browser profile",
    "directory": "a lock without an owner's name",
    "git": "git's lock in the working tree of a session that is over",
}


class Fingerprint(NamedTuple):
    """Which file exactly, with which content: what is removed must still be what was judged."""

    device: int
    inode: int
    mtime_ns: int
    digest: str = ""


class Lock(NamedTuple):
    """One lock as it was read. `pid` and `start` name its holder, 0 where it does not say; ages are seconds."""

    kind: Kind
    path: str
    mark: Fingerprint
    age: float = 0.0
    # By the wall clock, which may have been set since: shown, never relied on.
    before_boot: bool = False
    pid: int = 0
    start: int = 0
    # The host its text names; "" where it names none, as most do.
    host: str = ""
    # It says itself that its holder is in another world (an editor on Windows, seen from WSL).
    elsewhere: bool = False
    # On a file system that other hosts use, too; in a directory that sessions of other hosts or containers use, too.
    remote: bool = False
    shared: bool = False
    listening: bool = False
    # What an editor has open.
    folders: tuple[str, ...] = ()
    # It names no folder, or one that is not here: no sign that its number counts here.
    away: bool = False
    empty: bool = True
    # Processes seen at work where an ownerless lock would be theirs: clients, git, the profile's browser.
    users: tuple[int, ...] = ()
    session_id: str = ""


class Stale(NamedTuple):
    """A lock to show, and what is shown of it. Only one without vetoes may be removed."""

    lock: Lock
    condition: Condition

    @property
    def removable(self) -> bool:
        return not self.condition.vetoes


def judge(lock: Lock, host: str, processes: Mapping[int, Process]) -> Stale | None:
    """What there is to say about a lock; None where its holder lives or cannot be judged from here."""
    if lock.elsewhere or lock.host not in ("", host) or lock.users:
        return None
    if lock.kind in ("directory", "git"):
        found = _ownerless(lock)
    else:
        found = _owned(lock, processes.get(lock.pid))
    if found is None:
        return None
    evidence, vetoes = found
    facts = {
        "shared-directory": lock.shared,
        "network-filesystem": lock.remote,
        "workspace-elsewhere": lock.away,
        "port-listening": lock.listening,
        "not-empty": not lock.empty,
    }
    against = (*vetoes, *(code for code, holds in facts.items() if holds))
    said = Condition(
        FINDING, printable(lock.path), _about(lock, host), session_id=lock.session_id,
        evidence=(*evidence, *(("before-boot",) if lock.before_boot else ())), vetoes=against, age=lock.age,
        next="" if against else "process-janitor run --class stale-lock",
    )  # fmt: skip
    return Stale(lock, said)


def _owned(lock: Lock, process: Process | None) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if not lock.pid:
        return None
    if process is None or process.dead:
        return ("holder-gone",), ()
    if lock.start:
        return None if process.start == lock.start else (("holder-gone", "pid-reused"), ())
    # Without a start time only the clock on the wall speaks against a living process of that number: not enough.
    return ((), ("pid-taken",)) if lock.before_boot else None


def _ownerless(lock: Lock) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if lock.age < LEAST_AGE_SECONDS:
        return None
    return ("long-untouched", "no-git-at-work" if lock.kind == "git" else "no-session-here"), ()


def printable(path: str) -> str:
    """A name may hold bytes that are no text; documents are text."""
    return path.encode("utf-8", "backslashreplace").decode()


def _about(lock: Lock, host: str) -> str:
    holder = f" of process {lock.pid}" if lock.pid else ""
    when = "an earlier boot" if lock.before_boot else "this boot"
    return f"{_ABOUT[lock.kind]}{holder}, of {lock.host or host or 'this host'} in {when}"


__all__ = [
    "FINDING",
    "LEAST_AGE_SECONDS",
    "WORDS",
    "Fingerprint",
    "Lock",
    "Stale",
    "judge",
    "printable",
]
