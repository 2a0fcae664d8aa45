"""A machine without python3 on the PATH."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "a session without python3 works",
    "no hook complains",
    "a session without python3 ends",
)


@pytest.mark.parametrize("step", STEPS)
def test_no_python(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("no_python").verify(step)


def test_no_python_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("no_python")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
