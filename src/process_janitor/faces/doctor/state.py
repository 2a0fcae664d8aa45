"""What is on disk and who keeps it: settings, keep rules, records, the watcher, the logs."""

from __future__ import annotations

import os
import stat
import time

from process_janitor.core.record import MalformedRecord
from process_janitor.core.redact import redact_text
from process_janitor.core.units import age, count
from process_janitor.faces import start
from process_janitor.faces.doctor import Check
from process_janitor.system import config, files, identity, lease, stamps
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.faces.doctor import Ward

_DAY_SECONDS = 86_400
_LISTED = 3
_WALKED_MAX = 20_000
_LOG_TAIL = 1 << 20


def settings(ward: Ward) -> Iterator[Check]:
    problems, warnings = ward.options.problems, ward.options.warnings
    for problem in problems:
        yield Check(
            "configuration", "broken", f"{problem}; the default counts instead",
            "process-janitor config check names the place; mend it there",
        )  # fmt: skip
    for warning in warnings:
        yield Check(
            "configuration",
            "warning",
            warning,
            "process-janitor config show lists the keys there are",
        )
    if not problems and not warnings:
        there = "" if os.path.exists(ward.config_path) else " (not there: defaults)"
        yield Check("configuration", "ok", f"{ward.config_path}{there}")


def keep_rules(ward: Ward) -> Iterator[Check]:
    rules, problem = config.load_keep_rules(ward.root)
    if problem:
        yield Check(
            "keep rules", "broken", f"{problem}; until it is mended nothing is judged and nothing is ended",
            "process-janitor keep --list shows the rules, keep --remove N takes a broken one out",
        )  # fmt: skip
    else:
        yield Check("keep rules", "ok", count(len(rules), "rule"))


def privacy(ward: Ward) -> Iterator[Check]:
    """0700 and 0600, ours: records name directories and commands, and plans name what may be ended."""
    if not os.path.isdir(ward.root):
        yield Check("state directory", "ok", f"{ward.root} (not there yet: nothing was registered)")
        return
    foreign: list[str] = []
    open_to_others: list[str] = []
    strange: list[str] = []
    for path in _walk(ward.root):
        info = os.lstat(path)
        if info.st_uid != os.geteuid():
            foreign.append(path)
        elif not stat.S_ISLNK(info.st_mode) and info.st_mode & 0o077:
            ours = stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)
            (open_to_others if ours else strange).append(path)

    def close() -> str:
        for path in open_to_others:
            _take_back(path)
        return f"made {count(len(open_to_others), 'path')} yours alone"

    if foreign:
        yield Check(
            "state directory", "broken", f"{foreign[0]} is not yours" + _more(foreign),
            f"give it back: sudo chown -R {os.geteuid()} {ward.root}",
        )  # fmt: skip
    if open_to_others:
        yield Check(
            "state directory", "warning", f"others may look into {open_to_others[0]}" + _more(open_to_others),
            "process-janitor doctor --fix closes it", close,
        )  # fmt: skip
    if strange:
        # To open one may wait for ever, or set a device going: nothing of ours is one, so nothing here touches it.
        yield Check(
            "state directory", "warning",
            f"others may use {strange[0]}, which is neither a file nor a directory" + _more(strange),
            "process-janitor did not make it and leaves it as it is: whoever did has to remove it",
        )  # fmt: skip
    if not foreign and not open_to_others and not strange:
        yield Check("state directory", "ok", f"{ward.root}, yours alone")


def _walk(root: str) -> Iterator[str]:
    """The directory and everything in it, links not followed, bounded."""
    yield root
    left = _WALKED_MAX
    for at, directories, names in os.walk(root):
        for name in (*directories, *names):
            left -= 1
            if left < 0:
                return
            yield os.path.join(at, name)


def _take_back(path: str) -> None:
    """Take everybody else's rights from a file or directory, and never from what a link leads to."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & 0o700)
    finally:
        os.close(fd)


def _more(found: list[str]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def records(ward: Ward) -> Iterator[Check]:
    registry = Registry(ward.root)
    sound, bad, unread = 0, [], []
    for path in registry.paths():
        try:
            registry.read(path)
            sound += 1
        except (files.Unfit, MalformedRecord) as error:
            bad.append(f"{path}: {error}")
        except FileNotFoundError:
            continue
        except OSError as error:
            unread.append(f"{path}: {error.strerror or error}")

    def set_aside() -> str:
        moved = registry.quarantine_malformed()
        return f"moved {count(len(moved), 'record')} to {registry.quarantine}"

    if unread:
        yield Check(
            "records", "broken", f"{count(len(unread), 'record')} cannot be read, and nobody watches what it names: {unread[0]}",
            "make it yours again, or look at what ails the disk; it stays where it is",
        )  # fmt: skip
    if bad:
        yield Check(
            "records", "warning", f"{sound} sound, {len(bad)} unusable: {bad[0]}",
            "the watcher moves them aside; process-janitor doctor --fix does so now", set_aside,
        )  # fmt: skip
    if not bad and not unread:
        yield Check("records", "ok", f"{count(sound, 'record')}, all sound")
    try:
        aside = sorted(os.listdir(registry.quarantine))
    except OSError:
        aside = []
    if aside:
        yield Check(
            "quarantine", "warning", f"{count(len(aside), 'record')} could not be believed: {', '.join(aside[:_LISTED])}",
            f"look at them and remove them: {registry.quarantine}",
        )  # fmt: skip


def watcher(ward: Ward) -> Iterator[Check]:
    boot = identity.boot_id()
    living = [entry for entry in Registry(ward.root).entries() if identity.lives(entry.owner)]
    held = lease.watching(ward.root)

    def begin() -> str:
        started = start.ensure_watcher(ward.root)
        return "started it" if started else "it is at work by now"

    if held is None and living:
        yield Check(
            "watcher", "broken", f"none runs, though {count(len(living), 'session')} should be watched",
            "the next turn of any of them starts it; process-janitor doctor --fix does so now", begin,
        )  # fmt: skip
        return
    if held is None:
        yield Check("watcher", "ok", "none runs; none is needed while no session does")
        return
    limit = config.heartbeat_limit(ward.options)
    beats = [stamps.read(ward.root, e.record["session_id"], boot).heartbeat_ago for e in living]
    oldest = max((beat for beat in beats if beat is not None), default=None)
    if oldest is not None and oldest > limit:
        yield Check(
            "watcher", "warning", f"process {held.key[0]} runs, but its last heartbeat is {age(oldest)} old",
            "it is stopped or hangs; the next turn of any session replaces it, process-janitor doctor --fix does so now",
            begin,
        )  # fmt: skip
    else:
        beat = f", last heartbeat {age(oldest)} ago" if oldest is not None else ""
        yield Check(
            "watcher", "ok", f"process {held.key[0]}, {count(len(living), 'session')}{beat}"
        )


def logs(ward: Ward) -> Iterator[Check]:
    """What went wrong lately and hurt nobody: hooks and watcher keep silent towards a session."""
    said = []
    for name in ("hooks.log", "watcher.log", "bootstrap.log"):
        path = os.path.join(ward.root, "logs", name)
        try:
            if time.time() - os.lstat(path).st_mtime > _DAY_SECONDS:
                continue
            lines = files.read_text(path, _LOG_TAIL).split("\n")
        except OSError:
            continue
        last = next((line for line in reversed(lines) if line.strip()), "")
        if last and (name != "bootstrap.log" or "failed" in last):
            said.append(f"{path}: {redact_text(last)[:200]}")
    for line in said:
        yield Check(
            "logs", "warning", line, "one line is no harm; if it comes again, please report it"
        )
    if not said:
        yield Check("logs", "ok", "nothing went wrong within a day")


QUESTIONS = (settings, keep_rules, privacy, records, watcher, logs)

__all__ = ["QUESTIONS"]
