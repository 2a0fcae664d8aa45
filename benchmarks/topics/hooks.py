"""Every hook as hooks.json declares it, below a process named claude, against a bare interpreter and a bare shell."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from benchmarks.crowd import Sessions
from benchmarks.figures import Figure, Spent, against, interleaved
from benchmarks.inside import Setting
from benchmarks.stage import FLOOR, SHELL, Stage, be_claude, declared_hooks, timed, wait_until
from process_janitor.system import files, identity, leftovers

MANY_RECORDS = 1000
OTHERS = 2


def measure(setting: Setting) -> list[Figure]:
    home, quick = setting.home, setting.quick
    be_claude()
    plain, crowded, shared, fresh = (
        Stage(f"{home}/{name}") for name in ("plain", "crowded", "shared", "fresh")
    )
    crowded.add_old_records(MANY_RECORDS)
    for number in range(OTHERS):
        shared.register(Sessions(shared.home).start(), f"other-{number}")
    for stage, others in ((plain, 0), (crowded, 0), (shared, OTHERS)):
        hook(stage, "SessionStart")
        stage.watcher()
        wait_until(partial(_noted, stage, others + 1), "the watcher has noted the sessions")
        hook(stage, "SessionStart")  # what the first one leaves to be done
    subjects: dict[str, Callable[[], Spent]] = {
        "python": lambda: timed(FLOOR, plain.environment),
        "sh": lambda: timed(SHELL, plain.environment),
        "Stop.repairs": lambda: _repairing(plain),
        f"SessionStart.{MANY_RECORDS}-records": lambda: hook(crowded, "SessionStart"),
        f"SessionStart.{OTHERS}-others": lambda: hook(shared, "SessionStart"),
        "SessionStart.no-watcher": lambda: _first(fresh),
        "SessionEnd": lambda: _ending(plain),
    }
    for event in declared_hooks():
        subjects.setdefault(event, partial(hook, plain, event))
    found = interleaved(subjects, 12 if quick else 40)
    return against("hooks", found, "python")


def hook(stage: Stage, event: str) -> Spent:
    """One event, as the client fires it."""
    extra = {
        "SessionStart": {"source": "startup"},
        "SessionEnd": {"reason": "other"},
        "UserPromptExpansion": {
            "command_name": "process-janitor:cleanup",
            "command_args": "--version",
        },
    }.get(event, {})
    environment = stage.hook_environment(os.getpid())
    return timed(declared_hooks()[event], environment, stage.payload(event, **extra))


def _noted(stage: Stage, sessions: int) -> bool:
    return len(leftovers.still_there(stage.root, identity.boot_id()).sessions) >= sessions


def _repairing(stage: Stage) -> Spent:
    """A turn that finds its stamp gone: the shell's short way does not do, Python mends it."""
    files.remove(f"{stage.registry.sessions}/{stage.session_id}/activity")
    return hook(stage, "Stop")


def _ending(stage: Stage) -> Spent:
    spent = hook(stage, "SessionEnd")
    hook(stage, "SessionStart")  # back to life, for the next subject
    return spent


def _first(stage: Stage) -> Spent:
    """A start that finds no watcher starts one, and looks for itself."""
    stage.end_watcher()
    spent = hook(stage, "SessionStart")
    stage.watcher()
    return spent
