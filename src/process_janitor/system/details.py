"""What is read of the few processes a decision is about: command, directory, cgroup, far ends, ports, a CPU sample."""

from __future__ import annotations

import time

from process_janitor.core import client_shapes, shapes
from process_janitor.core.model import Detail
from process_janitor.system import local_clients, peers, ports, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from process_janitor.core.model import Ternary
    from process_janitor.core.tree import Tree

_SAMPLE_SECONDS = 0.2


def details(
    tree: Tree,
    wanted: Collection[int],
    company: Collection[int],
    leftovers: Collection[int],
    clients: Collection[int],
    uid: int,
) -> dict[int, Detail]:
    """The details of `wanted`, this user's only.

    Of `leftovers` it is asked who talks to them. What only one of `company` holds is held by nobody: they are about to
    go. `clients` are living claude processes, asked for whoever could still reach them.
    """
    processes = tree.processes
    own = {
        p for p in wanted if p in processes and processes[p].uid == uid and not processes[p].dead
    }
    everyone = peers.Descriptors(
        {p.pid: p.start for p in processes.values() if p.uid == uid and not p.dead}
    )
    loose = own.intersection(leftovers)
    asked = tables.current()
    stdin = {pid: asked.link(pid, "fd/0") or "" for pid in own}
    stdout = {pid: asked.link(pid, "fd/1") or "" for pid in own}
    told = peers.unix_peers() if loose or own.intersection(clients) else {}
    sockets = told or {}
    served = ports.listening(loose, sockets, everyone, company) if loose else {}
    used = local_clients.served(loose, told, everyone, company) if loose else set()
    found = {}
    for pid in own:
        port = served.get(pid)
        found[pid] = _detail(pid, stdin[pid], stdout[pid])._replace(
            stdin_peer=peers.far_end(pid, 0, sockets, everyone, company)
            if pid in loose
            else "unknown",
            stdout_peer=_reader(pid, stdin[pid], stdout[pid], sockets, everyone)
            if pid in loose
            else "unknown",
            serving="yes" if pid in used else port.serving if port is not None else "no",
            ports=port.ports if port is not None else (),
        )
    for pid in own.intersection(clients):
        found[pid] = _reach(found[pid], pid, tree, sockets, everyone)
    for pid, share in _cpu_shares(tree, found, clients).items():
        found[pid] = found[pid]._replace(cpu_share=share)
    return found


def _reader(
    pid: int, stdin: str, stdout: str, sockets: Mapping[int, int], everyone: peers.Descriptors
) -> Ternary:
    """Whether anybody at all is at the other end of a leftover's output: then it never led to the client, which is gone.

    Asked only of what takes no input from one.
    """
    if peers.inode(stdin) or not peers.inode(stdout):
        return "unknown"
    return peers.far_end(pid, 1, sockets, everyone, ())


def _detail(pid: int, stdin: str, stdout: str) -> Detail:
    asked = tables.current()
    argv = asked.argv(pid)
    namespace = asked.namespace(pid)
    unread = (("cmdline", argv is None), ("namespace", not namespace))
    return Detail(
        argv=argv or (),
        exe=asked.link(pid, "exe") or "",
        cwd=asked.link(pid, "cwd") or "",
        cgroup=asked.cgroup(pid),
        pid_namespace=namespace,
        stdin=stdin,
        stdout=stdout,
        terminal_hung_up=_hung_up(stdin, stdout),
        unreadable=tuple(name for name, bad in unread if bad),
    )


def _hung_up(stdin: str, stdout: str) -> Ternary:
    """A terminal whose other side is closed shows as `/dev/pts/N (deleted)`; output to anywhere else is still of use."""
    if not (stdin.startswith("/dev/pts/") and stdout.startswith("/dev/pts/")):
        return "unknown"
    return "yes" if stdin.endswith(" (deleted)") and stdout.endswith(" (deleted)") else "no"


def _reach(
    detail: Detail,
    pid: int,
    tree: Tree,
    sockets: Mapping[int, int],
    everyone: peers.Descriptors,
) -> Detail:
    """Whether anybody outside its own tree can still reach a client. Looked up only where it seems to be cut off."""
    process = tree.processes[pid]
    parent = tree.parent(process)
    adopted = parent is None or shapes.is_adopter(parent.pid, parent.comm)
    if detail.terminal_hung_up != "yes" and not adopted:
        return detail
    company = {pid, *tree.descendants(pid)}
    ends = peers.far_end(pid, 0, sockets, everyone, company)
    told = peers.far_end(pid, 1, sockets, everyone, company)
    linked = peers.socket_company(pid, sockets, everyone, company)
    return detail._replace(stdin_peer=ends, stdout_peer=told, socket_peer=linked)


def _cpu_shares(
    tree: Tree, found: Mapping[int, Detail], clients: Collection[int]
) -> dict[int, float]:
    """The CPU use of what may spin, between two samples: subshells of Bash calls, spares of the background daemon.

    Costs nothing where there are none.
    """
    suspects = [
        pid
        for pid, detail in found.items()
        if tree.processes[pid].state == "R"
        and not tree.children(pid)
        and (
            shapes.is_tool_subshell(pid, tree.processes[pid].sid, detail.argv)
            or (pid in clients and client_shapes.is_spare(detail.argv))
        )
    ]
    if not suspects:
        return {}
    asked = tables.current()
    before = {pid: (asked.process(pid), asked.demand(pid)) for pid in suspects}
    began = time.monotonic()
    time.sleep(_SAMPLE_SECONDS)
    spent = time.monotonic() - began
    shares = {}
    for pid, (first, earlier) in before.items():
        second, later = asked.process(pid), asked.demand(pid)
        if first is not None and second is not None and first.key == second.key:
            used = (second.cpu - first.cpu) / asked.ticks_per_second()
            shares[pid] = (used if earlier is None or later is None else later - earlier) / spent
    return shares


__all__ = ["details"]
