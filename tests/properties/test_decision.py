"""The decision on random machines: never a wrong process, never a missed one, never less careful for knowing less."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from process_janitor.core.decide import decide
from process_janitor.core.model import Marks
from process_janitor.core.policy import KeepRule, Policy
from process_janitor.core.ties import Ties
from process_janitor.core.tree import Tree
from tests.machine import BOOT, UID, Machine

if TYPE_CHECKING:
    from process_janitor.core.model import Decision

IDS = [f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in range(4)]
ORDINARY = Policy()
EVERYTHING = Policy(detached="reap")
# 2,000 in CI, 100,000 every night (.github/workflows/nightly.yml).
EXAMPLES = int(
    os.environ.get("PROCESS_JANITOR_EXAMPLES") or (2000 if os.environ.get("CI") else 400)
)

settings.register_profile(
    "decision",
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    print_blob=True,
)


class Worlds(RuleBasedStateMachine):
    """Sessions, trees, deaths, adoptions, reused pids, lost records, inherited marks; judged after every step."""

    clients = Bundle("clients")
    helpers = Bundle("helpers")

    def __init__(self) -> None:
        super().__init__()
        self.m = Machine()
        self.subreaper = self.m.spawn(1, comm="systemd", setsid=True)
        self.ids: dict[int, str] = {}
        self.dead_pids: list[int] = []
        # Facts about the truth that no observer can undo.
        self.marked_lost: set[tuple[int, int]] = set()
        self.shared_ids: set[str] = set()
        self.unregistered: set[tuple[int, int]] = set()
        self.keep_rules: list[KeepRule] = []
        # The world that was judged last: a step that changes nothing needs no second judgement.
        self.judged: object = None

    # -- what happens ----------------------------------------------------------------------------

    @rule(
        target=clients,
        session_id=st.sampled_from(IDS),
        source=st.sampled_from(["registry", "registry", "client", ""]),
    )
    def a_session_starts(self, session_id: str, source: str) -> int:
        return self._client(session_id, source, parent=0)

    @rule(target=clients, shell=helpers, session_id=st.sampled_from(IDS))
    def a_session_starts_in_a_bash_call(self, shell: int, session_id: str) -> int | object:
        if shell not in self.m.rows:
            return multiple()
        return self._client(session_id, "registry", parent=shell)

    @rule(target=clients, session_id=st.sampled_from(IDS))
    def a_background_session_starts(self, session_id: str) -> int:
        pid = self._client(session_id, "registry", parent=0)
        self.m.into_background(pid)
        return pid

    def _client(self, session_id: str, source: str, parent: int) -> int:
        if session_id in self.ids.values():
            self.shared_ids.add(session_id)
        marks = self.m.rows[parent].marks if parent else Marks()
        pid = self.m.claude(session_id, source=source, parent=parent, marks=marks)
        self.ids[pid] = session_id
        if not source:
            self.unregistered.add(self.m.rows[pid].key)
        return pid

    @rule(target=helpers, client=clients, kind=st.sampled_from(["mcp", "bash", "hook"]))
    def a_helper_starts(self, client: int, kind: str) -> int | object:
        if not self._lives(client):
            return multiple()
        return int(getattr(self.m, kind)(client, self.ids[client]))

    @rule(
        target=helpers,
        client=clients,
        setsid=st.booleans(),
        comm=st.sampled_from(["vite", "tmux: server"]),
    )
    def a_bash_call_lets_something_go(self, client: int, setsid: bool, comm: str) -> int | object:
        if not self._lives(client):
            return multiple()
        return self.m.detached(client, self.ids[client], setsid=setsid, comm=comm)

    @rule(
        target=helpers,
        parent=helpers,
        setsid=st.booleans(),
        setpgid=st.booleans(),
        cleared=st.booleans(),
        keep=st.booleans(),
    )
    def a_helper_forks(
        self, parent: int, setsid: bool, setpgid: bool, cleared: bool, keep: bool
    ) -> int | object:
        if parent not in self.m.rows:
            return multiple()
        pid = self.m.spawn(parent, comm="node", setsid=setsid, setpgid=setpgid)
        row = self.m.rows[pid]
        if cleared:
            row.marks = Marks(blank=True)
        elif keep and row.marks is not None:
            row.marks = row.marks._replace(keep=True)
        return pid

    @rule(target=helpers)
    def a_stranger_starts(self) -> int:
        return self.m.spawn(self.m.shell, comm="vim", setpgid=True)

    @rule(helper=helpers, uid=st.just(UID + 1))
    def a_helper_becomes_another_user(self, helper: int, uid: int) -> None:
        if helper in self.m.rows:
            self.m.rows[helper].uid = uid

    @rule(helper=helpers)
    def the_user_keeps_one(self, helper: int) -> None:
        if helper in self.m.rows:
            self.keep_rules.append(KeepRule(helper, self.m.rows[helper].start, BOOT))

    @rule(helper=consumes(helpers), adopt=st.booleans())
    def a_helper_ends(self, helper: int, adopt: bool) -> None:
        if helper in self.m.rows:
            self.m.exit(helper, adopter=self.subreaper if adopt else 1)

    @rule(client=consumes(clients), adopt=st.booleans())
    def a_session_is_killed(self, client: int, adopt: bool) -> None:
        self._kill(client, adopt=adopt)

    def _kill(self, client: int, *, adopt: bool) -> None:
        if self._lives(client):
            self.dead_pids.append(client)
            self.m.exit(client, adopter=self.subreaper if adopt else 1)

    @rule(
        client=consumes(clients),
        reason=st.sampled_from(["prompt_input_exit", "other", "logout"]),
        seconds=st.sampled_from([0.1, 30, 7200]),
    )
    def a_session_says_goodbye_and_is_killed(
        self, client: int, reason: str, seconds: float
    ) -> None:
        if self._lives(client) and self.m.rows[client].key in self.m.sessions:
            self.m.goodbye(client, reason, seconds)
            self._kill(client, adopt=False)

    @rule(client=clients, session_id=st.sampled_from(IDS))
    def a_conversation_changes(self, client: int, session_id: str) -> None:
        if not self._lives(client) or self.m.rows[client].key in self.unregistered:
            return
        source = next(
            s.source for s in self.m.sessions.values() if s.owner.key == self.m.rows[client].key
        )
        self.shared_ids.update((session_id, self.ids[client]))
        self.ids[client] = session_id
        self.m.register(client, session_id, source=source)

    @rule(data=st.data())
    def a_dead_clients_pid_is_given_out_again(self, data: st.DataObject) -> None:
        free = [pid for pid in self.dead_pids if pid not in self.m.rows]
        if free:
            self.m.spawn(
                self.m.shell, comm="vim", setpgid=True, pid=data.draw(st.sampled_from(free))
            )

    @rule()
    def the_watcher_looks(self) -> None:
        self.m.look()

    @rule(seconds=st.sampled_from([0.01, 5, 86_400]))
    def time_passes(self, seconds: float) -> None:
        self.m.tick(seconds)

    # -- what must hold --------------------------------------------------------------------------

    def _lives(self, pid: int) -> bool:
        row = self.m.rows.get(pid)
        return row is not None and row.comm == "claude"

    def _living_trees(self) -> set[int]:
        clients = [pid for pid in self.m.rows if self._lives(pid)]
        return {*clients, *(below for pid in clients for below in self.m.below(pid))}

    @invariant()
    def what_must_hold(self) -> None:
        snapshot, sessions = self.m.snapshot(), list(self.m.sessions.values())
        if (snapshot, sessions, self.keep_rules) == self.judged:
            return
        self.judged = (snapshot, sessions, [*self.keep_rules])
        ties = Ties(snapshot, sessions)
        ordinary, everything = self._decide(ties, ORDINARY), self._decide(ties, EVERYTHING)
        self._nobody_is_wronged(ordinary, everything)
        self._nobody_is_missed(ordinary)
        self._what_a_look_leaves_out_changes_nothing(ties, everything)

    def _decide(self, ties: Ties, policy: Policy) -> list[Decision]:
        return decide(ties, policy._replace(keep_rules=tuple(self.keep_rules)))

    def _nobody_is_wronged(self, ordinary: list[Decision], everything: list[Decision]) -> None:
        living = self._living_trees()
        tree = Tree(self.m.processes())
        kept = {rule.pid for rule in self.keep_rules if self._still(rule)}
        for decision in (*ordinary, *everything):
            if decision.verdict != "reap":
                continue
            pid = decision.process.pid
            row = self.m.rows[pid]
            above = {p.pid for p in tree.ancestors(decision.process)}
            assert pid > 1
            assert row.uid == UID
            assert pid != self.m.janitor
            assert pid not in living, "below a living session"
            assert not living.intersection(self.m.below(pid)), "above a living session"
            assert not kept.intersection({pid, *above}), "kept by the user"
            assert row.marks is None or not row.marks.keep
            assert row.comm not in ("vim", "tmux: server", "systemd", "python3")
        for decision in ordinary:
            doomed = self.m.rows[decision.process.pid].doomed_by is not None
            assert doomed or decision.verdict != "reap", "a clean exit would have left it"

    def _still(self, rule: KeepRule) -> bool:
        row = self.m.rows.get(rule.pid)
        return row is not None and row.start == rule.start

    def _nobody_is_missed(self, ordinary: list[Decision]) -> None:
        decisions = {decision.process.pid: decision for decision in ordinary}
        live_ids = {
            one
            for session in self.m.sessions.values()
            if session.owner.pid in self.m.rows
            and self.m.rows[session.owner.pid].key == session.owner.key
            for one in session.ids
        }
        nameless = any(
            self._lives(pid) and self.m.rows[pid].key in self.unregistered for pid in self.m.rows
        )
        for pid in self.m.doomed():
            row = self.m.rows[pid]
            decision = decisions.get(pid)
            if decision is not None and decision.vetoes:
                continue
            if (
                not row.doomed_by
                or row.doomed_by in self.unregistered
                or nameless
                or row.uid != UID
            ):
                continue
            session = self.m.sessions[row.doomed_by]
            named = row.marks is not None and row.marks.names_session
            if live_ids.intersection(session.ids) or self.shared_ids.intersection(session.ids):
                continue
            if named and row.ppid in (1, self.subreaper) and self._unmistakable(pid):
                assert decision is not None
                assert decision.verdict == "reap", decision

    def _unmistakable(self, pid: int) -> bool:
        """A running Bash call's shell, or a server in its client's group: what the promise names."""
        row = self.m.rows[pid]
        owner = row.doomed_by
        assert owner is not None
        return (row.comm == "bash" and row.pid == row.sid) or (
            row.serves == owner and row.pgid == owner[0]
        )

    def _what_a_look_leaves_out_changes_nothing(
        self, whole: Ties, everything: list[Decision]
    ) -> None:
        """Details that come later, clients looked for from above, processes that nothing can be said of; and to decide
        twice gives the same.
        """
        snapshot, sessions = whole.snapshot, list(self.m.sessions.values())
        later = Ties(snapshot._replace(details={}), sessions).with_details(snapshot.details)
        assert list(later.gone.items()) == list(whole.gone.items())
        assert (later.claimed, later.holder) == (whole.claimed, whole.holder)
        assert later.snapshot == snapshot
        assert self._decide(later, EVERYTHING) == everything
        for pid, process in snapshot.processes.items():
            above = (pid, *(one.pid for one in whole.tree.ancestors(process)))
            assert whole.holder[pid] == next((p for p in above if p in whole.owners.live), 0)
        silent = [
            p
            for p in snapshot.processes.values()
            if p.pid not in whole._candidates() and not whole.holder[p.pid]
        ]
        known = dict(whole.gone), dict(whole.claimed)
        for process in silent:
            whole._judge(process)
        assert (whole.gone, whole.claimed) == known

    @rule(data=st.data())
    def knowing_less_never_kills_more(self, data: st.DataObject) -> None:
        snapshot = self.m.snapshot()
        pids = sorted(snapshot.marks)
        # A mark that cannot be read keeps its bearer, and what runs below it: not who runs beside it.
        plain = [pid for pid in pids if not (m := snapshot.marks[pid]) or not m.keep]
        blind = data.draw(st.sets(st.sampled_from(plain)), label="unreadable environments")
        vague = data.draw(st.sets(st.sampled_from(pids)), label="unread details")
        lost = data.draw(
            st.sets(st.sampled_from(sorted(self.m.sessions)))
            if self.m.sessions
            else st.just(set()),
            label="lost records",
        )
        forgotten = data.draw(st.booleans(), label="forgotten descendants")
        sessions = [
            session._replace(descendants={}) if forgotten else session
            for key, session in self.m.sessions.items()
            if key not in lost
        ]
        less = self.m.decide(
            EVERYTHING,
            sessions,
            marks={pid: None if pid in blind else one for pid, one in snapshot.marks.items()},
            details={pid: one for pid, one in snapshot.details.items() if pid not in vague},
        )
        more = self.m.decide(EVERYTHING)
        for pid, decision in less.items():
            if decision.verdict == "reap":
                assert pid in more
                assert more[pid].verdict == "reap", (decision, more[pid])


TestWorlds = pytest.mark.timeout(max(3600, EXAMPLES // 10))(Worlds.TestCase)
TestWorlds.settings = settings.get_profile("decision")
