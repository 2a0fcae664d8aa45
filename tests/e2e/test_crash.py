"""SIGKILL of a busy session: what goes, what stays, and what is said about it."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "the session is registered",
    "a killed watcher is back at the next prompt",
    "gone within ten seconds: stubborn",
    "gone within ten seconds: good",
    "gone within ten seconds: background",
    "gone within ten seconds: foreground",
    "gone within ten seconds: beside",
    "gone within ten seconds: shell of background",
    "gone within ten seconds: shell of foreground",
    "deliberately detached children stay",
    "a child marked to be kept stays",
    "a tmux server started in a Bash call stays, with its panes",
    "a neighbour session and an unrelated process stay",
    "scan reports detached children and would not end them",
    "explain says the same, with evidence",
    "explain says keep for a live neighbour's child",
    "history tells what was ended and why",
)


@pytest.mark.parametrize("step", STEPS)
def test_crash(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("crash").verify(step)


def test_crash_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("crash")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
