"""Installation from the plugin's own marketplace, /cleanup, /clear, and disabling it in mid-session."""

from __future__ import annotations

import pytest

from .conftest import MARKS, Play

pytestmark = MARKS

STEPS = (
    "the manifests are valid",
    "the plugin installs from its own marketplace",
    "an option given at the installation counts, also outside the client",
    "the session is registered",
    "nothing is shown when all is well",
    "/cleanup scan answers without a model call",
    "/cleanup hands its words over literally",
    "/clear moves the record to the new session id",
    "/clear keeps the old session id as an alias",
    "the MCP servers of a cleared session are not findings",
    "/clear leaves the MCP servers alone",
    "disabling the plugin in mid-session leaves no watcher behind",
    "a clean exit needs no help with MCP servers",
)


@pytest.mark.parametrize("step", STEPS)
def test_install(play: Play, step: str) -> None:
    """Every step of the scenario holds; a failure shows the machine as it was."""
    play("install").verify(step)


def test_install_has_no_other_step(play: Play) -> None:
    """The scenario ran to its end and no step went unasserted."""
    outcome = play("install")
    outcome.verify("the whole story")
    assert set(outcome.steps) == {*STEPS, "the whole story"}
