"""``stop`` on a session that was moved to the background: ended by ``claude stop``, and not started again."""

from __future__ import annotations

from . import Janitor, Setting, Story, Terminal, World, procs, stays, until
from .move_to_background import CHOICE, background_session, offers_choice

# A worker that a signal ended is back within a second or two.
WATCHED_SECONDS = 6.0


def play(story: Story, setting: Setting) -> None:
    """Play one terminal session, move it to the background, and stop it there."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    name = "the background session is gone and stays so"
    left = "the shell that `claude stop` leaves running is left running"
    if not offers_choice(world.claude("--version").stdout):
        for step in (name, left):
            with story.step(step):
                pass  # nothing can be moved to the background yet
        return
    session = Terminal(world, "user", janitor.load())
    story.show(session.screen)
    session.ask(f"[[background {world.child_command('shell')}]]")
    shell = world.tagged("shell")
    session.enter("/exit")
    session.wait_screen(CHOICE)
    session.press("2")

    def handed_over() -> bool:
        if CHOICE in session.screen():
            session.press("Enter")
        return not session.alive

    until(handed_over, 20, "the client is gone")
    entry = until(lambda: background_session(world), 20, "the session goes on in the background")
    with story.step(name):
        done = janitor.json("stop", "--all", "--yes")
        (ended,) = [one for one in done["ended"] if one["role"] == "background"]
        assert (ended["outcome"], ended["signals"]) == ("gone", []), done
        assert procs.read(entry["pid"]) is None, done
        stays(lambda: not background_session(world), WATCHED_SECONDS, "it is not started again")
    with story.step(left):
        stays(lambda: shell.alive, WATCHED_SECONDS, "the shell lives")
        (found,) = [one for one in janitor.json("scan")["findings"] if one["pid"] == shell.pid]
        assert (found["verdict"], found["class"]) == ("report", "detached"), found
