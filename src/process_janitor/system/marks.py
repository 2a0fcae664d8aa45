"""The marks that Claude Code leaves in the environments of what it starts. The one place that reads environments: nothing
of them but the few named marks is ever handed on, stored or shown.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Marks, natural, usable_pid
from process_janitor.system import procfs

_READING = os.O_RDONLY | os.O_CLOEXEC
_CHUNK = 16384
# An environment is at most 2 MB on a default kernel (ARG_MAX is a quarter of the 8 MB stack); /proc gives it whole.
_ENVIRON_MAX = 4 * 1024 * 1024

_FIELDS = {
    b"CLAUDE_CODE_SESSION_ID": "session_id",
    b"CLAUDE_PID": "claude_pid",
    b"CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS": "launched_by",
    b"CLAUDE_CODE_CHILD_SESSION": "tool_child",
    b"CLAUDECODE": "claudecode",
    b"CLAUDE_PLUGIN_ROOT": "project",
    b"CLAUDE_PROJECT_DIR": "project",
    b"CLAUDE_CONFIG_DIR": "config_dir",
    b"PROCESS_JANITOR_KEEP": "keep",
}
_NO_MARKS = Marks()
_BLANK = Marks(blank=True)


def marks_of(pid: int) -> Marks | None:
    """The named ownership marks in a process's environment. Nothing else of it leaves this function."""
    data = _environ(pid)
    if data is None:
        return None
    # `in` first takes what it looks for as a number, and fails: for short texts that is half of its time.
    if data.find(b"CLAUDE") < 0 and data.find(b"PROCESS_JANITOR_KEEP") < 0:
        return _NO_MARKS if data.find(b"\0HOME=") >= 0 or data.startswith(b"HOME=") else _BLANK
    found: dict[str, object] = {}
    for entry in data.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        field = _FIELDS.get(name)
        if field is not None and equals:
            found[field] = _value(field, value.decode("utf-8", "replace"))
    return Marks(**found)  # type: ignore[arg-type]  # _value gives each field its own type


def _environ(pid: int) -> bytes | None:
    """As `procfs.read`, without the second call that tells the end: a tenth of what the marks of a table cost.

    The kernel's environ_read() goes on from page to page until what was asked for is full or the environment ends, and a
    page it cannot have turns the whole answer into nothing: a short answer is the end. Of other files that is not true.
    """
    try:
        fd = os.open(f"{procfs.PROC}/{pid}/environ", _READING)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        data = more = os.read(fd, _CHUNK)
        while len(more) == _CHUNK and len(data) < _ENVIRON_MAX:
            more = os.read(fd, _CHUNK)
            data += more
    except (ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(fd)
    return data


def _value(field: str, text: str) -> object:
    if field == "claude_pid":
        pid = natural(text)
        return pid if usable_pid(pid) else 0
    if field == "launched_by":
        return tuple(part for part in text.replace(",", " ").split() if part)
    if field in ("tool_child", "claudecode", "keep"):
        return text not in ("", "0", "false")
    if field == "project":
        return True
    return text


__all__ = ["marks_of"]
