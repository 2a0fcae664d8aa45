"""`--check`: whether the ratios that a careless import would spoil are still where they belong."""

from __future__ import annotations

from benchmarks.figures import Figure
from benchmarks.goals import CHECKED
from benchmarks.inside import measured

# Noise only ever makes a run slower: one good run of three shows that the code is fast enough.
_TRIES = 3


def check() -> list[str]:
    """What is over its limit in every one of three runs, one line each. Raises inside.Failure."""
    best: dict[str, Figure] = {}
    for _ in range(_TRIES):
        for topic in sorted({_topic(name) for name in _bad(best)}):
            for one in measured(topic, quick=True):
                if one.name in CHECKED and (one.name not in best or _better(one, best[one.name])):
                    best[one.name] = one
        if not _bad(best):
            break
    return [
        f"{name}: {best[name].median:g} {best[name].unit}, allowed {CHECKED[name].text}"
        if name in best
        else f"{name}: was not measured"
        for name in _bad(best)
    ]


def _topic(name: str) -> str:
    return name.split(".", 1)[0]


def _bad(best: dict[str, Figure]) -> list[str]:
    return [name for name, goal in CHECKED.items() if name not in best or not goal.met(best[name])]


def _better(one: Figure, other: Figure) -> bool:
    return (one.median > other.median) == CHECKED[one.name].at_least
