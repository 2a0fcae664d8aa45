"""Who holds the other end of a pipe or socket: the strongest evidence that a stdio server is in use, or is not.

Pipes are found by their inode in the descriptors of this user's processes; connected unix sockets through the kernel's
own socket list (NETLINK_SOCK_DIAG), which names each socket's peer.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import struct

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.system import procfs, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from process_janitor.core.model import Ternary

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_DONE, _ERROR = 3, 2
_SHOW_PEER = 4  # UDIAG_SHOW_PEER
_ATTRIBUTE_PEER = 2  # UNIX_DIAG_PEER
_SHOW_WAITING = 8  # UDIAG_SHOW_ICONS
_ATTRIBUTE_WAITING = 3  # UNIX_DIAG_ICONS
_ALL_STATES = 0xFFFFFFFF


def unix_peers() -> dict[int, int] | None:
    """Inode -> inode of the socket it is connected to (0: none), for every unix socket; None if the kernel won't say."""
    told = _unix_sockets(_SHOW_PEER, _ATTRIBUTE_PEER)
    return None if told is None else {one: ends[0] if ends else 0 for one, ends in told.items()}


def unix_waiting() -> dict[int, tuple[int, ...]] | None:
    """Inode of a listening unix socket -> inodes of those that have connected to it and are not accepted yet."""
    return _unix_sockets(_SHOW_WAITING, _ATTRIBUTE_WAITING)


def _unix_sockets(show: int, attribute: int) -> dict[int, tuple[int, ...]] | None:
    """Inode -> the inodes that the kernel gives it in one attribute, for every unix socket; None if it won't say."""
    if not hasattr(_socket, "AF_NETLINK"):
        return None
    link = None
    try:
        # `socket` is 1.5 MB on top of its C half, in a watcher that may weigh 6 in all.
        link = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
        link.settimeout(2.0)
        body = struct.pack("=BBHIIIII", _socket.AF_UNIX, 0, 0, _ALL_STATES, 0, show, 0, 0)
        head = struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
        link.send(head + body)
        return _replies(link, attribute)
    except OSError:
        return None
    finally:
        if link is not None:
            link.close()


def _replies(link: _socket.socket, attribute: int) -> dict[int, tuple[int, ...]] | None:
    found: dict[int, tuple[int, ...]] = {}
    while True:
        data = link.recv(1 << 18)
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return found
            if kind == _ERROR or length < 16:
                return None
            one = struct.unpack_from("=I", data, at + 20)[0]
            found[one] = _inodes(data, at + 32, at + length, attribute)
            at += (length + 3) & ~3


def _inodes(data: bytes, at: int, end: int, attribute: int) -> tuple[int, ...]:
    while at + 4 <= end:
        size, kind = struct.unpack_from("=HH", data, at)
        if kind == attribute:
            return struct.unpack_from(f"={max(0, size - 4) // 4}I", data, at + 4)
        at += max(4, (size + 3) & ~3)
    return ()


def inode(link: str) -> int:
    """The number in `pipe:[N]` or `socket:[N]`, 0 for anything else."""
    kind, _, number = link.partition(":[")
    return int(number[:-1]) if kind in ("pipe", "socket") and number[:-1].isdigit() else 0


def sockets_of(pid: int) -> set[int] | None:
    """The inodes of the sockets that a process holds, None where we may not look."""
    opened = tables.current().descriptors(pid)
    if opened is None:
        return None
    return {inode(link) for link in opened.values() if link.startswith("socket:")}


class Holders(NamedTuple):
    """Inode -> pids seen to hold it (more than once if they do), and the processes that could not be looked into."""

    found: dict[int, list[int]]
    hidden: frozenset[int]

    def of(self, number: int) -> set[int]:
        return set(self.found.get(number, ()))


class Descriptors:
    """The pipes and sockets that a set of processes holds: read when somebody first asks, once for the whole look.
    `started` has each of them with its start.

    To look into every process takes as long as to read the table, and a machine may have fifty clients to ask for: with
    a reading for each, the first answers were as old by the time of the decision as all of them are now. What was opened
    since is not in it, and nobody seen to hold it means "unknown".
    """

    def __init__(self, started: Mapping[int, int]) -> None:
        self._started = started
        self._holders: Holders | None = None

    def holders(self) -> Holders:
        if self._holders is None:
            self._holders = _holders(self._started)
        return self._holders

    def heirs_seen(self, pid: int) -> bool:
        """Whether all that may have inherited an end of what this process opened could be looked into.

        An agent or a service manager, whom nobody may look into, has nothing of what a younger one has opened.
        """
        since = self._started.get(pid, 0)
        return all(self._started[one] < since for one in self.holders().hidden)


def _holders(pids: Iterable[int]) -> Holders:
    found: dict[int, list[int]] = {}
    hidden = set()
    for pid in pids:
        opened = tables.current().descriptors(pid)
        if opened is None:
            hidden.add(pid)
            continue
        for number in map(inode, opened.values()):
            if number:
                found.setdefault(number, []).append(pid)
    return Holders(found, frozenset(hidden))


def far_end(
    pid: int,
    descriptor: int,
    sockets: Mapping[int, int],
    everyone: Descriptors,
    company: Iterable[int],
) -> Ternary:
    """Whether somebody outside `company` holds the other end of a process's standard input (0) or output (1).

    The kernel answers for everybody, other users and containers included: a socket without a peer, a pipe without a
    writer or reader is held by nobody. Where there is another end, its holder must be seen to be company for a "no".
    """
    link = tables.current().link(pid, f"fd/{descriptor}") or ""
    number = inode(link)
    if not number:
        return "unknown"
    if link.startswith("socket:"):
        end = sockets.get(number)
        if end is None:
            return "unknown"
        if end == 0:
            return "no"
    else:
        end = number
        if _hung_up(pid, descriptor):
            return "no"
    who = everyone.holders()
    others = who.of(end) - ({pid} if link.startswith("pipe:") else set())
    if others - set(company):
        return "yes"
    return "no" if others and not who.hidden else "unknown"


def _hung_up(pid: int, descriptor: int) -> bool:
    """Whether a pipe has lost its last writer (0) or reader (1), asked of the pipe itself without touching it."""
    flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY
    try:
        fd = os.open(f"{procfs.PROC}/{pid}/fd/{descriptor}", flags | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return (
            descriptor == 1 and error.errno == errno.ENXIO
        )  # a pipe nobody reads cannot be opened for writing
    try:
        poll = select.poll()
        poll.register(fd, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
    finally:
        os.close(fd)


def socket_company(
    pid: int, sockets: Mapping[int, int], everyone: Descriptors, company: Iterable[int]
) -> Ternary:
    """Whether any unix socket of a process is connected to one that somebody outside `company` holds."""
    opened = tables.current().descriptors(pid)
    if not opened or not sockets:
        return "unknown"
    links = (link for link in opened.values() if link.startswith("socket:"))
    ends = {sockets.get(inode(link), 0) for link in links} - {0}
    if not ends:
        return "no"
    who = everyone.holders()
    own = set(company)
    if any(who.of(end) - own for end in ends):
        return "yes"
    seen = all(end in who.found for end in ends)
    return "no" if seen and everyone.heirs_seen(pid) else "unknown"


__all__ = [
    "Descriptors",
    "Holders",
    "far_end",
    "inode",
    "socket_company",
    "sockets_of",
    "unix_peers",
    "unix_waiting",
]
