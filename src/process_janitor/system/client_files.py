"""Claude Code's own files, read as evidence and never written: `sessions/<pid>.json`, `daemon/roster.json`, the settings."""

from __future__ import annotations

import os

from process_janitor.core.model import Identity, Session
from process_janitor.core.plausible import natural, sound_text, usable_pid
from process_janitor.core.record import valid_session_id
from process_janitor.system import files, identity, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PLUGIN = "process-janitor"
_FILES_MAX = 5000


def version(config_dir: str) -> int:
    """Changes when a session's file comes or goes."""
    try:
        return os.stat(os.path.join(config_dir, "sessions")).st_mtime_ns
    except OSError:
        return 0


def sessions(config_dir: str, boot_id: str, pid_namespace: int) -> Iterator[Session]:
    """The claude processes that the client itself registered.

    `pidDomain` says on which machine, and in which pid namespace, the number counts; a file of another one names a process
    we cannot see. The client writes no boot id, so only start ticks tell a file of an earlier boot.
    """
    for path in _session_files(config_dir):
        document = files.read_object(path)
        owner = _identity(document, boot_id, pid_namespace)
        session_id = document.get("sessionId")
        if (
            owner is not None
            and f"{owner.pid}.json" == os.path.basename(path)
            and valid_session_id(session_id)
        ):
            yield Session(
                session_id=session_id,
                owner=owner,
                source="client",
                cwd=_text(document, "cwd"),
                kind=_kind(document),
                entrypoint=_text(document, "entrypoint"),
                status=_text(document, "status"),
                job=_job(document.get("jobId")),
            )


def versions(config_dir: str) -> Iterator[str]:
    """The client's version in each of its session files, living or not; a version may come more than once."""
    for path in _session_files(config_dir):
        version = _text(files.read_object(path), "version")
        if version:
            yield version


def _session_files(config_dir: str) -> Iterator[str]:
    directory = os.path.join(config_dir, "sessions")
    try:
        names = sorted(os.listdir(directory))[:_FILES_MAX]
    except OSError:
        return
    for name in names:
        if name.endswith(".json") and natural(name[:-5]):
            yield os.path.join(directory, name)


def _kind(document: dict[str, object]) -> str:
    """`print` for what `-p` or a program started: the client calls it `interactive`, its entrypoint tells (`sdk-cli`)."""
    kind = _text(document, "kind")
    return "print" if kind != "bg" and _text(document, "entrypoint").startswith("sdk") else kind


def roster(config_dir: str, boot_id: str, pid_namespace: int) -> Iterator[Session]:
    """The background daemon's workers: never leftovers, also when their supervisor is dead, for it re-adopts them."""
    document = files.read_object(os.path.join(config_dir, "daemon", "roster.json"))
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
                    job=_job(job),
                    predecessors=_predecessors(worker),
                )


def enabled_plugins(config_dir: str) -> dict[str, object]:
    """The user's switches, by `plugin@marketplace`; nothing where there are none, or none to be read."""
    document = files.read_object(os.path.join(config_dir, "settings.json"), follow=True)
    enabled = document.get("enabledPlugins")
    return enabled if isinstance(enabled, dict) else {}


def switched_off(config_dir: str) -> bool:
    """Whether the user's settings name this plugin, of whatever marketplace, and switch it off."""
    switches = enabled_plugins(config_dir).items()
    ours = [on for name, on in switches if name.startswith(f"{PLUGIN}@")]
    return bool(ours) and all(on is False for on in ours)


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
        lead = files.read_object(os.path.join(directory, name, "config.json")).get("leadSessionId")
        if valid_session_id(lead):
            found[name] = lead
    return found


def _identity(document: dict[str, object], boot_id: str, pid_namespace: int) -> Identity | None:
    pid = document.get("pid")
    start = tables.current().start_of(pid, document.get("procStart")) if usable_pid(pid) else 0
    if not usable_pid(pid) or not start:
        return None
    theirs = identity.time_namespace(pid)
    if theirs and theirs != identity.time_namespace(os.getpid()):
        boot_id = ""  # it wrote its start as its own clocks have it: nothing here can be compared with that
    domain = document.get("pidDomain")
    namespace = pid_namespace
    if isinstance(domain, str) and ":pid:[" in domain:
        machine, namespace = identity.pid_domain(domain)
        boot_id = machine or boot_id  # whatever that machine's boot is called, it is none of ours
    return Identity(pid, start, boot_id, namespace)


def _job(name: object) -> str:
    """A name is handed to `claude stop`: one that could be an option (`--all`) is none."""
    return name if valid_session_id(name) else ""


def _text(document: dict[str, object], key: str) -> str:
    value = document.get(key)
    return value if sound_text(value) else ""


__all__ = [
    "PLUGIN",
    "enabled_plugins",
    "roster",
    "sessions",
    "switched_off",
    "team_leads",
    "version",
    "versions",
]
