"""The last line of a page that shows findings: what to type next, for the strongest of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Document = dict[str, Any]

# What the command does that a condition names, where it does not say so itself; the most useful first.
_DOES = {
    "overload": "",
    "stale-lock": "asks, then removes them",
    "stale-record": "says what to do about them",
}


def next_step(findings: Iterable[Document], type_this: str) -> str:
    """What to type about what is only reported; "" where nothing is, or where only its user can do anything about it."""
    reported = [one for one in findings if one["verdict"] == "report"]
    beside = {one["class"]: one["next"] for one in reversed(reported) if one["pid"] is None}
    known = [(beside[name], does) for name, does in _DOES.items() if beside.get(name)]
    said = [f"{words}    ({does})" if does else words for words, does in known]
    if any(one["pid"] for one in reported):
        # Whom to end first on a machine that has too much is more than why one of them is shown.
        one_by_one = f"{type_this} explain PID    (says why, and what would end it)"
        said = [said[0] if beside.get("overload") else one_by_one]
    if said:
        return f"Next: {typed(said[0], type_this)}"
    return "Next: nothing that a command could do for you" if reported else ""


def typed(command: str, type_this: str) -> str:
    """A finding's command as its reader types it, here."""
    return command.replace("process-janitor", type_this, 1)


__all__ = ["next_step", "typed"]
