"""Who has too much of something: for reports only, nothing is ever ended for it."""

from __future__ import annotations

from process_janitor.core.conditions import Condition
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.units import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from process_janitor.core.model import Process

# More than any of a session's processes was seen to need; one that leaks them gets there, whatever its limit.
DESCRIPTORS_MAX = 1024
# Of its own soft limit: the next few fail.
DESCRIPTORS_SHARE = 0.8
MEMORY_MAX = 4_000_000_000


class Has(NamedTuple):
    """What one process of a session has. `command` is fit to be shown; `soft_limit` is 0 where it is not known."""

    process: Process
    session_id: str
    command: str
    age: float
    memory: int
    descriptors: int
    soft_limit: int


def excesses(everything: Iterable[Has]) -> Iterator[Condition]:
    """One `overload` for each process and thing that it has too much of."""
    for one in everything:
        if one.soft_limit and one.descriptors >= DESCRIPTORS_SHARE * one.soft_limit:
            yield _too_much(
                one, f"{one.descriptors} of at most {one.soft_limit} descriptors are open"
            )
        elif one.descriptors > DESCRIPTORS_MAX:
            yield _too_much(one, f"{one.descriptors} descriptors are open: it may be leaking them")
        if one.memory > MEMORY_MAX:
            yield _too_much(one, f"it holds {size(one.memory)} of memory", one.memory)


def _too_much(one: Has, about: str, size: int = 0) -> Condition:
    return Condition(
        "overload",
        one.command,
        about,
        session_id=one.session_id,
        age=one.age,
        size=size,
        process=one.process,
        next=f"process-janitor explain {one.process.pid}",
    )


__all__ = ["DESCRIPTORS_MAX", "DESCRIPTORS_SHARE", "MEMORY_MAX", "Has", "excesses"]
