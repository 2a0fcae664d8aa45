"""Whether the state directory's file system gives locks, and who keeps everybody else from cleaning up."""

from __future__ import annotations

import os

from process_janitor.core.units import age
from process_janitor.faces.doctor import Check
from process_janitor.sweep import LOCK_NAME, LOCK_SECONDS
from process_janitor.system import clock, files, flock, lock_files, procfs, worlds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.faces.doctor import Ward


def locks(ward: Ward) -> Iterator[Check]:
    """One is really taken: that a file can be made there says nothing about it."""
    if not os.path.isdir(ward.root):
        return
    probe = os.path.join(ward.root, f"doctor.{os.getpid()}.tmp")
    try:
        with flock.Lock(probe, 0.0):
            pass
    except flock.NoLocks as error:
        yield Check(
            "locks", "broken", f"{ward.root}: its file system gives no locks ({error.strerror}): nothing is registered, watched or cleaned up",
            "set PROCESS_JANITOR_HOME to a directory on a disk of this machine, for Claude Code and for yourself",
        )  # fmt: skip
        return
    finally:
        files.remove(probe)
    yield _cleanup(os.path.join(worlds.directory(ward.root), LOCK_NAME))


def _cleanup(path: str) -> Check:
    """One cleanup at a time: whoever never finishes his keeps all others waiting."""
    if not os.path.exists(path):
        return Check("locks", "ok", "they work; nothing was ever cleaned up")
    with flock.Lock(path, 0.0) as free:
        holders = () if free else lock_files.flock_holders(path)
    if free:
        return Check("locks", "ok", "they work; no cleanup is under way")
    row = next((row for pid in holders if (row := procfs.process(pid)) is not None), None)
    if row is None:
        return Check(
            "locks", "warning", f"a process that cannot be seen from here holds {path}",
            "no other cleanup begins before it is done; look for it in the containers that use this directory",
        )  # fmt: skip
    who = f"process {row.pid} ({row.comm})"
    if row.state in ("T", "t"):
        return Check(
            "locks", "broken", f"{who} was stopped in the middle of a cleanup, and nobody else can clean up",
            f"let it go on (fg in its terminal, or kill -CONT {row.pid}), or end it",
        )  # fmt: skip
    began = (clock.ticks() - row.start) / clock.ticks_per_second()
    if began > LOCK_SECONDS:
        return Check(
            "locks", "warning", f"{who}, which began {age(began)} ago, is cleaning up; nobody else can meanwhile",
            "if it is still the same one in a minute, it hangs: end it",
        )  # fmt: skip
    return Check("locks", "ok", f"{who} is cleaning up")


QUESTIONS = (locks,)

__all__ = ["QUESTIONS"]
