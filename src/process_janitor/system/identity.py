"""This boot, this pid namespace, and a handle on a process that cannot come to mean another one."""

from __future__ import annotations

import errno
import os
import time

from process_janitor.core.model import Identity
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.system import clock, procfs, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Process


def boot_id() -> str:
    """The kernel's id of this boot, "" where it cannot be had (then nothing is proven, so nothing is killed).

    In a time namespace the kernel shows everybody's start ticks, and our clocks, shifted: what is written there compares
    with nothing outside. The shift is made part of the id, `<id>+<monotonic>+<boottime>`.
    """
    data = procfs.read(f"{procfs.PROC}/sys/kernel/random/boot_id")
    if data:
        return data.decode("ascii", "replace").strip() + _clock_shift()
    return _darwin_boot() or tables.current().boot_session()


def _clock_shift() -> str:
    """The offsets of our time namespace, "" where there are none. Its inode would not do: it is given out again."""
    lines = (
        (procfs.read(f"{procfs.PROC}/self/timens_offsets") or b"")
        .decode("ascii", "replace")
        .splitlines()
    )
    shifts = [".".join(line.split()[1:]) for line in lines]
    return "".join(f"+{shift}" for shift in shifts) if {*shifts} - {"0.0"} else ""


def time_namespace(pid: int) -> str:
    """The time namespace of a process as /proc names it, "" when it is gone, may not be read, or there are none."""
    return procfs.link(pid, "ns/time") or ""


_darwin_boots: list[str] = []


def _darwin_boot() -> str:
    """The name that macOS gives each boot, "" elsewhere; asked once, for the answer takes a program."""
    if not _darwin_boots and hasattr(os, "uname") and os.uname().sysname == "Darwin":
        import subprocess

        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=5,
        )  # fmt: skip
        _darwin_boots.append(done.stdout.strip())
    return _darwin_boots[0] if _darwin_boots else ""


def pid_namespace() -> int:
    """The inode of our pid namespace; a constant where the system has none, so that records still compare."""
    # Not by our number: in a /proc of another namespace that is somebody else's.
    return procfs.namespace("self") or (0 if procfs.available() else 1)


def machine_id() -> str:
    """What systemd calls this machine, and Claude Code with it; "" where that is not written down (most containers)."""
    return (procfs.read("/etc/machine-id") or b"").decode("ascii", "replace").strip()


def pid_domain(said: str) -> tuple[str, int]:
    """The machine and the pid namespace that a `pidDomain` names: "" for this machine, or none; 0 for none that is one.

    Claude Code writes `linux:<machine id>:pid:[<namespace>]`. The first pid namespace has one number on every machine.
    """
    machine, _, number = said.removeprefix("linux:").rpartition(":pid:[")
    namespace = natural(number.removesuffix("]")) or 0
    return ("" if machine == machine_id() else machine), namespace


def host_name() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None when there is none of that pid."""
    row = tables.current().process(pid)
    if row is None or row.dead:
        return None
    return Identity(pid, row.start, boot_id(), pid_namespace())


def runs(pid: int, start: int) -> bool:
    """Whether the process of this pid and start tick (of this boot and namespace) still runs; a dead one that nobody has
    waited for does not.
    """
    row = tables.current().process(pid)
    return row is not None and row.start == start and not row.dead


def started_at(start: int) -> str:
    """When a process with this start began, by today's wall clock."""
    asked = tables.current()
    return clock.utc(time.time() - max(0, asked.ticks() - start) / asked.ticks_per_second())


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
    if procfs.foreign():
        raise OSError(errno.ENOSYS, procfs.unusable())
    if not hasattr(os, "pidfd_open"):
        raise OSError(errno.ENOSYS, "this system has no pidfds")
    try:
        fd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None  # any other refusal (no descriptor left, an old kernel) says nothing about the process
    found = None
    try:
        row = procfs.process(identity.pid)
        if row is None and not _ended(fd):
            raise PermissionError(errno.EPERM, f"/proc hides process {identity.pid}")
        if row is not None and row.start == identity.start and not row.dead:
            found = fd
    finally:
        if found is None:
            os.close(fd)
    return found


def proven_gone(owner: Identity, started: int) -> bool:
    """Whether no process of this identity can be running: asked of the kernel again, one process at a time.

    A table that misses a row proves little: with hidepid, /proc hides whatever its user may not trace, such as a client
    that may not be dumped. Gone is what ended, or whose pid another process was read to have. An owner known by its pid
    alone (start 0) is gone when what has its pid now started after its child (`started`) did.
    """
    if not usable_pid(owner.pid) or procfs.foreign():
        return False
    if not hasattr(os, "pidfd_open"):
        row = tables.current().process(owner.pid)
        if row is None:
            return tables.current().absent(owner.pid)
        return row.dead or _is_another(row, owner, started)
    try:
        fd = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        row = procfs.process(owner.pid)
        if row is None or row.dead:
            return _ended(fd)
        return _is_another(row, owner, started)
    finally:
        os.close(fd)


def _is_another(row: Process, owner: Identity, started: int) -> bool:
    return row.start != owner.start if owner.start else row.start > started


def _ended(fd: int) -> bool:
    """Whether the process of this pidfd has ended, waited for or not."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


__all__ = [
    "boot_id",
    "host_name",
    "identify",
    "lives",
    "machine_id",
    "open_pidfd",
    "pid_domain",
    "pid_namespace",
    "proven_gone",
    "runs",
    "started_at",
    "time_namespace",
]
