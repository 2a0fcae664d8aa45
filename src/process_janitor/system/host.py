"""How busy and how full the machine is, for the head of a report."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import procfs


class Load(NamedTuple):
    """Runnable tasks over 1, 5 and 15 minutes, and bytes; 0 where the system does not tell."""

    cores: int = 0
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    memory_total: int = 0
    memory_available: int = 0
    swap_total: int = 0
    swap_used: int = 0


def load() -> Load:
    try:
        runnable = os.getloadavg()
    except (OSError, AttributeError):
        runnable = (0.0, 0.0, 0.0)
    sizes = _meminfo()
    swap = sizes.get("SwapTotal", 0)
    return Load(
        os.cpu_count() or 0, runnable, sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0),
        swap, max(0, swap - sizes.get("SwapFree", 0)),
    )  # fmt: skip


def _meminfo() -> dict[str, int]:
    data = procfs.read(f"{procfs.PROC}/meminfo", 65536) or b""
    found = {}
    for line in data.decode("ascii", "replace").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * 1024
    return found


__all__ = ["Load", "load"]
