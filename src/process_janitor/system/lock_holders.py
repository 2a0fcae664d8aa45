"""Whom a lock's own text names as its holder: what the client and Chrome write into theirs."""

from __future__ import annotations

from process_janitor.core import jsontext
from process_janitor.core.plausible import natural, usable_pid
from process_janitor.core.record import valid_session_id
from process_janitor.system.lock_users import our_domain


def _said(text: str) -> dict[str, object]:
    """The holder that a lock's JSON names, and whether it says that it is of another world."""
    try:
        document = jsontext.loads(text)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    pid, start, session_id = (document.get(key) for key in ("pid", "procStart", "sessionId"))
    if isinstance(start, str):
        start = natural(start)
    domain = document.get("pidDomain")
    host = document.get("hostname")
    return {
        "pid": pid if usable_pid(pid) else 0,
        "start": start if type(start) is int and start > 0 else 0,
        "host": host if isinstance(host, str) else "",
        # A value it should not have is not read as "no".
        "elsewhere": document.get("runningInWindows", False) is not False
        or (isinstance(domain, str) and not our_domain(domain)),
        "session_id": session_id if valid_session_id(session_id) else "",
    }


def _linked(text: str) -> dict[str, object]:
    """Chrome's link leads to `host-pid`."""
    host, _, number = text.rpartition("-")
    pid = natural(number)
    return {"host": host, "pid": pid} if host and usable_pid(pid) else {}


def _editor(text: str) -> dict[str, object]:
    """As any; and the folders it has open."""
    said = _said(text)
    folders = jsontext.loads(text).get("workspaceFolders") if said else None
    if isinstance(folders, list) and all(isinstance(one, str) for one in folders):
        said["folders"] = tuple(folders)
    return said


HOLDERS = {"ide": _editor, "daemon": _said, "schedule": _said, "profile": _linked}


__all__ = ["HOLDERS"]
