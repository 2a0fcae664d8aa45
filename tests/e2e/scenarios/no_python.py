"""Where no python3 is on the PATH the plugin does nothing, and the session does not notice."""

from __future__ import annotations

import os
from pathlib import Path

from . import COMPLAINTS, Janitor, Setting, Story, Terminal, World


def play(story: Story, setting: Setting) -> None:
    """Play one terminal session whose PATH holds everything but Python."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    programs = world.root / "programs"
    programs.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for program in Path(folder).iterdir():
            link = programs / program.name
            if not program.name.startswith(("python", "pypy", "uv")) and not link.exists():
                link.symlink_to(program)
    assert not (programs / "python3").exists()
    assert os.access(programs / "sh", os.X_OK)
    session = Terminal(world, "bare", janitor.load(), {"PATH": str(programs)})
    story.show(session.screen)
    with story.step("a session without python3 works"):
        session.ask("[[bash echo done > done-by-bash]]")
        assert (world.project / "done-by-bash").read_text() == "done\n"
    with story.step("no hook complains"):
        shown = session.screen()
        assert not any(complaint in shown for complaint in COMPLAINTS), shown
    with story.step("a session without python3 ends"):
        session.leave()
