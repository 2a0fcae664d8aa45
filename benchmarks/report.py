"""The table, the JSON document, and the comparison of two runs."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable, Sequence

from benchmarks.figures import Figure
from benchmarks.goals import GOALS
from benchmarks.stage import PYTHON

SCHEMA = "process-janitor.benchmark/1"


def table(figures: Iterable[Figure]) -> str:
    """One line a figure; those with a goal say whether it is met."""
    rows: list[tuple[str, ...]] = [("figure", "median", "p10", "p90", "unit", "n", "goal", "")]
    for one in figures:
        goal = GOALS.get(one.name)
        rows.append(
            (
                one.name,
                *(f"{value:g}" for value in (one.median, one.low, one.high)),
                one.unit,
                str(one.samples),
                goal.text if goal else "",
                "" if goal is None else "met" if goal.met(one) else "MISSED",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numbers = (1, 2, 3, 5)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def document(figures: Iterable[Figure], *, quick: bool) -> dict[str, object]:
    rows = []
    for one in figures:
        goal = GOALS.get(one.name)
        judged = {"goal": goal.text, "met": goal.met(one)} if goal else {}
        rows.append({
            "name": one.name, "unit": one.unit, "median": one.median, "p10": one.low, "p90": one.high,
            "samples": one.samples, **judged,
        })  # fmt: skip
    return {
        "schema": SCHEMA,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "note": "Of this one machine at this one moment: compare the ratios, not milliseconds or megabytes.",
        "quick": quick,
        "machine": {
            "system": platform.system(),
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "processors": os.cpu_count(),
            "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
            "load": round(os.getloadavg()[1], 2),
        },
        "figures": rows,
    }


def read(path: str) -> dict[str, Figure]:
    """The figures of a document written by `--json`. Raises OSError, or ValueError for anything else."""
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ValueError(f"{path}: not a {SCHEMA} document")
    found = [
        Figure(row["name"], row["unit"], row["median"], row["p10"], row["p90"], row["samples"])
        for row in value["figures"]
    ]
    return {one.name: one for one in found}


# What was measured once has no spread of its own.
_ASSUMED_SPREAD = 0.1


def moved(now: Figure, before: Figure) -> bool:
    """Whether each median lies outside the other's spread: anything less is noise."""
    (low, high), (low_before, high_before) = _spread(now), _spread(before)
    return not (low_before <= now.median <= high_before or low <= before.median <= high)


def _spread(one: Figure) -> tuple[float, float]:
    if one.samples > 1:
        return one.low, one.high
    return one.median * (1 - _ASSUMED_SPREAD), one.median * (1 + _ASSUMED_SPREAD)


def comparison(figures: Sequence[Figure], baseline: dict[str, Figure]) -> str:
    """What moved beyond its spread, ratios first: milliseconds of two machines are not comparable."""
    lines = []
    known = [one for one in figures if one.name in baseline]
    for one in sorted(known, key=lambda figure: figure.unit in ("ms", "ms CPU", "MB")):
        before = baseline[one.name]
        if moved(one, before):
            change = (one.median / before.median - 1) * 100 if before.median else float("inf")
            lines.append(
                f"{one.name}: {before.median:g} → {one.median:g} {one.unit} ({change:+.0f} %), "
                f"spread {before.low:g}..{before.high:g} → {one.low:g}..{one.high:g}"
            )
    head = f"{len(lines)} of {len(known)} figures moved beyond their spread"
    new = len(figures) - len(known)
    return "\n".join([head + (f"; {new} are not in it" if new else ""), *lines])


def interpreter() -> str:
    return f"hooks and floor run on {PYTHON}"
