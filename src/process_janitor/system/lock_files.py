"""Whether any process holds a file, and taking a lock away such that only the one that was judged can go."""

from __future__ import annotations

import os
import stat
import time

from process_janitor.core.plausible import natural
from process_janitor.system import flock, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from process_janitor.core.locks import Fingerprint

_PROC_LOCKS_MAX = 16 << 20


class Changed(Exception):
    """The lock is not, or not any more, what was judged; the text says how."""


def held(path: str, device: int, inode: int, *, tree: bool = False) -> str:
    """Why the file counts as in use; "" when nobody is seen to hold it.

    Asks the kernel's own list of locks, which knows everybody's, and the descriptors of every process that may be looked
    into; with `tree`, also those of what lies below the file's directory.
    """
    if _locked(device, inode):
        return "a process holds a lock on it"
    name, below = os.path.basename(path), os.path.dirname(path) + "/"
    me = os.getpid()
    for pid in procfs.pids():
        opened = procfs.descriptors(pid) if pid != me else None
        for descriptor, target in (opened or {}).items():
            if tree and target.startswith(below):
                return f"process {pid} has files open beside it"
            # By its name first: asking every descriptor would hang on a server that is away. Another container may know
            # the file under another path.
            if os.path.basename(target.removesuffix(" (deleted)")) == name and _is(
                f"{procfs.PROC}/{pid}/fd/{descriptor}", device, inode
            ):
                return f"process {pid} has it open"
    return ""


def _is(path: str, device: int, inode: int) -> bool:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return (info.st_dev, info.st_ino) == (device, inode)


def _locked(device: int, inode: int) -> bool:
    data = procfs.read(f"{procfs.PROC}/locks", _PROC_LOCKS_MAX)
    name = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}"
    return data is not None and any(name in line.split() for line in data.decode().splitlines())


def flock_holders(path: str) -> tuple[int, ...]:
    """The processes that hold a flock on a file, as far as the kernel names them to us."""
    info = os.stat(path)
    found = []
    for line in (procfs.read(f"{procfs.PROC}/locks", _PROC_LOCKS_MAX) or b"").decode().splitlines():
        words = line.split()
        # Some file systems (btrfs, overlays) have another device here than the file says: its descriptor tells.
        if len(words) > 5 and words[1] == "FLOCK" and words[5].endswith(f":{info.st_ino}"):
            pid = natural(words[4])
            if pid and path in (procfs.descriptors(pid) or {}).values():
                found.append(pid)
    return tuple(found)


class Taken:
    """A lock's directory, held open while the lock is looked at again and removed: `with Taken(path) as lock`.

    Everything goes by the directory's descriptor, so a directory that is replaced by a link leads nowhere. Raises OSError
    when the directory cannot be opened or has become a link.
    """

    def __init__(self, path: str) -> None:
        self._directory, self._name = os.path.split(path)
        self._fd = -1

    def __enter__(self) -> Self:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self._directory, flags)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def check(self, mark: Fingerprint) -> os.stat_result:
        """The lock as it is now. Raises Changed when it is another file, or was touched since."""
        info = self._stat(self._name)
        if info is None:
            raise Changed("it is gone already")
        if (info.st_dev, info.st_ino, info.st_mtime_ns) != mark[:3]:
            raise Changed("it has been taken or touched since")
        return info

    def free(self) -> bool:
        """Whether nobody holds a flock on it, tried by taking it for a moment. Only for a regular file; raises OSError."""
        fd = os.open(
            self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd
        )
        try:
            return flock.try_lock(fd)
        finally:
            os.close(fd)

    def remove(self, mark: Fingerprint) -> None:
        """Take exactly the judged lock away. Raises Changed when another one stood there, which is put back; OSError.

        Renamed aside first: whoever takes the lock between the last look and a bare unlink would lose it.
        """
        aside = f".{self._name}.{os.getpid()}-{time.monotonic_ns()}.stale"
        os.rename(self._name, aside, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        info = self._stat(aside)
        if info is None or (info.st_dev, info.st_ino, info.st_mtime_ns) != mark[:3]:
            self._put_back(aside)
            raise Changed("it has been taken or touched since")
        if stat.S_ISDIR(info.st_mode):
            try:
                os.rmdir(aside, dir_fd=self._fd)
            except OSError:
                self._put_back(aside)
                raise
        else:
            os.unlink(aside, dir_fd=self._fd)
        now = self._stat(self._name)
        if now is not None and now.st_ino == mark.inode and now.st_mtime_ns == mark.mtime_ns:
            raise Changed("it is still there")

    def _put_back(self, aside: str) -> None:
        if self._stat(self._name) is None and self._stat(aside) is not None:
            os.rename(aside, self._name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None


__all__ = ["Changed", "Taken", "flock_holders", "held"]
