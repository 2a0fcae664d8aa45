"""Files that others may have damaged, replaced or filled: read with suspicion, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import time

from process_janitor.core import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_READ_MAX = 1 << 20
# What opening a link, a socket or a device without one says; any other error is about the moment, or about who asks.
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENODEV)


class Unfit(OSError):
    """What is there is not what could be read: no regular file, a link, or too large. Asked again, it is so again."""


def read_text(path: str, limit: int = _READ_MAX, *, follow: bool = False) -> str:
    """A regular file's text. Raises OSError when it is missing, and Unfit when it is no regular file, a symlink, or larger
    than `limit`.

    O_NOFOLLOW and O_NONBLOCK: a link or a fifo put in a record's place must not lead us elsewhere or hang us. `follow`
    is for files that their user may keep elsewhere and link to (dotfiles), and write with an editor that puts a byte order
    mark in front.
    """
    link = 0 if follow else os.O_NOFOLLOW
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | link | os.O_NONBLOCK)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise Unfit(error.errno, error.strerror, path) from None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Unfit(f"{path}: not a regular file")
        if info.st_size > limit:
            raise Unfit(f"{path}: larger than {limit} bytes")
        parts = []
        while True:
            data = os.read(fd, 65536)
            if not data:
                break
            parts.append(data)
        text = b"".join(parts).decode("utf-8", "replace")
        return text.removeprefix("\ufeff") if follow else text
    finally:
        os.close(fd)


def read_object(path: str, limit: int = _READ_MAX, *, follow: bool = False) -> dict[str, Any]:
    """The JSON object in a file, {} for anything else: none there, unreadable, damaged, or no object. Never raises.

    Only for files whose absence and damage mean the same to the caller. `limit` and `follow` are as in `read_text`.
    """
    try:
        value = jsontext.loads(read_text(path, limit, follow=follow))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_lines(path: str, limit: int, longest: int) -> Iterator[str]:
    """A regular file's lines without their ends; of one larger than `limit` bytes those of its newest part. Lines of
    more than `longest` bytes are left out. Raises OSError as `read_text` does.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(f"{path}: not a regular file")
        skip = max(0, info.st_size - limit)
        os.lseek(fd, skip, os.SEEK_SET)
        rest = b""
        whole = not skip  # what stands before the first line end may be the end of a line
        while True:
            data = os.read(fd, 65536)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if whole and len(line) <= longest:
                    yield line.decode("utf-8", "replace")
                whole = True
            if len(rest) > longest:
                rest, whole = b"", False
            if not data:
                break
        if rest and whole:
            yield rest.decode("utf-8", "replace")
    finally:
        os.close(fd)


def write_text(path: str, text: str, *, mode: int = 0o600) -> None:
    """The file holds `text` or what it held before, whenever we are killed. `mode` is what its user gave it."""
    temporary = f"{path}.{os.getpid()}-{time.monotonic_ns()}.tmp"
    fd = open_own(temporary, os.O_WRONLY | os.O_EXCL)
    try:
        try:
            _write_all(fd, text.encode("utf-8", "replace"))
            if mode != 0o600:
                os.fchmod(fd, mode)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def append_line(path: str, line: str) -> None:
    """One line more, in one write. A torn last line of a killed writer is closed first, so ours is not glued to it."""
    fd = open_own(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        _write_all(fd, (b"\n" if torn else b"") + line.encode("utf-8", "replace") + b"\n")
    finally:
        os.close(fd)


def append_bounded(path: str, line: str, limit: int) -> None:
    """Append a line to a log that is started anew, its predecessor kept as `.1`, once it is over `limit` bytes."""
    try:
        if os.lstat(path).st_size > limit:
            os.rename(path, f"{path}.1")
    except FileNotFoundError:
        pass
    append_line(path, line)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def remove(path: str) -> None:
    """The file is gone afterwards, also when it was before. Raises OSError when it cannot be removed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def make_root(path: str) -> None:
    """The state directory, 0700 when it is made. It may be a link that its user made; what we make in it never is."""
    _make_directories(path)


def make_directory(path: str) -> None:
    """A directory of ours, 0700, with its parents. Raises OSError when something else is in its place."""
    # One by one: what os.makedirs makes above the last one is open to whoever the umask lets in.
    _make_directories(os.path.dirname(path))
    try:
        _make_directories(path)
    except FileExistsError:
        pass  # it is looked at below
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise OSError(f"{path}: not a directory")


def touch(path: str) -> None:
    """Stamp the file's time with now, creating it."""
    fd = open_own(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.utime(fd)
    finally:
        os.close(fd)


def open_own(path: str, flags: int) -> int:
    """A descriptor of a file of ours, which is made if it is not there: 0600, no link, and of whoever the directory is.
    Raises OSError.
    """
    flags |= os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    if _is_root():
        from process_janitor.system import as_root

        return as_root.open_file(path, flags)
    return os.open(path, flags, 0o600)


def _make_directories(path: str) -> None:
    if _is_root():
        from process_janitor.system import as_root

        as_root.make_directories(path)
    else:
        os.makedirs(path, mode=0o700, exist_ok=True)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


__all__ = [
    "Unfit",
    "append_bounded",
    "append_line",
    "make_directory",
    "make_root",
    "open_own",
    "read_lines",
    "read_object",
    "read_text",
    "remove",
    "touch",
    "write_text",
]
