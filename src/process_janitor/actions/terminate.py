"""Ending processes: SIGTERM, grace, SIGKILL, each for exactly the process that was decided on, held by `exits`.

Nothing in here decides. A campaign is handed fresh decisions again and again; it signals only what the newest of them
still calls for, and no number is signalled unless `numbers` says that it may be where there are no pidfds.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` adds 5 ms of enum between a death and its cleanup
import os
import time

from process_janitor.core.decide import UNHEARD
from process_janitor.core.model import Decision, Identity
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import usable_pid
from process_janitor.system import exits, memory, tables
from process_janitor.system.identity import proven_gone
from process_janitor.system.marks import marks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from process_janitor.core.model import Marks, Outcome, Process

# A claude process writes its transcript on SIGTERM; killed before that is done, the conversation cannot be resumed.
CLAUDE_GRACE_SECONDS = 10.0
_NO_SIGNAL = "the system let no signal through"


class Action(NamedTuple):
    """What was done to one process and how it ended. `freed_bytes` is 0 unless it is gone; `why` is there only where it was
    refused.
    """

    decision: Decision
    signals: tuple[str, ...]
    outcome: Outcome
    freed_bytes: int
    why: str = ""

    @property
    def identity(self) -> Identity:
        return self.decision.identity


class _Target:
    """One process being ended: what it has been sent, and when its grace is over."""

    def __init__(
        self, decision: Decision, held: exits.Pidfds | exits.Numbers, memory: int, grace_over: float
    ) -> None:
        self.decision = decision
        self._held = held
        self.memory = memory
        self.grace_over = grace_over
        self.signals: list[str] = []

    def send(self, name: str) -> bool:
        """False when the process is gone already, or the system refuses."""
        try:
            self._held.send(self.decision.process.key, getattr(_signal, name))
        except OSError:
            return False
        self.signals.append(name)
        return True


class Campaign:
    """Everything being ended in one sweep. Close it, or use it in a `with` block. `numbers` is as in `exits.holding`."""

    def __init__(
        self, grace_seconds: float, done: Callable[[Action], None], *, numbers: bool = False
    ) -> None:
        self._grace = grace_seconds
        self._done = done
        # When the first process of each session was signalled.
        self._started: dict[Identity | None, float] = {}
        self._targets: dict[tuple[int, int], _Target] = {}
        self._held = exits.holding(numbers=numbers)
        self._over: set[tuple[int, int]] = set()
        self.actions: list[Action] = []

    def __enter__(self) -> Campaign:  # noqa: PYI034  # Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Whatever still runs has survived; it is said so, never left out."""
        self._collect(0.0)
        for target in list(self._targets.values()):
            self._finish(target, "survived")

    @property
    def alive(self) -> int:
        return len(self._targets)

    def holds(self, key: tuple[int, int]) -> bool:
        """Whether this process is being ended and has not ended yet."""
        return key in self._targets

    def strike(self, decisions: Iterable[Decision], marks: Mapping[int, Marks | None]) -> int:
        """Act on the newest decisions, in their order; returns how many of them were still running.

        Everything is verified first and signalled then, in one go: a shell whose child ends before the shell itself is
        signalled would go on to its next command.
        """
        now = time.monotonic()
        self._collect(0.0)
        running = 0
        fresh = []
        for decision in decisions:
            target = self._targets.get(decision.process.key)
            if target is None:
                target = self._verified(decision, marks.get(decision.process.pid), now)
                fresh += [target] if target is not None else []
            elif now >= target.grace_over and "SIGKILL" not in target.signals:
                target.send("SIGKILL")
            running += target is not None
        for target in fresh:
            if not target.send("SIGTERM"):
                there = tables.current().process(target.decision.process.pid) is not None
                self._finish(target, "refused" if there else "gone", _NO_SIGNAL if there else "")
        for target in fresh:
            if target.decision.process.state in "Tt":
                target.send("SIGCONT")  # a stopped process gets its SIGTERM only when it runs again
            if target.grace_over <= now:
                target.send("SIGKILL")
        return running

    def _verified(self, decision: Decision, marks: Marks | None, now: float) -> _Target | None:
        """A handle on exactly the process that was decided on, if what was decided on still holds."""
        process = decision.process
        if process.key in self._over:
            return None
        owner = decision.owner
        judged = decision.verdict == "reap" or UNHEARD in decision.evidence
        of_another = owner is not None and owner.key != process.key
        if judged and of_another and owner is not None and not proven_gone(owner, process.start):
            self._refuse(decision, "the process of its session is not proven gone any more")
            return None
        if not usable_pid(process.pid) or process.pid == os.getpid():
            self._refuse(decision, "nothing here ends this process")
            return None
        try:
            there = self._held.add(decision.identity)
        except OSError as error:
            self._refuse(decision, f"it could not be held on to: {error.strerror or error}")
            return None
        if not there:
            return None  # gone by itself between the reading and now
        if not _unchanged(process, marks):
            self._held.drop(process.key)
            self._refuse(decision, "it has changed since it was looked at")
            self._over.discard(process.key)  # the next look decides about what it has become
            return None
        started = self._started.setdefault(owner, now)
        grace = max(self._grace, CLAUDE_GRACE_SECONDS) if decision.kind == "claude" else self._grace
        # What a tree forks after its grace has had it already.
        late = decision.kind != "claude" and now > started + self._grace
        held = memory.read(process.pid).held
        target = _Target(decision, self._held, held, now if late else now + grace)
        self._targets[process.key] = target
        return target

    def _refuse(self, decision: Decision, why: str) -> None:
        self._say(Action(decision, (), "refused", 0, why))

    def wait(self, seconds: float) -> None:
        """Until every target is gone, the next grace is over, or `seconds` have passed, whichever is first."""
        now = time.monotonic()
        waiting = [
            t.grace_over
            for t in self._targets.values()
            if "SIGKILL" not in t.signals and t.grace_over > now
        ]
        until = min([now + seconds, *waiting])
        while self.alive and now < until:
            self._collect(until - now)
            now = time.monotonic()

    def _collect(self, seconds: float) -> None:
        for key in self._held.ended(seconds):
            self._finish(self._targets[key], "gone")

    def _finish(self, target: _Target, outcome: Outcome, why: str = "") -> None:
        key = target.decision.process.key
        self._held.drop(key)
        del self._targets[key]
        freed = target.memory if outcome == "gone" else 0
        self._say(Action(target.decision, tuple(target.signals), outcome, freed, why))

    def _say(self, action: Action) -> None:
        key = action.decision.process.key
        self._over.add(key)
        # Refused once, since it had changed, and decided about anew: what came of it counts.
        self.actions[:] = [
            one
            for one in self.actions
            if one.decision.process.key != key or one.outcome != "refused"
        ]
        self.actions.append(action)
        self._done(action)


def _unchanged(decided: Process, marks: Marks | None) -> bool:
    """The evidence still stands: same place in its tree or taken in by someone else since, same group, same marks."""
    now = tables.current().process(decided.pid)
    if now is None or now.start != decided.start or now.uid != decided.uid:
        return False
    if (now.pgid, now.sid) != (decided.pgid, decided.sid):
        return False
    return marks_of(decided.pid) == marks


__all__ = ["CLAUDE_GRACE_SECONDS", "Action", "Campaign"]
