"""Client sessions in a world: one in a terminal (tmux on a socket of its own), one headless (``-p``)."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Sequence

from . import procs
from .waiting import TimedOut, until
from .world import World

ALWAYS = ("--dangerously-skip-permissions",)
PROMPT_SIGN = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
# How clients show that a hook went wrong.
COMPLAINTS = ("hook error", "hook failed", "not found", "Traceback")
START_SECONDS = 40.0
TURN_SECONDS = 30.0


def squeezed(text: str) -> str:
    """Text without white space, to compare with what a terminal has wrapped."""
    return "".join(text.split())


class Session:
    """A client process with its session id."""

    def __init__(self, world: World, pid: int) -> None:
        process = procs.read(pid)
        if process is None:
            raise TimedOut(f"the client with pid {pid} ended at once")
        self.world, self.pid, self.start = world, pid, process.start

    @property
    def alive(self) -> bool:
        """Whether the client still runs."""
        return procs.alive(self.pid, self.start)

    def session_id(self) -> str:
        """The id the client itself has on file; empty while there is none."""
        path = self.world.home / ".claude" / "sessions" / f"{self.pid}.json"
        try:
            return str(json.loads(path.read_text())["sessionId"])
        except (OSError, ValueError, KeyError):
            return ""

    def kill(self, number: int) -> None:
        """Send the client a signal."""
        os.kill(self.pid, number)

    def wait_gone(self, seconds: float = 20) -> None:
        """Wait until the client is gone."""
        until(lambda: not self.alive, seconds, f"the client {self.pid} is gone")


class Terminal(Session):
    """An interactive session in a tmux pane."""

    def __init__(
        self,
        world: World,
        name: str,
        arguments: Sequence[str] = (),
        env: dict[str, str] | None = None,
    ) -> None:
        self._socket = world.root / f"{name}.tmux"
        self._home = world.root
        script = world.root / f"{name}.sh"
        settings = " ".join(
            shlex.quote(f"{key}={value}") for key, value in (world.env | (env or {})).items()
        )
        command = shlex.join([str(world.client), *ALWAYS, *arguments])
        script.write_text(f'exec env -i {settings} TERM="$TERM" {command}\n')
        self._tmux(
            "new-session",
            "-d",
            "-x",
            "160",
            "-y",
            "50",
            "-c",
            str(world.project),
            f"exec /bin/sh {script}",
        )
        super().__init__(world, int(self._tmux("list-panes", "-F", "#{pane_pid}").split()[0]))
        self.wait_screen(PROMPT_SIGN, START_SECONDS)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._home), "LANG": "C.UTF-8"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=check
        )
        return done.stdout

    def screen(self) -> str:
        """What the terminal shows; empty when it is closed."""
        return self._tmux("capture-pane", "-p", check=False)

    def wait_screen(self, text: str, seconds: float = 15) -> str:
        """Wait until the screen shows this text, wrapped or not, and answer with the screen."""
        shown = ""

        def look() -> bool:
            nonlocal shown
            shown = self.screen()
            return squeezed(text) in squeezed(shown)

        try:
            until(look, seconds, f"the screen shows {text!r}")
        except TimedOut as late:
            raise TimedOut(f"{late}; it shows:\n{shown}") from None
        return shown

    def enter(self, text: str) -> None:
        """Type a line and send it once the client has taken it all."""
        self._tmux("send-keys", "-l", text)
        self.wait_screen(text[-60:])
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press one key, by tmux name."""
        self._tmux("send-keys", key, check=False)

    def ask(self, prompt: str) -> None:
        """Send a prompt and wait for the closing reply of its turn."""
        before = self.world.replies(prompt)
        self.enter(prompt)
        until(lambda: self.world.replies(prompt) > before, TURN_SECONDS, f"a reply to {prompt!r}")

    def leave(self) -> None:
        """``/exit``, agreeing that background work stops, and wait until the client is gone."""
        self.enter("/exit")

        def gone() -> bool:
            if "Exit and stop tasks" in self.screen():
                self.press("Enter")
            return not self.alive

        until(gone, 20, "the client has left after /exit")


class Headless(Session):
    """A ``-p`` run."""

    def __init__(self, world: World, name: str, prompt: str, arguments: Sequence[str] = ()) -> None:
        self._out = world.root / f"{name}.out"
        command = [str(world.client), "-p", prompt, *ALWAYS, *arguments]
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                cwd=world.project,
                env=world.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        super().__init__(world, self._process.pid)

    def finish(self, seconds: float) -> int:
        """Wait for its end and answer with its exit code."""
        return self._process.wait(seconds)

    def output(self) -> str:
        """What it has printed."""
        return self._out.read_text(errors="replace")
