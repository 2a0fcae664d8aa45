"""Which process table is asked: /proc, or what the command line has put in its place on a system that has none.

Whoever looks at processes for a decision, or for a page, asks `current()`; nobody else has to know which one that is.
"""

from __future__ import annotations

from process_janitor.system import proc_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from process_janitor.core.model import Process

    class Table(Protocol):
        """What a process table answers; a module is one. None stands for a process that is gone or may not be read."""

        def unusable(self) -> str:
            """Why nothing can be learnt here, "" when something can."""

        def complete(self) -> bool:
            """Whether it tells as well who holds, and who uses, what a process has open, and which unit it is of."""

        def rows(self) -> Iterator[Process]: ...

        def process(self, pid: int, /) -> Process | None: ...

        def absent(self, pid: int, /) -> bool:
            """Whether a missing row proves that there is no such process."""

        def argv(self, pid: int, /) -> tuple[str, ...] | None: ...

        def environ(self, pid: int, /) -> bytes | None:
            """`NAME=value` pieces, each closed by NUL: for `marks` alone."""

        def link(self, pid: int, name: str, /) -> str | None: ...

        def descriptors(self, pid: int, /) -> dict[str, str] | None: ...

        def namespace(self, pid: int, /) -> int: ...

        def cgroup(self, pid: int, /) -> str: ...

        def demand(self, pid: int, /) -> float | None: ...

        def ticks(self) -> int:
            """Now, as `Process.start` counts."""

        def ticks_per_second(self) -> int:
            """Of `Process.start` and `Process.cpu`."""

        def boot_session(self) -> str:
            """Which boot this is, "" where nobody tells."""

        def start_of(self, pid: int, written: object, /) -> int:
            """The start of the client that wrote `written` about itself, 0 where that cannot be told."""


_current: Table = proc_table


def current() -> Table:
    return _current


def use(table: Table) -> None:
    """Ask this one from now on."""
    global _current  # noqa: PLW0603  # there is one machine, and one way to look at it in each process
    _current = table


def everyone() -> dict[int, Process]:
    """Every process by its pid, none where nothing can be learnt."""
    return {} if _current.unusable() else {row.pid: row for row in _current.rows()}


__all__ = ["current", "everyone", "use"]
