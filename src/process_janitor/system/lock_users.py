"""Who may be using what a lock protects: the clients of a configuration directory, git in a working tree, a browser."""

from __future__ import annotations

import os

from process_janitor.core import client_shapes
from process_janitor.system import identity, procfs, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from process_janitor.core.ties import Ties
    from process_janitor.system.mounts import Mounts

_UNIX_MAX = 64 << 20


def shared(ties: Ties) -> bool:
    """Whether a session of another host or container, not known to be over, uses this configuration directory."""
    owners = ties.owners
    return any(
        owners.presence[one.owner] == "elsewhere" and not one.over and not one.ended_reason
        for one in owners.sessions
    )


def our_domain(domain: str) -> bool:
    """Whether a `pidDomain` is the one our process table is of."""
    return identity.pid_domain(domain) == ("", identity.pid_namespace())


def clients(ties: Ties, config_dir: str, *, default: bool) -> tuple[int, ...]:
    """Living clients that may be using this configuration directory. Whatever cannot be told counts.

    Also those that no register names, under whatever name they run; another user's, when that is root.
    """
    found = set()
    for process in ties.snapshot.processes.values():
        if process.dead or process.uid not in (0, ties.snapshot.uid):
            continue
        if process.pid not in ties.owners.live and not client_shapes.is_claude(
            process.comm,
            tables.current().argv(process.pid) or (),
            tables.current().link(process.pid, "exe") or "",
        ):
            continue
        marks = ties.snapshot.marks.get(process.pid)
        if marks is None:
            found.add(process.pid)
        elif not marks.config_dir:
            found.update((process.pid,) if default else ())
        elif os.path.realpath(marks.config_dir) == config_dir:
            found.add(process.pid)
    return tuple(sorted(found))


def directories(
    ties: Ties, mounts: Mounts, limit: int, *, over: bool = False
) -> Iterator[tuple[str, str]]:
    """(directory, session id) of the sessions this host knows, each directory once; `over`: whose process is gone.

    None on a file system of other hosts: nothing in there could be proven, and a server that is away would hang us.
    """
    known = set()
    for session in ties.owners.sessions:
        where = ties.owners.presence[session.owner]
        wanted = ("gone", "rebooted") if over else ("gone", "rebooted", "live")
        if where in wanted and session.cwd.startswith("/") and session.cwd not in known:
            known.add(session.cwd)
            if len(known) > limit:
                return
            if not mounts.remote(os.path.normpath(session.cwd)):
                yield session.cwd, session.session_id


def git_users(ties: Ties, places: Collection[str]) -> tuple[int, ...]:
    """Processes that may be at work in a repository: any git in there, and whatever a living session runs in there.

    A git whose directory cannot be read may be in there; so may one in a container, where a place has another name.
    """
    found = []
    names = procfs.link(os.getpid(), "ns/mnt")
    for process in ties.snapshot.processes.values():
        git = process.comm.startswith("git")
        if process.dead or not (git or ties.holder.get(process.pid)):
            continue
        cwd = procfs.link(process.pid, "cwd")
        if cwd is None or (git and procfs.link(process.pid, "ns/mnt") != names):
            found += [process.pid] if git else []
        elif any(_inside(cwd, place) for place in places):
            found.append(process.pid)
    return tuple(found)


def profile_users(ties: Ties, directory: str) -> tuple[int, ...]:
    """Processes with this profile on their command line."""
    return tuple(
        process.pid
        for process in ties.snapshot.processes.values()
        if process.uid == ties.snapshot.uid
        and not process.dead
        and any(directory in word for word in tables.current().argv(process.pid) or ())
    )


def bound_sockets() -> set[str]:
    """The paths of the unix sockets that somebody holds open."""
    data = procfs.read(f"{procfs.PROC}/net/unix", _UNIX_MAX) or b""
    rows = (line.split(None, 7) for line in data.decode("utf-8", "surrogateescape").splitlines())
    return {row[7] for row in rows if len(row) > 7}


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


__all__ = [
    "bound_sockets", "clients", "directories", "git_users", "our_domain", "profile_users", "shared",
]  # fmt: skip
