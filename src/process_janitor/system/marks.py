"""The marks that Claude Code leaves in the environments of what it starts. The one place that looks into environments:
nothing of them but the few named marks is ever handed on, stored or shown.
"""

from __future__ import annotations

import os

from process_janitor.core.model import Marks
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.system import paths, tables

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
# What of an environment a process table has to give; HOME tells one that was cleared.
NAMES = (*(name.decode() for name in _FIELDS), "HOME")
_NO_MARKS = Marks()
_BLANK = Marks(blank=True)


def marks_of(pid: int) -> Marks | None:
    """The named ownership marks in a process's environment."""
    return told_by(tables.current().environ(pid))


def told_by(data: bytes | None) -> Marks | None:
    """The same of an environment that a table has just given. Nothing else of it leaves this function."""
    if data is None:
        return None
    # `in` first takes what it looks for as a number, and fails: for short texts that is half of its time.
    if data.find(b"CLAUDE") < 0 and data.find(b"PROCESS_JANITOR_KEEP") < 0:
        return _NO_MARKS if data.find(b"\0HOME=") >= 0 or data.startswith(b"HOME=") else _BLANK
    found: dict[str, object] = {}
    home = b""
    for entry in data.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        field = _FIELDS.get(name)
        if field is not None and equals:
            found[field] = _value(field, value.decode("utf-8", "replace"))
        elif name == b"HOME":
            home = value
    if found.get("config_dir"):
        found["config_dir"] = _one_name(str(found["config_dir"]), _default_config_dir(home))
    return Marks(**found)  # type: ignore[arg-type]  # _value gives each field its own type


def _default_config_dir(home: bytes) -> str:
    return _plain(home.decode("utf-8", "replace") + "/.claude") if home else ""


def _one_name(said: str, default: str) -> str:
    """One directory, one name, or sessions that belong together seem to be another configuration's: "" for the default
    one, also when it is written out; for our own the name by which we know it, also where its user links to it.

    Only our own is looked up: to follow a stranger's path may wait for ever for a server that is away.
    """
    if said == default:
        return ""
    ours = paths.config_name()
    if said not in (ours, paths.config_dir(), os.path.realpath(ours)):
        return said
    return "" if ours == paths.default_config_dir() else ours


def _plain(path: str) -> str:
    """A path as Claude Code joins it with a file's name: double and closing slashes and `..` taken out, nothing looked up."""
    return "/" + os.path.normpath(path).lstrip("/") if path.startswith("/") else path.rstrip("/")


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
    return _plain(text) if field == "config_dir" else text


__all__ = ["NAMES", "marks_of", "told_by"]
