"""SIGTERM and SIGHUP while a Bash call runs."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "SIGTERM leaves no foreground child",
    "the other session goes on",
    "SIGHUP leaves no foreground child",
)


@pytest.mark.parametrize("step", STEPS)
def test_signals(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("signals").verify(step)


def test_signals_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("signals")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
