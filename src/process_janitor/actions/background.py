"""Ending a background session as the client itself does it: `claude stop JOB`. A signal would have it started again."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import time

from process_janitor.core import client_shapes
from process_janitor.core.redact import redact_text
from process_janitor.system import identity, launch, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Identity

COMMAND_SECONDS = 30.0
# After the command says that it is done, its process may need a moment.
_GONE_SECONDS = 10.0
_SAID_MAX = 200
_DELETED = " (deleted)"


class CannotAsk(Exception):
    """There is no way to ask for its end; the text says why."""


def executable(pid: int) -> str:
    """The client that this process runs, else `claude` on PATH. Raises CannotAsk."""
    exe = procfs.link(pid, "exe") or ""
    program = exe.removesuffix(_DELETED)
    if program and client_shapes.is_claude("", (), program):
        # One that was updated since still runs from what is left of the old file.
        return program if os.access(program, os.X_OK) else f"{procfs.PROC}/{pid}/exe"
    found = shutil.which("claude")
    if found is None:
        raise CannotAsk(
            "background sessions end through `claude stop`, and there is no claude on PATH"
        )
    return found


class Request:
    """One `claude stop JOB`, under way. `problem` says why it failed, once `done` is true."""

    def __init__(self, job: str, process: Identity) -> None:
        """Raises CannotAsk, OSError."""
        program = executable(process.pid)
        self._watched = identity.open_pidfd(process)
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  # lives until close()
        # In a session of its own: Ctrl-C on our terminal must not cut it off half-way.
        self._command = subprocess.Popen(
            [program, "stop", job], env=launch.clean_environment(os.environ), stdin=subprocess.DEVNULL,
            stdout=self._said, stderr=self._said, start_new_session=True,
        )  # fmt: skip
        self._until = time.monotonic() + COMMAND_SECONDS
        self._answered = False
        self.problem = ""

    @property
    def gone(self) -> bool:
        """Whether the session's process has ended."""
        if self._watched is None:
            return True
        poll = select.poll()
        poll.register(self._watched, select.POLLIN)
        return bool(poll.poll(0))

    def done(self) -> bool:
        """Whether there is nothing more to wait for: it has ended, the command failed, or its time is over."""
        code = self._command.poll()
        late = time.monotonic() >= self._until
        if code is None:
            if late:
                self.problem = f"`claude stop` has not answered in {COMMAND_SECONDS:.0f} s"
            return late
        if code:
            self.problem = f"`claude stop` failed ({code}): {self._last_words()}"
            return True
        if not self._answered:
            self._answered = True
            self._until = time.monotonic() + _GONE_SECONDS
        elif late and not self.gone:
            self.problem = "`claude stop` said that it is done, and its process still runs"
        return late or self.gone

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read(1 << 16).split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return redact_text("".join(c for c in last if c.isprintable()).strip())[-_SAID_MAX:]

    def close(self) -> None:
        """Let go of it; a command that has not answered is our own child, and is ended."""
        if self._command.poll() is None:
            self._command.kill()
            self._command.wait()
        self._said.close()
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None


__all__ = ["COMMAND_SECONDS", "CannotAsk", "Request", "executable"]
