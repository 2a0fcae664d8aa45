"""The watcher's lease: a flock that dies with its holder, and beside it a line that a shell can check.

`watcher.lock` is the truth. `watcher` names the holder (`pid start boot-id`) for the hooks that only have a shell's
builtins: a process of that pid and start tick in this boot is the watcher, anything else is not.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Identity, natural
from process_janitor.system import files, identity

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


def announce(root: str, holder: Identity, version: str) -> None:
    """Name the holder. Raises OSError."""
    files.write_text(
        os.path.join(root, HOLDER_NAME), f"{holder.pid} {holder.start} {holder.boot_id} {version}\n"
    )


def holder(root: str, boot_id: str) -> tuple[int, int] | None:
    """(pid, start) of the living watcher, None when there is none."""
    words = _announced(root)
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


__all__ = ["acquire", "announce", "holder", "version"]
