"""Which processes somebody uses through a unix socket that they listen on, as others are used through a TCP port."""

from __future__ import annotations

from process_janitor.system import peers, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LISTENS = 0x10000  # __SO_ACCEPTCON
_CONNECTED = "03"


def served(
    wanted: Collection[int],
    sockets: Mapping[int, int],
    everyone: peers.Descriptors,
    company: Collection[int],
) -> set[int]:
    """Those of `wanted` that somebody outside `company` is connected to. `sockets` is what `peers.unix_peers` says.

    An accepted connection has the name of the socket it came in by; that tells it from one that the process itself made.
    """
    held = {pid: (peers.sockets_of(pid) or set()).intersection(sockets) for pid in wanted}
    if not any(held.values()):
        return set()
    listening, connected = _table()
    found = set()
    for pid, inodes in held.items():
        names = {listening[one] for one in inodes if one in listening}
        ends = {sockets[one] for one in inodes if names and connected.get(one) in names} - {0}
        own = {*company, pid}
        if ends and any((everyone.holders().of(end) or {0}) - own for end in ends):
            found.add(pid)
    return found


def _table() -> tuple[dict[int, str], dict[int, str]]:
    """Inode -> name of the unix sockets that listen, and of those that are connected and have a name."""
    listening: dict[int, str] = {}
    connected: dict[int, str] = {}
    data = procfs.read(f"{procfs.PROC}/net/unix", 64 << 20) or b""
    for line in data.decode("utf-8", "surrogateescape").splitlines()[1:]:
        words = line.split(None, 7)
        if len(words) < 8:
            continue
        if int(words[3], 16) & _LISTENS:
            listening[int(words[6])] = words[7]
        elif words[5] == _CONNECTED:
            connected[int(words[6])] = words[7]
    return listening, connected


__all__ = ["served"]
