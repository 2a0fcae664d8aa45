"""The live view in a real terminal: tmux on a socket of its own, real pretend sessions, a namespace around it all."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import libtmux
import libtmux.exc
import pytest

from process_janitor.system import procfs
from tests.namespaced import namespaced
from tests.world import World, wait_until

pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Screen:
    """A pane in which the view runs."""

    def __init__(self, world: World, server: libtmux.Server) -> None:
        self.world = world
        # A shell around it, so that the pane shows what the view leaves behind when it ends.
        session = server.new_session(session_name="main", x=100, y=30, window_command="sh")
        pane = session.active_pane
        assert pane is not None
        self.pane = pane

    def start(self, *words: str) -> None:
        line = shlex.join(self.world.command("watch", *words))
        self.pane.send_keys(f"clear; {line}; echo code=$?")

    @property
    def text(self) -> str:
        return "\n".join(self.pane.capture_pane())

    @property
    def coloured(self) -> str:
        """With its escape sequences."""
        return "\n".join(self.pane.cmd("capture-pane", "-e", "-p").stdout)

    def until(self, *texts: str, seconds: float = 20.0) -> None:
        try:
            wait_until(lambda: all(one in self.text for one in texts), seconds)
        except AssertionError:
            missing = [one for one in texts if one not in self.text]
            raise AssertionError(f"not within {seconds:g} s: {missing} in\n{self.text}") from None

    def press(self, key: str) -> None:
        self.pane.send_keys(key, enter=False)

    def close(self) -> None:
        """Close the page, once it is drawn whole: one whose last line is not there yet would look closed already.

        What is typed right behind an Escape would be one key with it.
        """
        self.until("Esc closes")
        self.press("Escape")
        wait_until(lambda: "Esc closes" not in self.text, 10, "the page is closed")

    def move(self, key: str) -> None:
        """Press the key, and be sure that it has been obeyed: keys are taken in order, and the help shows that it was."""
        self.press(key)
        self.press("?")
        self.until("choose a row")
        self.close()

    def choose(self, text: str) -> None:
        """Move the cursor down until the line about the chosen row says so."""
        self.move("Home")
        for _ in range(20):
            if text in self.detail:
                return
            self.move("Down")
        raise AssertionError(self.text)

    @property
    def detail(self) -> str:
        return "\n".join(self.pane.capture_pane()[-4:])

    def views(self) -> list[int]:
        """The processes that show it."""
        table = procfs.table()
        return [pid for pid in table if "watch" in (procfs.argv(pid) or ())]


@contextmanager
def terminal(folder: Path) -> Iterator[Screen]:
    world = World(folder)
    for name in ("TMUX", "TMUX_PANE", "TMUX_TMPDIR"):
        os.environ.pop(name, None)
    os.environ.pop("NO_COLOR", None)
    os.environ["TERM"] = "xterm-256color"
    os.environ["COLORTERM"] = "truecolor"
    os.environ["LANG"] = "C.UTF-8"
    server = libtmux.Server(socket_path=str(folder / "view"), config_file="/dev/null")
    try:
        yield Screen(world, server)
    finally:
        # A server whose last pane is gone is ending already.
        with suppress(libtmux.exc.LibTmuxException):
            server.kill()


@namespaced
def test_a_leftover_is_seen_cleaned_after_a_yes_and_its_neighbour_lives(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        world = screen.world
        session, other = world.session(), world.session()
        lost, kept = session.mcp(), other.mcp()
        screen.start("--interval", "1")
        screen.until("2 sessions, 4 processes", "would free: nothing", session.session_id[:8])
        assert "reap" not in screen.text
        session.kill()
        screen.until("crashed", "reap", "1 leftover process)", f"{lost.pid} mcp-server")
        assert re.search(r"\x1b\[[0-9;]*38;2;", screen.coloured), (
            "colours, where nobody forbids them"
        )

        screen.choose(f"{lost.pid}  ")
        screen.press("e")
        screen.until("a proven leftover", "owner-gone")
        screen.close()
        screen.press("c")
        screen.until("End this process?", "Plan: end 1 process")
        screen.press("n")
        wait_until(lambda: "End this process?" not in screen.text)
        assert lost.alive

        screen.press("c")
        screen.until("End this process?")
        screen.press("y")
        lost.gone()
        screen.until("Ended 1 process")
        screen.close()
        screen.until("1 session, 2 processes", "would free: nothing")
        assert (kept.alive, other.alive) == (True, True)
        (done,) = world.cli("history", "--json").json["entries"]
        assert (done["pid"], done["trigger"], done["outcome"]) == (lost.pid, "run", "gone")

        screen.press("q")
        screen.until("code=0")
        wait_until(lambda: not screen.views(), what="nothing of the view runs")
        assert "SESSION / PROCESS" not in screen.text


@namespaced
def test_what_lives_is_refused_and_what_is_kept_is_spared(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        world = screen.world
        session, other = world.session(), world.session()
        first, second, living = session.mcp(), session.mcp(), other.mcp()
        session.kill()
        screen.start("--no-color")
        screen.until("crashed", "2 leftover processes")
        codes = "".join(re.findall(r"\x1b\[([0-9;]*)m", screen.coloured))
        assert "7" in codes, "the cursor is seen without colours"
        assert not re.search(r"\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7])[;m]", screen.coloured)
        screen.choose(f"{living.pid}  ")
        screen.press("c")
        screen.until("Nothing to end", "refused")
        screen.close()

        screen.choose(f"{first.pid}  ")
        screen.press("k")
        screen.until("Keep this process")
        screen.press("y")
        screen.until("is kept from now on")
        screen.close()
        screen.until("1 leftover process)")
        screen.choose(f"session {session.session_id}")
        screen.press("c")
        screen.until("End this process?")
        screen.press("y")
        second.gone()
        screen.until("Ended 1 process")
        assert (first.alive, living.alive, other.alive) == (True, True, True)
        screen.press("q")
        screen.press("C-c")
        screen.until("code=0")


@namespaced
def test_a_terminal_that_closes_takes_the_view_with_it(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        session = screen.world.session()
        screen.start()
        screen.until(session.session_id[:8])
        assert screen.views()
        screen.pane.kill()
        wait_until(lambda: not screen.views(), 15, "nothing of the view runs")
        assert session.alive
