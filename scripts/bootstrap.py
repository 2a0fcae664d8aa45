"""Builds the environment that the command line runs in: once, out of the way, all or nothing.

Standard library only, and Python 3.9 is enough to run it: so it can say clearly when no newer Python is there. The parts
are in environment/; those that cost time to import are imported where they are needed, because a hook waits for
`--detached`.

    bootstrap.py             build the environment unless a ready one is found
    bootstrap.py --run ...   the same, then become the command line with these arguments (what the launcher does)
    bootstrap.py --rebuild   build it even if it is ready
    bootstrap.py --dev       build .venv-dev, the tools for working on the plugin
    bootstrap.py --detached  start building in the background and return at once (what a hook does)

An environment holds the libraries pinned in a lock file and nothing of this tree, so any one whose id file repeats the
first line of the lock is as good as any other. It is built in a temporary sibling under a lock and renamed into place:
at every moment there is the old one, the new one or none, never half of one.
"""

from __future__ import annotations

import os
import sys

# Started with -I, which leaves this file's folder out.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from environment import background, places  # the line above makes it importable

# True while a type checker reads, without importing typing (11 ms) in a hook.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


class Stopped(BaseException):
    """A signal asked the build to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an exception, so that the temporary directory goes."""
    raise Stopped(number)


def main(arguments: list[str]) -> int:
    """Do what the first argument says; see the top of this file."""
    mode = arguments[0] if arguments else ""
    rest = arguments[1:]
    if mode not in ("", "--run", "--rebuild", "--dev", "--detached", "--background"):
        sys.stderr.write(f"bootstrap.py: unknown argument {mode}\n")
        return 2
    if mode == "--detached":
        background.start_detached()
        return 0
    from environment.build import ensure

    quiet = mode == "--run" and not {"--quiet", "-q"}.isdisjoint(rest)

    def say(line: str) -> None:
        if not quiet:
            sys.stderr.write(f"process-janitor: {line}\n")
            sys.stderr.flush()

    import signal

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and & stay what they are
            signal.signal(number, stop)
    try:
        if mode == "--background":
            ready = ensure(rest[1:], say=None, state=rest[0])
            if ready is not None:
                places.leave_note(rest[0], places.wanted_id(), ready)
            return 0
        if mode == "--dev":
            ensure(
                [f"{places.ROOT}/.venv-dev"],
                "requirements-dev.lock",
                say=say,
                state=places.state_root(),
            )
            return 0
        state = places.state_root()
        venv = ensure(places.places(), rebuild=mode == "--rebuild", say=say, state=state)
        if venv is not None:
            places.leave_note(state, places.wanted_id(), venv)
    except places.Failure as failure:
        sys.stderr.write(f"process-janitor: {failure}\n")
        return 1
    except Stopped as stopped:
        signal.signal(stopped.number, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.number)
        return 1
    if mode == "--run":
        # An exec resets the handlers set above.
        python = f"{venv}/bin/python"
        os.execv(python, [python, "-I", f"{places.ROOT}/scripts/start.py", *rest])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
