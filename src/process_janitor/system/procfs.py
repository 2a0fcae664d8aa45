"""The Linux process table, read straight from /proc: the kernel's 14 us a file is the floor, psutil costs 3-4 times it.

Every reader answers None for a process that is gone or may not be read; no answer is ever guessed.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = "/proc"
_STAT_MAX = 4096
_CHUNK = 16384
_CMDLINE_MAX = 256 * 1024
_COUNTERS_MAX = 1 << 20
_LISTINGS_MAX = 4
_READING = os.O_RDONLY | os.O_CLOEXEC


def unusable() -> str:
    """Why nothing can be learnt from /proc here, "" when it can."""
    if foreign():
        return "/proc shows another pid namespace than the one this runs in (a sandbox without a /proc of its own)"
    return "" if os.path.exists(f"{PROC}/self/stat") else "this system has no /proc"


def available() -> bool:
    return not unusable()


def foreign() -> bool:
    """Whether there is a /proc, and its numbers are not ours: `unshare --pid` without a mount, some sandboxes.

    Signals and handles then count in our namespace, the table in another one: each number names two processes.
    """
    try:
        own = os.readlink(f"{PROC}/self")
    except OSError:
        # One of a namespace that we are not in has no number for us, and no link.
        return os.path.exists(f"{PROC}/stat")
    if own != str(os.getpid()):
        return True
    # By chance we may have the same number in both. NSpid has one for each namespace from the table's down to ours.
    status = read(f"{PROC}/self/status", _CHUNK) or b""
    numbers = status.partition(b"\nNSpid:")[2].partition(b"\n")[0].split()
    return len(numbers) > 1


def read(path: str, limit: int = _STAT_MAX) -> bytes | None:
    """At most `limit` bytes of a /proc file, None when it is gone or forbidden.

    Raises OSError when it is we who cannot read (no descriptor or memory left): that must not look like an empty
    machine, on which every session would be dead.
    """
    try:
        fd = os.open(path, _READING)
    except (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError):
        return None
    try:
        # Asking for megabytes at once would allocate them for every process of the table. A short read is not the end:
        # tables such as net/tcp come in whole lines, a page at most.
        data = os.read(fd, min(limit, _CHUNK))
        while data and len(data) < limit:
            more = os.read(fd, _CHUNK)
            if not more:
                break
            data += more
    except (ProcessLookupError, PermissionError, IsADirectoryError):
        return None
    finally:
        os.close(fd)
    return data[:limit]


def process(pid: int) -> Process | None:
    """One row of the table, now."""
    return _row(pid, f"{PROC}/{pid}", None)


def _row(pid: int, directory: str, inside: int | None) -> Process | None:
    """`directory` is the process's own; a name alone is one of the directory that is open as `inside`."""
    try:
        fd = os.open(f"{directory}/stat", _READING, dir_fd=inside)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        # Only the directory always belongs to the process's user. The files of one that may not be dumped are root's,
        # and that is the root of the user namespace it was started in, which may be anybody here, this user included:
        # no answer of the cheaper fstat proves that the directory need not be asked.
        return _parsed(pid, os.read(fd, _STAT_MAX), os.stat(directory, dir_fd=inside).st_uid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    finally:
        os.close(fd)


# After the name: state is the first of them, rss the last.
_FIELDS_USED = 22


def _parsed(pid: int, data: bytes, uid: int) -> Process | None:
    # The name is in parentheses and may itself hold parentheses, blanks and newlines: the last one closes it.
    left, right = data.find(b"("), data.rfind(b")")
    fields = data[right + 2 :].split(None, _FIELDS_USED)
    if left < 0 or len(fields) < _FIELDS_USED:
        return None
    state = fields[0].decode("ascii", "replace")
    return Process(
        pid,
        int(fields[1]),
        int(fields[2]),
        int(fields[3]),
        int(fields[4]),
        int(fields[19]),
        state,
        data[left + 1 : right].decode("utf-8", "replace"),
        uid,
        int(fields[11]) + int(fields[12]),
        int(fields[21]),
        state in "ZX" and _all_threads_gone(pid),
    )


def _all_threads_gone(pid: int) -> bool:
    """A zombie leader with running threads is alive; its pidfd then stays silent."""
    import select

    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # cannot tell; a zombie taken for alive does no harm
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))
    finally:
        os.close(fd)


def pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def table() -> dict[int, Process]:
    """The whole process table."""
    return {row.pid: row for row in rows()}


def rows() -> Iterator[Process]:
    """Every process, each read when it is asked for.

    Whoever is born while it is read is looked for again, so that a process which forks and ends all the time (its child
    born after the listing, itself gone before its turn) does not slip through every time.
    """
    known: set[str] = set()
    # To thousands of files the way from here is shorter.
    inside = os.open(PROC, _READING | os.O_DIRECTORY)
    try:
        for _ in range(_LISTINGS_MAX):
            started = _ever_started()
            born = [name for name in os.listdir(PROC) if name not in known and name.isdigit()]
            known.update(born)
            for name in born:
                row = _row(int(name), name, inside)
                if row is not None:
                    yield row
            if not born or (started >= len(known) and started == _ever_started()):
                break
    finally:
        os.close(inside)


def _ever_started() -> int:
    """How many processes this kernel has started, in all namespaces; 0 where that is not said.

    While it stays the same nobody is born, and to ask costs a fiftieth of another listing. Where a number stands there that
    means nothing (gVisor, WSL 1) it is smaller than what is listed.
    """
    _, _, rest = (read(f"{PROC}/stat", _COUNTERS_MAX) or b"").partition(b"\nprocesses ")
    number = rest.partition(b"\n")[0]
    return int(number) if number.isdigit() else 0


def argv(pid: int) -> tuple[str, ...] | None:
    """The command's words; () for kernel threads and zombies."""
    data = read(f"{PROC}/{pid}/cmdline", _CMDLINE_MAX)
    if data is None:
        return None
    words = data.decode("utf-8", "replace").split("\0")
    if words and not words[-1]:
        words.pop()
    return tuple(words)


def link(pid: int | str, name: str) -> str | None:
    """Where /proc/PID/NAME leads (`exe`, `cwd`, `fd/0`, `ns/pid`)."""
    try:
        return os.readlink(f"{PROC}/{pid}/{name}")
    except OSError:
        return None


def descriptors(pid: int) -> dict[str, str] | None:
    """Each open descriptor of a process and where it leads, "" where that could not be had (any more); {} when the
    process is gone. None when we may not look: that is not to be taken for "holds nothing".
    """
    directory = f"{PROC}/{pid}/fd"
    try:
        names = os.listdir(directory)
    except PermissionError:
        return None
    except OSError:
        return {}
    found = {}
    for name in names:
        try:
            found[name] = os.readlink(f"{directory}/{name}")
        except OSError:
            found[name] = ""
    return found


def namespace(pid: int | str) -> int:
    """The inode of a process's pid namespace (`self`: our own), 0 when it may not be read."""
    target = link(pid, "ns/pid") or ""
    number = target[5:-1]
    return int(number) if target.startswith("pid:[") and number.isdigit() else 0


def cgroup(pid: int) -> str:
    """The process's cgroup path: systemd's own hierarchy where there is one (cgroup v1), else the unified one.

    On a machine of the old kind the unified path is there as well, and may be "/" for everybody.
    """
    data = read(f"{PROC}/{pid}/cgroup", 65536) or b""
    unified = ""
    for line in data.decode("utf-8", "replace").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "name=systemd":
            return path
        if number == "0":
            unified = path
    return unified


def children(pid: int) -> list[int]:
    """The children of every thread of a process; needs no look at the rest of the table."""
    found: list[int] = []
    try:
        threads = os.listdir(f"{PROC}/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        data = read(f"{PROC}/{pid}/task/{thread}/children", 1 << 20)
        if data:
            found.extend(map(int, data.split()))
    return found


def demand(pid: int) -> float | None:
    """Seconds a process has run or waited for its turn to run; None where the kernel keeps no such account.

    On an overloaded machine a spinning process runs little, but it wants to run all the time.
    """
    data = read(f"{PROC}/{pid}/schedstat")
    words = data.split() if data else []
    return (int(words[0]) + int(words[1])) / 1e9 if len(words) >= 2 else None


__all__ = [
    "argv",
    "available",
    "cgroup",
    "children",
    "demand",
    "descriptors",
    "foreign",
    "link",
    "namespace",
    "pids",
    "process",
    "read",
    "rows",
    "table",
    "unusable",
]
