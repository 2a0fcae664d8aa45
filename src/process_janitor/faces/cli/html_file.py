"""The file a page is written to: one the user named, so it is looked at before anything of theirs is replaced."""

from __future__ import annotations

import os
import stat

from process_janitor.faces.cli.context import USAGE, Failure
from process_janitor.system import files


def checked(name: str) -> str:
    """The absolute path of a file that may be written. Raises Failure that says what is wrong with the name."""
    if not name or name == "-" or not name.isprintable():
        raise Failure(
            f"--html needs the name of a file, not {name!r}; --json writes to stdout", USAGE
        )
    path = os.path.abspath(os.path.expanduser(name))
    folder = os.path.dirname(path)
    if name.endswith("/") or os.path.isdir(path):
        raise Failure(
            f"{path} is a directory; name a file in it: {os.path.join(path, 'report.html')}"
        )
    if not os.path.isdir(folder):
        raise Failure(f"there is no directory {folder}; make it, or name a file elsewhere")
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return path
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}; name another file") from None
    if not stat.S_ISREG(there.st_mode) or there.st_uid != os.geteuid():
        raise Failure(
            f"{path} is not a regular file of yours and stays as it is; name another file"
        )
    return path


def write(path: str, text: str) -> None:
    """The page, whole or not at all, for its owner's eyes: command lines are in it. Raises Failure."""
    try:
        files.write_text(path, text)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}; name another file") from None


__all__ = ["checked", "write"]
