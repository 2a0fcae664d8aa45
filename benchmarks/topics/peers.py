"""One look at a machine by our command line, and by other tools that are installed here: lists, dry runs, whatever they do.

Nothing is known of them but their command lines. They run in the same namespaces, over the same processes, and get the
user's home of the benchmark; what they print and their exit code are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.crowd import Sessions, fill, leave_over
from benchmarks.figures import Figure, Spent, against, interleaved
from benchmarks.inside import ROOT, Setting
from benchmarks.stage import FLOOR, Stage, timed

TABLES = (50, 1000)
_NOT_RUN = (126, 127)


def measure(setting: Setting) -> list[Figure]:
    stage = Stage(setting.home)
    stage.use()
    sessions = Sessions(setting.home)
    stage.register(sessions.start(), "living")
    leave_over(stage, sessions)
    launcher = ["/bin/sh", f"{ROOT}/scripts/process-janitor"]
    figures: list[Figure] = []
    for size in TABLES:
        fill(size)
        subjects: dict[str, Callable[[], Spent]] = {
            "python": lambda: timed(FLOOR, stage.environment),
            "ours": lambda: timed([*launcher, "scan"], stage.environment),
            "ours-json": lambda: timed([*launcher, "scan", "--json"], stage.environment),
            **{name: _runs(words, stage.environment) for name, words in setting.peers.items()},
        }
        found = interleaved(subjects, 5 if setting.quick else 15)
        figures += against(f"peers.{size}", found, "python")
    return figures


def _runs(words: Sequence[str], environment: dict[str, str]) -> Callable[[], Spent]:
    return lambda: timed(words, environment, failing=_NOT_RUN)
