"""The logs of what runs unwatched (hooks, watcher, notifications): `logs/NAME.log`, bounded in size."""

from __future__ import annotations

import os

from process_janitor.system import clock, files

_LINE_MAX = 4096
_FILE_MAX = 128 * 1024


def write(root: str, name: str, text: str) -> None:
    """One dated line more; a log that cannot be written is nobody's trouble."""
    path = os.path.join(root, "logs", f"{name}.log")
    try:
        files.make_directory(os.path.dirname(path))
        files.append_bounded(path, f"{clock.utc()} {text}"[:_LINE_MAX], _FILE_MAX)
    except OSError:
        return


__all__ = ["write"]
