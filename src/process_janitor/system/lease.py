"""The watcher's lease: a flock that dies with its holder, and beside it a line that a shell can check.

`watcher.lock` is the truth. `watcher` names the holder (`pid start boot-id version term uptime`) for the hooks that only
have a shell's builtins: a process of that pid and start tick in this boot is the watcher, anything else is not. The holder
renews its term with every heartbeat; it ends by the monotonic clock, so a night asleep takes nothing from it. A shell can
read no clock but /proc/uptime, which goes on in the night: past that second it asks Python, which knows better.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Identity
from process_janitor.core.plausible import natural
from process_janitor.system import clock, files, identity, procfs

LOCK_NAME = "watcher.lock"
HOLDER_NAME = "watcher"
# Put there by a hook of a newer version; the holder then steps down.
RETIRE_NAME = "watcher.retire"


def acquire(root: str) -> int | None:
    """A descriptor that holds the lease for as long as it is open, None when another process has it."""
    fd = os.open(
        os.path.join(root, LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    if files.try_lock(fd):
        return fd
    os.close(fd)
    return None


def announce(root: str, holder: Identity, version: str, seconds: float) -> None:
    """Name the holder; unless it is announced again within that time it is lost. Raises OSError."""
    term = int(clock.monotonic() + seconds)
    uptime = int(clock.ticks() / clock.ticks_per_second() + seconds)
    files.write_text(
        os.path.join(root, HOLDER_NAME),
        f"{holder.pid} {holder.start} {holder.boot_id} {version} {term} {uptime}\n",
    )


def holder(root: str, boot_id: str) -> tuple[int, int] | None:
    """(pid, start) of the living watcher, None when there is none."""
    return _living(_announced(root), boot_id)


def lost(root: str, boot_id: str) -> tuple[int, int] | None:
    """(pid, start) of a watcher that runs and has let its term pass: it is stopped, or hangs. None for any other, also
    for one of a version that had no term.
    """
    words = _announced(root)
    term = natural(words[4]) if len(words) > 4 else None
    if term is None or clock.monotonic() <= term:
        return None
    return _living(words, boot_id)


def held_by(root: str, pid: int) -> bool:
    """Whether this process has the lease's file open; False where that cannot be seen."""
    try:
        lock = os.stat(os.path.join(root, LOCK_NAME), follow_symlinks=False)
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


def version(root: str) -> str:
    """The version of the watcher that last took the lease, "" when none did."""
    words = _announced(root)
    return words[3] if len(words) > 3 else ""


def _announced(root: str) -> list[str]:
    try:
        return files.read_text(os.path.join(root, HOLDER_NAME), 4096).split()
    except OSError:
        return []


__all__ = ["acquire", "announce", "held_by", "holder", "lost", "version"]
