"""This boot, this pid namespace, and a handle on a process that cannot come to mean another one."""

from __future__ import annotations

import os

from process_janitor.core.model import Identity
from process_janitor.system import procfs


def boot_id() -> str:
    """The kernel's random id of this boot, "" where it cannot be had (then nothing is proven, so nothing is killed)."""
    data = procfs.read("/proc/sys/kernel/random/boot_id")
    if data:
        return data.decode("ascii", "replace").strip()
    return _boot_session()


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


def open_pidfd(identity: Identity) -> int | None:
    """A pidfd of exactly that process, None when it is gone or its pid is now another's. Raises OSError.

    Opened first and checked after: once open it can only mean the process that was there, so a pid that is reused
    between the two is noticed here and a later reuse cannot matter.
    """
    try:
        fd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None  # any other refusal (no descriptor left, an old kernel) says nothing about the process
    row = procfs.process(identity.pid)
    if row is None or row.start != identity.start or row.dead:
        os.close(fd)
        return None
    return fd


__all__ = ["boot_id", "host_name", "identify", "open_pidfd", "pid_namespace"]
