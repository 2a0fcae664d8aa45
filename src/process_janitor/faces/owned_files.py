"""Changing the user's own JSON files (keep rules, configuration): under a lock, whole or not at all, losing nothing."""

from __future__ import annotations

import os
import stat

from process_janitor.core import jsontext
from process_janitor.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOCK_SECONDS = 5.0


class Unusable(Exception):
    """The file cannot be changed safely; the text says why and what to do. It was left as it is."""


def change(
    root: str,
    path: str,
    empty: dict[str, Any],
    edit: Callable[[dict[str, Any]], None],
    *,
    mode: int = 0o600,
) -> dict[str, Any]:
    """Read the document at `path` (`empty` if there is none), let `edit` change it in place, write it; returns it.

    Fields nobody here knows stay as they are. Raises Unusable, OSError, and whatever `edit` raises (then nothing is
    written).
    """
    import filelock

    files.make_root(root)
    name = os.path.join(root, f"{os.path.basename(path)}.lock")
    files.touch(name)  # made by us, it is the user's also when root runs this
    lock = filelock.FileLock(name, timeout=LOCK_SECONDS, mode=0o600)
    try:
        with lock:
            document = _read(path, empty)
            edit(document)
            # Behind a link of the user's (dotfiles), so that it stays one.
            real = os.path.realpath(path)
            os.makedirs(os.path.dirname(real), mode=0o700, exist_ok=True)
            files.write_text(real, _pretty(document), mode=mode)
            return document
    except filelock.Timeout:
        raise Unusable(f"{path} is being changed by another process; try again") from None


def mode_of(path: str) -> int:
    """The mode the user has given the file; a new one is private."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return 0o600


def _read(path: str, empty: dict[str, Any]) -> dict[str, Any]:
    try:
        document = jsontext.loads(files.read_text(path, follow=True))
    except FileNotFoundError:
        return dict(empty)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unusable(f"{path}: {reason}; mend the file or remove it") from None
    if not isinstance(document, dict):
        raise Unusable(f"{path}: must hold one JSON object; mend the file or remove it")
    return document


def _pretty(document: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


__all__ = ["Unusable", "change", "mode_of"]
