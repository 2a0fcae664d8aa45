"""The lifecycle hooks: register, stamp, say goodbye. Standard library only, bounded in time, silent, always exit 0.

Runs under `python3 -I -S` on any Python from 3.9 on, before anything is installed. The one broad `except` of the program
is in here: whatever goes wrong is written to logs/hooks.log and the session never hears of it.
"""

from __future__ import annotations

import os
import select
import sys

from process_janitor.core import client_shapes, jsontext
from process_janitor.core.plausible import sound_text
from process_janitor.core.record import PASSING_REASONS, new_record, tmux_pane, valid_session_id
from process_janitor.system import claude_process, clock, files, flock, identity, log, paths, procfs
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from process_janitor.core.model import Process
    from process_janitor.system.claude_process import Found
    from process_janitor.system.registry import Entry

# The client writes its JSON at once and closes; somebody else's open pipe must not hold a session up.
_STDIN_SECONDS = 0.3
_STDIN_ALL_SECONDS = 1.0
_STDIN_MAX = 8 << 20
_TEXT_MAX = 4096
_BUILD_LOG_MAX = 1 << 20


# What a session's own process says when its conversation changes.
_MOVES = frozenset({"clear", "resume", "compact", "fork"})


class Stranger(Exception):
    """An event of a session whose process is registered as another one."""


def main(arguments: Sequence[str]) -> int:
    """Handle one event. Never raises, never returns anything but 0: 2 would block a prompt."""
    event = arguments[0] if arguments else ""
    try:
        _run(event)
    except Exception as error:  # noqa: BLE001  # a session must not suffer from anything that happens in here
        _log(f"{event}: {type(error).__name__}: {error}")
    return 0


def _run(event: str) -> None:
    payload, heard = _payload()
    session_id = next(
        (
            one
            for one in (payload.get("session_id"), os.environ.get("CLAUDE_CODE_SESSION_ID"))
            if valid_session_id(one)
        ),
        "",
    )
    if not session_id:
        return
    registry = Registry(paths.root())
    registry.prepare()
    if event == "UserPromptExpansion":
        _say_not_yet(registry.root, payload)
        return
    if procfs.foreign():
        _log(f"{event}: {procfs.unusable()}: nothing is registered")
        return
    found = claude_process.find(os.environ, os.getpid())
    if event == "SessionEnd":
        if heard:
            _say_goodbye(registry, session_id, found, payload)
    elif found is not None:
        try:
            entry = register(registry, session_id, found, payload)
        except flock.NoLocks as error:
            if event == "SessionStart":
                _say({"systemMessage": f"process-janitor: {error}"})
            raise
        files.touch(os.path.join(entry.directory, "activity"))
    else:
        _log(f"{event}: no claude process above this hook; session {session_id} is not registered")
    from process_janitor.faces import start

    started = start.ensure_watcher(registry.root)
    if event == "SessionStart" and found is not None:
        said = start.session_start(
            registry, session_id, found.identity, _log, watcher_started=started
        )
        if said:
            _say({"systemMessage": said})


def register(registry: Registry, session_id: str, found: Found, payload: dict[str, Any]) -> Entry:
    """The record of this claude process: made, moved to a new conversation id, or taken back to life.

    Raises Stranger when the event is another process's, OSError when nothing can be written.
    """
    owner = found.identity
    with registry.lock():
        entry = registry.find(*owner.key, session_id)
        if entry is not None and entry.owner != owner:
            entry = None  # of another boot, or of another machine with this home
        moves = payload.get("source") in _MOVES
        stranger = entry is not None and entry.record["session_id"] != session_id and not moves
        if entry is not None and stranger and entry.record.get("closed"):
            # That one was proven gone. A machine that is resumed from a memory snapshot gives its numbers once more.
            _drop(registry, entry)
            entry = None
        if entry is not None:
            if stranger:
                # A client inside a Bash call of this one, under a name we do not know: not this one's conversation.
                raise Stranger(f"process {owner.pid} is session {entry.record['session_id']}")
            entry = registry.move(entry, session_id)
            # Whoever starts a session or a turn has not ended: an earlier goodbye was not a final one.
            if entry.record.get("ended") is not None or entry.record.get("closed") is not None:
                alive = {
                    key: value
                    for key, value in entry.record.items()
                    if key not in ("ended", "closed")
                }
                entry = registry.write(alive)
            return entry
        process = found.process
        record = new_record(
            session_id,
            owner,
            host=identity.host_name(),
            pgid=process.pgid,
            sid=process.sid,
            tty=process.tty,
            pane=tmux_pane(os.environ.get("TMUX", ""), os.environ.get("TMUX_PANE", "")),
            parent=_parent(process),
            cgroup=procfs.cgroup(process.pid)[:_TEXT_MAX],
            recognised=found.recognised,
            cwd=_text(payload, "cwd"),
            transcript_path=_text(payload, "transcript_path"),
            source=_text(payload, "source"),
            started_at=identity.started_at(process.start),
            registered_ticks=clock.ticks(),
            kind=_kind(process),
            forked_from=_forked_from(session_id) if payload.get("source") == "fork" else "",
        )
        return registry.write(record)


def _drop(registry: Registry, entry: Entry) -> None:
    from process_janitor.system import seen

    registry.drop(entry)
    seen.forget(registry.root, *entry.owner.key)


def _kind(process: Process) -> str:
    """`bg` for a background session: a spare of the client's daemon, or what its terminal's host started for want of one.

    The client's own file says so as well, but not in its first second, and no longer once the session is over.
    """
    own, above = (procfs.argv(pid) or () for pid in (process.pid, process.ppid))
    return "bg" if client_shapes.is_background_session(own, above) else ""


def _parent(process: Process) -> list[int]:
    """By which a later look can tell whether the client still has the parent it had when it was in use."""
    above = procfs.process(process.ppid)
    return list(above.key) if above is not None else []


def _forked_from(session_id: str) -> str:
    from process_janitor.system import client_files

    workers = client_files.roster(paths.config_dir(), identity.boot_id(), identity.pid_namespace())
    return next(
        (
            old
            for worker in workers
            if worker.session_id == session_id
            for old in worker.predecessors
        ),
        "",
    )


def _say_goodbye(
    registry: Registry, session_id: str, found: Found | None, payload: dict[str, Any]
) -> None:
    """Mark the end, unless only the conversation changes. An old client gives a final SessionEnd an empty stdin."""
    reason = payload.get("reason") if payload else "unreported"
    if reason in PASSING_REASONS:
        return
    with registry.lock():
        for entry in _records_of(registry, session_id, found):
            ended = {
                "reason": reason[:64] if isinstance(reason, str) and reason else "other",
                "boot_id": identity.boot_id(),
                "monotonic": clock.monotonic(),
                "at": clock.utc(),
            }
            registry.write({**entry.record, "ended": ended})
            # A later turn finds no stamp to renew, comes here instead of the shell's short way, and revives the record.
            files.remove(os.path.join(entry.directory, "activity"))


def _records_of(registry: Registry, session_id: str, found: Found | None) -> list[Entry]:
    if found is not None:
        entry = registry.find(*found.identity.key, session_id)
        ours = entry is not None and entry.record["session_id"] == session_id
        return [entry] if entry is not None and ours else []
    # The client may be gone by now. Whoever still lives under the same id has not said goodbye.
    return [
        entry for entry in registry.of_session(session_id) if not identity.runs(*entry.owner.key)
    ]


def _payload() -> tuple[dict[str, Any], bool]:
    """The event's JSON object, {} for none or garbage, and whether all of it was heard.

    What does not arrive in time may say anything: a SessionEnd of which nothing was heard may be a mere /clear.
    """
    data = b""
    heard = False
    poll = select.poll()
    until = clock.monotonic() + _STDIN_ALL_SECONDS
    try:
        poll.register(0, select.POLLIN)
        while (
            len(data) < _STDIN_MAX
            and clock.monotonic() < until
            and poll.poll(int(_STDIN_SECONDS * 1000))
        ):
            part = os.read(0, 1 << 16)
            if not part:
                heard = True
                break
            data += part
    except OSError:
        heard = True  # a closed stdin is an empty one
    try:
        value = jsontext.loads(data.decode("utf-8", "replace"))
    except ValueError:
        return {}, heard and not data
    return (value, True) if isinstance(value, dict) else ({}, False)


def _text(payload: dict[str, Any], key: str) -> str:
    value = payload.get(key)
    # A record with a text that is none would not be believed, and its session not be watched.
    return value[:_TEXT_MAX] if sound_text(value) else ""


def _say_not_yet(root: str, payload: dict[str, Any]) -> None:
    """`/cleanup` before the command line's environment is there: have it built, and say so instead of a model call."""
    from process_janitor.faces import start

    if payload.get("command_name") not in ("cleanup", "process-janitor:cleanup"):
        return
    log = os.path.join(root, "logs", "bootstrap.log")
    failed = _last_failure(log)
    start.build_environment(root, now=True)
    reason = (
        "process-janitor is building its environment (once, 10 to 30 seconds). Please enter the command again then. "
        + (f"The last attempt {failed}; see {log}" if failed else f"If this stays so, see {log}")
    )
    _say({"decision": "block", "reason": reason})


def _last_failure(log: str) -> str:
    """`failed: …` where that is how the last attempt to build the environment ended, else ""."""
    try:
        last = files.read_text(log, _BUILD_LOG_MAX).rstrip().rsplit("\n", 1)[-1]
    except OSError:
        return ""
    _, failed, why = last.partition("failed: ")
    return (failed + why)[:_TEXT_MAX]


def _say(answer: dict[str, str]) -> None:
    sys.stdout.write(jsontext.dumps(answer) + "\n")
    sys.stdout.flush()  # nobody does it later: hooks/hook.py leaves at once


def _log(text: str) -> None:
    log.write(paths.root(), "hooks", text)


__all__ = ["main", "register"]
