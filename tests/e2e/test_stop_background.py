"""A real background session is stopped through the client."""

from __future__ import annotations

from .conftest import MARKS, Play

pytestmark = MARKS

STEP = "the background session is gone and stays so"


def test_stop_background(play: Play) -> None:
    """The scenario ran to its end and its step holds."""
    outcome = play("stop_background")
    outcome.verify(STEP)
    outcome.verify("the whole story")
    assert set(outcome.steps) == {STEP, "the whole story"}
