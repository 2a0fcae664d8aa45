"""Whether sessions that are gone had said goodbye: given a moment, for the hook that notes it may be overtaken by the end.

Only then is it clear whether hooks that still run were cut off by a crash or are at work after a clean exit.
"""

from __future__ import annotations

import os
import time

from process_janitor.system import procfs
from process_janitor.system.marks import marks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from process_janitor.system.registry import Registry

_MOMENT_SECONDS = 0.5
# Our own hook may take so long to say it on a busy machine (hooks.json), and is waited for while it runs.
_HOOK_SECONDS = 10.0
_POLL_SECONDS = 0.05


def said_goodbye(registry: Registry, gone: Mapping[tuple[int, int], str]) -> bool:
    """Whether all of these did; each is given with the id it had."""
    began = time.monotonic()
    while True:
        found = [registry.find(*key, session_id) for key, session_id in gone.items()]
        entries = [entry for entry in found if entry is not None]
        silent = [entry for entry in entries if not entry.record.get("ended")]
        if not silent:
            return True
        waited = time.monotonic() - began
        if waited >= _MOMENT_SECONDS and (
            waited >= _HOOK_SECONDS
            or not _is_being_said({entry.record["session_id"] for entry in silent})
        ):
            return False
        # Where it was found it is looked for again; nobody registers a process that is gone.
        gone = {entry.owner.key: entry.record["session_id"] for entry in entries}
        time.sleep(_POLL_SECONDS)


def _is_being_said(session_ids: Collection[str]) -> bool:
    """Whether our own hook for the end of one of these sessions runs. It was started before the session ended."""
    uid = os.geteuid()
    for row in procfs.rows():
        if row.uid != uid or row.dead:
            continue
        argv = procfs.argv(row.pid) or ()
        if argv[-1:] == ("SessionEnd",) and any(word.endswith(_HOOKS) for word in argv[1:-1]):
            marks = marks_of(row.pid)
            if marks is not None and marks.session_id in session_ids:
                return True
    return False


_HOOKS = ("/hooks/run", "/hooks/hook.py")


__all__ = ["said_goodbye"]
