"""Numbers with their spread: what every benchmark gives back."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")

DIGITS = 4
_RESAMPLED = 400


class Figure(NamedTuple):
    """One measured thing: the median of so many samples, and the tenth and ninetieth percentile as its spread."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    samples: int


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the sorted values lies, interpolated between neighbours."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def figure(name: str, unit: str, values: Sequence[float]) -> Figure:
    if not values:
        raise ValueError(f"{name}: nothing was measured")
    rounded = [
        float(f"{one:.{DIGITS}g}")
        for one in (statistics.median(values), percentile(values, 0.1), percentile(values, 0.9))
    ]
    return Figure(name, unit, rounded[0], rounded[1], rounded[2], len(values))


def ratios(
    name: str, values: Sequence[float], floor: Sequence[float], unit: str = "x floor"
) -> Figure:
    """Each sample against the floor's sample of the same round, so that a slow moment of the machine hits both."""
    return figure(name, unit, [one / base for one, base in zip(values, floor, strict=True)])


def exponent(points: Mapping[int, float]) -> float:
    """How the cost grows with the size: 1 is linear. Least squares through the logarithms."""
    xs = [math.log(size) for size in points]
    ys = [math.log(cost) for cost in points.values()]
    middle_x, middle_y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - middle_x) ** 2 for x in xs
    )


def growth(name: str, costs: Mapping[int, Sequence[float]]) -> Figure:
    """The exponents of the first samples of every size, of the second ones, and so on: a median with a spread."""
    rounds = zip(*costs.values(), strict=True)
    return figure(
        name, "exponent", [exponent(dict(zip(costs, one, strict=True))) for one in rounds]
    )


def interleaved(
    subjects: Mapping[str, Callable[[], T]], rounds: int, warm: int = 1
) -> dict[str, list[T]]:
    """Every subject once a round, in a new order each round; the first `warm` rounds are not counted."""
    order = Random(5)
    found: dict[str, list[T]] = {name: [] for name in subjects}
    for number in range(-warm, rounds):
        for name in order.sample(list(subjects), len(subjects)):
            spent = subjects[name]()
            if number >= 0:
                found[name].append(spent)
    return found


class Spent(NamedTuple):
    """Milliseconds of a program: until it ended, and on a processor, with the children it waited for.

    The second is worth more on a busy machine: it leaves out what others took.
    """

    wall: float
    cpu: float


def against(topic: str, found: Mapping[str, Sequence[Spent]], floor: str) -> list[Figure]:
    """The figures of programs that were measured together: ratios of both kinds to one of them, and milliseconds."""
    wall = {name: [one.wall for one in spent] for name, spent in found.items()}
    cpu = {name: [one.cpu for one in spent] for name, spent in found.items()}
    names = [name for name in found if name != floor]
    return [
        *(ratios(f"{topic}.{name}", wall[name], wall[floor]) for name in names),
        *(ratios(f"{topic}.{name}.cpu", cpu[name], cpu[floor], "x floor CPU") for name in names),
        *(figure(f"{topic}.{name}.ms", "ms", spent) for name, spent in wall.items()),
        *(figure(f"{topic}.{name}.cpu.ms", "ms CPU", spent) for name, spent in cpu.items()),
    ]


def added(name: str, ours: Sequence[float], bare: Sequence[float], none: Sequence[float]) -> Figure:
    """What ours adds to a program, in units of what a bare one adds to it; the three measured in the same rounds.

    Both are small differences of large times, which a busy machine only ever lengthens: so they are taken between lower
    quartiles, and the spread is that of resampled rounds. Raises
    ValueError where the bare one's addition cannot be told from noise.
    """
    rounds = list(zip(ours, bare, none, strict=True))
    found = [_added(rounds)]
    if math.isnan(found[0]):
        raise ValueError(f"{name}: what a bare one adds is lost in noise")
    chance = Random(5)
    found += (_added(chance.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLED))
    _, unit, _, low, high, _ = figure(
        name, "x bare plugin", [one for one in found if not math.isnan(one)]
    )
    return Figure(name, unit, float(f"{found[0]:.{DIGITS}g}"), low, high, len(rounds))


def _added(rounds: Sequence[tuple[float, float, float]]) -> float:
    """NaN where the bare one adds nothing."""
    ours, bare, none = (percentile(column, 0.25) for column in zip(*rounds, strict=True))
    return (ours - none) / (bare - none) if bare > none else math.nan


def milliseconds(work: Callable[[], object]) -> float:
    """The processor time of one call, in the kernel as well: what waits for nothing is measured best without the wait."""
    begun = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - begun) / 1e6
