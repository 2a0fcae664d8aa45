"""More sessions than the machine can carry: a finding for whoever looks, and one line an hour for who starts another."""

from __future__ import annotations

import os

from process_janitor.system import clock, files, flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core import overload
    from process_janitor.core.conditions import Condition
    from process_janitor.core.model import Process
    from process_janitor.core.settings import Settings
    from process_janitor.core.ties import Ties

_STAMP = "overload.warned"
WARN_AGAIN_SECONDS = 3600.0
_PER_CORE = "load-per-core"
# Of so many of the sessions to end first the memory is measured exactly.
_MEASURED_MAX = 8
_WORDS = {
    "memory-pressure": "memory runs out",
    "swap": "the swap is full",
    "io-pressure": "everything waits for the disk",
}


def warning(root: str, sessions: int, sessions_max: int | None, boot_id: str) -> str:
    """What to tell the user of a session that starts as one of `sessions`; "" when all is well or it was told lately.
    `sessions_max` is None where the user has configured nothing.

    Raises OSError when the state directory cannot be used.
    """
    if _told_lately(root, boot_id):
        return ""  # of a crowd that starts at once, all but one pay for no more than this
    from process_janitor.core import overload
    from process_janitor.system import pressure

    sessions_max = overload.SESSIONS_MAX if sessions_max is None else sessions_max
    codes = overload.strains(pressure.read(), sessions, sessions_max)
    if not codes or not _due(root, boot_id):
        return ""
    # What the machine suffers from says more than the number of sessions, which is told anyway.
    suffers = [_in_words(code) for code in codes if not code.startswith("sessions:")]
    more = f", more than {sessions_max}" if sessions > sessions_max else ""
    why = f": {', '.join(suffers)}" if suffers else ""
    return f"{sessions} sessions run here{more}{why}; /cleanup scan names those to end first"


def _in_words(code: str) -> str:
    name, _, number = code.partition(":")
    return f"load {number} per core" if name == _PER_CORE else _WORDS[name]


def _due(root: str, boot_id: str) -> bool:
    """Whether the hour is over since this was last said, by the clock that stops in suspend; from now on it is not."""
    path = os.path.join(root, _STAMP)
    with flock.Lock(f"{path}.lock", 0.0) as held:
        if not held:
            return False  # another session that starts right now says it
        if _told_lately(root, boot_id):
            return False
        files.write_text(path, f"{boot_id} {int(clock.monotonic())}\n")
    return True


def _told_lately(root: str, boot_id: str) -> bool:
    try:
        boot, _, at = files.read_text(os.path.join(root, _STAMP), 4096).strip().partition(" ")
        return boot == boot_id and 0.0 <= clock.monotonic() - float(at) < WARN_AGAIN_SECONDS
    except (OSError, ValueError):
        return False


def condition(root: str, options: Settings, ties: Ties) -> Iterable[Condition]:
    """The finding, with the sessions to end first; nothing when the machine carries what runs on it."""
    from process_janitor.core import overload
    from process_janitor.core.conditions import Condition
    from process_janitor.system import pressure

    running = _running(ties)
    limit = int(options.value("max_sessions_warning"))
    codes = (
        *overload.strains(pressure.read(), len(running), limit),
        *overload.connections(running),
    )
    if codes:
        # Only now: whose session is idle takes more looking, and most machines carry what runs on them.
        first = _first_to_end(root, options, ties, running)
        ends = f"process-janitor stop --session {_word(first[0], running)}" if first else ""
        yield Condition(
            "overload", "this machine", overload.named(first), evidence=codes, next=ends
        )


def _running(ties: Ties) -> list[overload.Running]:
    """The living sessions of this user. A process that only its name says to be Claude's may be a daemon's spare."""
    from process_janitor.core import overload
    from process_janitor.system import ports

    live = [one for one in ties.owners.live.values() if one.session_id]
    linked = ports.outgoing([one.owner.pid for one in live])
    return [
        overload.Running(
            one.owner.pid, one.session_id, connections=linked.get(one.owner.pid, 0)
        )
        for one in live
    ]  # fmt: skip


def _first_to_end(
    root: str, options: Settings, ties: Ties, running: Iterable[overload.Running]
) -> list[overload.Running]:
    """The sessions that `stop` would end, in the order of `overload.first_to_end`; of those that come into question for
    the first places with their memory as every page counts it.
    """
    from process_janitor.core import overload, stoppable
    from process_janitor.core.claude_sessions import claude_decisions
    from process_janitor.core.idleness import idle_for
    from process_janitor.system import client_files, config, memory, paths, stamps

    patience, config_dir = config.patience(options), paths.config_dir()
    try:
        policy = config.policy(root, options)
    except config.Unsafe:
        return []  # nobody knows whom the user keeps
    leads = client_files.team_leads(config_dir)
    stops = {one.pid for one in stoppable.all_but_own(stoppable.living(ties, policy, leads))[0]}
    finding = {one.process.pid: one.finding for one in claude_decisions(ties, policy)}
    trees: dict[int, list[Process]] = {}
    for pid, holder in ties.holder.items():
        trees.setdefault(holder, []).append(ties.snapshot.processes[pid])
    page = os.sysconf("SC_PAGE_SIZE")
    found = []
    for one in running:
        session = ties.owners.live[one.pid]
        stamped = stamps.stamped(root, session, ties.snapshot.boot_id, config_dir)
        found.append(
            one._replace(
                idle=idle_for(ties, stamped, patience) or 0.0, finding=finding.get(one.pid, ""),
                spared=one.pid not in stops,
                memory=sum(process.rss for process in trees.get(one.pid, ())) * page,
            )
        )  # fmt: skip
    # The exact figure costs a millisecond for a large process: what is shared counts in each by the cheap one, so the
    # order may change among those that come first, and hardly beyond.
    return overload.first_to_end(
        one._replace(
            memory=sum(held.held for held in memory.of_all(trees.get(one.pid, ())).values())
        )
        for one in overload.first_to_end(found)[:_MEASURED_MAX]
    )


def _word(one: overload.Running, running: Iterable[overload.Running]) -> str:
    """What names this session alone: its id, or its process where another one has the same id."""
    alike = sum(other.session_id == one.session_id for other in running)
    return one.session_id if alike == 1 else str(one.pid)


__all__ = ["WARN_AGAIN_SECONDS", "condition", "warning"]
