"""Many rounds, each in its own PID namespace, and the table of what became of every shape."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUND_SECONDS = 180.0
COLUMNS = ("started", "should", "died", "false", "missed", "excused")
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


def unshare() -> list[str]:
    """As tests.namespaced has it, which needs pytest."""
    command = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


def play(seed: int) -> dict[str, Any]:
    """One round's result; a round that breaks is a result as well."""
    folder = tempfile.mkdtemp(prefix="janitor-sim-")
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    said = Path(folder) / "said"
    try:
        with said.open("w") as output:
            subprocess.run(
                [*unshare(), sys.executable, "-m", "tests.simulation.round", str(seed), folder],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                timeout=ROUND_SECONDS, check=False,
            )  # fmt: skip
        result: dict[str, Any] = json.loads((Path(folder) / "result.json").read_text())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        problem = f"no result: {error}; {said.read_text()[-2000:]}"
        return {"seed": seed, "table": {}, "details": [], "problems": [problem], "story": [], "seconds": 0.0}  # fmt: skip
    else:
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rounds(seeds: list[int], jobs: int, until: float = math.inf) -> Iterator[dict[str, Any]]:
    """The results in the order of the seeds; no round begins after `until` on the monotonic clock."""

    def in_time(seed: int) -> dict[str, Any] | None:
        return play(seed) if time.monotonic() < until else None

    with ThreadPoolExecutor(jobs) as pool:
        yield from (result for result in pool.map(in_time, seeds) if result is not None)


def failed(result: dict[str, Any]) -> bool:
    return bool(result["details"] or result["problems"])


def added(results: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The rounds' tables in one."""
    total: dict[str, dict[str, int]] = {}
    for result in results:
        for shape, row in result["table"].items():
            into = total.setdefault(shape, dict.fromkeys(COLUMNS, 0))
            for column in COLUMNS:
                into[column] += row[column]
    return total


def told(result: dict[str, Any]) -> str:
    lines = [f"--- seed {result['seed']} ({result['seconds']} s)", *result["story"]]
    return "\n".join([*lines, *result["problems"], *result["details"]])


def shown(table: dict[str, dict[str, int]]) -> str:
    lines = ["{:24}".format("shape") + "".join(f"{column:>9}" for column in COLUMNS)]
    everything = {column: sum(row[column] for row in table.values()) for column in COLUMNS}
    for shape, row in [*sorted(table.items()), ("in all", everything)]:
        lines.append(f"{shape:24}" + "".join(f"{row[column]:9}" for column in COLUMNS))
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=20)
    parser.add_argument("--seed", type=int, help="of the first round; the next ones count up")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="begin no round after these"
    )
    parser.add_argument("--json", action="store_true", help="one document with every round")
    options = parser.parse_args(arguments)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**8)
    began = time.monotonic()
    results = []
    until = time.monotonic() + options.seconds
    for result in rounds(list(range(first, first + options.rounds)), options.jobs, until):
        results.append(result)
        if failed(result) and not options.json:
            print(told(result), flush=True)
    bad = [result["seed"] for result in results if failed(result)]
    if options.json:
        print(json.dumps({"rounds": results, "table": added(results), "failed": bad}))
    else:
        print(shown(added(results)))
        print(
            f"{len(results)} rounds from seed {first} in {time.monotonic() - began:.0f} s, {len(bad)} failed: {bad}"
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
