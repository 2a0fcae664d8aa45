"""How much memory a process holds, as psutil tells it. The one module that may import psutil, and only when asked."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import psutil

    from process_janitor.core.model import Process


class Figures(NamedTuple):
    """Bytes. `memory` is the process's share (PSS) plus what of it is swapped out, else its resident size."""

    memory: int = 0
    swap: int = 0


def figures(processes: Iterable[Process]) -> dict[tuple[int, int], Figures]:
    """The figures of these processes by (pid, start); one that is gone by now has none."""
    listed = [process for process in processes if not process.dead]
    if not listed:
        return {}
    import psutil

    found = {}
    for process in listed:
        try:
            found[process.key] = _of(psutil.Process(process.pid))
        except psutil.Error:
            continue
    return found


def _of(process: psutil.Process) -> Figures:
    import psutil

    try:
        full = process.memory_full_info()
    except psutil.AccessDenied:
        return Figures(process.memory_info().rss)
    share = getattr(full, "pss", None)
    if share is None:
        return Figures(full.rss)
    return Figures(share + full.swap, full.swap)


__all__ = ["Figures", "figures"]
