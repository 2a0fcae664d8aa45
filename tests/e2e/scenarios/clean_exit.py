"""``/exit`` leaves deliberately detached children alone, unless the user has asked for them to go."""

from __future__ import annotations

from . import Janitor, Setting, Story, Terminal, World, stays, until
from .crash import DETACHED, detach_prompt


def play(story: Story, setting: Setting) -> None:
    """Play two sessions one after the other: the default first, then ``detached: reap``."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    first = Terminal(world, "first", [*janitor.load(), *world.mcp_config(stubborn=["stubborn"])])
    story.show(first.screen)
    stubborn = world.tagged("stubborn")
    first.ask(detach_prompt(world))
    detached = [world.tagged(tag) for tag in DETACHED]
    with story.step("/exit ends the MCP servers"):
        first.leave()
        until(lambda: not stubborn.alive, 10, "the stubborn MCP server is gone")
    with story.step("/exit leaves detached children running"):
        stays(
            lambda: all(process.alive for process in detached),
            4,
            "nohup, & and setsid children live",
        )
    with story.step("no watcher stays when no session is left"):
        until(lambda: not janitor.watchers(), 30, "no watcher after the last session")
        assert all(process.alive for process in detached)
    for process in detached:
        world.release(process.tag)
    janitor.configure(detached="reap")
    second = Terminal(world, "second", janitor.load())
    story.show(second.screen)
    second.ask(detach_prompt(world, "unwanted-"))
    unwanted = [world.tagged(f"unwanted-{tag}") for tag in DETACHED]
    with story.step("with detached: reap they live as long as the session"):
        assert all(process.alive for process in unwanted)
    second.leave()
    with story.step("with detached: reap they go with the session"):
        until(
            lambda: not any(process.alive for process in unwanted),
            10,
            "the detached children are gone",
        )
