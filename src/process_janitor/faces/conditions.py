"""What there is to report beside processes, source by source: each answers one question about the machine.

`report` adds to it what is too much of something (`core/excess.py`): that takes figures which only a survey has.
"""

from __future__ import annotations

from process_janitor.faces import overloaded
from process_janitor.faces.terminals import orphan_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from process_janitor.core.conditions import Condition
    from process_janitor.core.settings import Settings
    from process_janitor.core.ties import Ties

    # The state directory, the settings, and one look at the machine; changes nothing, raises nothing.
    Source = Callable[[str, Settings, Ties], Iterable[Condition]]


def _locks(root: str, options: Settings, ties: Ties) -> Iterable[Condition]:
    """Locks whose holder is gone, or seems to be."""
    from process_janitor.system.locks import stale

    del root, options
    return [one.condition for one in stale(ties)]


def _records(root: str, options: Settings, ties: Ties) -> Iterable[Condition]:
    """Records that tell of nothing any more."""
    from process_janitor.core.old_records import condition
    from process_janitor.system import old_records, paths

    del options
    of_client = old_records.of_the_client(ties, paths.config_dir())
    found = [of_client, *old_records.of_ours(ties, root)]
    return [condition(one) for one in found if one.names]


# To add one, write its function and put a line here; the order is the one in which they are shown.
SOURCES: tuple[Source, ...] = (overloaded.condition, orphan_windows, _locks, _records)
# Those that tell of one session: whoever asks about that one alone need not wait for the others.
OF_SESSIONS: tuple[Source, ...] = (orphan_windows, _locks)


def conditions(
    root: str, options: Settings, ties: Ties, sources: Iterable[Source] = SOURCES
) -> tuple[Condition, ...]:
    """What the sources have to say about this look."""
    return tuple(found for source in sources for found in source(root, options, ties))


__all__ = ["OF_SESSIONS", "SOURCES", "conditions"]
