"""← on an empty prompt: the session goes on in the background, and the very same process stays and shows the agents.

What the session had put into the background went along. The background session is stopped then, which leaves it running;
and the old process is left by Ctrl-C, with a goodbye that says nothing of all this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import Janitor, Setting, Story, Terminal, TimedOut, World, procs, stays, until
from .move_to_background import background_session, offers_choice

STEP = "what went to the background outlives both"
# Longer than the watcher needs to clean up after a session that is gone.
WATCHED_SECONDS = 8.0


def play(story: Story, setting: Setting) -> None:
    """Play one terminal session with a background shell."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    if not offers_choice(world.claude("--version").stdout):
        with story.step(STEP):
            pass  # nothing can be moved to the background yet
        return
    session = Terminal(world, "user", [*janitor.load(), *world.mcp_config(stubborn=["stubborn"])])
    story.show(session.screen)
    until(lambda: janitor.record_of(session.pid), 10, "a record of the session")
    session.ask(f"[[background {world.child_command('shell')}]]")
    shell, stubborn = world.tagged("shell"), world.tagged("stubborn")

    def pressed_twice(key: str, done: Callable[[], object], within: float) -> None:
        """The first one only says what a second one does, if that comes soon."""
        for _ in range(2):
            session.press(key)
            with suppress(TimedOut):
                until(done, within, key)

    def in_background() -> object:
        return background_session(world)

    def fork() -> dict[str, Any]:
        """The one that took the work over, known to us. One that is stopped before its first hook leaves no trace."""
        for path in (world.home / ".claude" / "sessions").glob("*.json"):
            entry: dict[str, Any] = json.loads(path.read_text() or "{}")
            record = janitor.record_of(entry.get("pid", 0))
            if record is not None and json.loads(record.read_text()).get("forked_from"):
                return entry
        return {}

    pressed_twice("Left", in_background, 1.0)
    entry = until(fork, 30, "the session goes on in the background")
    world.claude("stop", entry["jobId"])
    until(lambda: procs.read(entry["pid"]) is None, 20, "the background session is gone")

    with story.step(STEP):
        assert session.alive
        pressed_twice("C-c", lambda: not session.alive, 0.4)
        session.wait_gone()
        until(lambda: not stubborn.alive, 20, "its server is gone")
        stays(lambda: shell.alive, WATCHED_SECONDS, "the shell lives")
        (found,) = [one for one in janitor.json("scan")["findings"] if one["pid"] == shell.pid]
        assert (found["verdict"], found["class"]) == ("report", "detached"), found
