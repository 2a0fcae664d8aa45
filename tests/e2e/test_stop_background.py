"""A real background session is stopped through the client."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "the background session is gone and stays so",
    "the shell that `claude stop` leaves running is left running",
)


@pytest.mark.parametrize("step", STEPS)
def test_stop_background(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("stop_background").verify(step)


def test_stop_background_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("stop_background")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
