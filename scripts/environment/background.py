"""Start a build in the background from a hook: nothing to wait for, nothing of the session in it."""

from __future__ import annotations

import os
import sys

from environment.places import (
    ROOT,
    Failure,
    leave_note,
    places,
    ready_place,
    state_root,
    wanted_id,
)

# A detached build that failed is not tried again by every session that starts; a user who asks for it need not wait.
RETRY_SECONDS = 600
NOW = "--now"

# What a background builder may inherit. Everything else stays behind, above all the marks of the session whose hook
# started it: with those it would itself look like a leftover.
# fmt: off
KEPT_NAMES = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "TZ", "NETRC",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
))
KEPT_PREFIXES = ("LC_", "PIP_", "UV_", "XDG_")
# fmt: on


def detached_environment() -> dict[str, str]:
    """What a builder in the background needs: nothing that marks a session."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_NAMES or name.startswith(KEPT_PREFIXES) or name.lower().endswith("_proxy")
    }


def start_detached(root: str = ROOT) -> bool:
    """Start a build in the background unless an environment is ready; True if one was started. Never raises OSError.

    For hooks: two forks, so that the builder is nobody's child; a session of its own; no descriptor of the caller's,
    who may be waiting for its pipe to close; an exec with a scrubbed environment. Where another build runs already,
    the builder ends by itself. With `--now` on our command line a failure moments ago does not matter.
    """
    try:
        state, ready = state_root(), ready_place(root)
        if ready is not None:
            leave_note(state, wanted_id(root), ready)
            return False
        import time

        log = os.path.join(state, "logs", "bootstrap.log")
        tried = os.path.exists(log) and 0 <= time.time() - os.path.getmtime(log) < RETRY_SECONDS
        if tried and NOW not in sys.argv[1:]:
            return False
        command = [
            sys.executable,
            "-I",
            "-S",
            os.path.join(root, "scripts", "bootstrap.py"),
            "--background",
            state,
        ]
        command += places(root)  # the builder cannot work them out: it gets no CLAUDE_ variables
        environment = detached_environment()
        first = os.fork()
    except (OSError, Failure):
        return False
    if first:
        os.waitpid(first, 0)
        return True
    try:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.closerange(3, 4096)
            os.execve(command[0], command, environment)
    finally:
        os._exit(0)
