"""Leaving a session with «Move to background»."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = ("what the client hands over stays, what it ends is gone",)


@pytest.mark.parametrize("step", STEPS)
def test_move_to_background(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("move_to_background").verify(step)


def test_move_to_background_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("move_to_background")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
