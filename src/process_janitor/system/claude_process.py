"""Which process is the Claude Code client that a hook or a command was started from."""

from __future__ import annotations

import os

from process_janitor.core import client_shapes
from process_janitor.core.model import Identity, Process
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.system import identity, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ANCESTORS_MAX = 32


class Found(NamedTuple):
    """The client's process. `recognised` is False where only CLAUDE_PID says so: such an owner is never ended itself."""

    process: Process
    identity: Identity
    recognised: bool


def find(environment: Mapping[str, str], pid: int) -> Found | None:
    """The nearest ancestor of `pid` that is a claude process, or that CLAUDE_PID names; None when nobody can tell.

    A hook's parent is a shell, so the parent proves nothing. CLAUDE_PID is inherited: an old client inside a newer one
    shows the outer client's, so a nearer claude goes before it. It also outlives its client (a tmux server keeps it for
    its panes): a process that started after `pid` did has been given a dead client's number.
    """
    named = natural(environment.get("CLAUDE_PID", ""))
    for above in ancestors(pid):
        if above.pid == named or is_claude(above):
            return _found(above, recognised=True)
    if usable_pid(named):
        row, below = tables.current().process(named), tables.current().process(pid)
        if (
            row is not None
            and below is not None
            and row.start <= below.start
            and not row.dead
            and row.uid == os.geteuid()
        ):
            return _found(row, recognised=is_claude(row))
    return None


def ancestors(pid: int) -> Iterator[Process]:
    """The parents of a process, nearest first, read one by one; pid 1 is never of interest."""
    row = tables.current().process(pid)
    for _ in range(_ANCESTORS_MAX):
        if row is None or row.ppid <= 1:
            return
        row = tables.current().process(row.ppid)
        if row is not None:
            yield row


def is_claude(row: Process) -> bool:
    """Whether this row is the client's program: by its name, else by its command or what it runs."""
    if client_shapes.is_claude(row.comm):
        return True
    # `node …/@anthropic-ai/claude-code/cli.js`, or a native build whose name is its version
    return client_shapes.is_claude(
        row.comm, tables.current().argv(row.pid) or (), tables.current().link(row.pid, "exe") or ""
    )


def _found(row: Process, *, recognised: bool) -> Found:
    return Found(
        row, Identity(row.pid, row.start, identity.boot_id(), identity.pid_namespace()), recognised
    )


__all__ = ["Found", "ancestors", "find", "is_claude"]
