"""The session record: what a file in the registry may say, and what is done with one that says something else."""

from __future__ import annotations

from process_janitor.core.model import Identity
from process_janitor.core.plausible import natural, sound_text, usable_pid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeGuard

SCHEMA = "process-janitor.session/1"
# Goodbyes that end a conversation only; the process goes on with the next one. A tuple: what is looked up came from outside.
PASSING_REASONS = ("clear", "resume")
_ID_LENGTH_MAX = 128
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_TEXT_MAX = 8192
_ALIASES_MAX = 64
# What fits into a socket's address on Linux.
_SOCKET_MAX = 107


class MalformedRecord(ValueError):
    """A record that must not be believed. The text says which field and why."""


def valid_session_id(text: object) -> TypeGuard[str]:
    """True for what may become a directory name: letters, digits, `-` and `_`, beginning with neither dash nor dot."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= _ID_LENGTH_MAX
        and text[0] not in "-_"
        and _ID_CHARACTERS.issuperset(text)
    )


def file_name(owner: Identity) -> str:
    return f"{owner.pid}-{owner.start}.json"


def owner_of(record: dict[str, Any]) -> Identity:
    """The identity a checked record names."""
    return Identity(
        record["pid"], record["start_ticks"], record["boot_id"], record["pid_namespace"]
    )


def tmux_pane(tmux: str, pane: str) -> dict[str, Any]:
    """What $TMUX (`SOCKET,SERVER PID,SESSION`) and $TMUX_PANE (`%N`) say, as a record keeps it; {} where they say nothing."""
    socket, _, rest = tmux.rpartition(",")[0].rpartition(",")
    named = {"socket": socket, "server": natural(rest), "id": pane}
    return named if pane_of({"pane": named}) else {}


def pane_of(record: Mapping[str, Any]) -> tuple[str, int, str] | tuple[()]:
    """Socket, server and id of the tmux pane a record names. One that makes no sense is none: it names no process."""
    named = record.get("pane")
    if not isinstance(named, dict):
        return ()
    socket, server, pane = named.get("socket"), named.get("server"), named.get("id")
    if not (isinstance(socket, str) and socket.startswith("/") and len(socket) <= _SOCKET_MAX):
        return ()
    if not (isinstance(pane, str) and pane[:1] == "%" and natural(pane[1:]) is not None):
        return ()
    return (socket, server, pane) if usable_pid(server) and socket.isprintable() else ()


def new_record(session_id: str, owner: Identity, **fields: Any) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "session_id": session_id,
        "aliases": [],
        "pid": owner.pid,
        "start_ticks": owner.start,
        "boot_id": owner.boot_id,
        "pid_namespace": owner.pid_namespace,
        **fields,
    }


def renamed(record: dict[str, Any], session_id: str) -> dict[str, Any]:
    """The same claude process under a new conversation id; the old one stays known as an alias, newest last."""
    if record["session_id"] == session_id:
        return record
    old = [one for one in (*record["aliases"], record["session_id"]) if one != session_id]
    return {**record, "session_id": session_id, "aliases": list(dict.fromkeys(old))[-_ALIASES_MAX:]}


def checked(value: object) -> dict[str, Any]:
    """The record if every field this version relies on is sound; fields of future versions are left as they are.

    Raises MalformedRecord. A pid of 0, 1, -1 or "12" would reach a signal as something else than a process.
    """
    if not isinstance(value, dict):
        raise MalformedRecord("not an object")
    if not valid_session_id(value.get("session_id")):
        raise MalformedRecord("session_id: not a session id")
    if not usable_pid(value.get("pid")):
        raise MalformedRecord("pid: not a process number")
    for key in ("start_ticks", "pid_namespace"):
        if type(value.get(key)) is not int or value[key] < 0:
            raise MalformedRecord(f"{key}: not a count")
    aliases = value.get("aliases", [])
    if not isinstance(aliases, list) or not all(valid_session_id(one) for one in aliases):
        raise MalformedRecord("aliases: not a list of session ids")
    for key in (
        "boot_id",
        "host",
        "cwd",
        "cgroup",
        "source",
        "kind",
        "started_at",
        "transcript_path",
        "forked_from",
    ):
        if key in value and (not sound_text(value[key]) or len(value[key]) > _TEXT_MAX):
            raise MalformedRecord(f"{key}: not a text")
    if "boot_id" not in value:
        raise MalformedRecord("boot_id: missing")
    for key in ("pgid", "sid"):
        if key in value and (type(value[key]) is not int or value[key] < 0):
            raise MalformedRecord(f"{key}: not a number")
    parent = value.get("parent", [])
    if not isinstance(parent, list) or not all(type(one) is int for one in parent):
        raise MalformedRecord("parent: not a pid and its start")
    ended = value.get("ended")
    if ended is not None and (
        not isinstance(ended, dict)
        or not sound_text(ended.get("reason"))
        or type(ended.get("monotonic")) not in (int, float)
        or not isinstance(ended.get("boot_id"), str)
    ):
        raise MalformedRecord("ended: needs reason, boot_id and monotonic")
    return {**value, "aliases": aliases[-_ALIASES_MAX:]}


__all__ = [
    "PASSING_REASONS",
    "SCHEMA",
    "MalformedRecord",
    "checked",
    "file_name",
    "new_record",
    "owner_of",
    "pane_of",
    "renamed",
    "tmux_pane",
    "valid_session_id",
]
