"""A headless run with a background task."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "the run is registered",
    "the task lives while the client waits for it",
    "the task ends by itself",
    "the run ends well",
    "no watcher stays when no session is left",
)


@pytest.mark.parametrize("step", STEPS)
def test_headless(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("headless").verify(step)


def test_headless_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("headless")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
