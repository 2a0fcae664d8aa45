"""What there is to show: one look at the machine with the stamps and figures that a verdict does not need."""

from __future__ import annotations

from process_janitor.core.idleness import idle_for
from process_janitor.core.kinds import kinds
from process_janitor.core.model import Decision, Detail
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.owners import presence
from process_janitor.core.states import state
from process_janitor.core.ties import Ties
from process_janitor.core.vetoes import WORDS
from process_janitor.faces.conditions import SOURCES, conditions
from process_janitor.system import identity, paths, stamps, tables
from process_janitor.system.config import patience
from process_janitor.system.memory import Memory, of_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from process_janitor.core.conditions import Condition
    from process_janitor.core.model import Identity, Process, Session, Snapshot
    from process_janitor.core.settings import Settings
    from process_janitor.core.states import State
    from process_janitor.faces.conditions import Source
    from process_janitor.sweep import Judged
    from process_janitor.system.stamps import Stamps

_KTHREADD = 2
_STATE_ORDER = ("live", "idle", "hung", "crashed", "ended", "unknown", "elsewhere")


class SessionView(NamedTuple):
    """A session with its state and everything that belongs to it now."""

    session: Session
    state: State
    stamps: Stamps
    started_at: str
    members: tuple[Process, ...]
    # Seconds it has been idle, None when it is not.
    idle: float | None = None


class Unexamined(NamedTuple):
    pid: int
    why: str


class View(NamedTuple):
    """Everything a document or a page is made of. `findings` is what is listed; `decisions` is everything decided;
    `conditions` is what there is to report beside processes.
    """

    snapshot: Snapshot
    ties: Ties
    decisions: tuple[Decision, ...]
    findings: tuple[Decision, ...]
    sessions: tuple[SessionView, ...]
    unexamined: tuple[Unexamined, ...]
    memories: Mapping[tuple[int, int], Memory]
    conditions: tuple[Condition, ...] = ()

    def memory(self, process: Process) -> int:
        return self.memories.get(process.key, Memory()).held


def view(
    root: str, options: Settings, judged: Judged, *, keeps: bool = False, expected: bool = False,
    freed: Mapping[tuple[int, int], int] | None = None,
    measure: Callable[[Iterable[Process]], dict[tuple[int, int], Memory]] = of_all,
    sources: Sequence[Source] = SOURCES,
) -> View:  # fmt: skip
    """Read what is missing for showing `judged`. `keeps` lists what is kept, too, and `expected` conditions that are as
    they should be; `freed` is the memory of what an action has ended since and nobody can ask any more. `measure` says
    how much memory processes hold, and `sources` what else there is to report.
    """
    snapshot, ties = judged.observation.snapshot, judged.observation.ties
    decisions = (*judged.decisions, *_helpers(ties, judged.decisions))
    findings = tuple(d for d in decisions if keeps or d.verdict != "keep")
    if keeps:
        snapshot = _with_words(snapshot, findings)
    members = _members(ties)
    asked = {d.process.pid: d.process for d in findings}
    for session, processes in members.values():
        if ties.owners.presence.get(session.owner) == "live":
            asked.update((p.pid, p) for p in processes)
    known = measure(asked.values())
    for key, size in (freed or {}).items():
        known[key] = Memory(size)
    return View(
        snapshot, ties, decisions, findings, tuple(_sessions(root, options, ties, members)),
        tuple(_unexamined(snapshot, judged.decisions)), known,
        tuple(
            one
            for one in conditions(root, options, ties, sources)
            if expected or one.verdict != "keep"
        ),
    )  # fmt: skip


def _helpers(ties: Ties, decided: Iterable[Decision]) -> list[Decision]:
    """What runs below living sessions. Nobody has to judge it to keep it; whoever asks for everything wants to see it."""
    known = {decision.process.pid for decision in decided} | {ties.snapshot.self_pid}
    named: dict[int, dict[int, str]] = {}
    found = []
    for pid, holder in sorted(ties.holder.items()):
        if not holder or pid in known:
            continue
        if holder not in named:
            root = ties.snapshot.processes[holder]
            named[holder] = kinds(
                ties.tree, root, ties.snapshot.marks, lambda one: tables.current().argv(one) or ()
            )
        session = ties.owners.live[holder]
        process = ties.snapshot.processes[pid]
        found.append(
            Decision(
                process, ties.snapshot.identity(process), "keep", "", named[holder].get(pid, "other"),
                session.session_id, session.owner, (), ("live-owner",),
            )
        )  # fmt: skip
    return found


def _with_words(snapshot: Snapshot, findings: Iterable[Decision]) -> Snapshot:
    """With the command lines of what was not looked into, because nothing had to be decided about it."""
    details = dict(snapshot.details)
    for decision in findings:
        pid = decision.process.pid
        if pid not in details and identity.runs(*decision.process.key):
            details[pid] = Detail(argv=tables.current().argv(pid) or ())
    return snapshot._replace(details=details)


def _members(ties: Ties) -> dict[Identity, tuple[Session, list[Process]]]:
    """Owner -> its session and the processes that belong to it now, for every session that some process is tied to.

    Marks may name one session with and without its pid; by its id it is still one.
    """
    found: dict[Identity, tuple[Session, list[Process]]] = {}
    me = ties.snapshot.self_pid
    by_marks: dict[str, Identity] = {}
    processes = ties.snapshot.processes
    for pid, holder in ties.holder.items():
        if holder and pid != me:
            session = ties.owners.live[holder]
            found.setdefault(session.owner, (session, []))[1].append(processes[pid])
    for pid, session in ties.claimed.items():
        if pid == me:
            continue  # called from a Bash call or a hook of that session; we are not what it runs
        found.setdefault(session.owner, (session, []))[1].append(processes[pid])
    for pid, tie in sorted(ties.gone.items(), key=lambda item: -item[1].session.owner.pid):
        session = tie.session
        owner = (
            by_marks.setdefault(session.session_id, session.owner)
            if session.source == "marks"
            else session.owner
        )
        found.setdefault(owner, (session, []))[1].append(processes[pid])
    return found


def _sessions(
    root: str,
    options: Settings,
    ties: Ties,
    members: Mapping[Identity, tuple[Session, list[Process]]],
) -> list[SessionView]:
    known = {(s.session_id, s.owner.key) for s in ties.owners.sessions if s.source == "registry"}
    listed = {
        # Claude's own file says nothing about the boot it is of; after a reboot ours is the one to believe.
        s.owner: s
        for s in ties.owners.sessions
        if s.source == "registry" or (s.session_id, s.owner.key) not in known
    }
    for owner, (session, _) in members.items():
        if session.session_id:
            listed.setdefault(owner, session)
    views = [
        session_view(root, options, ties, s, members.get(owner, (s, []))[1])
        for owner, s in listed.items()
    ]
    return sorted(
        views, key=lambda v: (_STATE_ORDER.index(v.state), v.started_at, v.session.session_id)
    )


def _unexamined(snapshot: Snapshot, decisions: Iterable[Decision]) -> list[Unexamined]:
    """What is this user's and could not be looked into: it is never judged, so it is said."""
    found = {d.process.pid for d in decisions if "unreadable" in d.vetoes}
    found.update(pid for pid, marks in snapshot.marks.items() if marks is None)
    found = {pid for pid in found if not _kernel_thread(snapshot.processes[pid])}
    # A process that ended while the table was read has no environment either; it is no secret, just gone.
    there = (pid for pid in sorted(found) if identity.runs(*snapshot.processes[pid].key))
    return [Unexamined(pid, WORDS["unreadable"]) for pid in there]


def _kernel_thread(process: Process) -> bool:
    """Root sees them as its own; they have no environment, no memory, and nothing to do with anybody."""
    return process.rss == 0 and process.ppid in (0, _KTHREADD)


def session_view(
    root: str, options: Settings, ties: Ties, session: Session, members: Iterable[Process]
) -> SessionView:
    """One session with its stamps and its state."""
    snapshot = ties.snapshot
    owner = session.owner
    found = (
        stamps.read(root, session.session_id, snapshot.boot_id)
        if session.source == "registry"
        else stamps.Stamps()
    )
    where = presence(session, snapshot)
    idle = None
    if where == "live":
        session = stamps.stamped(root, session, snapshot.boot_id, paths.config_dir(), found)
        idle = idle_for(ties, session, patience(options))
    started = session.started_at
    if not started and owner.start and owner.boot_id == snapshot.boot_id:
        started = identity.started_at(owner.start)
    judged = state(session, where, idle=idle is not None)
    return SessionView(
        session, judged, found, started, tuple(members), idle if judged == "idle" else None
    )


__all__ = ["SessionView", "Unexamined", "View", "session_view", "view"]
