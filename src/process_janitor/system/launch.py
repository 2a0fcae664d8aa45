"""Starting a process that nothing can take down with us: double fork, own session, no terminal, a clean environment."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Whatever a hook starts inherits the session's marks and would be found as a leftover of it; it would carry the
# session's keys and tokens as well. So only what a background process needs is handed on.
_PASSED = frozenset({
    "HOME", "PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "CLAUDE_CONFIG_DIR", "DISPLAY",
    "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "SYSTEMROOT", "USERPROFILE",
})  # fmt: skip
_DIRECTORIES = frozenset({"CLAUDE_CONFIG_DIR", "PROCESS_JANITOR_HOME"})
_DESCRIPTORS_MAX = 1 << 20
_PASSED_PREFIX = "PROCESS_JANITOR_"
_NOT_PASSED = frozenset({"PROCESS_JANITOR_KEEP"})


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        # Whoever starts detached starts in another directory.
        name: os.path.abspath(value) if name in _DIRECTORIES and value else value
        for name, value in environment.items()
        if name in _PASSED or (name.startswith(_PASSED_PREFIX) and name not in _NOT_PASSED)
    }


def detached(
    argv: Sequence[str], environment: Mapping[str, str] | None = None, keep: int | None = None
) -> None:
    """Start `argv` (an absolute program) and return at once. Raises OSError when not even a fork is to be had.

    It gets a clean environment unless it is given one, and no descriptor of ours but `keep`, under its own number.

    Claude Code ends a hook's descendants by parent pid when it times out; a child whose parent has already gone, in a
    session of its own and without the hook's descriptors, is out of its reach and holds nothing open.
    """
    # Made here: whoever is about to change directory can no longer resolve a relative one.
    passed = clean_environment(os.environ) if environment is None else dict(environment)
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        end = min(os.sysconf("SC_OPEN_MAX"), _DESCRIPTORS_MAX)
        os.closerange(3, end if keep is None else keep)
        if keep is not None:
            os.closerange(keep + 1, end)
            os.set_inheritable(keep, True)
        os.execve(argv[0], list(argv), passed)
    finally:
        os._exit(127)


def interpreter() -> str:
    """The real interpreter behind whatever shim started us: a pyenv shim costs 130 ms every time."""
    return os.path.realpath(sys.executable) if sys.prefix == sys.base_prefix else sys.executable


def python(script: str, *arguments: str) -> list[str]:
    """The command for one of our own standard-library-only scripts."""
    return [interpreter(), "-I", "-S", script, *arguments]


def script(package: str) -> str:
    """The file that runs one of our packages, `watcher` for example."""
    return os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), package, "__main__.py"
    )


__all__ = ["clean_environment", "detached", "interpreter", "python", "script"]
