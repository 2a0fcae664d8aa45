"""This boot, this pid namespace, and a handle on a process that cannot come to mean another one."""

from __future__ import annotations

import os

from process_janitor.core.model import Identity, usable_pid
from process_janitor.system import procfs


def boot_id() -> str:
    """The kernel's random id of this boot, "" where it cannot be had (then nothing is proven, so nothing is killed).

    In a time namespace the kernel shows everybody's start ticks, and our clocks, shifted: what is written there compares
    with nothing outside. The shift is made part of the id, `<id>+<monotonic>+<boottime>`.
    """
    data = procfs.read("/proc/sys/kernel/random/boot_id")
    if data:
        return data.decode("ascii", "replace").strip() + _clock_shift()
    return _boot_session()


def _clock_shift() -> str:
    """The offsets of our time namespace, "" where there are none. Its inode would not do: it is given out again."""
    lines = (
        (procfs.read("/proc/self/timens_offsets") or b"").decode("ascii", "replace").splitlines()
    )
    shifts = [".".join(line.split()[1:]) for line in lines]
    return "".join(f"+{shift}" for shift in shifts) if {*shifts} - {"0.0"} else ""


def time_namespace(pid: int) -> str:
    """The time namespace of a process as /proc names it, "" when it is gone, may not be read, or there are none."""
    return procfs.link(pid, "ns/time") or ""


def _boot_session() -> str:
    """macOS: kern.bootsessionuuid."""
    if not hasattr(os, "uname") or os.uname().sysname != "Darwin":
        return ""
    import subprocess

    done = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
        capture_output=True,
        text=True,
        check=False,
        timeout=5,
    )
    return done.stdout.strip()


def pid_namespace() -> int:
    """The inode of our pid namespace; a constant where the system has none, so that records still compare."""
    return procfs.namespace(os.getpid()) or (0 if procfs.available() else 1)


def host_name() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None when there is none of that pid."""
    row = procfs.process(pid)
    if row is None or row.dead:
        return None
    return Identity(pid, row.start, boot_id(), pid_namespace())


def runs(pid: int, start: int) -> bool:
    """Whether the process of this pid and start tick (of this boot and namespace) still runs; a dead one that nobody has
    waited for does not.
    """
    row = procfs.process(pid)
    return row is not None and row.start == start and not row.dead


def lives(owner: Identity) -> bool:
    """Whether exactly this process runs: of this boot and this pid namespace, too."""
    return identify(owner.pid) == owner


def open_pidfd(identity: Identity) -> int | None:
    """A pidfd of exactly that process, None when it is gone or its pid is now another's. Raises OSError.

    Opened first and checked after: once open it can only mean the process that was there, so a pid that is reused
    between the two is noticed here and a later reuse cannot matter.
    """
    if not usable_pid(identity.pid):
        return None
    try:
        fd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None  # any other refusal (no descriptor left, an old kernel) says nothing about the process
    if not runs(identity.pid, identity.start):
        os.close(fd)
        return None
    return fd


def proven_gone(owner: Identity, started: int) -> bool:
    """Whether no process of this identity can be running: asked of the kernel again, one process at a time.

    A table that misses a row proves little. An owner known by its pid alone (start 0) is gone when what has its pid now
    started after its child (`started`) did.
    """
    if not usable_pid(owner.pid):
        return False
    try:
        fd = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        row = procfs.process(owner.pid)
        if row is None or row.dead:
            return True
        return row.start != owner.start if owner.start else row.start > started
    finally:
        os.close(fd)


__all__ = [
    "boot_id",
    "host_name",
    "identify",
    "lives",
    "open_pidfd",
    "pid_namespace",
    "proven_gone",
    "runs",
    "time_namespace",
]
