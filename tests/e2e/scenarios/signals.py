"""SIGTERM and SIGHUP: some clients leave their foreground Bash child, and the janitor ends it."""

from __future__ import annotations

import signal

from . import Janitor, Setting, Story, Terminal, World, until

ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def play(story: Story, setting: Setting) -> None:
    """Play two terminal sessions side by side, one for each signal."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    sessions = {ending: Terminal(world, ending.name, janitor.load()) for ending in ENDINGS}
    for ending, session in sessions.items():
        story.show(session.screen)
        until(lambda session=session: janitor.record_of(session.pid), 10, "a record")  # type: ignore[misc]
        session.enter(f"[[bash {world.child_command(ending.name)}]]")
    children = {ending: world.tagged(ending.name) for ending in ENDINGS}
    first, second = ENDINGS
    sessions[first].kill(first)
    sessions[first].wait_gone()
    with story.step("the other session goes on"):
        assert all(process.alive for process in (sessions[second], children[second]))
    # At once, while the call is young: a client that leaves a young call may end an older one itself.
    sessions[second].kill(second)
    sessions[second].wait_gone()
    for ending, child in children.items():
        with story.step(f"{ending.name} leaves no foreground child"):
            until(lambda child=child: not child.alive, 10, f"{child} is gone")  # type: ignore[misc]
