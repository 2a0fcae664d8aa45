"""One reading of the machine for one decision: table, marks, sessions, and details where they matter."""

from __future__ import annotations

import errno
import os

from process_janitor.core.model import Session, Snapshot
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.ties import Ties
from process_janitor.system import client_files, clock, identity, paths, procfs, seen, stamps
from process_janitor.system.details import details
from process_janitor.system.registry import Registry, as_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Observation(NamedTuple):
    snapshot: Snapshot
    sessions: tuple[Session, ...]


def known_sessions(root: str) -> tuple[Session, ...]:
    """Every session that some register names, with what it was seen to have started."""
    boot, namespace, now = identity.boot_id(), identity.pid_namespace(), clock.monotonic()
    ours = []
    for entry in Registry(root).entries():
        session = as_session(entry, now, boot)
        if session.owner.boot_id == boot:
            session = session._replace(
                descendants=seen.load(root, session.owner.pid, session.owner.start)
            )
        ours.append(session)
    config = paths.config_dir()
    return (
        *ours,
        *client_files.sessions(config, boot, namespace),
        *client_files.roster(config, boot, namespace),
    )


def observe(
    root: str,
    also: Collection[int] = (),
    more: Collection[Session] = (),
    *,
    stamped: bool = False,
) -> Observation:
    """Read the machine. `also` are pids whose details are wanted whatever ties them; `more` is known of sessions;
    `stamped`: with how long each session has been quiet.

    Sessions are read before the table: a session that registers in between is then missing from both readings or in the
    table alone, never believed dead because the table is older than its record.
    """
    if not procfs.available():
        raise OSError(errno.ENOSYS, "this system has no /proc, and only Linux is supported so far")
    sessions = (*known_sessions(root), *more)
    if stamped:
        sessions = stamps.all_stamped(root, sessions, identity.boot_id(), paths.config_dir())
    uid = os.geteuid() if hasattr(os, "geteuid") else 0
    table = procfs.table()
    snapshot = Snapshot(
        host=identity.host_name(),
        boot_id=identity.boot_id(),
        pid_namespace=identity.pid_namespace(),
        uid=uid,
        self_pid=os.getpid(),
        now=clock.ticks(),
        ticks_per_second=clock.ticks_per_second(),
        processes=table,
        marks=procfs.all_marks(table.values(), uid),
    )
    ties = Ties(snapshot, sessions)
    wanted = ties.interesting().union(also)
    # The ancestors of a leftover are asked as well: a veto may cover the tree below them.
    for pid in list(ties.gone):
        wanted.update(above.pid for above in ties.tree.ancestors(table[pid]) if above.pid > 1)
    found = details(table, wanted, ties.company(), set(ties.gone), set(ties.owners.live), uid)
    return Observation(snapshot._replace(details=found), sessions)


__all__ = ["Observation", "known_sessions", "observe"]
