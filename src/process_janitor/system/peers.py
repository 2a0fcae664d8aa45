"""Who holds the other end of a pipe or socket: the strongest evidence that a stdio server is in use, or is not.

Pipes are found by their inode in the descriptors of this user's processes; connected unix sockets through the kernel's
own socket list (NETLINK_SOCK_DIAG), which names each socket's peer.
"""

from __future__ import annotations

import _socket
import os
import struct

from process_janitor.system import procfs

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
_ALL_STATES = 0xFFFFFFFF


def unix_peers() -> dict[int, int] | None:
    """Inode -> inode of the socket it is connected to (0: none), for every unix socket; None if the kernel won't say."""
    link = None
    try:
        # `socket` is 1.5 MB on top of its C half, in a watcher that may weigh 6 in all.
        link = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
        link.settimeout(2.0)
        body = struct.pack("=BBHIIIII", _socket.AF_UNIX, 0, 0, _ALL_STATES, 0, _SHOW_PEER, 0, 0)
        head = struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
        link.send(head + body)
        return _replies(link)
    except OSError:
        return None
    finally:
        if link is not None:
            link.close()


def _replies(link: _socket.socket) -> dict[int, int] | None:
    found: dict[int, int] = {}
    while True:
        data = link.recv(1 << 18)
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return found
            if kind == _ERROR or length < 16:
                return None
            inode = struct.unpack_from("=I", data, at + 20)[0]
            found[inode] = _peer(data, at + 32, at + length)
            at += (length + 3) & ~3


def _peer(data: bytes, at: int, end: int) -> int:
    while at + 4 <= end:
        size, kind = struct.unpack_from("=HH", data, at)
        if kind == _ATTRIBUTE_PEER and size >= 8:
            return int(struct.unpack_from("=I", data, at + 4)[0])
        at += max(4, (size + 3) & ~3)
    return 0


def inode(link: str) -> int:
    """The number in `pipe:[N]` or `socket:[N]`, 0 for anything else."""
    kind, _, number = link.partition(":[")
    return int(number[:-1]) if kind in ("pipe", "socket") and number[:-1].isdigit() else 0


def holders(pids: Iterable[int], wanted: Iterable[int]) -> dict[int, set[int]] | None:
    """Inode -> pids that hold a descriptor of it, among `wanted` inodes.

    None as soon as one of the processes may not be looked into: then nothing can be said to be held by nobody.
    """
    names = {f"{kind}:[{number}]": number for number in wanted for kind in ("pipe", "socket")}
    found: dict[int, set[int]] = {}
    for pid in pids:
        directory = f"{procfs.PROC}/{pid}/fd"
        try:
            descriptors = os.listdir(directory)
        except PermissionError:
            return None
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                number = names.get(os.readlink(f"{directory}/{descriptor}"))
            except OSError:
                continue
            if number is not None:
                found.setdefault(number, set()).add(pid)
    return found


def far_ends(
    links: Mapping[int, str], everyone: Iterable[int], company: Iterable[int]
) -> dict[int, Ternary]:
    """For each key, whether somebody outside `company` holds the other end of the descriptor its link names.

    `links` are readings of /proc/PID/fd/N. Anything but a pipe or a connected socket has no other end: `unknown`.
    """
    own = set(company)
    sockets = (
        (unix_peers() or {}) if any(link.startswith("socket:") for link in links.values()) else {}
    )
    ends: dict[int, int | None] = {}
    for key, link in links.items():
        number = inode(link)
        if number:
            ends[key] = sockets.get(number) if link.startswith("socket:") else number
    held = holders(everyone, {end for end in ends.values() if end})
    answers: dict[int, Ternary] = {}
    for key in links:
        end = ends.get(key)
        if end is None:
            answers[key] = "unknown"
        elif end == 0:
            answers[key] = "no"
        else:
            answers[key] = "unknown" if held is None else _somebody(held, end, own)
    return answers


def _somebody(held: Mapping[int, set[int]], number: int, own: set[int]) -> Ternary:
    return "yes" if held.get(number, set()) - own else "no"


def socket_company(pid: int, everyone: Iterable[int], company: Iterable[int]) -> Ternary:
    """Whether any unix socket of a process is connected to one that somebody outside `company` holds."""
    peers = unix_peers()
    try:
        names = os.listdir(f"{procfs.PROC}/{pid}/fd")
    except OSError:
        return "unknown"
    if peers is None:
        return "unknown"
    links = (procfs.link(pid, f"fd/{name}") or "" for name in names)
    far = {peers.get(inode(link), 0) for link in links if link.startswith("socket:")} - {0}
    held = holders(everyone, far) if far else {}
    if held is None:
        return "unknown"
    own = set(company)
    return "yes" if any(held.get(number, set()) - own for number in far) else "no"


__all__ = ["far_ends", "holders", "inode", "socket_company", "unix_peers"]
