"""Measures the plugin: hooks, start-up, registry, scan, death of a session, watcher. See `--help`."""

from __future__ import annotations

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{sys.path[0]}/src")

from benchmarks import report  # the lines above make it importable
from benchmarks.check import check
from benchmarks.inside import ROOT, TOPICS, Failure, measured

BASELINE = f"{ROOT}/benchmarks/baseline.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark",
        description="Measures the plugin in PID namespaces of its own. Ratios come from one interleaved run each: "
        "compare those; milliseconds depend on the machine and on what else it does.",
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", choices=TOPICS, help="one topic; repeatable"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, and nothing above 1,000 processes"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--against", metavar="FILE", nargs="?", const=BASELINE,
        help="say what moved beyond its spread; without FILE against benchmarks/baseline.json",
    )  # fmt: skip
    parser.add_argument(
        "--check",
        action="store_true",
        help="only the ratios that must not slip; exit code 1 if one did",
    )
    return parser


def main(arguments: list[str]) -> int:
    words = _parser().parse_args(arguments)
    try:
        if words.check:
            return _checked()
        baseline = report.read(words.against) if words.against else None
        figures = []
        for topic in words.only or TOPICS:
            print(f"measuring {topic} …", file=sys.stderr, flush=True)
            figures += measured(topic, quick=words.quick)
    except (Failure, OSError, ValueError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    print(report.interpreter())
    print(report.table(figures))
    if words.json:
        with open(words.json, "w", encoding="utf-8") as file:
            json.dump(report.document(figures, quick=words.quick), file, indent=1)
            file.write("\n")
    if baseline is not None:
        print(f"\nagainst {words.against}: {report.comparison(figures, baseline)}")
    return 0


def _checked() -> int:
    over = check()
    for line in over:
        print(f"benchmark: {line}", file=sys.stderr)
    if not over:
        print("every checked ratio is within its limit")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
