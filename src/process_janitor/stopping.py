"""The use case `stop`: end living sessions that their user named, members first, and see what becomes of all they have.

Only the clients are signalled: each ends its own servers and Bash calls, as on /exit. What it could not end is swept
afterwards, by the usual proof; what it had let go of stays and is told.
"""

from __future__ import annotations

import time

from process_janitor.actions.background import CannotAsk, Request
from process_janitor.actions.helpers import Helpers
from process_janitor.actions.journal import Journal, Recorder
from process_janitor.actions.terminate import CLAUDE_GRACE_SECONDS, Action, Campaign
from process_janitor.core.commands import shown
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.stoppable import belongs
from process_janitor.core.ties import Ties
from process_janitor.core.vetoes import WORDS
from process_janitor.sweep import Judged, look, proven, sweep
from process_janitor.system import config
from process_janitor.system.held import Holdings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from process_janitor.actions.helpers import Helper
    from process_janitor.core.model import Decision, Identity, Outcome
    from process_janitor.core.settings import Settings
    from process_janitor.core.stoppable import Living
    from process_janitor.system.held import Freed

_SLICE_SECONDS = 0.05
# After SIGKILL only the kernel can still be slow.
_OVERTIME_SECONDS = 5.0


class Ended(NamedTuple):
    """How one process of a stopped session ended, or that it did not. `role` is `session`, `agent`, `background`, or the
    kind of a helper; `seconds` since it was asked to.
    """

    role: str
    name: str
    identity: Identity
    session_id: str
    cwd: str
    outcome: Outcome
    signals: tuple[str, ...] = ()
    seconds: float = 0.0
    freed_bytes: int = 0
    problem: str = ""
    # What its user calls it in the MCP configuration; "" for what is no server, or cannot be told.
    mcp_server: str = ""


class Stopped(NamedTuple):
    """What a stop did, in the order it happened; `last` is the look afterwards, and `left` what it found of them.

    `actions` is what was cleaned up besides: below the helpers in `ended`, whose own end is told there alone. `commands`
    are theirs, by (pid, start).
    """

    ended: tuple[Ended, ...]
    actions: tuple[Action, ...]
    last: Judged
    left: tuple[Decision, ...]
    problem: str
    commands: Mapping[tuple[int, int], str]
    freed: Freed

    @property
    def failed(self) -> bool:
        outcomes = [*(one.outcome for one in self.ended), *(one.outcome for one in self.actions)]
        return bool(self.problem) or any(outcome != "gone" for outcome in outcomes)


class Stop:
    """One stop. `tell` hears of each end as it happens, `tick` the seconds left before SIGKILL while it waits, and
    `enough` says whether the user has lost patience: then nothing more is signalled, and what was is still told.
    """

    def __init__(
        self, root: str, options: Settings, ties: Ties, tell: Callable[[Ended], None],
        tick: Callable[[float], None], enough: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._root = root
        self._options = options
        self._ties = ties
        self._tell = tell
        self._tick = tick
        self._enough = enough
        self._recorder = Recorder(Journal(root), "stop")
        self._ended: list[Ended] = []
        self._by_key: dict[tuple[int, int], Living] = {}
        self._helpers: Helpers | None = None
        self._began: dict[tuple[int, int], float] = {}
        self._problem = ""
        self._commands: dict[tuple[int, int], str] = {}
        self._holdings = Holdings()

    def run(self, stages: Sequence[Sequence[Living]]) -> Stopped:
        """End these sessions, stage by stage. Raises config.Unsafe, OSError when the state directory cannot be used."""
        self._by_key = {one.process.key: one for stage in stages for one in stage}
        self._recorder.learn((one.decision for one in self._by_key.values()), self._ties.snapshot)
        self._helpers = Helpers(self._ties, self._by_key.values())
        self._holdings.note_processes([*self._by_key, *self._helpers.keys])
        grace = float(self._options.value("term_grace_seconds"))
        try:
            with Campaign(grace, self._on_action) as campaign:
                for stage in stages:
                    if not self._enough():
                        self._end(campaign, stage, max(grace, CLAUDE_GRACE_SECONDS))
            self._say_unasked(stages)
            gone = [
                self._by_key[one.identity.key]
                for one in self._ended
                if one.identity.key in self._by_key and one.outcome == "gone"
            ]
            actions = self._sweep(gone)
        finally:
            self._helpers.close()
        last = look(self._root, config.policy(self._root, self._options))
        left = tuple(
            d for d in last.decisions if d.finding and not d.process.dead and belongs(d, gone)
        )
        return Stopped(
            tuple(self._ended), actions, last, left, self._recorder.problem or self._problem,
            self._commands, self._freed(actions),
        )  # fmt: skip

    def _freed(self, besides: Iterable[Action]) -> Freed:
        """What nobody holds any more of what these sessions did: looked up after their end."""
        gone = [
            *((one.identity.key, one.freed_bytes) for one in self._ended if one.outcome == "gone"),
            *((one.identity.key, one.freed_bytes) for one in besides if one.outcome == "gone"),
        ]
        return self._holdings.freed((key for key, _ in gone), sum(size for _, size in gone))

    def _end(self, campaign: Campaign, stage: Sequence[Living], grace: float) -> None:
        now = time.monotonic()
        self._began.update((one.process.key, now) for one in stage)
        requests = self._ask(one for one in stage if one.role == "background")
        signalled = [
            one.decision for one in stage if one.role != "background" and not self._refused(one)
        ]
        marks = self._ties.snapshot.marks
        campaign.strike(signalled, marks)
        self._say_absent(campaign, signalled)
        end = now + grace + _OVERTIME_SECONDS
        while (requests or (campaign.alive and time.monotonic() < end)) and not self._enough():
            campaign.wait(_SLICE_SECONDS) if campaign.alive else time.sleep(_SLICE_SECONDS)
            self._collect()
            self._hear(requests)
            if campaign.alive:
                self._tick(max(0.0, now + grace - time.monotonic()))
                over = {one.identity.key for one in self._ended}
                campaign.strike([d for d in signalled if d.process.key not in over], marks)
        for key, request in requests.items():
            self._say(self._by_key[key], "survived", problem="`claude stop` was still at work")
            request.close()

    def _refused(self, one: Living) -> bool:
        if one.decision.verdict == "keep":
            self._say(
                one,
                "refused",
                problem="; ".join(WORDS.get(code, code) for code in one.decision.vetoes),
            )
            return True
        return False

    def _say_absent(self, campaign: Campaign, signalled: Iterable[Decision]) -> None:
        """Whoever ended by itself between the plan and now: its pid may be another's already, and that is not touched."""
        over = {one.identity.key for one in self._ended}
        for decision in signalled:
            key = decision.process.key
            if key not in over and not campaign.holds(key):
                self._say(self._by_key[key], "gone")

    def _ask(self, background: Iterable[Living]) -> dict[tuple[int, int], Request]:
        requests = {}
        for one in background:
            if self._refused(one):
                continue
            try:
                requests[one.process.key] = Request(one.job, one.decision.identity)
            except (CannotAsk, OSError) as error:
                self._say(one, "refused", problem=str(error))
        return requests

    def _hear(self, requests: dict[tuple[int, int], Request]) -> None:
        for key, request in list(requests.items()):
            if request.done():
                one = self._by_key[key]
                outcome: Outcome = "gone" if request.gone else "survived"
                self._recorder.write(Action(one.decision, (), outcome, 0))
                self._say(one, outcome, problem="" if request.gone else request.problem)
                request.close()
                del requests[key]

    def _on_action(self, action: Action) -> None:
        self._collect()
        self._recorder.write(action)
        one = self._by_key[action.decision.process.key]
        self._say(
            one,
            action.outcome,
            signals=action.signals,
            freed=action.freed_bytes,
            problem=action.why,
        )

    def _say(
        self, one: Living, outcome: Outcome, *, signals: tuple[str, ...] = (), freed: int = 0,
        problem: str = "",
    ) -> None:  # fmt: skip
        began = self._began.get(one.process.key, time.monotonic())
        self._note(
            Ended(
                one.role, one.name or str(one.pid), one.decision.identity, one.session.session_id, one.session.cwd,
                outcome, signals, time.monotonic() - began, freed, problem,
            )
        )  # fmt: skip

    def _say_unasked(self, stages: Sequence[Sequence[Living]]) -> None:
        over = {one.identity.key for one in self._ended}
        for stage in stages:
            for one in stage:
                if one.process.key not in over:
                    self._say(one, "survived", problem="interrupted before it was asked to end")

    def _note(self, ended: Ended) -> None:
        self._ended.append(ended)
        self._tell(ended)

    def _collect(self) -> None:
        """Tell of the helpers that have ended since."""
        for helper in self._helpers.ended() if self._helpers is not None else ():
            began = self._began.get(helper.target.process.key)
            if began is not None:  # else it ended while its session was not even asked to
                self._note_helper(helper, time.monotonic() - began, "gone", (), helper.memory)

    def _note_helper(
        self, helper: Helper, seconds: float, outcome: Outcome, signals: tuple[str, ...], freed: int, problem: str = ""
    ) -> None:  # fmt: skip
        about = helper.target.session
        self._note(
            Ended(
                helper.kind, helper.name, helper.identity, about.session_id, about.cwd, outcome, signals, seconds, freed,
                problem, helper.mcp_server,
            )
        )  # fmt: skip

    def _sweep(self, gone: Sequence[Living]) -> tuple[Action, ...]:
        """End what these sessions could not: proven leftovers of exactly them. What of it is a helper is told as one, with
        the signals it took; the rest is returned.
        """
        self._collect()
        if not gone or self._enough():
            return ()
        swept = sweep(
            self._root, self._options, "stop", lambda d: proven(d) and belongs(d, gone),
            before=self._holdings.note,
        )  # fmt: skip
        self._problem = swept.problem
        besides = []
        for action in swept.actions:
            helper = self._helpers.take(action.identity) if self._helpers is not None else None
            if helper is None:
                detail = swept.details.get(action.decision.process.key)
                self._commands[action.decision.process.key] = (
                    shown(detail.argv) if detail is not None else ""
                ) or action.decision.process.comm
                besides.append(action)
                continue
            seconds = time.monotonic() - self._began.get(
                helper.target.process.key, time.monotonic()
            )
            self._note_helper(
                helper, seconds, action.outcome, action.signals, action.freed_bytes, action.why
            )
        self._collect()
        return tuple(besides)


__all__ = ["Ended", "Stop", "Stopped"]
