"""What this machine can do: see processes, hold on to one, tell the time."""

from __future__ import annotations

import os
import select
import shutil
import time

from process_janitor.core.units import age
from process_janitor.faces.doctor import Check
from process_janitor.system import client_files, clock, files, identity, procfs, tables, tmux
from process_janitor.system.marks import marks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.faces.doctor import Ward

# The oldest client that this plugin is tested with.
_OLDEST_CLIENT = (2, 1, 197)
_SUSPENDED_SECONDS = 60.0
_FUTURE_SECONDS = 120.0


def processes(ward: Ward) -> Iterator[Check]:
    del ward
    asked = tables.current()
    unusable = asked.unusable()
    if unusable:
        yield Check(
            "processes", "broken", f"{unusable}: nothing can be examined, nothing is ended",
            "give the sandbox its own /proc" if procfs.foreign() else "use it on Linux; on macOS it needs psutil, see libraries",
        )  # fmt: skip
        return
    table = tables.everyone()
    own = [p for p in table.values() if p.uid == os.geteuid() and not p.dead and p.rss]
    unread = sum(marks_of(p.pid) is None and asked.process(p.pid) is not None for p in own)
    if not asked.complete():
        yield Check(
            "processes", "warning", f"{len(table)} processes, as psutil tells them; nobody tells who uses what they hold",
            "nothing is ended by itself here; process-janitor scan shows what looks left over",
        )  # fmt: skip
    elif 1 not in table:
        yield Check(
            "processes", "warning", f"{len(table)} processes are visible, the first one is not: /proc hides other users' (hidepid)",
            "nothing is wrong for your own processes; a parent of another user is not seen",
        )  # fmt: skip
    elif unread:
        yield Check(
            "processes", "warning", f"{len(table)} processes; {unread} of yours cannot be looked into and are left alone",
            "process-janitor scan names them",
        )  # fmt: skip
    else:
        yield Check("processes", "ok", f"{len(table)} processes, {len(own)} of them yours")


def handles(ward: Ward) -> Iterator[Check]:
    del ward
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        if not hasattr(os, "pidfd_open") and hasattr(select, "kqueue"):
            yield Check(
                "pidfd", "warning", "there are none: a process is signalled by its number, compared right before",
                "only `run` with a selection does that; nothing is ended by itself",
            )  # fmt: skip
            return
        yield Check(
            "pidfd", "broken", f"a process cannot be held on to ({error}): nothing is ever signalled",
            "use Linux 5.3 or newer, and a sandbox that allows pidfd_open",
        )  # fmt: skip
    else:
        yield Check("pidfd", "ok", "a process can be held on to, so that no reused number is hit")


def clocks(ward: Ward) -> Iterator[Check]:
    boot = identity.boot_id()
    if not boot:
        yield Check(
            "boot id", "broken", "the kernel does not tell which boot this is: no death can be proven",
            "make /proc/sys/kernel/random/boot_id readable",
        )  # fmt: skip
        return
    slept = clock.ticks() / clock.ticks_per_second() - clock.monotonic()
    asleep = (
        f"; {age(slept)} asleep since, which counts for nothing"
        if slept >= _SUSPENDED_SECONDS
        else ""
    )
    yield Check(
        "boot id", "ok", f"{boot}, pid namespace {identity.pid_namespace() or 'unknown'}{asleep}"
    )
    ahead = _newest(ward.root) - time.time()
    if ahead > _FUTURE_SECONDS:
        yield Check(
            "clock", "warning", f"files here were written {age(ahead)} in the future: the clock was set back",
            "nothing is ended by the clock; times shown may be wrong until it has caught up",
        )  # fmt: skip


def _newest(root: str) -> float:
    newest = 0.0
    for name in ("journal.jsonl", "registry.changed", "watcher"):
        try:
            newest = max(newest, os.lstat(os.path.join(root, name)).st_mtime)
        except OSError:
            continue
    return newest


def comforts(ward: Ward) -> Iterator[Check]:
    """What is not needed and makes something better."""
    del ward
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    pressure = os.path.exists("/proc/pressure/memory")
    spaces = (procfs.read("/proc/sys/user/max_user_namespaces") or b"0").strip() not in (b"0", b"")
    program = shutil.which("tmux")
    found = [
        f"cgroups {'v2' if unified else 'v1 or none'}",
        f"memory pressure {'told' if pressure else 'not told'}",
        f"user namespaces {'on' if spaces else 'off'}",
        f"tmux {program or 'not installed'}",
    ]
    yield Check("capabilities", "ok", ", ".join(found))


def silent_terminals(ward: Ward) -> Iterator[Check]:
    """Of a tmux server that does not answer nobody knows the panes: none is named as left over, and no session by its."""
    del ward
    for path in tmux.ask(tables.everyone(), os.geteuid(), os.environ).silent:
        yield Check(
            "tmux", "warning", f"the server at {path} does not answer: its windows are not named",
            "if it stays so, the server is stopped or hangs; no process is judged otherwise for it",
        )  # fmt: skip


def clients(ward: Ward) -> Iterator[Check]:
    """Which Claude Code was seen here."""
    seen = set(client_files.versions(ward.config_dir))
    installed = shutil.which("claude")
    where = f"claude is {installed}" if installed else "no claude on PATH"
    if not seen:
        yield Check("Claude Code", "ok", f"{where}; no session has left its version here yet")
        return
    names = ", ".join(sorted(seen, key=_numbers))
    old = [version for version in seen if _numbers(version) < _OLDEST_CLIENT]
    if old:
        tested = ".".join(map(str, _OLDEST_CLIENT))
        yield Check(
            "Claude Code", "warning", f"versions seen: {names}; {where}",
            f"update it: nothing before {tested} is tested",
        )  # fmt: skip
    else:
        yield Check("Claude Code", "ok", f"versions seen: {names}; {where}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdecimal())


def room(ward: Ward) -> Iterator[Check]:
    """A full disk loses records, and a lost record is a missed leftover."""
    at = ward.root
    while not os.path.exists(at):
        at = os.path.dirname(at)
    probe = os.path.join(at, f".process-janitor-{os.getpid()}")
    if os.path.realpath(at) != os.path.realpath(ward.root):
        # Nothing is written where nothing was before.
        free = shutil.disk_usage(at).free
        if not os.access(at, os.W_OK) or not free:
            yield Check(
                "room", "broken", f"{at} cannot be written to",
                "make room, or let PROCESS_JANITOR_HOME name a directory of yours",
            )  # fmt: skip
        return
    try:
        files.write_text(probe, "x" * 4096)
        files.remove(probe)
    except OSError as error:
        yield Check(
            "room", "broken", f"{at} cannot be written to: {error.strerror}",
            "make room, or let PROCESS_JANITOR_HOME name a directory of yours",
        )  # fmt: skip


QUESTIONS = (processes, handles, clocks, comforts, silent_terminals, clients, room)

__all__ = ["QUESTIONS", "silent_terminals"]
