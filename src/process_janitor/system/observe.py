"""One reading of the machine for one decision: table, marks, sessions, and details where they matter."""

from __future__ import annotations

import errno
import os

from process_janitor.core.client_shapes import is_claude_name
from process_janitor.core.company import company
from process_janitor.core.model import Detail, Snapshot
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.policy import Policy
from process_janitor.core.ties import Ties
from process_janitor.system import (
    begun,
    claude_process,
    client_files,
    clock,
    identity,
    paths,
    seen,
    stamps,
    tables,
)
from process_janitor.system.details import details
from process_janitor.system.marks import told_by
from process_janitor.system.registry import Registry, as_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from process_janitor.core.model import Marks, Process, Session


_NO_POLICY = Policy()


class Observation(NamedTuple):
    """One reading: the snapshot, the sessions that were known, and what ties the one to the others."""

    ties: Ties
    sessions: tuple[Session, ...]

    @property
    def snapshot(self) -> Snapshot:
        return self.ties.snapshot


def known_sessions(root: str) -> tuple[Session, ...]:
    """Every session that some register names, with what it was seen to have started."""
    boot, namespace, now = identity.boot_id(), identity.pid_namespace(), clock.monotonic()
    ours = [as_session(entry, now, boot) for entry in Registry(root).entries()]
    # Few of many old records have one. Listed after the records are read: a tree is at least as young as its record.
    trees = seen.names(root)
    for at, session in enumerate(ours):
        owner = session.owner
        if owner.boot_id == boot and seen.name(owner.pid, owner.start) in trees:
            ours[at] = session._replace(descendants=seen.load(root, owner.pid, owner.start))
    config = paths.config_dir()
    registered = {session.owner for session in ours}
    return (
        *ours,
        *(
            session
            if session.owner in registered
            else session._replace(descendants=seen.load(root, *session.owner.key))
            for session in client_files.sessions(config, boot, namespace)
        ),
        *client_files.roster(config, boot, namespace),
        *begun.load(root, boot, namespace),
    )


def observe(
    root: str,
    also: Collection[int] = (),
    more: Collection[Session] = (),
    policy: Policy = _NO_POLICY,
) -> Observation:
    """Read the machine. `also` are pids whose details are wanted whatever ties them; `more` is known of sessions; `policy`
    says what its user keeps, and whether it matters how long each session has been quiet.

    Sessions are read before the table: a session that registers in between is then missing from both readings or in the
    table alone, never believed dead because the table is older than its record.
    """
    asked = tables.current()
    unusable = asked.unusable()
    if unusable:
        raise OSError(errno.ENOSYS, f"{unusable}: nothing can be examined, and nothing is ended")
    sessions = (*known_sessions(root), *more)
    if policy.patience is not None:
        sessions = stamps.all_stamped(root, sessions, identity.boot_id(), paths.config_dir())
    uid = os.geteuid() if hasattr(os, "geteuid") else 0
    table: dict[int, Process] = {}
    marks: dict[int, Marks | None] = {}
    # Row and environment in one go: a pid that changes hands between the two would give one process another's marks.
    # It is also a tenth cheaper, while the kernel has the process at hand. Other users' are not even asked for.
    environ = asked.environ
    for row in asked.rows():
        table[row.pid] = row
        if row.uid == uid:
            marks[row.pid] = told_by(environ(row.pid))
    # A machine has many processes and few names.
    clients = {name for name in {p.comm for p in table.values()} if is_claude_name(name)}
    snapshot = Snapshot(
        host=identity.host_name(),
        boot_id=identity.boot_id(),
        pid_namespace=identity.pid_namespace(),
        uid=uid,
        self_pid=os.getpid(),
        now=asked.ticks(),
        ticks_per_second=asked.ticks_per_second(),
        processes=table,
        marks=marks,
        # Asked first: what runs the client's program as a server is no client.
        details={
            p.pid: Detail(argv=asked.argv(p.pid) or ())
            for p in table.values()
            if p.comm in clients and p.uid == uid
        },
        complete=asked.complete(),
    )
    sessions = tuple(_vouched(session, table) for session in sessions)
    ties = Ties(snapshot, sessions)
    wanted = ties.interesting().union(also)
    # The ancestors of a leftover are asked as well: a veto may cover the tree below them.
    for pid in list(ties.gone):
        wanted.update(above.pid for above in ties.tree.ancestors(table[pid]) if above.pid > 1)
    commands = {pid: Detail(argv=asked.argv(pid) or ()) for pid in ties.gone}
    going = company(ties.with_details({**snapshot.details, **commands}), policy)
    found = details(ties.tree, wanted, going, set(ties.gone), set(ties.owners.live), uid)
    return Observation(ties.with_details({**snapshot.details, **found}), sessions)


def _vouched(session: Session, table: Mapping[int, Process]) -> Session:
    """The client's file is a claim: that the number in it is a client's is seen by the process, or not believed."""
    row = table.get(session.owner.pid)
    living = row is not None and row.start == session.owner.start
    if session.source != "client" or row is None or not living or claude_process.is_claude(row):
        return session
    return session._replace(recognised=False)


__all__ = ["Observation", "known_sessions", "observe"]
