"""Ending real processes: exactly those that were decided on, as gently as they allow, and nobody who has their number.

Every test runs in a PID namespace of its own, where numbers can be handed out again at will.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from process_janitor.actions.terminate import Action, Campaign
from process_janitor.core.decide import UNHEARD
from process_janitor.core.model import Decision, Identity, Marks, Process
from process_janitor.faces import pretend
from process_janitor.sweep import proven, sweep
from process_janitor.system import clock, identity, procfs, tables
from process_janitor.system.config import load_settings
from process_janitor.system.marks import marks_of
from tests.elsewhere import Queue, without_pidfds, without_proc
from tests.namespaced import namespaced
from tests.world import Child, World, wait_until

GRACE = 1.0
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True)\ntime.sleep(120)"
PLAIN = "import time\nprint(1, flush=True)\ntime.sleep(120)"


class Victim(Child):
    """A real process and the decision to end it."""

    def __init__(
        self,
        code: str = PLAIN,
        *,
        kind: str = "other",
        env: dict[str, str] | None = None,
        group: bool = False,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env,
            start_new_session=group,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.process.stdout.readline()
        super().__init__(self.process.pid)
        self.decision = decided(self.pid, kind)
        self.marks = marks_of(self.pid)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def status(self) -> int:
        return self.process.wait(10)


def decided(pid: int, kind: str = "other") -> Decision:
    row = procfs.process(pid)
    assert row is not None
    return Decision(
        row,
        Identity(pid, row.start, identity.boot_id(), identity.pid_namespace()),
        "reap",
        "leftover",
        kind,
    )


def strike(victims: Sequence[Victim], seconds: float = 10.0, grace: float = GRACE) -> list[Action]:
    """A campaign against these, with the same decisions again and again, until none runs or the time is over."""
    decisions = [victim.decision for victim in victims]
    marks: Mapping[int, Marks | None] = {victim.pid: victim.marks for victim in victims}
    end = time.monotonic() + seconds
    with Campaign(grace, lambda _: None) as campaign:
        while time.monotonic() < end:
            campaign.strike(decisions, marks)
            if not campaign.alive:
                break
            campaign.wait(0.2)
        return campaign.actions


def hand_out(pid: int) -> subprocess.Popen[bytes]:
    """A new process with a number that was another's."""
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    process = subprocess.Popen(["sleep", "120"], stdin=subprocess.DEVNULL)
    assert process.pid == pid, "the namespace gave another number"
    return process


def has_stopped(pid: int) -> bool:
    row = procfs.process(pid)
    return row is not None and row.state == "T"


def a_tick_later(start: int) -> None:
    wait_until(lambda: clock.ticks() > start + 1)


# As gently as it allows


@namespaced
def test_a_process_that_listens_gets_one_sigterm_and_no_more() -> None:
    victim, neighbour = Victim(), Victim()
    (action,) = strike([victim])
    assert (action.signals, action.outcome) == (("SIGTERM",), "gone")
    assert victim.status() == -signal.SIGTERM
    assert action.freed_bytes > 1_000_000
    assert neighbour.alive


@pytest.mark.case("U12", "a leftover that ignores SIGTERM", "reap")
@namespaced
def test_one_that_ignores_it_is_killed_after_its_grace_and_not_before() -> None:
    victim, neighbour = Victim(STUBBORN), Victim(STUBBORN)
    start = time.monotonic()
    (action,) = strike([victim], grace=1.5)
    assert time.monotonic() - start >= 1.5
    assert (action.signals, action.outcome) == (("SIGTERM", "SIGKILL"), "gone")
    assert victim.status() == -signal.SIGKILL
    assert neighbour.alive


@namespaced
def test_one_that_needs_most_of_its_grace_to_tidy_up_gets_it(tmp_path: Path) -> None:
    tidy = f"""
import signal, sys, time
def tidy(*_):
    time.sleep(1.0)
    open({str(tmp_path / "tidied")!r}, "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
print(1, flush=True)
while True: time.sleep(1)
"""
    victim = Victim(tidy)
    (action,) = strike([victim], grace=8.0, seconds=20)
    assert (action.signals, action.outcome) == (("SIGTERM",), "gone")
    assert (tmp_path / "tidied").exists()
    assert victim.status() == 0


@pytest.mark.case("U41", "a client that still writes its transcript", "reap")
@namespaced
def test_a_claude_process_has_time_to_write_its_conversation() -> None:
    client, helper = Victim(STUBBORN, kind="claude"), Victim(STUBBORN)
    actions = strike([client, helper], seconds=4.0)
    assert {action.decision.process.pid: action.outcome for action in actions} == {
        helper.pid: "gone",
        client.pid: "survived",
    }
    assert client.alive


@namespaced
def test_many_stubborn_ones_have_their_grace_at_the_same_time() -> None:
    victims = [Victim(STUBBORN) for _ in range(12)]
    start = time.monotonic()
    actions = strike(victims, grace=1.5, seconds=20)
    assert [action.outcome for action in actions] == ["gone"] * 12
    assert time.monotonic() - start < 12 * 1.5 / 2


@pytest.mark.parametrize("code", [PLAIN, STUBBORN])
@namespaced
def test_a_stopped_process_ends_too_and_a_stopped_neighbour_stays_stopped(code: str) -> None:
    victim, neighbour = Victim(code), Victim(code)
    for one in (victim, neighbour):
        os.kill(one.pid, signal.SIGSTOP)
        wait_until(partial(has_stopped, one.pid))
    victim.decision = decided(victim.pid)
    (action,) = strike([victim])
    assert action.outcome == "gone"
    assert "SIGCONT" in action.signals
    row = procfs.process(neighbour.pid)
    assert row is not None
    assert row.state == "T"


@namespaced
def test_one_that_stops_itself_after_the_decision_ends_too() -> None:
    victim = Victim()
    os.kill(victim.pid, signal.SIGSTOP)
    (action,) = strike([victim])
    assert action.outcome == "gone"


@namespaced
def test_a_leader_that_is_a_zombie_with_living_threads_is_ended_whole() -> None:
    machine = {"x86_64": 60, "aarch64": 93, "riscv64": 93}.get(os.uname().machine, 60)
    victim = Victim(
        "import ctypes, threading, time\nlibc = ctypes.CDLL(None)\nthreading.Thread(target=time.sleep, args=(120,)).start()\n"
        f"print(1, flush=True)\nlibc.syscall({machine}, 0)"
    )
    wait_until(lambda: (row := procfs.process(victim.pid)) is not None and row.state == "Z")
    victim.decision, victim.marks = decided(victim.pid), marks_of(victim.pid)
    (action,) = strike([victim])
    assert action.outcome == "gone"
    assert victim.process.wait(10) == -signal.SIGTERM


@namespaced
def test_one_that_is_gone_before_it_is_signalled_is_no_action() -> None:
    victim = Victim()
    victim.end()
    assert strike([victim]) == []


@pytest.mark.case("U88", "what no signal ends", "report")
@namespaced
def test_everything_is_said_once_also_what_survives() -> None:
    stubborn, plain = Victim(STUBBORN), Victim()
    said: list[Action] = []
    with Campaign(30.0, said.append) as campaign:
        for _ in range(5):
            campaign.strike(
                [stubborn.decision, plain.decision],
                {one.pid: one.marks for one in (stubborn, plain)},
            )
            campaign.wait(0.2)
    outcomes = {
        action.decision.process.pid: (action.outcome, action.freed_bytes > 0) for action in said
    }
    assert outcomes == {plain.pid: ("gone", True), stubborn.pid: ("survived", False)}
    assert len(said) == 2
    assert len(os.listdir("/proc/self/fd")) < 20


@namespaced
def test_a_campaign_with_nothing_to_do_sleeps_and_says_nothing() -> None:
    start = time.monotonic()
    with Campaign(GRACE, lambda _: None) as campaign:
        assert campaign.strike([], {}) == 0
        campaign.wait(0.2)
        assert campaign.actions == []
    assert time.monotonic() - start < 5


@namespaced
def test_one_that_is_not_called_for_any_more_is_not_killed_and_costs_no_processor_time() -> None:
    victim = Victim(STUBBORN)
    with Campaign(0.3, lambda _: None) as campaign:
        campaign.strike([victim.decision], {victim.pid: victim.marks})
        end = time.monotonic() + 1.5
        turns = 0
        while time.monotonic() < end:
            campaign.strike([], {})
            campaign.wait(0.3)
            turns += 1
    assert victim.alive, "the newest decision did not call for it"
    (action,) = campaign.actions
    assert (action.signals, action.outcome) == (("SIGTERM",), "survived")
    assert turns < 20, f"{turns} looks at the whole machine in 1.5 s"


# Exactly those that were decided on


@pytest.mark.case("B2", "a number given out again between the decision and the signal", "keep")
@namespaced
def test_a_number_handed_out_again_between_decision_and_signal_is_not_signalled() -> None:
    victim = Victim()
    victim.end()
    a_tick_later(victim.identity.start)
    innocent = hand_out(victim.pid)
    assert strike([victim]) == []
    assert innocent.poll() is None


@pytest.mark.case("B2", "a number given out again between SIGTERM and SIGKILL", "keep")
@pytest.mark.case("U80", "a second pass over the first list", "keep")
@namespaced
def test_a_number_handed_out_again_between_sigterm_and_sigkill_is_not_killed() -> None:
    victim = Victim(STUBBORN)
    with Campaign(0.5, lambda _: None) as campaign:
        campaign.strike([victim.decision], {victim.pid: victim.marks})
        victim.end()
        a_tick_later(victim.identity.start)
        innocent = hand_out(victim.pid)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            campaign.strike([victim.decision], {victim.pid: victim.marks})
            campaign.wait(0.1)
    assert innocent.poll() is None
    (action,) = campaign.actions
    assert (action.signals, action.outcome) == (("SIGTERM",), "gone")


@pytest.mark.case("B4", "a number given out again within one clock tick", "keep")
@namespaced
def test_a_number_handed_out_again_within_one_tick_is_not_signalled_when_anything_else_differs() -> (
    None
):
    for _ in range(40):
        first = subprocess.Popen(
            ["true"], stdin=subprocess.DEVNULL, env={"CLAUDE_PID": "4711"}, start_new_session=True
        )
        row = procfs.process(first.pid)
        decision = decided(first.pid) if row is not None else None
        first.wait()
        second = hand_out(first.pid)
        now = procfs.process(second.pid)
        if decision is not None and now is not None and now.start == decision.process.start:
            with Campaign(GRACE, lambda _: None) as campaign:
                campaign.strike([decision], {first.pid: Marks(claude_pid=4711)})
            assert [action.outcome for action in campaign.actions] == ["refused"]
            assert second.poll() is None
            return
        second.kill()
        second.wait()
    raise AssertionError("never twice within one tick")


@pytest.mark.parametrize("mark", ["CLAUDE_CODE_SESSION_ID", "PROCESS_JANITOR_KEEP", "CLAUDE_PID"])
@namespaced
def test_one_whose_marks_changed_since_the_decision_is_refused(mark: str) -> None:
    code = (
        "import os, signal, time\n"
        f"become = lambda *_: os.execve('/bin/sleep', ['sleep', '120'], {{{mark!r}: '7'}})\n"
        "signal.signal(signal.SIGUSR1, become)\nprint(1, flush=True)\nwhile True: time.sleep(1)"
    )
    victim, neighbour = Victim(code), Victim(code)
    os.kill(victim.pid, signal.SIGUSR1)
    wait_until(
        lambda: procfs.argv(victim.pid) == ("sleep", "120"), what="it became another program"
    )
    actions = strike([victim, neighbour])
    assert {action.decision.process.pid: action.outcome for action in actions} == {
        victim.pid: "refused",
        neighbour.pid: "gone",
    }
    assert [bool(one.why) for one in actions] == [one.outcome == "refused" for one in actions]
    assert victim.alive


@pytest.mark.parametrize("change", ["os.setsid()", "os.setpgid(0, 0)"])
@namespaced
def test_one_that_left_its_group_since_the_decision_is_refused(change: str) -> None:
    code = f"import os, signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: {change})\nprint(1, flush=True)\nwhile True: time.sleep(1)"
    victim, neighbour = Victim(code), Victim(code)
    os.kill(victim.pid, signal.SIGUSR1)
    wait_until(lambda: (row := procfs.process(victim.pid)) is not None and row.pgid == victim.pid)
    actions = strike([victim, neighbour])
    assert {action.decision.process.pid: action.outcome for action in actions} == {
        victim.pid: "refused",
        neighbour.pid: "gone",
    }
    assert victim.alive


@namespaced
def test_one_whose_environment_was_not_readable_at_the_decision_is_refused() -> None:
    victim = Victim(env={"CLAUDE_PID": "4711"})
    victim.marks = None
    (action,) = strike([victim])
    assert (action.signals, action.outcome) == ((), "refused")
    assert action.why == "it has changed since it was looked at"
    assert victim.alive


@pytest.mark.case("B7", "pid 0, 1, negative, huge, text or missing in a record", "keep")
@pytest.mark.parametrize("pid", [1, 0, -1, -4711, 1 << 23])
@namespaced
def test_no_number_that_is_no_ordinary_process_is_ever_signalled(pid: int) -> None:
    real = procfs.process(1)
    assert real is not None
    row = real._replace(pid=pid)
    neighbour = Victim()
    decision = Decision(
        row,
        Identity(pid, row.start, identity.boot_id(), identity.pid_namespace()),
        "reap",
        "leftover",
    )
    with Campaign(0.1, lambda _: None) as campaign:
        for _ in range(3):
            campaign.strike([decision], {pid: marks_of(1)})
            campaign.wait(0.1)
    assert [(action.signals, action.outcome) for action in campaign.actions] == [((), "refused")]
    assert neighbour.alive


@namespaced
def test_it_never_signals_itself() -> None:
    me = decided(os.getpid())
    with Campaign(0.1, lambda _: None) as campaign:
        campaign.strike([me], {os.getpid(): marks_of(os.getpid())})
    assert [(action.signals, action.outcome) for action in campaign.actions] == [((), "refused")]


@namespaced
def test_a_decision_on_another_start_of_the_same_number_is_not_this_process() -> None:
    victim = Victim()
    row = victim.decision.process
    for start in (row.start - 1, row.start + 1, 0):
        other = row._replace(start=start)
        decision = victim.decision._replace(
            process=other, identity=victim.decision.identity._replace(start=start)
        )
        with Campaign(0.1, lambda _: None) as campaign:
            campaign.strike([decision], {row.pid: victim.marks})
            campaign.wait(0.2)
        assert campaign.actions == []
    assert victim.alive


# Trees that do not hold still

# Every generation lives for an instant and hands on to the next.
COMET = """
import os, sys, time
open(sys.argv[2], "w").close()
end = time.monotonic() + 60
while time.monotonic() < end:
    time.sleep(0.03)
    if os.fork(): os._exit(0)
"""
# Whoever is asked to end starts two more first, up to a number.
HYDRA = """
import os, signal, sys, time
def more(*_):
    for _ in range(2):
        try:
            with open(sys.argv[1], "ab") as file:
                file.write(b"x")
            if os.path.getsize(sys.argv[1]) < 60 and os.fork() == 0: return
        except OSError: pass
    os._exit(0)
signal.signal(signal.SIGTERM, more)
open(sys.argv[2], "w").close()
while True: time.sleep(1)
"""
# Forks as fast as it can, children that ignore SIGTERM, up to a number that a small machine bears.
STORM = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[2], "w").close()
for _ in range(80):
    if os.fork() == 0:
        time.sleep(100)
        os._exit(0)
    time.sleep(0.02)
time.sleep(100)
"""


class Tree:
    """A server of a session that dies, with a program of ours in it, and a neighbour with the same program."""

    def __init__(self, folder: Path, code: str) -> None:
        self.world = World(folder)
        self.world.configure(term_grace_seconds=2)
        self.dead, self.neighbour = self.world.session(), self.world.session()
        for session in (self.dead, self.neighbour):
            ready = folder / f"ready-{session.pid}"
            argv = [
                sys.executable,
                "-I",
                "-S",
                "-c",
                code,
                str(folder / f"count-{session.pid}"),
                str(ready),
            ]
            session._order(
                "server",
                argv=argv,
                env={**self.world.env, **pretend.server_marks(session.session_id)},
            )
            wait_until(ready.exists, 10, "the tree runs")

    def members(self, session_id: str) -> list[Process]:
        table = procfs.table()
        marks = {pid: marks_of(pid) for pid in table}
        return [
            table[pid]
            for pid, one in marks.items()
            if one is not None and one.session_id == session_id and not table[pid].dead
        ]

    def clean(self) -> list[Action]:
        self.dead.kill()
        done = sweep(str(self.world.root), load_settings(), "test", proven, 1000)
        assert not done.problem
        return list(done.actions)


@pytest.mark.case("F2", "a tree that forks while it dies", "reap")
@pytest.mark.parametrize("code", [COMET, HYDRA, STORM], ids=["comet", "hydra", "storm"])
@namespaced
def test_a_tree_that_does_not_hold_still_ends_empty_and_the_neighbours_goes_on(
    code: str, tmp_path: Path
) -> None:
    tree = Tree(tmp_path, code)
    actions = tree.clean()
    assert [row.pid for row in tree.members(tree.dead.session_id)] == []
    assert actions
    # A comet may be between two of its lives at any one look.
    wait_until(lambda: tree.members(tree.neighbour.session_id), 5, "the neighbour's tree goes on")
    assert tree.neighbour.alive


@pytest.mark.parametrize("limit", [2, 3])
@namespaced
def test_leftovers_that_turn_up_in_the_middle_count_against_the_limit_too(
    limit: int, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.configure(term_grace_seconds=1)
    first, second, neighbour = world.session(), world.session(), world.session()
    stubborn, later, spared = (
        first.mcp(stubborn=True),
        [second.mcp(), second.mcp()],
        neighbour.mcp(),
    )
    first.kill()
    looks = []

    def wanted(decision: Decision) -> bool:
        if proven(decision) and decision.process.pid == stubborn.pid:
            looks.append(decision)
            if len(looks) == 2:
                second.kill()
        return proven(decision)

    done = sweep(str(world.root), load_settings(), "test", wanted, limit)
    assert len(looks) > 1, "it was still there at the second look"
    if limit == 3:
        assert not done.problem
        for child in (stubborn, *later):
            child.gone()
    else:
        assert "3 leftovers are more than auto_limit (2): stopped after 1" in done.problem
        assert [(a.decision.process.pid, a.outcome) for a in done.actions] == [
            (stubborn.pid, "survived")
        ]
        assert all(child.alive for child in later)
    assert spared.alive


@pytest.mark.case("F2", "a launcher that dies before its server", "reap")
@namespaced
def test_a_launcher_that_dies_first_takes_its_server_along(tmp_path: Path) -> None:
    launcher = "import subprocess, sys, time\nsubprocess.Popen(['sleep', '120'])\nopen(sys.argv[2], 'w').close()\ntime.sleep(120)"
    tree = Tree(tmp_path, launcher)
    wait_until(lambda: len(tree.members(tree.dead.session_id)) == 2)
    wait_until(lambda: len(tree.members(tree.neighbour.session_id)) == 2)
    actions = tree.clean()
    assert tree.members(tree.dead.session_id) == []
    assert {action.outcome for action in actions} == {"gone"}
    assert len(tree.members(tree.neighbour.session_id)) == 2


# Where there are no pidfds: by numbers, for what its user has named


def named(victim: Victim) -> Decision:
    """What a user may choose there: the identity that psutil tells, and the verdict that it takes a user for."""
    who = identity.identify(victim.pid)
    row = tables.current().process(victim.pid)
    assert who is not None
    assert row is not None
    return victim.decision._replace(process=row, identity=who, verdict="report")


def by_number(victims: Sequence[Victim], meanwhile: Callable[[], object] = list) -> list[Action]:
    """As `strike`, on a system without /proc and pidfds; `meanwhile` happens between SIGTERM and what follows."""
    with without_proc(), without_pidfds(kqueue=Queue):
        decisions = [named(victim) for victim in victims]
        marks = {victim.pid: victim.marks for victim in victims}
        end = time.monotonic() + 10
        with Campaign(GRACE, lambda _: None, numbers=True) as campaign:
            while time.monotonic() < end:
                campaign.strike(decisions, marks)
                meanwhile()
                if not campaign.alive:
                    break
                campaign.wait(0.2)
            return campaign.actions


@namespaced
def test_without_pidfds_it_is_as_gentle_and_reaches_nobody_else() -> None:
    polite, stubborn, neighbour = Victim(), Victim(STUBBORN), Victim(STUBBORN)
    actions = {action.identity.pid: action for action in by_number([polite, stubborn])}
    assert actions[polite.pid].signals == ("SIGTERM",)
    assert actions[stubborn.pid].signals == ("SIGTERM", "SIGKILL")
    assert {action.outcome for action in actions.values()} == {"gone"}
    assert (polite.status(), stubborn.status()) == (-signal.SIGTERM, -signal.SIGKILL)
    assert neighbour.alive


@pytest.mark.case(
    "U80b", "the number of a chosen process, reused, where there are no pidfds", "keep"
)
@namespaced
def test_without_pidfds_a_reused_number_is_not_signalled() -> None:
    victim = Victim(STUBBORN)
    reused: list[subprocess.Popen[bytes]] = []

    def change_hands() -> None:
        if not reused:
            victim.end()
            reused.append(hand_out(victim.pid))

    (action,) = by_number([victim], change_hands)
    assert (action.signals, action.outcome) == (("SIGTERM",), "gone")
    assert reused[0].poll() is None
    # And one whose number was reused before the campaign came to it.
    second = Victim()
    with without_proc():
        before = named(second)
    a_tick_later(second.identity.start)
    second.end()
    innocent = hand_out(second.pid)
    with without_proc(), without_pidfds(kqueue=Queue):  # noqa: SIM117  # the campaign ends before the pretence does
        with Campaign(GRACE, lambda _: None, numbers=True) as campaign:
            assert campaign.strike([before], {second.pid: second.marks}) == 0
            assert not campaign.alive
    assert innocent.poll() is None
    for one in (*reused, innocent):
        one.kill()


@namespaced
def test_without_pidfds_nothing_is_signalled_that_nobody_named() -> None:
    victim = Victim()
    with without_proc(), without_pidfds(kqueue=Queue):
        decision = named(victim)
        with Campaign(GRACE, lambda _: None) as campaign:
            campaign.strike([decision], {victim.pid: victim.marks})
            (action,) = campaign.actions
    assert (action.signals, action.outcome) == ((), "refused")
    assert victim.alive


@pytest.mark.parametrize("owner_lives", [True, False])
@namespaced
def test_without_pidfds_the_owner_is_asked_for_again(owner_lives: bool) -> None:
    owner, victim = Victim(), Victim()
    with without_proc(), without_pidfds(kqueue=Queue):
        who = identity.identify(owner.pid)
        decision = named(victim)._replace(owner=who, evidence=("owner-gone", UNHEARD))
        if not owner_lives:
            owner.end()
        with Campaign(GRACE, lambda _: None, numbers=True) as campaign:
            campaign.strike([decision], {victim.pid: victim.marks})
            campaign.wait(5)
            (action,) = campaign.actions
    assert action.outcome == ("refused" if owner_lives else "gone")
    assert victim.alive == owner_lives
