"""Other processes: bystanders by the thousand, and pretend sessions that cost next to nothing."""

from __future__ import annotations

import os
import shutil
import subprocess

from benchmarks.stage import PYTHON, Stage
from process_janitor.faces import pretend

LEFTOVERS = 10

# Forks share their memory, so that thousands fit. Each is a child of PID 1 in the end: nobody's descendant.
_FORKER = """
import os, sys, time
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.close(1)
        time.sleep(3600)
        os._exit(0)
"""


def table_size() -> int:
    return sum(name.isdigit() for name in os.listdir("/proc"))


def fill(count: int) -> None:
    """Let the process table grow to `count`; never shrinks it."""
    missing = count - table_size()
    if missing > 0:
        subprocess.run(
            [PYTHON, "-I", "-S", "-c", _FORKER, str(missing)],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )


class Sessions:
    """Processes of the name `claude` that do nothing: a link of that name to sleep."""

    def __init__(self, home: str) -> None:
        self._program = f"{home}/claude"
        if not os.path.lexists(self._program):
            os.symlink(shutil.which("sleep") or "/bin/sleep", self._program)

    def start(self) -> int:
        """One more of them, in the caller's session, leader of its own process group."""
        argv = ["sleep", "3600"]
        return os.posix_spawn(self._program, argv, {"PATH": os.environ["PATH"]}, setpgroup=0)


def leave_over(stage: Stage, sessions: Sessions) -> None:
    """Something to decide about: a session that is gone, and servers of it that still run."""
    owner = sessions.start()
    stage.register(owner, "gone")
    environment = {**pretend.server_marks("gone"), "PATH": os.environ["PATH"]}
    for _ in range(LEFTOVERS):
        os.posix_spawn("/bin/sleep", ["sleep", "3600"], environment, setpgroup=owner)
    os.kill(owner, 9)  # our own child, not waited for yet
    os.waitpid(owner, 0)
