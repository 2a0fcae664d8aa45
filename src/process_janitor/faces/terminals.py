"""The terminals of one look, asked for once: what names a process's terminal, and what is left of gone sessions there."""

from __future__ import annotations

import functools
import os

from process_janitor.core.windows import Windows
from process_janitor.system import tmux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.conditions import Condition
    from process_janitor.core.settings import Settings
    from process_janitor.core.ties import Ties


@functools.lru_cache(maxsize=1)
def terminals(ties: Ties) -> Windows:
    """The terminals as of this look; `label(pid)` names a process's. Raises nothing; a tmux server that does not answer
    costs a second, once, and is told by `doctor`.

    One is remembered, by the identity of its ties: scan asks twice for the same look.
    """
    snapshot = ties.snapshot
    known = [session.pane[0] for session in ties.owners.sessions if session.pane]
    said = tmux.ask(snapshot.processes, snapshot.uid, os.environ, known)
    return Windows(ties, said.panes)


def orphan_windows(root: str, options: Settings, ties: Ties) -> Iterable[Condition]:
    """Panes whose claude is gone. Told, never closed: what is on the screen is the user's."""
    del root, options
    return terminals(ties).orphans()


__all__ = ["orphan_windows", "terminals"]
