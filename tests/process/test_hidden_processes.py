"""/proc may hide a living process from its own user (hidepid, a process that may not be dumped): that proves no death."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from process_janitor.core.model import Identity
from process_janitor.system import clock, identity, peers, procfs
from tests.namespaced import namespaced
from tests.world import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

case = pytest.mark.case
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="platform: only root can be somebody else"),
]
NOBODY = 65534


def become_nobody() -> None:
    """What changes its user may not be dumped any more, until it runs another program."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def as_nobody(question: Callable[[], bool]) -> bool:
    """The answer that an ordinary user gets."""
    asker = os.fork()
    if asker == 0:
        code = 2
        try:
            become_nobody()
            code = 0 if question() else 1
        finally:
            os._exit(code)
    answer = os.waitstatus_to_exitcode(os.waitpid(asker, 0)[1])
    assert answer in (0, 1)
    return answer == 0


def hidden() -> Identity:
    """A living child that its own user does not find in /proc."""
    subprocess.run(["mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"], check=True)
    ready, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become_nobody()
            os.write(say, b"1")
            signal.pause()
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"1"
    row = procfs.process(pid)
    assert row is not None
    assert as_nobody(lambda: procfs.process(pid) is None)
    return Identity(row.pid, row.start)


def refused(who: Identity) -> bool:
    """Whether a handle is refused, which is not the same as that there is no such process."""
    try:
        return identity.open_pidfd(who) is not None
    except PermissionError:
        return True


@case("P1", "a living client that /proc hides from its own user (hidepid, not dumpable)", "keep")
@namespaced
def test_a_client_that_proc_hides_is_not_gone() -> None:
    who = hidden()
    assert as_nobody(lambda: not identity.proven_gone(who, who.start + 1))
    assert as_nobody(lambda: refused(who))
    os.kill(who.pid, signal.SIGKILL)
    os.waitpid(who.pid, 0)


@namespaced
def test_a_client_that_proc_hid_is_gone_once_it_has_ended() -> None:
    who = hidden()
    os.kill(who.pid, signal.SIGKILL)
    wait_until(lambda: (row := procfs.process(who.pid)) is not None and row.dead, what="it is dead")
    # Not waited for yet: its number is still its own, and only the kernel's handle tells.
    assert as_nobody(lambda: identity.proven_gone(who, who.start + 1))
    assert as_nobody(lambda: identity.open_pidfd(who) is None)
    os.waitpid(who.pid, 0)
    assert as_nobody(lambda: identity.proven_gone(who, who.start + 1))


_SET_DUMPABLE = 4  # PR_SET_DUMPABLE


def nobodys(*, dumpable: bool, holds: socket.socket | None = None) -> int:
    """A process of an ordinary user. One that may not be dumped (ssh-agent, (sd-pam)) may be looked into by root alone."""
    ready, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become_nobody()
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, int(dumpable), 0, 0, 0)
            os.write(say, b"1")
            signal.pause()
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"1"
    if holds is not None:
        holds.close()
    return pid


@case("M48", "a hung client on a desktop with an agent that nobody can look into", "reap")
@pytest.mark.parametrize("agent", ["none", "older", "younger"])
@namespaced
def test_an_agent_older_than_a_client_holds_none_of_its_sockets(agent: str) -> None:
    """With an ssh-agent about, "nobody can reach this client" could not be said of any, and none was ever ended."""
    others = [nobodys(dumpable=False)] if agent == "older" else []
    now = clock.ticks()
    wait_until(lambda: clock.ticks() > now, what="the next tick: of two in one none is the older")
    ours, theirs = socket.socketpair()
    client, server = nobodys(dumpable=True, holds=ours), nobodys(dumpable=True, holds=theirs)
    others += [nobodys(dumpable=False)] if agent == "younger" else []
    rows = [procfs.process(pid) for pid in (client, server, *others)]
    started = {row.pid: row.start for row in rows if row is not None}
    assert len(started) == len(rows)
    sockets = peers.unix_peers()
    assert sockets is not None

    def reached() -> str:
        everyone = peers.Descriptors(started)
        return peers.socket_company(client, sockets, everyone, {client, server})

    expected = "unknown" if agent == "younger" else "no"
    assert as_nobody(lambda: reached() == expected)
