"""What the user allows: the part of the configuration and of the keep rules that a decision depends on."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from process_janitor.core.idleness import Patience

    Detached = Literal["keep", "report", "reap"]

# A final SessionEnd is followed by the end of the process within 2 s on a healthy machine; later it is worth a look.
HUNG_REPORT_SECONDS = 10.0
# An unregistered process younger than this may belong to a session that is just being set up.
TOO_YOUNG_SECONDS = 10.0
# Of one core, between two samples: a shell that waits for anything uses none of it.
SPINNING_SHARE = 0.5
# After the goodbye of "Move to background" its daemon has this long to name the process that goes on; it takes 1 s.
HAND_OVER_SECONDS = 10.0
# The hook that notes a goodbye is started before the client ends, and may be overtaken by its end.
GOODBYE_SECONDS = 3.0
# Every short-lived child is a zombie for an instant; one that has been there a while is not being waited for.
ZOMBIE_SECONDS = 30.0


class KeepRule(NamedTuple):
    """A user's protection: one process by (pid, start, boot), or every command line that a regular expression finds."""

    pid: int = 0
    start: int = 0
    boot_id: str = ""
    command: str = ""


def _finds(pattern: str, text: str) -> bool:
    import re

    return re.search(pattern, text) is not None


class Policy(NamedTuple):
    detached: Detached = "report"
    hung_grace_seconds: float = 90.0
    keep_rules: tuple[KeepRule, ...] = ()
    # The janitor's own watcher and builders: (pid, start).
    own: frozenset[tuple[int, int]] = frozenset()
    # Where this user's sessions live; sessions of another CLAUDE_CONFIG_DIR are not ours to judge.
    config_dir: str = ""
    # Where they live without that variable; "" where nobody knows.
    default_config_dir: str = ""
    # Only people ask which sessions are idle: without it nothing is, and nobody reads the stamps.
    patience: Patience | None = None
    # Whether a rule's expression is found in a command line. The one that acts gives up on an expression without end.
    finds: Callable[[str, str], bool] = _finds


__all__ = [
    "GOODBYE_SECONDS",
    "HAND_OVER_SECONDS",
    "HUNG_REPORT_SECONDS",
    "SPINNING_SHARE",
    "TOO_YOUNG_SECONDS",
    "ZOMBIE_SECONDS",
    "KeepRule",
    "Policy",
]
