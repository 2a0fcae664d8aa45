"""Which processes listen on which TCP ports, and whether anybody is connected to them."""

from __future__ import annotations

import sys

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import peers, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from process_janitor.core.model import Ternary

ESTABLISHED, LISTEN = "01", "0A"
_HTTPS = 443
_LOOPBACK_6 = "00000000000000000000000001000000"
# ::ffff:0:0/96, each 32 bits in the host's byte order.
_MAPPED_4 = f"{0:016X}" + ("FFFF0000" if sys.byteorder == "little" else "0000FFFF")


class Served(NamedTuple):
    ports: tuple[int, ...]
    serving: Ternary


class Connection(NamedTuple):
    """A line of the kernel's TCP tables; `inode` is 0 once nobody holds the socket any more."""

    local: str
    remote: str
    state: str
    inode: int

    @property
    def port(self) -> int:
        return int(self.local.rsplit(":", 1)[1], 16)


def listening(
    wanted: Collection[int],
    local: Collection[int],
    everyone: peers.Descriptors,
    leftovers: Collection[int],
) -> dict[int, Served]:
    """Pid -> its listening ports, and whether a client outside `leftovers` is connected to one of them.

    `local` are the inodes of unix sockets: a process that holds no others has no port to ask for.
    """
    held = {pid: peers.sockets_of(pid) for pid in wanted}
    # Where nobody may look, nobody can say that it serves no one.
    found = {pid: Served((), "unknown") for pid, inodes in held.items() if inodes is None}
    sockets = {pid: inodes.difference(local) for pid, inodes in held.items() if inodes is not None}
    if not any(sockets.values()):
        return found
    table = connections()
    by_inode = {connection.inode: connection for connection in table if connection.inode}
    for pid, inodes in sockets.items():
        listens = sorted(
            {by_inode[i].port for i in inodes if i in by_inode and by_inode[i].state == LISTEN}
        )
        if listens:
            accepted = [c for c in table if c.state == ESTABLISHED and c.port in listens]
            # What is connected to itself serves nobody else.
            own = {*leftovers, pid}
            found[pid] = Served(tuple(listens), _clients(accepted, table, everyone, own))
    return found


def announced(port: int) -> bool:
    """Whether anything listens on this TCP port here, whoever it belongs to."""
    return any(one.state == LISTEN and one.port == port for one in connections())


def outgoing(pids: Collection[int]) -> dict[int, int]:
    """Pid -> its established connections to other machines, and to the HTTPS port of any."""
    sockets = {pid: peers.sockets_of(pid) or set() for pid in pids}
    if not any(sockets.values()):
        return {}
    far = {c.inode for c in connections() if c.state == ESTABLISHED and _is_far(c.remote)}
    return {pid: len(inodes & far) for pid, inodes in sockets.items()}


def _is_far(remote: str) -> bool:
    """Whether an address of /proc/net/tcp (hexadecimal, each 32 bits in the host's byte order) is no loopback's."""
    address, _, port = remote.rpartition(":")
    loopback = address == _LOOPBACK_6 or (len(address) == 8 and address.endswith("7F"))
    return not loopback or int(port, 16) == _HTTPS


def _clients(
    accepted: list[Connection],
    table: list[Connection],
    everyone: peers.Descriptors,
    leftovers: Collection[int],
) -> Ternary:
    """Whether one of the accepted connections comes from outside the leftovers: from elsewhere, or from a process here."""
    if not accepted:
        return "no"
    far_ends = {(c.remote, c.local) for c in accepted}
    near = [c for c in table if (c.local, c.remote) in far_ends]
    if len(near) < len(accepted):
        return "yes"  # the client is on another machine, or in another network namespace
    who = everyone.holders()
    # A client that cannot be seen is somebody else's: only one seen among the leftovers does not count.
    return "yes" if any((who.of(c.inode) or {0}) - set(leftovers) for c in near) else "no"


def connections() -> list[Connection]:
    """Every TCP socket of this network namespace that listens or is connected."""
    found = []
    for name in ("tcp", "tcp6"):
        data = procfs.read(f"{procfs.PROC}/net/{name}", 64 << 20) or b""
        for line in data.decode("ascii", "replace").splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] in (ESTABLISHED, LISTEN):
                local, remote = _mapped(words[1]), _mapped(words[2])
                found.append(Connection(local, remote, words[3], int(words[9])))
    return found


def _mapped(address: str) -> str:
    """The IPv4 address that an IPv6 one stands for: who listens on `::` is connected to by that, and its client by this."""
    return address[24:] if address.startswith(_MAPPED_4) else address


__all__ = [
    "ESTABLISHED",
    "LISTEN",
    "Connection",
    "Served",
    "announced",
    "connections",
    "listening",
    "outgoing",
]
