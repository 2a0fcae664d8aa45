"""/exit with deliberately detached children, by default and with detached: reap."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "/exit ends the MCP servers",
    "/exit leaves detached children running",
    "no watcher stays when no session is left",
    "with detached: reap they live as long as the session",
    "with detached: reap they go with the session",
)


@pytest.mark.parametrize("step", STEPS)
def test_clean_exit(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("clean_exit").verify(step)


def test_clean_exit_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("clean_exit")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
