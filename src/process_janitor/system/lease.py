"""The watcher's lease: a flock that dies with its holder, and beside it a line that a shell can check.

Each world has one, in its own directory (`worlds`): that is the `place` below. Versions before had one for all worlds, in
the state directory itself.

`watcher.lock` is the truth. `watcher` names the holder (`pid start boot-id version term uptime`) for the hooks that only
have a shell's builtins: a process of that pid and start tick in this boot is the watcher, anything else is not. A shell
cannot tell which world it is in; it reads the notes of all, and those of others name no process that it finds. The holder
renews its term with every heartbeat; it ends by the monotonic clock, so a night asleep takes nothing from it. A shell can
read no clock but /proc/uptime, which goes on in the night: past that second it asks Python, which knows better.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Identity
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural
from process_janitor.system import clock, files, identity, procfs, worlds

LOCK_NAME = "watcher.lock"
HOLDER_NAME = "watcher"
# Put there by a hook of a newer version; the holder then steps down.
RETIRE_NAME = "watcher.retire"


def acquire(place: str) -> int | None:
    """A descriptor that holds the lease for as long as it is open, None when another process has it."""
    return worlds.lock(place, LOCK_NAME)


def announce(place: str, holder: Identity, version: str, seconds: float) -> None:
    """Name the holder; unless it is announced again within that time it is lost. Raises OSError."""
    term = int(clock.monotonic() + seconds)
    uptime = int(clock.ticks() / clock.ticks_per_second() + seconds)
    files.write_text(
        os.path.join(place, HOLDER_NAME),
        f"{holder.pid} {holder.start} {holder.boot_id} {version} {term} {uptime}\n",
    )


def holder(place: str, boot_id: str) -> tuple[int, int] | None:
    """(pid, start) of the living watcher, None when there is none."""
    return _living(_announced(place), boot_id)


class Watching(NamedTuple):
    """A living watcher: where it has the lease, its (pid, start), its version."""

    place: str
    key: tuple[int, int]
    version: str


def watching(root: str) -> Watching | None:
    """Who watches this world: its own watcher, or one of a version that had one lease for all."""
    boot_id = identity.boot_id()
    for place in (worlds.directory(root), root):
        key = holder(place, boot_id)
        if key is not None:
            return Watching(place, key, version(place))
    return None


def lost(place: str, boot_id: str) -> tuple[int, int] | None:
    """(pid, start) of a watcher that runs and has let its term pass: it is stopped, or hangs. None for any other, also
    for one of a version that had no term.
    """
    words = _announced(place)
    term = natural(words[4]) if len(words) > 4 else None
    if term is None or clock.monotonic() <= term:
        return None
    return _living(words, boot_id)


def held_by(place: str, pid: int) -> bool:
    """Whether this process has the lease's file open; False where that cannot be seen."""
    try:
        lock = os.stat(os.path.join(place, LOCK_NAME), follow_symlinks=False)
        names = os.listdir(f"{procfs.PROC}/{pid}/fd")
    except OSError:
        return False
    for name in names:
        # By its name first: asking every descriptor would hang on a server that is away.
        if os.path.basename(procfs.link(pid, f"fd/{name}") or "") == LOCK_NAME:
            try:
                found = os.stat(f"{procfs.PROC}/{pid}/fd/{name}")
            except OSError:
                continue
            if (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino):
                return True
    return False


def _living(words: list[str], boot_id: str) -> tuple[int, int] | None:
    pid, start = (natural(word) for word in (*words, "", "")[:2])
    if pid is None or start is None or words[2:3] != [boot_id]:
        return None
    return (pid, start) if identity.runs(pid, start) else None


def version(place: str) -> str:
    """The version of the watcher that last took the lease, "" when none did."""
    words = _announced(place)
    return words[3] if len(words) > 3 else ""


def _announced(place: str) -> list[str]:
    try:
        return files.read_text(os.path.join(place, HOLDER_NAME), 4096).split()
    except OSError:
        return []


__all__ = ["Watching", "acquire", "announce", "held_by", "holder", "lost", "version", "watching"]
