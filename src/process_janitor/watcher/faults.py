"""What a full disk or a damaged record costs: what could not be written, or that record, never the watching of the others."""

from __future__ import annotations

import os

from process_janitor.system import log as logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from process_janitor.system.registry import Entry, Registry

# What data makes of code that did not expect it.
_UNFORESEEN = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


def log(root: str, text: str) -> None:
    """One line in logs/watcher.log. A log that cannot be written is no reason to stop watching."""
    if os.path.isdir(root):  # one that was removed under us is not ours to bring back
        logs.write(root, "watcher", text)


def attempt(root: str, write: Callable[..., object], *arguments: object) -> bool:
    """Whether it could be written; what could not is logged, and the next look writes it again."""
    try:
        write(*arguments)
    except OSError as error:
        log(root, f"{getattr(write, '__name__', 'write')}: {error}")
        return False
    return True


def guarded(
    registry: Registry, entry: Entry, act: Callable[..., object], *arguments: object
) -> bool:
    """Whether what one record says could be worked with; else the record is moved aside."""
    try:
        act(*arguments)
    except _UNFORESEEN as error:
        target = registry.set_aside(entry)
        log(
            registry.root,
            f"{entry.path} cannot be worked with ({type(error).__name__}: {error}): "
            + (f"moved to {target}" if target else "it could not be moved aside"),
        )
        return False
    return True


__all__ = ["attempt", "guarded", "log"]
