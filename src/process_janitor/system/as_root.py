"""What root makes in somebody else's home belongs to whoever the directory is.

With a user's home (`sudo -E`, a crontab of root's, a container's root) it would leave a lock that the user may not even open,
and nothing of theirs would be cleaned any more. Only what was made just now is handed over, in the very directory that was
opened: a name that was there may be a link to anybody's file, and a path may lead elsewhere the next moment.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def open_file(path: str, flags: int) -> int:
    """As os.open with these flags, O_CREAT among them; 0600 where it is made. Raises OSError."""
    if not _is_anothers(os.path.dirname(path)):
        return os.open(path, flags, 0o600)
    with _Folder(path) as folder:
        while True:
            try:
                fd = os.open(folder.name, flags | os.O_EXCL, 0o600, dir_fd=folder.fd)
            except FileExistsError:
                if flags & os.O_EXCL:
                    raise
            else:
                folder.hand_over(fd)
                return fd
            try:
                return os.open(folder.name, flags & ~os.O_CREAT, dir_fd=folder.fd)
            except FileNotFoundError:
                continue  # removed in between


def make_directories(path: str, mode: int = 0o700) -> None:
    """As os.makedirs, whatever is there already. Raises OSError."""
    path = path.rstrip(os.sep) or os.sep
    above = os.path.dirname(path)
    if above and not os.path.isdir(above):
        make_directories(above, 0o777)
    try:
        _make_one(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def _make_one(path: str, mode: int) -> None:
    if not _is_anothers(os.path.dirname(path)):
        os.mkdir(path, mode)
        return
    with _Folder(path) as folder:
        os.mkdir(folder.name, mode, dir_fd=folder.fd)
        fd = os.open(folder.name, _AS_FOLDER | os.O_NOFOLLOW, dir_fd=folder.fd)
        try:
            if not os.listdir(fd):  # else another was put in its place
                folder.hand_over(fd)
        finally:
            os.close(fd)


def _is_anothers(directory: str) -> bool:
    try:
        return os.stat(directory or os.curdir).st_uid != 0
    except OSError:
        return False


class _Folder:
    """The directory of a path, held, and the path's name in it. Errors inside name the whole path."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory, self.name = os.path.split(path)
        self.fd = -1

    def __enter__(self) -> Self:
        self.fd = os.open(self._directory or os.curdir, _AS_FOLDER)
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        os.close(self.fd)
        if isinstance(error, OSError):
            error.filename = self._path

    def hand_over(self, fd: int) -> None:
        """To whom the directory belongs."""
        owner = os.fstat(self.fd)
        try:
            os.fchown(fd, owner.st_uid, owner.st_gid)
        except OSError:
            return  # a container that does not know this user, a file system without owners: it stays as it is


__all__ = ["make_directories", "open_file"]
