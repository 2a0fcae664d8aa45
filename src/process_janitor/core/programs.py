"""Which program a command line runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"})
RUNTIMES = frozenset({"node", "nodejs", "bun", "deno", "python", "python3", "java"})


def base(word: str) -> str:
    """Last part of a path, without the dash of a login shell."""
    return word.rsplit("/", 1)[-1].lstrip("-")


def program(argv: Sequence[str]) -> str:
    """What runs: argv[0], or the first non-option argument of a language runtime (`node SERVER`)."""
    if not argv:
        return ""
    first = base(argv[0])
    if first.rstrip("0123456789.") in RUNTIMES or first in RUNTIMES:
        for word in argv[1:]:
            if not word.startswith("-"):
                return word
    return argv[0]


__all__ = ["RUNTIMES", "SHELLS", "base", "program"]
