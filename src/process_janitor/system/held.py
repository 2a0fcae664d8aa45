"""What processes hold that others may be waiting for: descriptors, listening ports, connections."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import identity, peers, ports, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.model import Decision

    # A process's pid and start.
    Key = tuple[int, int]


class Held(NamedTuple):
    """`descriptors` is None where they may not be counted; `connected` are the inodes of established connections."""

    descriptors: int | None = None
    ports: tuple[int, ...] = ()
    connected: frozenset[int] = frozenset()


def held(pids: Iterable[int]) -> dict[int, Held]:
    """What each of these processes holds now. The kernel's tables are read once for all of them."""
    opened = {pid: _opened(pid) for pid in pids}
    tables = ports.connections() if any(inodes for _, inodes in opened.values()) else []
    listens = {one.inode: one.port for one in tables if one.state == ports.LISTEN}
    connected = {one.inode for one in tables if one.inode and one.state == ports.ESTABLISHED}
    return {
        pid: Held(
            count,
            tuple(sorted({listens[inode] for inode in inodes if inode in listens})),
            frozenset(inodes & connected),
        )
        for pid, (count, inodes) in opened.items()
    }


def _opened(pid: int) -> tuple[int | None, set[int]]:
    """How many descriptors a process has open, and the inodes of the sockets among them."""
    opened = tables.current().descriptors(pid)
    if opened is None:
        return None, set()
    inodes = {peers.inode(link) for link in opened.values() if link.startswith("socket:")}
    return len(opened), inodes - {0}


class Freed(NamedTuple):
    """What is there for others again. `taken` are the ports that somebody listens on all the same."""

    memory: int = 0
    descriptors: int = 0
    connections: int = 0
    ports: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()


class Holdings:
    """Noted before processes are ended, verified afterwards: a port counts as freed only when nobody listens on it."""

    def __init__(self) -> None:
        self._held: dict[Key, Held] = {}

    def note(self, decisions: Iterable[Decision]) -> None:
        """Remember what these hold."""
        self.note_processes(one.process.key for one in decisions)

    def note_processes(self, keys: Iterable[Key]) -> None:
        """The same of any processes. What was noted before stays as it was: a dying process closes things one by one."""
        new = [key for key in dict.fromkeys(keys) if key not in self._held]
        for key, found in zip(new, held([pid for pid, _ in new]).values()):
            self._held[key] = found

    def freed(self, ended: Iterable[Key], memory: int = 0) -> Freed:
        """What the end of these processes has freed; one that is still there has freed nothing."""
        gone = [self._held.get(key, Held()) for key in ended if not identity.runs(*key)]
        tables = ports.connections()
        busy = {one.port for one in tables if one.state == ports.LISTEN}
        open_still = {one.inode for one in tables if one.state == ports.ESTABLISHED}
        wanted = {port for one in gone for port in one.ports}
        connected = {inode for one in gone for inode in one.connected}
        return Freed(
            memory,
            sum(one.descriptors or 0 for one in gone),
            len(connected - open_still),
            tuple(sorted(wanted - busy)),
            tuple(sorted(wanted & busy)),
        )


__all__ = ["Freed", "Held", "Holdings", "held"]
