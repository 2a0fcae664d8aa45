"""Running the system's own small tools (systemctl, launchctl, crontab): bounded in time, in their plain language."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 30.0


class Done(NamedTuple):
    """How a tool ended. `code` is 127 where it is not there, 124 where it took too long."""

    code: int
    out: bytes = b""
    err: str = ""


def find(name: str) -> str:
    """The tool's absolute path, "" where there is none."""
    import shutil

    return os.path.abspath(found) if (found := shutil.which(name)) else ""


def run(argv: Sequence[str], stdin: bytes = b"") -> Done:
    """Run it to its end; never raises for what the tool does."""
    import subprocess

    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, check=False, timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Done(124, err=f"no answer within {_SECONDS:.0f} seconds")
    except OSError as error:
        return Done(127, err=error.strerror or str(error))
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip())


__all__ = ["Done", "find", "run"]
