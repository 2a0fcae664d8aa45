"""A session is idle when everything that can be asked has been quiet, and nothing speaks for work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.idleness import Patience
from process_janitor.core.model import Marks
from process_janitor.core.policy import KeepRule, Policy
from tests.machine import BOOT, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
POLICY = Policy(patience=Patience(1800.0, 600.0))
QUIET = {"activity_ago": 5400.0, "transcript_ago": 5400.0, "busy_ago": 5400.0}
IDLE, KEPT = ("report", "idle-session"), ("keep", "")
case = pytest.mark.case


def quiet(m: Machine, claude: int, **fields: Any) -> None:
    key = m.rows[claude].key
    m.sessions[key] = m.sessions[key]._replace(**{"recognised": True, **QUIET, **fields})


def session(**fields: Any) -> tuple[Machine, int]:
    m = Machine()
    claude = m.claude(A)
    m.tick(10_000)
    quiet(m, claude, **fields)
    return m, claude


@case("D6", "nobody has used it for hours: shown, ended only when the user says so", "report")
def test_a_quiet_session_is_idle_and_its_neighbour_is_not() -> None:
    m, claude = session()
    neighbour = m.claude(B)
    m.tick(10_000)
    quiet(m, neighbour, activity_ago=60.0)
    server = m.mcp(claude, A)
    assert m.verdict(claude, POLICY) == IDLE
    assert m.verdict(neighbour, POLICY) == KEPT
    assert m.verdict(server, POLICY) == KEPT
    decision = m.decide(POLICY)[claude]
    assert decision.evidence == ("quiet:5400", "transcript-unchanged", "no-cpu-used")
    assert m.verdict(claude) == KEPT, "without patience nobody is idle: the watcher never asks"


@case("D7", "quiet by one sign, alive by another: activity, transcript, processor time", "keep")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, IDLE),
        ({"activity_ago": 1799.0}, KEPT),
        ({"transcript_ago": 1799.0}, KEPT),
        ({"busy_ago": 1799.0}, KEPT),
        ({"busy_ago": None}, IDLE),
        ({"transcript_ago": None}, IDLE),
        ({"activity_ago": None}, IDLE),
        ({"activity_ago": None, "transcript_ago": None}, KEPT),
        ({"activity_ago": None, "transcript_ago": None, "busy_ago": None}, KEPT),
        ({"status": "idle"}, IDLE),
        ({"status": "busy"}, KEPT),
        ({"status": "shell"}, KEPT),
        ({"recognised": False}, KEPT),
    ],
)
def test_every_sign_of_life_counts(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    m, claude = session(**fields)
    assert m.verdict(claude, POLICY) == expected


def test_a_young_session_is_not_judged() -> None:
    m = Machine()
    claude = m.claude(A)
    patience = Policy(patience=Patience(60.0, 600.0))
    quiet(m, claude)
    m.tick(599)
    assert m.verdict(claude, patience) == KEPT
    m.tick(2)
    assert m.verdict(claude, patience) == IDLE


@case("A11", "headless, SDK, hosted and background sessions that wait for work", "keep")
@pytest.mark.parametrize(
    ("fields", "argv", "stdout"),
    [
        ({}, ("claude", "-p", "do it"), "/dev/pts/1"),
        ({}, ("claude", "--print"), "/dev/pts/1"),
        ({}, ("claude", "--input-format", "stream-json", "--output-format=stream-json"), ""),
        ({"entrypoint": "sdk-cli"}, ("claude",), "/dev/pts/1"),
        ({"entrypoint": "claude-vscode"}, ("claude",), "/dev/pts/1"),
        ({"kind": "bg"}, ("claude",), ""),
        ({"kind": "print"}, ("claude",), ""),
        ({}, ("claude", "bg-spare"), ""),
        ({}, ("claude", "daemon", "run"), ""),
        ({}, ("claude",), "socket:[123]"),
        ({}, ("claude",), "pipe:[123]"),
    ],
)
def test_a_session_without_a_person_is_never_idle(
    fields: dict[str, Any], argv: tuple[str, ...], stdout: str
) -> None:
    m, claude = session(**fields)
    m.rows[claude].argv = argv
    m.rows[claude].detail = {"stdout": stdout}
    assert m.verdict(claude, POLICY) == KEPT
    m.rows[claude].argv = ("claude",)
    m.rows[claude].detail = {"stdout": "/dev/pts/1"}
    quiet(m, claude, kind="interactive", entrypoint="cli")
    assert m.verdict(claude, POLICY) == IDLE


def test_a_worker_of_the_background_daemon_is_never_idle() -> None:
    m = Machine()
    host = m.spawn(1, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    worker = m.claude(A, parent=host)
    m.tick(10_000)
    quiet(m, worker)
    assert m.verdict(worker, POLICY) == KEPT


@case("D8", "a Bash call or a hook runs, a child is busy, a teammate lives below", "keep")
def test_what_runs_below_speaks_for_the_session() -> None:
    m, claude = session()
    server = m.mcp(claude, A)
    assert m.verdict(claude, POLICY) == IDLE
    for start in (m.bash, m.hook):
        child = start(claude, A)
        assert m.verdict(claude, POLICY) == KEPT
        m.exit(child)
        assert m.verdict(claude, POLICY) == IDLE
    m.rows[server].state = "R"
    assert m.verdict(claude, POLICY) == KEPT
    m.rows[server].state = "S"
    mate = m.spawn(claude, comm="claude", argv=("claude", "--agent-id", "a@t"))
    assert m.verdict(claude, POLICY) == KEPT
    m.exit(mate)
    assert m.verdict(claude, POLICY) == IDLE


def test_a_server_that_made_a_session_of_its_own_is_no_bash_call() -> None:
    m, claude = session()
    m.mcp(claude, A, setsid=True)
    assert m.verdict(claude, POLICY) == IDLE


@case("G4", "the session the question comes from", "keep")
def test_the_callers_own_session_is_never_idle() -> None:
    m, claude = session()
    m.rows[m.janitor].marks = Marks(session_id=A)
    assert m.verdict(claude, POLICY) == KEPT
    m.rows[m.janitor].marks = Marks(session_id=B, claude_pid=claude)
    assert m.verdict(claude, POLICY) == KEPT
    m.rows[m.janitor].marks = Marks(session_id=B)
    assert m.verdict(claude, POLICY) == IDLE
    m.rows[m.janitor].ppid, m.rows[m.janitor].start = claude, m.now
    assert m.verdict(claude, POLICY) == KEPT


def test_a_kept_session_is_not_offered_and_one_in_tmux_is() -> None:
    m = Machine()
    tmux = m.spawn(1, comm="tmux: server", setsid=True)
    pane = m.spawn(tmux, comm="bash", setsid=True)
    claude = m.claude(A, parent=pane)
    m.tick(10_000)
    quiet(m, claude)
    decision = m.decide(POLICY)[claude]
    assert (decision.verdict, decision.finding, decision.vetoes) == (*IDLE, ())
    rule = KeepRule(claude, m.rows[claude].start, BOOT)
    assert m.verdict(claude, POLICY._replace(keep_rules=(rule,)))[0] == "keep"


@given(
    activity=st.none() | st.floats(0, 1e5),
    transcript=st.none() | st.floats(0, 1e5),
    busy=st.none() | st.floats(0, 1e5),
    age=st.integers(0, 20_000),
)
def test_idle_means_that_every_known_sign_is_old(
    activity: float | None, transcript: float | None, busy: float | None, age: int
) -> None:
    m = Machine()
    claude = m.claude(A)
    m.tick(age)
    quiet(m, claude, activity_ago=activity, transcript_ago=transcript, busy_ago=busy)
    known: list[float] = [one for one in (activity, transcript, busy) if one is not None]
    told = activity is not None or transcript is not None
    known += [age] if activity is None else []
    old = told and min(known) >= 1800 and age >= 600
    assert (m.verdict(claude, POLICY) == IDLE) == old
