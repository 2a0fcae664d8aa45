"""Whether a machine has more Claude sessions than it can carry, and which of them to end first. Only ever a report.

A machine that is busy with something else is none of our business: what it waits for counts only where at least two
sessions share it, because only then there is one that could be ended.
"""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.units import age, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The default of `max_sessions_warning`: more living sessions than this.
SESSIONS_MAX = 3
# Below this many sessions there is nothing to choose from.
_SHARED_BY = 2
# Runnable and disk-bound processes for each core, over one minute and over five: a build is over by then, or wanted.
LOAD_PER_CORE = 2.0
# Percent of the time that something waited for a core. Load without it counts processes stuck on a dead mount.
CPU_STALL_PERCENT = 20.0
# Percent of the time that something, or everything, waited for memory; an eased machine has 0.
MEMORY_SOME_PERCENT = 10.0
MEMORY_FULL_PERCENT = 5.0
# Percent of the time in which nothing could go on for the disk.
IO_FULL_PERCENT = 30.0
# Shares of the whole. A full swap alone is no trouble (it fills with what nobody needs), a full one beside little
# memory leaves only the kernel's killer.
MEMORY_LEAST_SHARE = 0.08
SWAP_LEAST_SHARE = 0.2
SWAP_MEMORY_SHARE = 0.25
# A session talks to the API over a handful of connections; 20 and more were seen where they leaked.
CONNECTIONS_MAX = 20
# Sessions named as the ones to end first.
_NAMED_MAX = 3
# What is no use to anybody any more, the least first.
_CHEAP = ("hung-session", "orphaned-session")
_CHEAP_WORDS = ("said goodbye", "its terminal is closed")


class Pressure(NamedTuple):
    """What the machine says of itself. Sizes in bytes, stalls in percent of the last minute; None: it does not say."""

    cores: int = 1
    # Processes that run or want to, over one, five and fifteen minutes.
    averages: tuple[float, float, float] | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    cpu_some: float | None = None
    memory_some: float | None = None
    memory_full: float | None = None
    io_full: float | None = None

    @property
    def load(self) -> float | None:
        """The lower of the averages over one and over five minutes: high means lasting, and not over."""
        return min(self.averages[:2]) if self.averages is not None else None


class Running(NamedTuple):
    """A living session. `finding` is its class where it is one; `idle` in seconds, 0 for one that works or may; `memory`
    in bytes, its whole tree's. `spared` is the current one, and what its user keeps.
    """

    pid: int
    session_id: str = ""
    idle: float = 0.0
    memory: int = 0
    connections: int = 0
    spared: bool = False
    finding: str = ""


def strains(pressure: Pressure, sessions: int, sessions_max: int) -> tuple[str, ...]:
    """The evidence that `sessions` living sessions are too much for this machine; () when they are not."""
    codes = [f"sessions:{sessions}"] if sessions > sessions_max else []
    if sessions >= _SHARED_BY:
        codes += _machine(pressure)
    return tuple(codes)


def _machine(pressure: Pressure) -> list[str]:
    codes = []
    if pressure.load is not None:
        per_core = pressure.load / max(1, pressure.cores)
        waited = pressure.cpu_some is None or pressure.cpu_some >= CPU_STALL_PERCENT
        if per_core >= LOAD_PER_CORE and waited:
            codes.append(f"load-per-core:{per_core:.1f}")
    available = _share(pressure.memory_available, pressure.memory_total)
    stalls = (pressure.memory_some or 0.0) >= MEMORY_SOME_PERCENT or (
        pressure.memory_full or 0.0
    ) >= MEMORY_FULL_PERCENT
    if stalls or (available is not None and available < MEMORY_LEAST_SHARE):
        codes.append("memory-pressure")
    free = _share(pressure.swap_free, pressure.swap_total)
    if (
        free is not None
        and free < SWAP_LEAST_SHARE
        and available is not None
        and available < SWAP_MEMORY_SHARE
    ):
        codes.append("swap")
    if (pressure.io_full or 0.0) >= IO_FULL_PERCENT:
        codes.append("io-pressure")
    return codes


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def connections(sessions: Iterable[Running]) -> tuple[str, ...]:
    """The evidence that one session holds more connections than it can have a use for."""
    most = max((one.connections for one in sessions), default=0)
    return (f"connections:{most}",) if most > CONNECTIONS_MAX else ()


def first_to_end(sessions: Iterable[Running]) -> list[Running]:
    """The sessions in the order in which ending them costs least: one that hangs, one that nobody can reach, longest
    idle, then largest. Never one that is spared.
    """
    others = (one for one in sessions if not one.spared)
    return sorted(others, key=lambda one: (_cost(one), -one.idle, -one.memory, one.pid))


def _cost(one: Running) -> int:
    return _CHEAP.index(one.finding) if one.finding in _CHEAP else len(_CHEAP)


def named(sessions: Sequence[Running]) -> str:
    """The first of them in words, "" for none."""
    shown = [_in_words(one) for one in sessions[:_NAMED_MAX]]
    return f"end first: {', '.join(shown)}" if shown else ""


def _in_words(one: Running) -> str:
    said = [_CHEAP_WORDS[_cost(one)]] if one.finding in _CHEAP else []
    said += [f"idle {age(one.idle)}"] if one.idle else []
    return f"process {one.pid} ({', '.join((*said, size(one.memory)))})"


__all__ = [
    "CONNECTIONS_MAX",
    "LOAD_PER_CORE",
    "SESSIONS_MAX",
    "Pressure",
    "Running",
    "connections",
    "first_to_end",
    "named",
    "strains",
]
