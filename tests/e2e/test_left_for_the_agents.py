"""A session that goes on in the background while its old process shows the agents."""

from __future__ import annotations

from .conftest import MARKS, Play
from .scenarios.left_for_the_agents import STEP

pytestmark = MARKS


def test_what_went_to_the_background_outlives_the_old_client(play: Play) -> None:
    """The old client says `other` when it is left by Ctrl-C: its calls were ended after `claude stop`."""
    outcome = play("left_for_the_agents")
    outcome.verify(STEP)
    outcome.verify("the whole story")
