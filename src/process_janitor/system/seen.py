"""The descendants a session was seen with, on disk: `trees/<pid>-<start>`, one line per process.

They are known again after the watcher was killed, and when their environment is cleared or overwritten. Keyed by the
claude process, not by the session id, so /clear and /resume move nothing. The first line names the boot and the pid
namespace in which they were seen: the numbers mean other processes everywhere else.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Seen
from process_janitor.core.plausible import natural
from process_janitor.system import files, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = 6
_FILE_MAX = 4 << 20


def name(pid: int, start: int) -> str:
    return f"{pid}-{start}"


def names(root: str) -> set[str]:
    """The `name` of every claude process that something is remembered of."""
    try:
        return set(os.listdir(os.path.join(root, "trees")))
    except OSError:
        return set()


def path(root: str, pid: int, start: int) -> str:
    return os.path.join(root, "trees", name(pid, start))


def load(root: str, pid: int, start: int) -> dict[tuple[int, int], Seen]:
    """What is remembered of one claude process; nothing when the file is missing, damaged, or not of this boot."""
    found = {}
    for line in _lines(root, pid, start) or ():
        words = line.split()
        numbers = [number for number in map(natural, words) if number is not None]
        if len(words) == len(numbers) == _FIELDS:
            found[numbers[0], numbers[1]] = Seen(
                numbers[2], numbers[3], numbers[4] == 1, numbers[5] == 1
            )
    return found


def watched(root: str, pid: int, start: int) -> bool:
    """Whether this claude process was ever looked at in this boot, with or without anything below it."""
    return _lines(root, pid, start) is not None


def _lines(root: str, pid: int, start: int) -> list[str] | None:
    """What was written here and in this boot, None where nothing was.

    A home outlives its boots, and may be shared with another machine or a container: what has a number of then is not
    what had it.
    """
    try:
        text = files.read_text(path(root, pid, start), _FILE_MAX)
    except OSError:
        return None
    first, *rest = text.splitlines() or [""]
    return rest if first == _here() else None


def _here() -> str:
    # Where nobody can tell the boot the name is none that could be read again: nothing is believed then.
    boot = identity.boot_id()
    return f"boot {boot} {identity.pid_namespace()}" if boot else "\n"


def store(root: str, pid: int, start: int, descendants: Mapping[tuple[int, int], Seen]) -> None:
    """Replace what is remembered, as seen in this boot. Raises OSError."""
    files.make_directory(os.path.join(root, "trees"))
    lines = [
        f"{key[0]} {key[1]} {seen.parent_pid} {seen.parent_start}"
        f" {int(seen.detached)} {int(seen.server)}\n"
        for key, seen in sorted(descendants.items())
    ]
    files.write_text(path(root, pid, start), "".join((f"{_here()}\n", *lines)))


def forget(root: str, pid: int, start: int) -> None:
    files.remove(path(root, pid, start))


__all__ = ["forget", "load", "name", "names", "path", "store", "watched"]
