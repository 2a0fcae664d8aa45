"""Which processes somebody uses through a unix socket that they listen on, as others are used through a TCP port."""

from __future__ import annotations

from process_janitor.system import peers, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LISTENS = 0x10000  # __SO_ACCEPTCON
_CONNECTED = b"03"


def served(
    wanted: Collection[int],
    sockets: Mapping[int, int] | None,
    everyone: peers.Descriptors,
    company: Collection[int],
) -> set[int]:
    """Those of `wanted` that somebody outside `company` is connected to, or may be. `sockets`: see `peers.unix_peers`.

    An accepted connection has the name of the socket it came in by; that tells it from one that the process itself made.
    Where the kernel does not say who is at its other end (`sockets` is None), somebody is. Who has only just connected
    waits at the listening socket.
    """
    held = {pid: peers.sockets_of(pid) or set() for pid in wanted}
    if not any(held.values()):
        return set()
    listening, connected = _table()
    waiting = peers.unix_waiting() or {}
    # Of all of them: who forks for each client (postgres) holds the accepted connection in another process.
    names = {listening[one] for inodes in held.values() for one in inodes if one in listening}
    found: set[int] = set()
    for pid, inodes in held.items():
        accepted = {one for one in inodes if names and connected.get(one) in names}
        if sockets is None:
            found.update({pid} if accepted else ())
            continue
        ends = {sockets.get(one, 0) for one in accepted}
        # Not counted where it has gone since (0).
        ends = ends.union(*(waiting.get(one, ()) for one in inodes if one in listening)) - {0}
        own = {*company, pid}
        if ends and any((everyone.holders().of(end) or {0}) - own for end in ends):
            found.add(pid)
    return found


def _table() -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Inode -> name of the unix sockets that listen, and of those that are connected and have a name.

    Anybody's sockets stand in there, and a name is printed as it is: what a newline in one makes no sense of is passed over.
    """
    listening: dict[int, bytes] = {}
    connected: dict[int, bytes] = {}
    for line in (procfs.read(f"{procfs.PROC}/net/unix", 64 << 20) or b"").split(b"\n")[1:]:
        words = line.split(None, 7)
        try:
            flags, state, inode, name = int(words[3], 16), words[5], int(words[6]), words[7]
        except (ValueError, IndexError):
            continue
        if flags & _LISTENS:
            listening[inode] = name
        elif state == _CONNECTED:
            connected[inode] = name
    return listening, connected


__all__ = ["served"]
