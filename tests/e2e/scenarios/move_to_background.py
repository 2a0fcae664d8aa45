"""Leaving with «Move to background»: another process goes on with the session and its shells, and none is touched.

The dialog offers it from some version on. Before that the client ends its background tasks at ``/exit`` by itself.
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import Janitor, Setting, Story, Terminal, World, procs, stays, until

CHOICE = "2. Move to background"
FIRST_WITH_CHOICE = (2, 1, 300)
# Longer than the watcher needs to clean up after a session that is gone.
WATCHED_SECONDS = 8.0


def offers_choice(client: str) -> bool:
    """Whether this client (by what ``--version`` says) has the dialog."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", client)
    return found is not None and tuple(map(int, found.groups())) >= FIRST_WITH_CHOICE


def background_session(world: World) -> dict[str, Any]:
    """The client's own entry for the session that went on in the background; empty while there is none."""
    for path in (world.home / ".claude" / "sessions").glob("*.json"):
        entry: dict[str, Any] = json.loads(path.read_text() or "{}")
        if entry.get("kind") == "bg":
            return entry
    return {}


def play(story: Story, setting: Setting) -> None:
    """Play one terminal session with a background shell."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    session = Terminal(world, "user", [*janitor.load(), *world.mcp_config(stubborn=["stubborn"])])
    story.show(session.screen)
    until(lambda: janitor.record_of(session.pid), 10, "a record of the session")
    session.ask(f"[[background {world.child_command('shell')}]]")
    shell, stubborn = world.tagged("shell"), world.tagged("stubborn")
    session.enter("/exit")
    if not offers_choice(world.claude("--version").stdout):
        session.wait_gone()
        with story.step("what the client hands over stays, what it ends is gone"):
            until(lambda: not shell.alive, 10, "the client has ended its background shell")
        return
    session.wait_screen(CHOICE)
    session.press("2")

    def handed_over() -> bool:
        if CHOICE in session.screen():
            session.press("Enter")
        return not session.alive

    until(handed_over, 20, "the client is gone")
    with story.step("what the client hands over stays, what it ends is gone"):
        until(lambda: not stubborn.alive, 10, "the MCP server of the old process is gone")
        stays(lambda: shell.alive, WATCHED_SECONDS, "the shell that was handed over lives")
        entry = until(
            lambda: background_session(world), 20, "the session goes on in the background"
        )
        assert procs.read(entry["pid"]), entry
        assert janitor.record_of(entry["pid"]), entry
        found = [
            f for f in janitor.json("scan")["findings"] if f["pid"] in (shell.pid, entry["pid"])
        ]
        assert not [finding for finding in found if finding["verdict"] == "reap"], found
