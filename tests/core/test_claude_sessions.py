"""Verdicts on claude processes themselves."""

from __future__ import annotations

from typing import Any

import pytest

from process_janitor.core.model import Marks
from process_janitor.core.policy import KeepRule, Policy
from tests.machine import BOOT, TOOL_SHELL, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"
case = pytest.mark.case


@case("H1", "said goodbye and hangs: shown at once, ended after the grace", "reap")
@pytest.mark.parametrize(
    ("reason", "ago", "expected"),
    [
        ("prompt_input_exit", 5.0, ("keep", "")),
        ("prompt_input_exit", 11.0, ("report", "hung-session")),
        ("prompt_input_exit", 89.0, ("report", "hung-session")),
        ("prompt_input_exit", 91.0, ("reap", "hung-session")),
        ("other", 91.0, ("reap", "hung-session")),
        ("unreported", 10_000.0, ("report", "hung-session")),
        ("a word of a later version", 10_000.0, ("report", "hung-session")),
        ("logout", 91.0, ("reap", "hung-session")),
        ("clear", 10_000.0, ("keep", "")),
        ("resume", 10_000.0, ("keep", "")),
    ],
)
def test_a_session_hangs_only_after_a_final_goodbye_and_its_grace(
    reason: str, ago: float, expected: tuple[str, str]
) -> None:
    m = Machine()
    claude, neighbour = m.claude(A), m.claude(B)
    server = m.mcp(claude, A)
    m.goodbye(claude, reason, ago)
    assert m.verdict(claude) == expected
    assert m.verdict(neighbour) == ("keep", "")
    assert m.verdict(server) == ("keep", ""), "its own session still stops it"


@case("H3", "said goodbye long ago, and one of its own hooks still runs", "report")
@pytest.mark.parametrize("shape", ["marked", "env -i", "sudo"])
def test_a_session_that_waits_for_its_own_hook_is_shown_and_not_ended(shape: str) -> None:
    m = Machine()
    waits, hangs = m.claude(A), m.claude(B)
    hook, other = m.hook(waits, A), m.hook(hangs, B)
    if shape == "env -i":
        m.rows[hook].marks = Marks(blank=True)
    elif shape == "sudo":
        m.rows[hook].uid = 0
    for claude in (waits, hangs):
        m.goodbye(claude, "prompt_input_exit", 10_000.0)
    m.exit(other)
    decided = m.decide()
    assert (decided[waits].verdict, decided[waits].finding) == ("report", "hung-session")
    assert "hook-at-work" in decided[waits].evidence
    assert (decided[hangs].verdict, decided[hangs].finding) == ("reap", "hung-session")
    m.exit(hook)
    assert m.verdict(waits) == ("reap", "hung-session")


@pytest.mark.parametrize(
    "what", ["server", "call", "hook of an outer client", "opened", "zombie", "below a call"]
)
def test_what_is_no_hook_at_work_does_not_save_a_session_that_hangs(what: str) -> None:
    m = Machine()
    outer = m.claude(C)
    claude = m.claude(A)
    if what == "server":
        told = Marks(session_id=A, claudecode=True, project=True, tool_child=True)
        m.rows[m.mcp(claude, A)].marks = told
        m.rows[m.mcp(claude, A)].marks = Marks(blank=True)
    elif what == "call":
        m.bash(claude, A)
    elif what == "hook of an outer client":
        # A client that a hook of another one started hands the outer one's marks to all that it starts.
        outers = m.rows[m.hook(outer, C)].marks
        m.spawn(claude, comm="sh", setsid=True, marks=outers)
    elif what == "opened":
        m.spawn(claude, comm="xdg-open", setsid=True)
    elif what == "zombie":
        m.rows[m.hook(claude, A)].dead = True
    else:
        told = Marks(session_id=A, claude_pid=claude, tool_child=True, project=True)
        m.spawn(m.bash(claude, A), comm="sh", marks=told)
    m.goodbye(claude, "other", 1000.0)
    assert m.verdict(claude) == ("reap", "hung-session")
    assert m.verdict(outer) == ("keep", "")


@case("H2", "a session that hangs in a tmux pane or a desktop's terminal", "reap")
@pytest.mark.parametrize("place", ["tmux: server", "gnome-terminal-", "code"])
def test_where_a_session_runs_does_not_save_it_from_its_own_goodbye(place: str) -> None:
    m = Machine()
    shell = m.spawn(m.spawn(1, comm=place, setsid=True), comm="bash", setsid=True, tty=34820)
    hangs, kept, lives = (
        m.claude(A, parent=shell),
        m.claude(B, parent=shell),
        m.claude(C, parent=shell),
    )
    for claude in (hangs, kept):
        m.goodbye(claude, "prompt_input_exit", 1000.0)
    rule = KeepRule(pid=kept, start=m.rows[kept].start, boot_id=BOOT)
    decided = m.decide(Policy(keep_rules=(rule,)))
    assert (decided[hangs].verdict, decided[hangs].finding) == ("reap", "hung-session")
    assert (decided[kept].verdict, decided[lives].verdict) == ("keep", "keep")
    assert decided.get(shell) is None or decided[shell].verdict == "keep"


@case("D5", "no heartbeat for hours, the process alive", "keep")
def test_a_late_heartbeat_is_no_reason() -> None:
    m = Machine()
    claude = m.claude(A)
    m.sessions = {
        key: one._replace(heartbeat_ago=90_000.0, activity_ago=90_000.0)
        for key, one in m.sessions.items()
    }
    assert m.verdict(claude) == ("keep", "")


def test_an_owner_known_by_claude_pid_alone_is_never_ended_itself() -> None:
    m = Machine()
    claude = m.claude(A)
    m.goodbye(claude, "other", 1000.0)
    m.sessions = {key: one._replace(recognised=False) for key, one in m.sessions.items()}
    assert m.verdict(claude) == ("report", "hung-session")


@case("U40", "two clients on one conversation", "report")
@case("F6", "a duplicate --resume", "report")
def test_two_clients_on_one_conversation_are_both_named_and_none_is_chosen() -> None:
    m = Machine()
    older = m.claude(A)
    younger = m.claude(A)
    other = m.claude(B)
    decisions = m.decide()
    assert decisions[older].finding == decisions[younger].finding == "duplicate-session"
    assert decisions[older].verdict == decisions[younger].verdict == "report"
    assert f"also-pid:{younger}" in decisions[older].evidence
    assert "the-younger" in decisions[younger].evidence
    assert m.verdict(other) == ("keep", "")


def test_a_background_worker_and_its_session_are_no_duplicates() -> None:
    m = Machine()
    host = m.spawn(1, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    session = m.claude(A, parent=host)
    m.register(host, A, source="roster", kind="bg")
    assert m.verdict(host) == m.verdict(session) == ("keep", "")


@case("U25", "the terminal is hung up", "reap")
@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"terminal_hung_up": "yes", "socket_peer": "no"}, ("reap", "orphaned-session")),
        ({"terminal_hung_up": "yes", "socket_peer": "yes"}, ("report", "orphaned-session")),
        ({"terminal_hung_up": "yes"}, ("report", "orphaned-session")),
        ({"terminal_hung_up": "no", "socket_peer": "no"}, ("keep", "")),
        ({}, ("keep", "")),
    ],
)
def test_a_session_without_a_terminal_needs_proof_that_nobody_can_reach_it(
    detail: dict[str, Any], expected: tuple[str, str]
) -> None:
    m = Machine()
    claude = m.claude(A)
    m.rows[claude].detail = detail
    m.rows[claude].ppid = 1
    assert m.verdict(claude) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-p", "do it"), "report"),
        (("--print", "do it"), "report"),
        (("-cp", "do it"), "report"),
        (("-pc", "do it"), "report"),
        (("--model", "opus", "-dcp", "do it"), "report"),
        (("--output-format", "stream-json", "--input-format", "stream-json"), "report"),
        (("--output-format=json",), "report"),
        ((), "reap"),
        (("-c",), "reap"),
        (("--continue",), "reap"),
        (("--permission-mode", "plan"), "reap"),
        (("print", "p"), "reap"),
    ],
)
def test_a_headless_run_needs_no_terminal_however_its_options_are_written(
    words: tuple[str, ...], expected: str
) -> None:
    m = Machine()
    claude = m.claude(A, argv=("claude", *words))
    m.rows[claude].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    m.rows[claude].ppid = 1
    assert m.verdict(claude) == (expected, "orphaned-session")


@pytest.mark.parametrize(("kind", "expected"), [("print", "report"), ("interactive", "reap")])
def test_a_client_that_calls_itself_headless_is_one_whatever_its_command_line_says(
    kind: str, expected: str
) -> None:
    m = Machine()
    claude = m.claude(A)
    m.rows[claude].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    m.rows[claude].ppid = 1
    m.sessions = {key: one._replace(kind=kind) for key, one in m.sessions.items()}
    assert m.verdict(claude) == (expected, "orphaned-session")


def test_a_closed_tmux_pane_is_told_beside_the_hung_up_terminal() -> None:
    m = Machine()
    inside, outside = m.claude(A), m.claude(B)
    key = (inside, m.rows[inside].start)
    m.sessions[key] = m.sessions[key]._replace(pane=("/tmp/tmux-0/default", 4242, "%1"))
    for pid in (inside, outside):
        m.rows[pid].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    decisions = m.decide()
    assert decisions[inside].evidence == ("terminal-hung-up", "pane-closed", "no-control-peer")
    assert decisions[outside].evidence == ("terminal-hung-up", "no-control-peer")
    assert decisions[inside].verdict == decisions[outside].verdict == "reap"


@case("A2", "headless and SDK sessions without a terminal", "keep")
@case("A9", "sessions hosted by an editor or a desktop program", "keep")
def test_a_headless_session_is_kept_whoever_its_parent_is() -> None:
    m = Machine()
    host = m.spawn(m.shell, comm="code", setsid=True)
    hosted = m.claude(A, parent=host)
    cron = m.claude(B, parent=1)
    for pid in (hosted, cron):
        m.rows[pid].tty = 0
        m.rows[pid].detail = {"stdin_peer": "yes", "stdout_peer": "yes"}
        assert m.verdict(pid) == ("keep", "")
    m.rows[cron].detail = {"stdin_peer": "no", "stdout_peer": "yes"}
    assert m.verdict(cron) == ("keep", ""), "somebody still reads what it says"


@case("U44", "a client whose program has died: nobody writes to it, nobody reads it", "reap")
def test_a_client_with_both_ends_loose_is_orphaned() -> None:
    m = Machine()
    host = m.spawn(m.shell, comm="node", setsid=True)
    claude, twin = m.claude(A, parent=host), m.claude(B)
    contained = m.claude("cccccccc-0000-4000-8000-000000000003", parent=1)
    for pid in (claude, twin, contained):
        m.rows[pid].detail = {"stdin_peer": "no", "stdout_peer": "no"}
        parent = m.rows[m.rows[pid].ppid]
        key = m.rows[pid].key
        m.sessions[key] = m.sessions[key]._replace(parent=parent.key)
    assert m.verdict(claude) == ("keep", ""), "its host is alive"
    m.exit(host)
    assert m.verdict(claude) == ("reap", "orphaned-session")
    assert m.verdict(twin) == ("keep", ""), "its parent is alive"
    assert m.verdict(contained) == ("keep", ""), "its user is outside the container"


@case("A10", "the daemon, its spares and its workers", "keep")
@case("U35", "workers of a dead supervisor", "keep")
def test_background_workers_are_kept_with_and_without_their_supervisor() -> None:
    m = Machine()
    daemon = m.spawn(1, comm="claude", argv=("claude", "daemon", "run"), setsid=True)
    worker = m.spawn(daemon, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    m.register(worker, A, source="roster", kind="bg")
    spare = m.spawn(daemon, comm="claude", argv=("claude", "bg-spare"), setsid=True)
    m.rows[worker].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    server = m.mcp(worker, A)
    for pid in (daemon, worker, spare, server):
        assert m.verdict(pid) == ("keep", "")
    m.exit(daemon)
    for pid in (worker, spare, server):
        assert m.verdict(pid) == ("keep", "")


@case("U48", "a spinning subshell of a living session", "report")
@case("U50", "spinning subshells of a dead session", "reap")
def test_a_spinning_childless_subshell_is_a_runaway() -> None:
    m = Machine()
    claude = m.claude(A)
    wrapper = m.bash(claude, A)
    spinner = m.spawn(wrapper, comm="bash", argv=TOOL_SHELL, state="R", detail={"cpu_share": 0.98})
    sleeper = m.spawn(wrapper, comm="bash", argv=TOOL_SHELL, detail={"cpu_share": 0.0})
    m.exit(wrapper)
    assert m.verdict(spinner) == ("report", "runaway")
    assert m.verdict(sleeper) == ("keep", "")
    m.exit(claude)
    assert m.verdict(spinner) == ("reap", "runaway")
    assert m.verdict(sleeper) == ("report", "detached")


def test_a_busy_subshell_with_something_to_wait_for_is_no_runaway() -> None:
    m = Machine()
    claude = m.claude(A)
    wrapper = m.bash(claude, A)
    busy = m.spawn(wrapper, comm="bash", argv=TOOL_SHELL, state="R", detail={"cpu_share": 0.98})
    m.spawn(busy, comm="make")
    m.exit(wrapper)
    m.exit(claude)
    assert m.verdict(busy) == ("report", "detached")


@case("U61", "a zombie whose parent does not wait", "report")
def test_a_zombie_is_named_with_the_parent_that_has_to_wait_for_it() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    dead = m.spawn(server, comm="git", state="Z", dead=True)
    assert m.verdict(dead) == ("keep", ""), "every child is one for an instant"
    m.tick(60)
    decision = m.decide()[dead]
    assert (decision.verdict, decision.finding) == ("report", "zombie")
    assert f"parent:{server}" in decision.evidence


def test_a_clients_own_words_never_reap_when_the_policy_is_default() -> None:
    m = Machine()
    claude = m.claude(A)
    assert m.verdict(claude, Policy(detached="reap")) == ("keep", "")


def test_a_hung_bash_call_is_no_hook_at_work_in_a_client_that_a_hook_started() -> None:
    """`claude -p review` in a hook of another session: its Bash calls inherit CLAUDE_PROJECT_DIR from that hook."""
    m = Machine()
    of_a_hook = Marks(session_id=A, claude_pid=999, tool_child=True, claudecode=True, project=True)
    claude = m.claude(B, marks=of_a_hook, argv=("claude", "-p", "review"))
    shell = m.bash(claude, B)
    m.goodbye(claude, "other", 500)
    assert m.verdict(claude) == ("reap", "hung-session")
    m.rows[shell].marks = m.rows[shell].marks._replace(project=True)  # type: ignore[union-attr]
    assert m.verdict(claude) == ("reap", "hung-session")


@case("M44", "a client whose terminal was closed, at work on its user's SessionEnd hook", "report")
def test_a_client_whose_terminal_is_closed_is_given_time_for_its_hooks() -> None:
    m = Machine()
    claude = m.claude(A)
    m.rows[claude].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    m.bash(claude, A)
    hook = m.hook(claude, A)
    assert m.verdict(claude) == ("report", "orphaned-session")
    assert "hook-at-work" in m.decide()[claude].evidence
    m.exit(hook)
    assert m.verdict(claude) == ("reap", "orphaned-session")


def test_who_has_said_goodbye_is_judged_by_that_alone() -> None:
    """A closed terminal: the client notes its goodbye and ends. It was `reap` at once, and no longer ten seconds later."""
    m = Machine()
    claude = m.claude(A)
    m.rows[claude].detail = {"terminal_hung_up": "yes", "socket_peer": "no"}
    assert m.verdict(claude) == ("reap", "orphaned-session")
    for ago, expected in ((1, ("keep", "")), (9, ("keep", "")), (11, ("report", "hung-session"))):
        m.goodbye(claude, "other", ago)
        assert m.verdict(claude) == expected
    m.goodbye(claude, "other", 91)
    assert m.verdict(claude) == ("reap", "hung-session")
    m.goodbye(claude, "clear", 1)
    assert m.verdict(claude) == ("reap", "orphaned-session")


@case("B5", "a closed record of a boot that is lived again from a memory snapshot", "keep")
@pytest.mark.parametrize("file", [False, True])
def test_a_closed_record_says_nothing_of_the_process_that_has_its_numbers_now(file: bool) -> None:
    m = Machine()
    again, hangs = m.claude(A), m.claude(B)
    server = m.mcp(again, C)
    for claude in (again, hangs):
        m.goodbye(claude, "other", 1000.0)
    key = m.rows[again].key
    m.sessions[key] = m.sessions[key]._replace(over="ended", parent=(7, 7), tty=34816)
    if file:
        m.sessions[again, 0] = m.sessions[key]._replace(
            source="client", session_id="the-new-one", over="", ended_reason="", ended_ago=None
        )
    decided = m.decide()
    assert (decided[again].verdict, decided[again].finding) == ("keep", "")
    assert m.verdict(server) == ("keep", ""), "it hangs on a living process, whoever that is"
    assert (decided[hangs].verdict, decided[hangs].finding) == ("reap", "hung-session")


def test_what_a_closed_session_left_is_its_own_all_the_same() -> None:
    m = Machine()
    dead, neighbour = m.claude(A), m.claude(B)
    left, spared = m.mcp(dead, A), m.mcp(neighbour, B)
    key = m.rows[dead].key
    m.exit(dead)
    m.sessions[key] = m.sessions[key]._replace(over="crashed")
    assert m.verdict(left) == ("reap", "leftover")
    assert m.verdict(spared) == ("keep", "")
