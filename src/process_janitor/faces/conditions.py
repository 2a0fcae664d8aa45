"""Everything there is to report beside processes, in one list: each source answers one question about the machine."""

from __future__ import annotations

from process_janitor.faces import overloaded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from process_janitor.core.conditions import Condition
    from process_janitor.core.settings import Settings
    from process_janitor.core.ties import Ties

    # The state directory, the settings, and one look at the machine; changes nothing, raises nothing.
    Source = Callable[[str, Settings, Ties], Iterable[Condition]]

# To add one, write its function and put a line here; the order is the one in which they are shown.
SOURCES: tuple[Source, ...] = (overloaded.condition,)


def conditions(root: str, options: Settings, ties: Ties) -> tuple[Condition, ...]:
    """What the sources have to say about this look."""
    return tuple(found for source in SOURCES for found in source(root, options, ties))


__all__ = ["SOURCES", "conditions"]
