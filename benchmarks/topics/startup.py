"""The command line from a warm start, and `/cleanup`, against a bare interpreter."""

from __future__ import annotations

import os

from benchmarks.figures import Figure, Spent, against, interleaved
from benchmarks.inside import ROOT, Setting
from benchmarks.stage import FLOOR, Stage, be_claude, declared_hooks, timed
from benchmarks.topics.hooks import hook


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    be_claude()
    stage = Stage(home)
    hook(stage, "SessionStart")
    stage.watcher()
    launcher = f"{ROOT}/scripts/process-janitor"

    def line(*words: str) -> Spent:
        return timed(["/bin/sh", launcher, *words], stage.environment)

    def slash(words: str) -> Spent:
        event = "UserPromptExpansion"
        payload = stage.payload(event, command_name="process-janitor:cleanup", command_args=words)
        return timed(declared_hooks()[event], stage.hook_environment(os.getpid()), payload)

    found = interleaved(
        {
            "python": lambda: timed(FLOOR, stage.environment),
            "venv-python": lambda: timed(
                [f"{ROOT}/.venv/bin/python", "-I", "-c", "pass"], stage.environment
            ),
            "version": lambda: line("--version"),
            "help": lambda: line("--help"),
            "scan": lambda: line("scan"),
            "scan-json": lambda: line("scan", "--json"),
            "slash-scan": lambda: slash("scan"),
        },
        8 if quick else 25,
    )
    return against("startup", found, "python")
