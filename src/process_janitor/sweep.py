"""The use case: lock, look, decide, terminate, write down; look again until twice nothing is left."""

from __future__ import annotations

import os
import time

from process_janitor.actions.condemned import Condemned
from process_janitor.actions.journal import Journal, Recorder
from process_janitor.actions.terminate import CLAUDE_GRACE_SECONDS, Action, Campaign
from process_janitor.core.decide import decide
from process_janitor.core.handover import background_runs, is_handed_on, may_be_moving
from process_janitor.core.model import Decision
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.shapes import is_shell
from process_janitor.system import config, files, worlds
from process_janitor.system.observe import Observation, observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from process_janitor.core.model import Detail, Identity, Session
    from process_janitor.core.policy import Policy
    from process_janitor.core.settings import Settings

LOCK_NAME = "cleaner.lock"
LOCK_SECONDS = 60.0
EMPTY_SCANS = 2
# The one trigger behind which a user has named what is to end.
BY_HAND = "run"
# How long after the last grace a campaign goes on against a tree that keeps forking.
_OVERTIME_SECONDS = 10.0
_FIRST_SLICE_SECONDS = 0.02
_LONGEST_SLICE_SECONDS = 0.5
_NO_DETAILS: Mapping[tuple[int, int], Detail] = {}


def proven(decision: Decision) -> bool:
    """What may be ended without asking anybody."""
    return decision.verdict == "reap"


def leaves_first(decisions: Iterable[Decision]) -> list[Decision]:
    """Chain by chain, each from its leaves to its root; `decisions` come parents first.

    Shells go before everything else of their chain: one whose child ends first goes on to its next command.
    """
    chains: dict[int, list[Decision]] = {}
    member: dict[int, list[Decision]] = {}
    for decision in decisions:
        process = decision.process
        chain = member.get(process.ppid)
        if chain is None:
            chain = chains[process.pid] = []
        chain.append(decision)
        member[process.pid] = chain
    ordered = []
    for chain in chains.values():
        shells = [one for one in chain if is_shell(one.process.comm)]
        ordered += shells
        ordered += [one for one in reversed(chain) if not is_shell(one.process.comm)]
    return ordered


class Judged(NamedTuple):
    """One look at the machine and what it means."""

    observation: Observation
    decisions: tuple[Decision, ...]


class Swept(NamedTuple):
    """What a sweep did. `problem` is empty, or the one sentence that says why nothing, or nothing more, was
    signalled. `details` is what was acted on, by (pid, start): not all of it is in the first look.
    """

    first: Judged
    actions: tuple[Action, ...]
    problem: str = ""
    # Another cleanup was at work all the time: nothing was looked at, and it is worth trying again.
    busy: bool = False
    details: Mapping[tuple[int, int], Detail] = _NO_DETAILS

    @property
    def failed(self) -> bool:
        return any(action.outcome != "gone" for action in self.actions)


def look(
    root: str, policy: Policy, also: Collection[int] = (), more: Collection[Session] = ()
) -> Judged:
    """Decide about everything, change nothing. `also` and `more` are as in `observe`."""
    observation = observe(root, also, more, policy)
    return Judged(observation, tuple(decide(observation.ties, policy)))


def sweep(
    root: str,
    options: Settings,
    trigger: str,
    wanted: Callable[[Decision], bool],
    limit: int | None = None,
    before: Callable[[list[Decision]], object] = bool,
    *,
    idle: bool = False,
) -> Swept:
    """End everything that is decided `reap` (or `report`) and `wanted`; with a `limit`, nothing if there is more, and
    nothing further once more than that has turned up in all. Idle sessions are among it only if `idle` says that the user
    asked for them. `before` sees what is about to be signalled, and what was already, right before it happens.

    One sweep at a time in this world: two would both wait for the same processes and report each other's work. One of
    another world has other processes, and may be frozen with its container in the middle. Raises
    `config.Unsafe` when the user's keep rules cannot be read, OSError when the state directory cannot be used.
    """
    files.make_root(root)
    held = worlds.lock(worlds.directory(root), LOCK_NAME, LOCK_SECONDS)
    if held is None:
        return Swept(
            look(root, config.policy(root, options, idle=idle)),
            (),
            "another cleanup has been running for a minute",
            busy=True,
        )
    try:
        return _sweep(root, options, trigger, wanted, limit, before, idle=idle)
    finally:
        os.close(held)


def _sweep(
    root: str,
    options: Settings,
    trigger: str,
    wanted: Callable[[Decision], bool],
    limit: int | None,
    before: Callable[[list[Decision]], object],
    *,
    idle: bool,
) -> Swept:
    grace = float(options.value("term_grace_seconds"))
    journal = Journal(root)
    recorder = Recorder(journal, trigger)
    condemned = Condemned(root)
    moving = _Moving()
    met: set[Identity] = set()
    begun = 0
    first: Judged | None = None
    empty = 0
    slice_seconds = _FIRST_SLICE_SECONDS
    with Campaign(grace, recorder.write, numbers=trigger == BY_HAND) as campaign:
        end = time.monotonic() + max(grace, CLAUDE_GRACE_SECONDS) + _OVERTIME_SECONDS
        while empty < EMPTY_SCANS and time.monotonic() < end:
            policy = config.policy(root, options, idle=idle)
            judged = look(root, policy, (), condemned.sessions())
            called_for = [d for d in judged.decisions if actionable(d) and wanted(d)]
            targets = moving.settled(called_for, judged.observation)
            first = first or judged
            met.update(target.identity for target in called_for)
            if limit is not None and len(met) > limit:
                # Also in the middle of it: a registry that vanishes makes leftovers of the living.
                done = f"stopped after {begun}" if begun else "nothing was ended"
                text = f"{len(met)} leftovers are more than auto_limit ({limit}): {done}"
                journal.note("refused", text)
                campaign.give_up()
                return Swept(first, tuple(campaign.actions), text, details=recorder.known)
            begun = len(met) - (len(called_for) - len(targets))
            recorder.learn(targets, judged.observation.snapshot)
            condemned.add(targets, judged.observation)
            before(targets)
            running = campaign.strike(leaves_first(targets), judged.observation.snapshot.marks)
            waiting = len(targets) < len(called_for)
            empty = 0 if running or campaign.alive or waiting else empty + 1
            campaign.wait(slice_seconds)
            slice_seconds = min(2 * slice_seconds, _LONGEST_SLICE_SECONDS)
    condemned.over()
    return Swept(
        first or look(root, config.policy(root, options, idle=idle)),
        tuple(campaign.actions),
        recorder.problem,
        details=recorder.known,
    )


class _Moving:
    """Holds back what may be on its way to another process of its conversation, until that is known."""

    def __init__(self) -> None:
        self._since: dict[Identity, float] = {}

    def settled(self, targets: Iterable[Decision], seen: Observation) -> list[Decision]:
        """Those of the targets that nobody can be about to take over."""
        now = time.monotonic()
        registered = {one.owner: one for one in seen.sessions if one.source == "registry"}
        targets = list(targets)
        background = any(map(_handed_on, targets)) and background_runs(seen.sessions, seen.snapshot)

        def moves(target: Decision) -> bool:
            known_for = now - self._since.setdefault(target.identity, now)
            session = registered.get(target.owner) if target.owner is not None else None
            return may_be_moving(session, known_for, background=background)

        return [one for one in targets if not _handed_on(one) or not moves(one)]


def _handed_on(target: Decision) -> bool:
    return is_handed_on(target.via, detached=target.finding == "detached")


def actionable(decision: Decision) -> bool:
    """What may be ended at all: nothing that is kept or protected, and no zombie, which is dead already.

    A user may name a report that only the life of its session speaks against; no other veto can be talked away.
    """
    protected = set(decision.vetoes) - {"live-owner"}
    return decision.verdict != "keep" and not protected and not decision.process.dead


__all__ = ["Judged", "Swept", "actionable", "look", "proven", "sweep"]
