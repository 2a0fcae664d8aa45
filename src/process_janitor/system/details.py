"""What is read of the few processes a decision is about: command, directory, cgroup, the far end of stdin, ports."""

from __future__ import annotations

from process_janitor.core.model import Detail
from process_janitor.system import peers, ports, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from process_janitor.core.model import Process, Ternary


def details(
    processes: Mapping[int, Process], wanted: Collection[int], leftovers: Collection[int], uid: int
) -> dict[int, Detail]:
    """The details of `wanted`; `leftovers` are the ones that may only have each other for company."""
    own = [
        pid
        for pid in wanted
        if pid in processes and processes[pid].uid == uid and not processes[pid].dead
    ]
    links = {pid: procfs.link(pid, "fd/0") or "" for pid in own}
    channels = {pid: link for pid, link in links.items() if pid in set(leftovers)}
    everyone = [p.pid for p in processes.values() if p.uid == uid and not p.dead]
    stdin = peers.stdin_peers(channels, everyone, leftovers) if channels else {}
    served = (
        ports.listening({pid for pid in leftovers if pid in links}, everyone, set(leftovers))
        if leftovers
        else {}
    )
    return {
        pid: _detail(pid, links[pid], stdin.get(pid, "unknown"), served.get(pid)) for pid in own
    }


def _detail(pid: int, stdin: str, stdin_peer: Ternary, served: ports.Served | None) -> Detail:
    argv = procfs.argv(pid)
    namespace = procfs.namespace(pid)
    return Detail(
        argv=argv or (),
        exe=procfs.link(pid, "exe") or "",
        cwd=procfs.link(pid, "cwd") or "",
        cgroup=procfs.cgroup(pid),
        pid_namespace=namespace,
        stdin_peer=stdin_peer,
        stdin=stdin,
        stdout=procfs.link(pid, "fd/1") or "",
        terminal_hung_up=_hung_up(stdin),
        serving=served.serving if served is not None else "no",
        ports=served.ports if served is not None else (),
        unreadable=tuple(
            name for name, bad in (("cmdline", argv is None), ("namespace", not namespace)) if bad
        ),
    )


def _hung_up(stdin: str) -> Ternary:
    """A terminal whose other side is closed shows as `/dev/pts/N (deleted)`."""
    if not stdin.startswith("/dev/pts/"):
        return "unknown"
    return "yes" if stdin.endswith(" (deleted)") else "no"


__all__ = ["details"]
