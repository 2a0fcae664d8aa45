"""The marks that Claude Code leaves in the environments of what it starts. The one place that looks into environments:
nothing of them but the few named marks is ever handed on, stored or shown.
"""

from __future__ import annotations

from process_janitor.core.model import Marks
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.system import tables

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
    if found.get("config_dir") == _default_config_dir(home):
        found["config_dir"] = ""  # written out or not, it is one directory
    return Marks(**found)  # type: ignore[arg-type]  # _value gives each field its own type


def _default_config_dir(home: bytes) -> str:
    return home.decode("utf-8", "replace").rstrip("/") + "/.claude" if home else ""


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
    return text.rstrip("/") if field == "config_dir" else text


__all__ = ["NAMES", "marks_of", "told_by"]
