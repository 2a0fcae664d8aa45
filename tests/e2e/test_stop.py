"""A real client is stopped gracefully."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "the plan alone ends nothing",
    "the session and its MCP server are gone",
    "its transcript is whole",
    "the other session goes on",
)


@pytest.mark.parametrize("step", STEPS)
def test_stop(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("stop").verify(step)


def test_stop_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("stop")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
