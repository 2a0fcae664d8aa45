"""Which living sessions a user means by a word, what stops with them, and in which order: members before their leads."""

from __future__ import annotations

from process_janitor.core import client_shapes
from process_janitor.core.claude_sessions import stopped_by_user
from process_janitor.core.idleness import is_own
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural
from process_janitor.core.session_words import NotOne, by_beginning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Literal

    from process_janitor.core.model import Decision, Identity, Process, Session
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Ties

    Role = Literal["session", "agent", "background"]

_JOB_LETTERS = 8


class Living(NamedTuple):
    """One living session. `lead` is the pid of the session it works for, 0 where it works for none; `own` is the one we
    were called from; `named_only` one that no register vouches for: only its user can tell what it is.
    """

    decision: Decision
    session: Session
    role: Role
    name: str = ""
    lead: int = 0
    # What `claude stop` is to be told.
    job: str = ""
    own: bool = False
    named_only: bool = False

    @property
    def process(self) -> Process:
        return self.decision.process

    @property
    def pid(self) -> int:
        return self.decision.process.pid


def living(ties: Ties, policy: Policy, leads_of_teams: Mapping[str, str]) -> list[Living]:
    """Every living client that holds a conversation: not the background daemon, its spares, or a one-off command."""
    found = []
    for pid, session in sorted(ties.owners.live.items()):
        process = ties.snapshot.processes[pid]
        detail = ties.snapshot.detail(pid)
        known = session.recognised or client_shapes.is_claude(process.comm, detail.argv, detail.exe)
        background = _is_background(ties, process, session)
        if not known or (background and not session.session_id):
            continue
        if not background and not client_shapes.holds_conversation(detail.argv):
            continue
        name = _option(detail.argv, "--agent-name") or _option(detail.argv, "--agent-id")
        lead = 0 if background else _lead(ties, process, detail.argv, leads_of_teams)
        role: Role = "background" if background else "agent" if name or lead else "session"
        found.append(
            Living(
                stopped_by_user(ties, policy, process, session), session, role, name, lead, session.job,
                is_own(ties, session), session.source == "process" and not lead,
            )
        )  # fmt: skip
    return _one_of_each_background(found)


def _is_background(ties: Ties, process: Process, session: Session) -> bool:
    """A worker of the daemon, which starts again what a signal ends. Its host and its client share one id."""
    if session.kind == "bg" or session.source == "roster":
        return True
    for above in ties.tree.ancestors(process):
        host = ties.owners.live.get(above.pid)
        if host is not None and (host.kind == "bg" or host.source == "roster"):
            return bool({one for one in host.ids if one} & set(session.ids))
    return False


def _one_of_each_background(found: Sequence[Living]) -> list[Living]:
    """Of a background session's processes the innermost, which is its client: it is stopped once, by its job's name."""
    inner: dict[str, Living] = {}
    for one in sorted(found, key=lambda other: other.process.start):
        if one.role == "background":
            known = inner.get(one.session.session_id)
            job = one.job or (known.job if known is not None else "")
            inner[one.session.session_id] = one._replace(job=job)
    # A daemon that says no name makes it of the id's first letters.
    named = [
        one._replace(job=one.job or one.session.session_id[:_JOB_LETTERS]) for one in inner.values()
    ]
    return sorted(
        [*(one for one in found if one.role != "background"), *named], key=lambda o: o.pid
    )


def _lead(
    ties: Ties, process: Process, argv: Sequence[str], leads_of_teams: Mapping[str, str]
) -> int:
    """The pid of the living session a client works for: the nearest above it, else the one its command names."""
    for above in ties.tree.ancestors(process):
        host = ties.owners.live.get(above.pid)
        if host is not None:
            argv_above = ties.snapshot.detail(above.pid).argv
            return above.pid if client_shapes.holds_conversation(argv_above) else 0
    if not _option(argv, "--agent-id"):
        return 0
    named = _option(argv, "--parent-session-id") or leads_of_teams.get(
        _option(argv, "--team-name"), ""
    )
    others = (s.owner.pid for s in ties.owners.live_under([named] if named else []))
    return next((pid for pid in others if pid != process.pid), 0)


def _option(argv: Sequence[str], name: str) -> str:
    for at, word in enumerate(argv[1:], 1):
        if word == name:
            return argv[at + 1] if at + 1 < len(argv) else ""
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return ""


def meant(word: str, among: Sequence[Living]) -> list[Living]:
    """The living sessions that a word names: a pid, an id, or the beginning of one. Raises NotOne."""
    number = natural(word)
    found = [one for one in among if number is not None and one.pid == number]
    found = found or [one for one in among if word and word in one.session.ids]
    if not found:
        ids = ((id_, one.session.session_id) for one in among for id_ in one.session.ids)
        name = by_beginning(word, ids)
        found = [one for one in among if name and one.session.session_id == name]
    if not found:
        raise NotOne(f"no living session {word!r} is known")
    return found


def with_members(chosen: Iterable[Living], among: Sequence[Living]) -> list[list[Living]]:
    """The chosen sessions and everybody who works for them, in stages: whoever has members comes after them.

    Our own session is among them only if it was chosen itself, and then the very last: it may take us down with it.
    """
    taken = {one.pid: one for one in chosen}
    grew = True
    while grew:
        more = {
            one.pid: one
            for one in among
            if one.lead in taken and one.pid not in taken and not one.own
        }
        taken.update(more)
        grew = bool(more)
    stages: dict[tuple[bool, int], list[Living]] = {}
    for one in taken.values():
        stages.setdefault((one.own, -_depth(one, taken)), []).append(one)
    return [sorted(stages[key], key=lambda o: o.pid) for key in sorted(stages)]


def all_but_own(among: Sequence[Living]) -> tuple[list[Living], list[Living]]:
    """What `--all` means, and what it spares: our own session with its members, what its user keeps, what only a name
    makes a session.
    """
    by_pid = {one.pid: one for one in among}
    chosen: list[Living] = []
    spared: list[Living] = []
    for one in among:
        ours = one.own or any(by_pid[pid].own for pid in _leads(one, by_pid))
        plain = not ours and not one.named_only and one.decision.verdict != "keep"
        (chosen if plain else spared).append(one)
    return chosen, spared


def _depth(one: Living, taken: Mapping[int, Living]) -> int:
    return len(_leads(one, taken))


def _leads(one: Living, among: Mapping[int, Living]) -> set[int]:
    """The pids of everybody it works for, directly or not."""
    passed: set[int] = set()
    at = one
    while at.lead in among and at.lead not in passed:
        passed.add(at.lead)
        at = among[at.lead]
    return passed


def belongs(decision: Decision, gone: Collection[Living]) -> bool:
    """Whether a process was one of these sessions'."""
    return any(owned_by(decision, one.session.owner) for one in gone)


def owned_by(decision: Decision, client: Identity) -> bool:
    """Whether a process was this client's. One that no register named is known by its pid alone."""
    owner = decision.owner
    return owner is not None and (owner == client or (owner.start == 0 and owner.pid == client.pid))


__all__ = [
    "Living",
    "all_but_own",
    "belongs",
    "living",
    "meant",
    "owned_by",
    "with_members",
]
