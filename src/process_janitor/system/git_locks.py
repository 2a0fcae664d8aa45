"""Git's `index.lock` in the working trees of sessions that are over."""

from __future__ import annotations

import os
import stat

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEVELS_MAX = 40
_POINTER = "gitdir: "


class GitLock(NamedTuple):
    """`places` are the directories whose users may be holding it: the working tree and git's own ones."""

    path: str
    places: tuple[str, ...]
    session_id: str


def git_locks(directories: Iterable[tuple[str, str]]) -> Iterator[GitLock]:
    """The locks that are there for these directories, each once. `directories` are paths and their sessions' ids."""
    known = set()
    for directory, session_id in directories:
        found = _repository(os.path.realpath(directory))
        if found is not None and found[1] not in known:
            known.add(found[1])
            path = os.path.join(found[1], "index.lock")
            if os.path.lexists(path):
                yield GitLock(path, found, session_id)


def _repository(directory: str) -> tuple[str, ...] | None:
    """(working tree, its git directory, the common one) of what `directory` lies in."""
    for _ in range(_LEVELS_MAX):
        entry = os.path.join(directory, ".git")
        try:
            mode = os.lstat(entry).st_mode
        except OSError:
            above = os.path.dirname(directory)
            if above == directory:
                return None
            directory = above
            continue
        if stat.S_ISDIR(mode):
            return (directory, entry, entry)
        return _linked(directory, entry) if stat.S_ISREG(mode) else None
    return None


def _linked(directory: str, entry: str) -> tuple[str, ...] | None:
    """A linked working tree, if its git directory knows it as one: a `.git` file alone may point anywhere."""
    try:
        text = files.read_text(entry, 4096).strip()
        if not text.startswith(_POINTER):
            return None
        git = os.path.realpath(os.path.join(directory, text[len(_POINTER) :]))
        back = files.read_text(os.path.join(git, "gitdir"), 4096).strip()
        common = files.read_text(os.path.join(git, "commondir"), 4096).strip()
    except OSError:
        return None
    if os.path.realpath(os.path.join(git, back)) != entry:
        return None
    return (directory, git, os.path.realpath(os.path.join(git, common)))


__all__ = ["GitLock", "git_locks"]
