"""Claude Code's own registers, read as evidence and never written: `sessions/<pid>.json` and `daemon/roster.json`."""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.model import Identity, Session, natural, usable_pid
from process_janitor.core.record import valid_session_id
from process_janitor.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES_MAX = 5000


def sessions(config_dir: str, boot_id: str, pid_namespace: int) -> Iterator[Session]:
    """The claude processes that the client itself registered.

    `pidDomain` (`linux:<id>:pid:[<ns>]`) says in which pid namespace the number counts; a file of another one names a
    process we cannot see. The client writes no boot id, so only start ticks tell a file of an earlier boot.
    """
    directory = os.path.join(config_dir, "sessions")
    try:
        names = sorted(os.listdir(directory))[:_FILES_MAX]
    except OSError:
        return
    for name in names:
        if name.endswith(".json") and natural(name[:-5]):
            document = _document(os.path.join(directory, name))
            owner = _identity(document, boot_id, pid_namespace)
            session_id = document.get("sessionId")
            if owner is not None and str(owner.pid) == name[:-5] and valid_session_id(session_id):
                yield Session(
                    session_id=session_id,
                    owner=owner,
                    source="client",
                    cwd=_text(document, "cwd"),
                    kind=_text(document, "kind"),
                    entrypoint=_text(document, "entrypoint"),
                    status=_text(document, "status"),
                    job=_text(document, "jobId"),
                )


def roster(config_dir: str, boot_id: str, pid_namespace: int) -> Iterator[Session]:
    """The background daemon's workers: never leftovers, also when their supervisor is dead, for it re-adopts them."""
    document = _document(os.path.join(config_dir, "daemon", "roster.json"))
    workers = document.get("workers")
    if isinstance(workers, dict):
        named_workers = list(workers.items())
    else:
        named_workers = [("", one) for one in workers] if isinstance(workers, list) else []
    for job, worker in named_workers:
        if isinstance(worker, dict):
            owner = _identity(worker, boot_id, pid_namespace)
            if owner is not None:
                named = worker.get("sessionId")
                yield Session(
                    session_id=named if valid_session_id(named) else "",
                    owner=owner,
                    source="roster",
                    kind="bg",
                    job=job,
                    predecessors=_predecessors(worker),
                )


def _predecessors(worker: dict[str, object]) -> tuple[str, ...]:
    """The conversation a worker was forked from: `dispatch.launch.sessionId` names it, or its transcript's path."""
    dispatch = worker.get("dispatch")
    launch = dispatch.get("launch") if isinstance(dispatch, dict) else None
    named = launch.get("sessionId") if isinstance(launch, dict) else None
    if not isinstance(named, str):
        return ()
    stem = named.rsplit("/", 1)[-1].removesuffix(".jsonl")
    return (stem,) if valid_session_id(stem) else ()


def team_leads(config_dir: str) -> dict[str, str]:
    """Team -> the session id of its lead, as `teams/<team>/config.json` has it."""
    directory = os.path.join(config_dir, "teams")
    try:
        names = sorted(os.listdir(directory))[:_FILES_MAX]
    except OSError:
        return {}
    found = {}
    for name in names:
        lead = _document(os.path.join(directory, name, "config.json")).get("leadSessionId")
        if valid_session_id(lead):
            found[name] = lead
    return found


def _document(path: str) -> dict[str, object]:
    try:
        value = jsontext.loads(files.read_text(path))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _identity(document: dict[str, object], boot_id: str, pid_namespace: int) -> Identity | None:
    pid, start = document.get("pid"), document.get("procStart")
    if isinstance(start, str):
        start = natural(start)
    if not usable_pid(pid) or type(start) is not int or start <= 0:
        return None
    domain = document.get("pidDomain")
    namespace = pid_namespace
    if isinstance(domain, str) and ":pid:[" in domain:
        number = domain.rsplit(":pid:[", 1)[1].rstrip("]")
        namespace = natural(number) or 0
    return Identity(pid, start, boot_id, namespace)


def _text(document: dict[str, object], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


__all__ = ["roster", "sessions", "team_leads"]
