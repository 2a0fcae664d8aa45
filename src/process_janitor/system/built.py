"""The builder's note in the state directory: which pinned libraries the command line's environment has, and where it is."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import files

_NAME = "environment"
_NOTE_MAX = 4096


class Built(NamedTuple):
    """`libraries` is the first line of the pins it was built from; both are "" where the note says neither."""

    libraries: str = ""
    place: str = ""

    @property
    def python(self) -> str:
        """Its interpreter, which need not be there any more; "" without a place."""
        return os.path.join(self.place, "bin", "python") if self.place else ""


def read(root: str) -> Built:
    """What was built last. Raises OSError where nothing was noted, or it cannot be read."""
    lines = files.read_text(os.path.join(root, _NAME), _NOTE_MAX).splitlines()
    return Built(lines[0], lines[1]) if len(lines) > 1 else Built()


def wanted(plugin: str) -> str:
    """What the plugin in this directory pins, to be compared with `libraries`. Raises OSError."""
    with open(os.path.join(plugin, "requirements.lock"), "rb") as lock:
        return lock.readline().decode("utf-8", "replace").strip()


__all__ = ["Built", "read", "wanted"]
