"""Measures the plugin: hooks, start-up, registry, scan, death of a session, watcher. See `--help`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{sys.path[0]}/src")

import tests.e2e.client  # the lines above make all of these importable
from benchmarks import report
from benchmarks.check import check
from benchmarks.figures import Figure
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
    parser.add_argument(
        "--client", metavar="FILE",
        help="the real client's binary, for the topic client; without it the newest that the end-to-end tests use",
    )  # fmt: skip
    parser.add_argument(
        "--peer", metavar="NAME=COMMAND", action="append", default=[], type=_peer,
        help="another tool's command line that lists, or does a dry run: measured beside our scan, where it is installed",
    )  # fmt: skip
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
            figures += _topic(topic, words)
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


def _topic(topic: str, words: argparse.Namespace) -> list[Figure]:
    """Its figures; none where it needs what is not here and nobody asked for it by name. Raises Failure."""
    asked = bool(words.only)
    peers = dict(peer for peer in words.peer if _is_installed(*peer))
    client = ""
    if topic == "client":
        try:
            client = words.client or str(tests.e2e.client.binary(tests.e2e.client.wanted()[-1]))
        except tests.e2e.client.Unavailable as error:
            if asked:
                raise Failure(f"client: {error}") from error
            print(f"not measuring client: {error}", file=sys.stderr)
            return []
    if topic == "peers" and not peers and not asked:
        return []
    print(f"measuring {topic} …", file=sys.stderr, flush=True)
    return measured(topic, quick=words.quick, client=client, peers=peers)


def _peer(text: str) -> tuple[str, list[str]]:
    name, _, command = text.partition("=")
    words = shlex.split(command)
    if not name.replace("-", "").isalnum() or not words:
        raise argparse.ArgumentTypeError("must be NAME=COMMAND, the name of letters, digits and -")
    # There is no shell in between, and no directory of the user's: only the program's full path will do.
    return name, [os.path.abspath(shutil.which(words[0]) or words[0]), *words[1:]]


def _is_installed(name: str, command: Sequence[str]) -> bool:
    found = os.access(command[0], os.X_OK)
    if not found:
        print(f"not measuring {name}: {command[0]} is not installed", file=sys.stderr)
    return found


def _checked() -> int:
    over = check()
    for line in over:
        print(f"benchmark: {line}", file=sys.stderr)
    if not over:
        print("every checked ratio is within its limit")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
