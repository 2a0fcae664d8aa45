"""What hangs directly on sessions that are about to end: watched until each of it ends, never signalled here."""

from __future__ import annotations

from process_janitor.core.commands import shown
from process_janitor.core.kinds import kinds
from process_janitor.core.mcp_names import server_name
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.programs import base, program
from process_janitor.system import memory, procfs
from process_janitor.system.exits import Pidfds
from process_janitor.system.mcp_config import McpConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from process_janitor.core.model import Identity
    from process_janitor.core.stoppable import Living
    from process_janitor.core.ties import Ties


class Helper(NamedTuple):
    """A child of a session that should end with it; `mcp_server` is what its user calls it, "" for what is no server."""

    identity: Identity
    kind: str
    name: str
    target: Living
    memory: int
    mcp_server: str


class Helpers:
    """The children of these sessions, but not us, what we were started from, or another of these sessions."""

    def __init__(self, ties: Ties, targets: Iterable[Living]) -> None:
        self._held = Pidfds()
        self._watched: dict[tuple[int, int], Helper] = {}
        for helper in _children(ties, list(targets)):
            try:
                there = self._held.add(helper.identity)
            except OSError:
                continue  # no descriptor left: its end is not told, and swept all the same
            if there:
                self._watched[helper.identity.key] = helper

    @property
    def keys(self) -> list[tuple[int, int]]:
        return list(self._watched)

    def ended(self) -> list[Helper]:
        """Those that have ended since this was last asked."""
        return [self._let_go(key) for key in self._held.ended(0.0)]

    def take(self, identity: Identity) -> Helper | None:
        """The helper that this process is; from now on somebody else tells of its end. None for any other process."""
        known = self._watched.get(identity.key)
        return self._let_go(identity.key) if known is not None else None

    def close(self) -> None:
        for key in self.keys:
            self._let_go(key)

    def _let_go(self, key: tuple[int, int]) -> Helper:
        self._held.drop(key)
        return self._watched.pop(key)


def _children(ties: Ties, targets: list[Living]) -> Iterator[Helper]:
    snapshot = ties.snapshot
    me = snapshot.processes[snapshot.self_pid]
    left_out = {me.pid, *(above.pid for above in ties.tree.ancestors(me))}
    left_out.update(one.pid for one in targets)
    mcp = McpConfig()
    for target in targets:
        named = kinds(ties.tree, target.process, snapshot.marks, lambda pid: procfs.argv(pid) or ())
        for pid in ties.tree.children(target.pid):
            process = snapshot.processes[pid]
            if pid in left_out or process.dead:
                continue
            argv, kind = procfs.argv(pid) or (), named[pid]
            label = shown(argv) if kind == "bash-task" else base(program(argv))
            configured = mcp.servers(target.session.cwd) if kind == "mcp-server" else ()
            yield Helper(
                snapshot.identity(process), kind, label or process.comm, target,
                memory.read(pid).held, server_name(argv, configured),
            )  # fmt: skip


__all__ = ["Helper", "Helpers"]
