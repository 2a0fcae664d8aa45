"""Who a process belongs to, and whether its session is really over."""

from __future__ import annotations

from typing import Any

import pytest

from process_janitor.core import handover, owners
from process_janitor.core.model import Identity, Marks, Seen, Session
from process_janitor.core.policy import Policy
from tests.machine import BOOT, HOST, NAMESPACE, TOOL_SHELL, Machine

C = "cccccccc-0000-4000-8000-000000000003"
A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
case = pytest.mark.case


@case("A1", "a live interactive session, idle for days, and its servers", "keep")
def test_nothing_of_a_living_session_is_touched_at_any_age() -> None:
    m = Machine()
    claude = m.claude(A)
    server, shell, hook = m.mcp(claude, A), m.bash(claude, A), m.hook(claude, A)
    m.tick(30 * 86_400)
    for pid in (claude, server, shell, hook):
        assert m.verdict(pid) == ("keep", "")


@case("L1", "servers, Bash calls and hooks of a killed session", "reap")
@pytest.mark.parametrize("source", ["registry", "client"])
def test_what_a_clean_exit_would_have_stopped_is_reaped_after_a_kill(source: str) -> None:
    m = Machine()
    claude = m.claude(A, source=source)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    below = m.spawn(shell, comm="sleep")
    m.exit(claude)
    for pid in (server, shell, below):
        assert m.verdict(pid) == ("reap", "leftover")


@case("L2", "a hook that was running when its session was killed", "reap")
def test_a_running_hook_is_reaped_when_it_was_seen_below_its_session() -> None:
    m = Machine()
    claude = m.claude(A)
    hook = m.hook(claude, A)
    m.look()
    m.exit(claude)
    assert m.verdict(hook) == ("report", "suspect"), "it may be a SessionEnd hook at work"
    m.sessions = {key: one._replace(over="crashed") for key, one in m.sessions.items()}
    assert m.verdict(hook) == ("reap", "leftover")


@case("D7", "what a hook started for good, never seen below its session", "report")
def test_an_unseen_child_of_a_hook_may_be_a_worker_and_is_left() -> None:
    m = Machine()
    claude = m.claude(A)
    hook = m.hook(claude, A)
    shell = m.detached(claude, A)
    m.exit(claude)
    assert m.verdict(hook) == ("report", "detached")
    reap = Policy(detached="reap")
    assert m.verdict(hook, reap) == ("report", "suspect"), "it may be a SessionEnd hook at work"
    assert m.verdict(shell, reap) == ("reap", "detached")
    m.sessions = {key: one._replace(over="crashed") for key, one in m.sessions.items()}
    assert m.verdict(hook, reap) == ("reap", "detached")


@case("U45", "deliberate daemons: x &, nohup x &, setsid x", "report")
@pytest.mark.parametrize("setsid", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_what_a_bash_call_let_go_of_is_shown_and_left(setsid: bool, looked: bool) -> None:
    m = Machine()
    claude = m.claude(A)
    child = m.detached(claude, A, setsid=setsid)
    if looked:
        m.look()
    m.exit(claude)
    assert m.verdict(child) == ("report", "detached")
    assert m.verdict(child, Policy(detached="reap")) == ("reap", "detached")
    assert m.verdict(child, Policy(detached="keep")) == ("keep", "detached")


@case("U46", "a dev server of a session that lives", "keep")
def test_a_detached_child_of_a_living_session_is_kept_even_when_detached_are_reaped() -> None:
    m = Machine()
    claude = m.claude(A)
    child = m.detached(claude, A)
    assert m.verdict(child, Policy(detached="reap")) == ("keep", "")
    assert "live-owner" in m.decide()[child].vetoes


@case("L3", "x & below a Bash call that still ran", "reap")
def test_a_background_job_below_a_running_bash_call_goes_with_it() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    job = m.spawn(shell, comm="vite")
    m.exit(claude)
    assert m.verdict(job) == ("reap", "leftover")


@case("A3", "servers after /clear: the id they carry is an old one", "keep")
@pytest.mark.parametrize("source", ["registry", "client"])
def test_servers_survive_a_change_of_conversation(source: str) -> None:
    m = Machine()
    claude = m.claude(A, source=source)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    launcher = m.mcp(claude, A, comm="npm")
    leaf = m.spawn(launcher, comm="node")
    m.register(claude, B, source=source)
    m.exit(launcher)
    for pid in (claude, server, shell, leaf):
        assert m.verdict(pid) == ("keep", ""), pid


@case("A6", "a client started from a Bash call of a session that ended", "keep")
def test_a_nested_session_outlives_the_outer_one() -> None:
    m = Machine()
    outer = m.claude(A)
    shell = m.bash(outer, A)
    inner = m.claude(B, parent=shell, marks=m.rows[shell].marks)
    server = m.mcp(inner, B)
    m.exit(outer)
    for pid in (shell, inner, server):
        assert m.verdict(pid)[0] == "keep", pid
    assert "live-session-below" in m.decide()[shell].vetoes


@case("L4", "servers of a killed nested session, the outer one alive", "reap")
def test_leftovers_of_a_nested_session_go_though_the_outer_one_lives() -> None:
    m = Machine()
    outer = m.claude(A)
    shell = m.bash(outer, A)
    inner = m.claude(B, parent=shell, marks=m.rows[shell].marks)
    server = m.mcp(inner, B)
    m.exit(inner)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(shell) == ("keep", "")


@case("L6", "servers of a killed nested session that carry the outer client's CLAUDE_PID", "reap")
def test_a_nested_sessions_servers_are_its_own_whatever_the_outer_client_handed_down() -> None:
    m = Machine()
    outer = m.claude(A)
    shell = m.bash(outer, A)
    inner = m.claude(B, parent=shell, marks=m.rows[shell].marks)
    handed = Marks(session_id=B, claude_pid=outer, tool_child=True, claudecode=True)
    server, unknown = m.mcp(inner, B), m.mcp(inner, B)
    m.rows[server].marks = handed
    m.rows[unknown].marks = handed._replace(session_id="an-id-nobody-knows")
    beside = m.detached(outer, A)
    m.look()
    for pid in (server, unknown, beside):
        assert m.verdict(pid) == ("keep", "")
    m.exit(inner)
    assert m.verdict(server) == m.verdict(unknown) == ("reap", "leftover")
    assert m.verdict(beside, Policy(detached="reap")) == ("keep", ""), "the outer one lives"


@case("A7", "a server whose startup id nobody knows (--continue), its client dead", "reap")
def test_a_server_in_a_dead_clients_group_is_its_own_under_any_id() -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    server, neighbour = m.mcp(claude, "startup-id"), m.mcp(other, "another-startup-id")
    assert m.verdict(server) == m.verdict(neighbour) == ("keep", "")
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(neighbour) == ("keep", "")


@case("F1", "a job that ignores SIGTERM while its shell does not", "reap")
def test_what_a_sweep_has_condemned_stays_so_when_its_shell_dies_first() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    job = m.spawn(shell, comm="make")
    let_go = m.detached(claude, A)
    m.exit(claude)
    owner = next(iter(m.sessions.values())).owner
    noted = {m.rows[job].key: Seen(owner.pid, owner.start, condemned=True)}
    m.exit(shell)
    assert m.verdict(job) == ("report", "detached"), "by itself it looks let go of"
    m.sessions = {key: one._replace(descendants=noted) for key, one in m.sessions.items()}
    assert m.verdict(job) == ("reap", "leftover")
    assert m.verdict(let_go) == ("report", "detached")


def test_an_owner_whose_pid_nobody_knows_owns_nobody_by_it() -> None:
    """A user may end what carries an id alone. Its owner has no pid, and most processes have no CLAUDE_PID either."""
    m = Machine()
    marks = Marks(session_id=A, claudecode=True)
    suspect = m.spawn(m.shell, comm="node", marks=marks)
    stranger = m.spawn(m.shell, comm="make")
    m.tick(60)
    owner = m.decide()[suspect].owner
    assert owner is not None
    assert owner.pid == 0
    condemned = Session(session_id=A, owner=owner, source="sweep", descendants={
        m.rows[suspect].key: Seen(owner.pid, owner.start, condemned=True)
    })  # fmt: skip
    decided = m.decide(Policy(detached="reap"), [*m.sessions.values(), condemned])
    assert suspect in decided
    assert stranger not in decided


@case("U2", "a launcher chain: npm exec, then node", "reap")
def test_the_whole_chain_below_an_orphaned_launcher_goes() -> None:
    m = Machine()
    claude = m.claude(A)
    launcher = m.mcp(claude, A, comm="npm")
    shell = m.spawn(launcher, comm="sh")
    node = m.spawn(shell, comm="node")
    m.exit(claude)
    for pid in (launcher, shell, node):
        assert m.verdict(pid) == ("reap", "leftover")
    m.exit(launcher)
    m.exit(shell)
    assert m.verdict(node) == ("reap", "leftover")


@case("U3", "the launcher ended, the client lives", "keep")
def test_a_leaf_without_its_launcher_is_in_use_while_the_client_lives() -> None:
    m = Machine()
    claude = m.claude(A)
    launcher = m.mcp(claude, A, comm="bun")
    leaf = m.spawn(launcher, comm="bun")
    m.look()
    m.exit(launcher)
    m.look()
    assert m.verdict(leaf) == ("keep", "")
    m.exit(claude)
    assert m.verdict(leaf) == ("reap", "leftover")


@case("U11", "adopted by systemd --user, a subreaper or WSL's relay", "reap")
@pytest.mark.parametrize("comm", ["systemd", "Relay(7)", "my-reaper"])
def test_a_leftover_is_found_whoever_took_it_in(comm: str) -> None:
    m = Machine()
    adopter = m.spawn(1, comm=comm, setsid=True)
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    m.exit(claude, adopter=adopter)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(shell) == ("reap", "leftover")
    assert m.verdict(adopter) == ("keep", "")


@case("P2", "its parent has a number and no row: /proc hides it, or it is just ending", "report")
def test_a_parent_that_cannot_be_seen_has_not_died() -> None:
    m = Machine()
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    shown = m.processes()
    del shown[claude]
    hidden = m.decide(processes=shown)
    assert {(hidden[pid].verdict, hidden[pid].finding) for pid in (server, shell)} == {
        ("report", "suspect")
    }
    m.exit(claude)
    assert m.verdict(server) == m.verdict(shell) == ("reap", "leftover")


@case("E9", "a server with a cleared environment, seen while its session lived", "reap")
def test_a_cleared_environment_does_not_hide_what_was_seen() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    m.rows[server].marks = Marks(blank=True)
    m.look()
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")


@case("E10", "the same, never seen", "keep")
def test_a_cleared_environment_never_seen_proves_nothing() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    m.rows[server].marks = Marks(blank=True)
    m.exit(claude)
    assert m.verdict(server) == ("keep", "")


@case("O1", "what a session or its server opened for the user: xdg-open, code .", "keep")
@pytest.mark.parametrize("comm", ["firefox", "code", "gnome-terminal-"])
def test_what_was_opened_for_the_user_is_kept_with_what_runs_in_it(comm: str) -> None:
    m = Machine()
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    opened = [m.spawn(parent, comm=comm) for parent in (claude, server, shell)]
    inside = [m.spawn(pid, comm="bash", setsid=True) for pid in opened]
    m.look()
    m.exit(claude)
    for pid in (*opened, *inside):
        assert m.verdict(pid, Policy(detached="reap"))[0] == "keep"
    assert m.verdict(server) == m.verdict(shell) == ("reap", "leftover")


@case("O2", "a child of the client without any mark and with an ordinary environment", "report")
def test_a_child_the_client_gave_no_marks_is_not_its_helper() -> None:
    m = Machine()
    claude = m.claude(A)
    opened = m.spawn(claude, comm="viewer", marks=Marks())
    cleared = m.spawn(claude, comm="server", marks=Marks(blank=True))
    talking = m.spawn(claude, comm="server", marks=Marks())
    m.look()
    m.exit(claude)
    m.rows[talking].detail = {"stdin": "socket:[1]", "stdout": "socket:[2]", "stdin_peer": "no"}
    assert m.verdict(opened)[0] == "report"
    assert m.verdict(cleared) == ("reap", "leftover")
    assert m.verdict(talking) == ("reap", "leftover")


@case("L5", "an asynchronous SessionEnd hook at work after a clean exit", "report")
def test_a_hook_at_work_after_a_goodbye_is_left_to_it() -> None:
    m = Machine()
    claude = m.claude(A)
    hook, server = m.hook(claude, A), m.mcp(claude, A)
    m.look()
    m.goodbye(claude, "prompt_input_exit", 1.0)
    m.exit(claude)
    assert m.verdict(hook) == ("report", "suspect")
    assert m.verdict(server) == ("reap", "leftover")


@case(
    "L5b", "a child with a cleared environment, after a goodbye: it may be a hook at work", "report"
)
@pytest.mark.parametrize("reason", ["prompt_input_exit", "other"])
def test_an_unmarked_child_may_be_a_hook_and_is_left_to_it_after_a_goodbye(reason: str) -> None:
    m = Machine()
    claude = m.claude(A)
    cleared = m.spawn(claude, comm="python3", setsid=True, marks=Marks(blank=True))
    m.look()
    m.goodbye(claude, reason, 30.0)
    m.exit(claude)
    assert m.verdict(cleared) == ("report", "suspect")
    # A crash has no hooks at work: what was held is ended, whichever it was.
    m.sessions = {
        key: one._replace(over="crashed", ended_reason="", ended_ago=None)
        for key, one in m.sessions.items()
    }
    assert m.verdict(cleared) == ("reap", "leftover")


@case("U20", "a browser that an automation server started", "reap")
def test_an_automation_browser_goes_and_the_users_browser_stays() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    private = ("chrome", "--headless", "--user-data-dir=/tmp/playwright_chromiumdev_profile-x")
    browser = m.spawn(server, comm="chrome", argv=private, setsid=True)
    helper = m.spawn(browser, comm="chrome", argv=("chrome", "--type=renderer"))
    users = m.spawn(server, comm="chrome", argv=("chrome",), setsid=True)
    m.exit(claude)
    assert m.verdict(browser) == m.verdict(helper) == ("reap", "leftover")
    assert m.verdict(users)[0] == "keep"
    m.exit(server)
    assert m.verdict(browser) == ("reap", "leftover")
    assert m.verdict(users)[0] == "keep"


@case("S1", "a daemon that a server put into a session of its own", "report")
def test_what_a_server_detached_survives_as_it_survives_a_clean_exit() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    daemon = m.spawn(server, comm="worker", setsid=True)
    m.look()
    m.exit(claude)
    assert m.verdict(daemon) == ("report", "detached")
    m.exit(server)
    assert m.verdict(daemon)[0] == "report"


@case("R1", "leftovers of a crash after the conversation was resumed", "reap")
def test_a_resumed_conversation_does_not_hide_the_servers_of_the_crash() -> None:
    m = Machine()
    crashed = m.claude(A)
    old = m.mcp(crashed, A)
    m.exit(crashed)
    resumed = m.claude(A)
    new = m.mcp(resumed, A)
    assert m.verdict(old) == ("reap", "leftover")
    assert m.verdict(new) == ("keep", "")


@case("U47", "background shells of a conversation that goes on elsewhere", "keep")
def test_background_shells_go_on_with_their_conversation() -> None:
    m = Machine()
    crashed = m.claude(A)
    shell = m.bash(crashed, A)
    m.exit(crashed)
    assert m.verdict(shell) == ("reap", "leftover")
    resumed = m.claude(A)
    assert "handed-over" in m.decide()[shell].vetoes
    m.exit(resumed)
    assert m.verdict(shell) == ("reap", "leftover")


@case("A4", "shells handed over by a move to background", "keep")
def test_shells_moved_to_the_background_are_kept_also_when_the_worker_is_down() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    worker = m.spawn(1, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    m.register(worker, B, source="roster", kind="bg", predecessors=(A,))
    m.exit(claude)
    assert m.verdict(shell)[0] == "keep"
    m.exit(worker)
    assert m.verdict(shell)[0] == "keep"
    m.sessions = {key: one for key, one in m.sessions.items() if one.source != "roster"}
    assert m.verdict(shell) == ("reap", "leftover")


def moved_on(m: Machine, claude: int) -> None:
    """Its work goes on in a worker of the client's daemon, and the client ends."""
    worker = m.spawn(1, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    m.register(worker, B, source="roster", kind="bg", predecessors=(A,))
    m.exit(claude)


# What a Bash call may turn into: `exec gopls`, a test runner's browser, anything else.
TURNED_INTO = {
    "gopls": ("gopls", "serve"),
    "chrome": ("/opt/chrome/chrome", "--headless", "--user-data-dir=/tmp/x"),
    "node": ("node", "server.js"),
}


@case("A5", "what a Bash call handed over has turned into (exec gopls, a browser)", "keep")
@pytest.mark.parametrize("comm", TURNED_INTO)
@pytest.mark.parametrize("seen", [True, False])
def test_what_a_handed_over_bash_call_has_become_goes_on(comm: str, *, seen: bool) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.rows[shell].comm, m.rows[shell].argv = comm, TURNED_INTO[comm]
    below = m.spawn(shell, comm="sh", setsid=True)
    if seen:
        m.look()
    moved_on(m, claude)
    for policy in (Policy(), Policy(detached="reap")):
        assert "reap" not in {m.verdict(pid, policy)[0] for pid in (shell, below)}


@pytest.mark.parametrize("comm", TURNED_INTO)
def test_what_a_bash_call_has_become_ends_with_its_session_and_its_whole_tree(comm: str) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.rows[shell].comm, m.rows[shell].argv = comm, TURNED_INTO[comm]
    below = m.spawn(shell, comm="sh", setsid=True)
    m.look()
    m.exit(claude)
    assert m.verdict(shell) == m.verdict(below) == ("reap", "leftover")
    assert {m.decide()[pid].via for pid in (shell, below)} == {"call"}


@pytest.mark.parametrize("comm", TURNED_INTO)
def test_a_server_is_not_handed_over_whatever_its_name(comm: str) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm=comm, argv=TURNED_INTO[comm])
    m.look()
    moved_on(m, claude)
    assert m.verdict(server) == ("reap", "leftover")


@case("A6", "a dev server of a conversation that moved on, detached ones being ended", "keep")
@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("project", [True, False])
def test_a_dev_server_goes_on_with_its_conversation_also_where_such_are_ended(
    *, seen: bool, project: bool
) -> None:
    m = Machine()
    claude = m.claude(A)
    vite = m.detached(claude, A)
    marks = m.rows[vite].marks
    assert marks is not None
    # An environment that exports the project's directory itself makes it look like something of a hook's.
    m.rows[vite].marks = marks._replace(project=project)
    if seen:
        m.look()
    moved_on(m, claude)
    assert "handed-over" in m.decide(Policy(detached="reap"))[vite].vetoes
    # Nobody ends it unasked where they are only shown, and then its user may.
    assert m.verdict(vite) == ("report", "detached")
    m.sessions = {key: one for key, one in m.sessions.items() if one.source != "roster"}
    m.exit(next(pid for pid, row in m.rows.items() if row.argv[1:] == ("bg-pty-host",)))
    expected = ("report", "suspect") if project else ("reap", "detached")
    assert m.verdict(vite, Policy(detached="reap")) == expected


@case("A7", "Bash calls of a background session that was stopped (claude stop)", "report")
@pytest.mark.parametrize("exec_", [False, True])
def test_a_stopped_background_session_leaves_its_bash_calls_running(*, exec_: bool) -> None:
    m = Machine()
    worker = m.claude(B)
    m.register(worker, B, kind="bg")
    shell, server = m.bash(worker, B), m.mcp(worker, B)
    if exec_:
        m.rows[shell].comm, m.rows[shell].argv = "gopls", TURNED_INTO["gopls"]
    m.look()
    m.goodbye(worker, "other", 60.0)
    m.exit(worker)
    assert m.verdict(shell) == ("report", "detached")
    assert m.verdict(server) == ("reap", "leftover")


def moved_and_stopped(m: Machine, claude: int, **fields: Any) -> None:
    """The dialog's goodbye, a worker that registered itself, and its end by `claude stop`."""
    m.goodbye(claude, "prompt_input_exit", 90.0)
    m.exit(claude)
    worker = m.spawn(1, comm="claude", argv=("claude bg-spare", "--bg-spare"), setsid=True)
    m.register(worker, B, kind="bg", **fields)
    m.goodbye(worker, "other", 60.0)
    m.exit(worker)


@case("A7b", "shells handed over to a background session that was stopped since", "report")
@pytest.mark.parametrize("fields", [{"predecessors": (A,)}, {"forked": True}])
def test_shells_that_went_to_the_background_outlive_its_end(fields: dict[str, Any]) -> None:
    m = Machine()
    claude = m.claude(A)
    shell, server = m.bash(claude, A), m.mcp(claude, A)
    m.look()
    moved_and_stopped(m, claude, **fields)
    assert m.verdict(shell) == ("report", "detached")
    assert m.verdict(server) == ("reap", "leftover")


def test_a_conversation_back_from_the_background_ends_like_any_other() -> None:
    m = Machine()
    claude = m.claude(A)
    moved_and_stopped(m, claude, predecessors=(A,))
    resumed = m.claude(A)
    shell = m.bash(resumed, A)
    m.look()
    m.exit(resumed)
    assert m.verdict(shell) == ("reap", "leftover")


def test_another_conversation_is_not_in_the_background() -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude("another")
    shell = m.bash(other, "another")
    moved_and_stopped(m, claude, predecessors=(A,))
    m.exit(other)
    assert m.verdict(shell) == ("reap", "leftover")


def background(m: Machine) -> bool:
    return handover.background_runs(m.sessions.values(), m.snapshot())


@case("A4b", "the same, before anybody can say where they went", "keep")
@pytest.mark.parametrize(
    ("reason", "ago", "known_for", "moving"),
    [
        ("prompt_input_exit", 0.5, 0.0, True),
        ("prompt_input_exit", 9.0, 9.0, True),
        ("prompt_input_exit", 11.0, 0.0, False),
        ("unreported", 1.0, 0.0, True),
        ("other", 0.5, 0.0, False),
        ("logout", 0.5, 0.0, False),
        ("", None, 0.0, True),
        ("", None, 4.0, False),
    ],
)
def test_a_shell_may_be_on_its_way_to_another_process_for_a_while(
    reason: str, ago: float | None, known_for: float, moving: bool
) -> None:
    m = Machine()
    m.spawn(1, comm="claude", argv=("claude", "bg-spare"), setsid=True)
    claude = m.claude(A)
    if ago is not None:
        m.goodbye(claude, reason, ago)
    session = m.sessions[m.rows[claude].key]
    m.exit(claude)
    assert background(m)
    assert handover.may_be_moving(session, known_for, background=True) is moving


@pytest.mark.parametrize(("ago", "moving"), [(0.5, True), (2.9, True), (3.1, False), (9.0, False)])
def test_where_no_daemon_appears_a_goodbye_holds_nothing_back_for_long(
    ago: float, moving: bool
) -> None:
    m = Machine()
    claude = m.claude(A)
    m.goodbye(claude, "prompt_input_exit", ago)
    session = m.sessions[m.rows[claude].key]
    assert handover.may_be_moving(session, ago, background=False) is moving


def test_without_a_daemon_and_after_a_crash_is_written_down_nothing_is_on_its_way() -> None:
    m = Machine()
    m.claude(B)
    claude = m.claude(A)
    session = m.sessions[m.rows[claude].key]
    m.exit(claude)
    assert not background(m)
    assert not handover.may_be_moving(session, 0.0, background=False)
    assert not handover.may_be_moving(None, 0.0, background=False)
    assert not handover.may_be_moving(session._replace(over="crashed"), 0.0, background=True)
    m.spawn(1, comm="claude", argv=("claude", "daemon", "run"), setsid=True)
    assert background(m)
    assert handover.may_be_moving(None, 0.0, background=True), "nobody knows how it went"


@case("A4c", "shells of a session that a fork of unknown origin may go on with", "keep")
@pytest.mark.parametrize(
    ("reason", "where", "linked", "expected"),
    [
        ("prompt_input_exit", "/w", False, "keep"),
        ("prompt_input_exit", "", False, "keep"),
        ("prompt_input_exit", "/elsewhere", False, "reap"),
        ("other", "/w", False, "reap"),
        ("prompt_input_exit", "/w", True, "reap"),
    ],
)
def test_a_fork_that_nobody_can_trace_keeps_the_shells_it_may_have_taken_over(
    reason: str, where: str, linked: bool, expected: str
) -> None:
    m = Machine()
    claude = m.claude(A, source="")
    m.register(claude, A, cwd="/w")
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    fork = m.spawn(1, comm="claude", argv=("claude", "bg-spare"), setsid=True)
    m.register(fork, B, cwd=where, forked=True, kind="bg")
    if linked:
        host = m.spawn(1, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
        m.register(host, B, source="roster", predecessors=("another-conversation",))
    m.goodbye(claude, reason, 60.0)
    m.exit(claude)
    assert m.verdict(shell)[0] == expected
    assert ("handed-over" in m.decide()[shell].vetoes) is (expected == "keep")
    assert m.verdict(server) == ("reap", "leftover")
    m.exit(fork)
    # What it may have taken over it leaves running, as `claude stop` does.
    left = ("report", "detached") if expected == "keep" else ("reap", "leftover")
    assert m.verdict(shell) == left


def test_a_record_of_another_boot_does_not_hide_the_client_that_has_its_number_now() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    server, child = m.mcp(claude, A), m.detached(claude, A)
    owner = Identity(claude, m.rows[claude].start, "boot-b", NAMESPACE)
    m.sessions[claude, 0] = Session(session_id=B, owner=owner, host=HOST)
    m.tick(60)
    for pid in (claude, server, child):
        assert m.verdict(pid, Policy(detached="reap")) == ("keep", ""), pid
    assert list(owners.strays(m.snapshot(), m.sessions.values()))


@case("N1", "a session that began before the plugin: CLAUDE_PID is gone", "reap")
def test_a_dead_claude_pid_proves_the_owner_gone_without_any_record() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    shell = m.bash(claude, A)
    below = m.spawn(shell, comm="sleep")
    child = m.detached(claude, A)
    m.tick(60)
    m.exit(claude)
    assert m.verdict(shell) == m.verdict(below) == ("reap", "leftover")
    assert m.verdict(child) == ("report", "detached")


@case("N2", "an unregistered session that lives", "keep")
def test_an_unregistered_living_client_owns_its_tree_and_its_orphans() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    launcher = m.mcp(claude, A, comm="npm")
    leaf = m.spawn(launcher, comm="node")
    child = m.detached(claude, A)
    m.exit(launcher)
    m.tick(60)
    for pid in (claude, server, shell, leaf, child):
        assert m.verdict(pid, Policy(detached="reap")) == ("keep", ""), pid


@case(
    "U1", "a server whose client is gone without a trace: group leader and stdin peer gone", "reap"
)
def test_an_unregistered_server_is_proven_by_its_dead_group_leader_and_stdin_peer() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    server = m.mcp(claude, A)
    m.tick(60)
    m.exit(claude)
    assert m.verdict(server) == ("report", "suspect")
    m.rows[server].detail["stdin_peer"] = "no"
    assert m.verdict(server) == ("reap", "leftover")
    m.rows[server].detail["stdin_peer"] = "yes"
    assert m.verdict(server)[0] == "keep"


@case(
    "N3", "a living client nobody has a record of, which may have taken the conversation up", "keep"
)
@pytest.mark.parametrize("argv", [("claude",), ("claude", "daemon", "run"), ("claude", "bg-spare")])
def test_a_nameless_client_is_given_the_benefit_of_the_doubt_and_a_spare_is_not(
    argv: tuple[str, ...],
) -> None:
    m = Machine()
    nameless = m.claude(B, source="", argv=argv)
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    m.exit(claude)
    assert m.verdict(nameless) == ("keep", "")
    if len(argv) == 1:
        assert m.verdict(server) == ("report", "suspect")
        assert "handed-over" in m.decide()[shell].vetoes
    else:
        assert m.verdict(server) == m.verdict(shell) == ("reap", "leftover")


@case("D6", "an unregistered process younger than ten seconds", "keep")
def test_an_unregistered_process_is_given_time_to_register() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    shell = m.bash(claude, A)
    m.exit(claude)
    assert "too-young" in m.decide()[shell].vetoes
    m.tick(11)
    assert m.verdict(shell) == ("reap", "leftover")


@case("F5", "the registry is empty, every client alive", "keep")
def test_an_empty_registry_kills_nothing_of_the_living() -> None:
    m = Machine()
    mine = [m.claude(A), m.claude(B)]
    helpers = [m.mcp(mine[0], A), m.bash(mine[1], B), m.detached(mine[0], A)]
    m.sessions.clear()
    m.tick(3600)
    for pid in (*mine, *helpers):
        assert m.verdict(pid) == ("keep", ""), pid


@case("B5", "a record of another boot of this host", "keep")
@case("E2", "a record of another host that shares the home directory", "keep")
@case("G3", "a record of another pid namespace", "keep")
@pytest.mark.parametrize(
    "change",
    [
        {"boot_id": "boot-before"},
        {"boot_id": "boot-elsewhere", "host": "there"},
        {"pid_namespace": NAMESPACE + 1},
        {"boot_id": ""},
        {"pid_namespace": 0},
    ],
)
def test_a_record_of_another_world_proves_nothing_here(change: dict[str, Any]) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    m.tick(60)
    m.exit(claude)
    host = change.pop("host", "here")
    m.sessions = {
        key: one._replace(owner=one.owner._replace(**change), host=str(host))
        for key, one in m.sessions.items()
    }
    assert m.verdict(server)[0] != "reap"
    assert BOOT in m.decide()[server].identity.text


@case("B1", "a session's pid now is another program", "keep")
def test_a_reused_session_pid_is_neither_the_session_nor_its_leftover() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    m.exit(claude)
    innocent = m.spawn(m.shell, comm="vim", pid=claude)
    assert m.verdict(innocent) == ("keep", "")
    assert m.verdict(server) == ("reap", "leftover")


@case("C1", "programs whose arguments mention sessions, snapshots or claude", "keep")
def test_words_on_a_command_line_are_no_evidence() -> None:
    m = Machine()
    claude = m.claude(A)
    editor = m.spawn(m.shell, comm="vim", argv=("vim", "/tmp/claude-1000/notes", f"--resume {A}"))
    grep = m.spawn(
        m.shell, comm="grep", argv=("grep", "-r", "mcp-server", "shell-snapshots/snapshot-x")
    )
    shell = m.spawn(m.shell, comm="bash", argv=TOOL_SHELL, setsid=True)
    m.exit(claude)
    for pid in (editor, grep, shell):
        assert m.verdict(pid) == ("keep", "")


@case(
    "P4",
    "a daemon that a server with a cleared environment put into a session of its own",
    "report",
)
def test_what_a_sweep_notes_of_a_server_does_not_make_a_bash_call_of_it() -> None:
    """Otherwise its daemon goes with it in the second look, and the server itself is spared as somebody's Bash call."""
    m = Machine()
    claude = m.claude(A)
    lost = {"stdin": "socket:[5]", "stdin_peer": "no"}
    server = m.spawn(claude, comm="python3", marks=Marks(blank=True), detail=lost)
    daemon = m.spawn(server, comm="mydaemon", setsid=True)
    m.look()
    key = m.rows[claude].key
    m.exit(claude)
    first = m.decide()
    assert (first[server].verdict, first[server].via) == ("reap", "server")
    session = m.sessions[key]
    for server_too, expected in ((True, "report"), (False, "reap")):
        noted = Seen(*key, server=server_too, condemned=True)
        seen = {**session.descendants, m.rows[server].key: noted}
        m.sessions[key] = session._replace(descendants=seen)
        assert m.decide()[server].verdict == "reap"
        assert m.decide()[daemon].verdict == expected


@case(
    "P5", "the client's own program as a server, without marks, seen below its dead session", "reap"
)
def test_a_client_that_serves_and_was_seen_below_a_session_is_a_server() -> None:
    m = Machine()
    claude = m.claude(A)
    loose = {"stdin": "socket:[5]", "stdin_peer": "no", "stdout": "socket:[6]"}
    words = ("claude", "mcp", "serve")
    server = m.spawn(claude, comm="claude", argv=words, marks=Marks(), detail=loose)
    m.look()
    own = m.spawn(1, comm="claude", argv=words, marks=Marks(), setsid=True)
    m.exit(claude)
    assert m.decide()[server].verdict == "reap"
    assert own not in m.decide() or m.decide()[own].verdict == "keep"


@case(
    "P6",
    "a call whose CLAUDE_PID names its living parent, which nothing else calls a client",
    "keep",
)
def test_a_living_parent_that_the_marks_name_is_no_subreaper() -> None:
    m = Machine()
    m.exit(m.claude(A))
    parent = m.spawn(m.shell, comm="node", argv=("node", "/x/cli.js"), setpgid=True)
    marks = Marks(session_id=A, claude_pid=parent, tool_child=True, claudecode=True)
    shell = m.spawn(parent, comm="bash", argv=TOOL_SHELL, setsid=True, marks=marks)
    assert m.decide()[shell].verdict != "reap"


@case(
    "A4d",
    "a fork whose origin only the daemon's list names, registered by our hook as well",
    "reap",
)
def test_a_fork_that_the_daemons_list_names_holds_no_other_sessions_calls() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.look()
    m.exit(claude)
    worker = m.claude(C)
    key = m.rows[worker].key
    m.sessions[key] = m.sessions[key]._replace(forked=True, kind="bg")
    owner = m.sessions[key].owner
    assert m.decide()[shell].verdict == "keep", "it may be where the shell went"
    named = Session(session_id=C, owner=owner, source="roster", kind="bg", predecessors=(B,))
    assert m.decide(sessions=[*m.sessions.values(), named])[shell].verdict == "reap"


@case("M41", "a conversation begun in a container that went on, and crashed, here", "reap")
@pytest.mark.parametrize("helper", ["mcp", "bash"])
@pytest.mark.parametrize("looked", [False, True])
def test_what_is_tied_to_a_process_of_this_machine_is_not_elsewhere(
    helper: str, *, looked: bool
) -> None:
    m = Machine()
    there = Identity(77, 5, BOOT, NAMESPACE + 1)
    m.sessions[there.key] = Session(session_id=A, owner=there, host="5f2c1a")
    claude = m.claude(A)
    pid = getattr(m, helper)(claude, A)
    # The twin: by its marks of that conversation, and by nothing else, of a process of this machine.
    stranger = m.spawn(m.shell, comm="node", setpgid=True, marks=Marks(session_id=A))
    m.rows[stranger].ppid = 1
    if looked:
        m.look()
    m.exit(claude)
    assert m.verdict(pid) == ("reap", "leftover")
    assert "elsewhere" in m.decide()[stranger].vetoes


@case("M42", "a call of the conversation after /clear, the one before taken up elsewhere", "reap")
def test_a_conversation_before_clear_takes_nothing_of_the_next_one_along() -> None:
    m = Machine()
    one = m.claude(A)
    before = m.bash(one, A)
    m.register(one, B)
    after = m.bash(one, B)
    m.look()
    two = m.claude(A)
    m.exit(one)
    assert m.verdict(after) == ("reap", "leftover")
    assert "handed-over" in m.decide()[before].vetoes
    m.exit(two)
    assert m.verdict(before) == ("reap", "leftover")
    m.claude(B)
    assert "handed-over" in m.decide()[after].vetoes


@case("M43", "two on one conversation, one crashed: what its server had put apart", "reap")
@pytest.mark.parametrize("looked", [False, True])
def test_what_was_seen_below_one_of_two_on_a_conversation_is_that_ones(*, looked: bool) -> None:
    m = Machine()
    older = m.claude(A)
    theirs = m.spawn(m.mcp(older, A), comm="node", setpgid=True)
    younger = m.claude(A)
    server = m.mcp(younger, A)
    ours = m.spawn(server, comm="node", setpgid=True)
    if looked:
        m.look()
    m.exit(server)
    m.exit(younger)
    assert m.verdict(ours)[0] == ("reap" if looked else "keep")
    assert m.verdict(theirs)[0] == "keep"


@pytest.mark.parametrize(
    "words", [("--debug", "mcp", "serve"), ("mcp", "serve"), ("attach", "3f2a"), ("gateway",)]
)
def test_a_client_that_only_serves_or_shows_holds_no_conversation(words: tuple[str, ...]) -> None:
    m = Machine()
    m.spawn(m.shell, comm="claude", argv=("claude", *words), setpgid=True)
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")
    m.spawn(m.shell, comm="claude", argv=("claude", "--debug"), setpgid=True)
    assert "handed-over" in m.decide()[shell].vetoes


@case(
    "M50",
    "calls that ← handed to the background, after `claude stop`; the old client ended by Ctrl-C",
    "report",
)
@pytest.mark.parametrize("reason", ["prompt_input_exit", "other"])
@pytest.mark.parametrize("spare", ["older", "younger"])
@pytest.mark.parametrize("first", ["the old client", "the background session"])
def test_what_went_to_the_background_stays_there_whatever_the_old_client_says_later(
    reason: str, spare: str, first: str
) -> None:
    """Seen with 2.1.329: the old process goes on to show the agents, and says `other` when it is left by Ctrl-C twice."""
    m = Machine()
    daemon = m.spawn(1, comm="claude", argv=("claude", "daemon", "run"), setsid=True)

    def spawned() -> int:
        return m.claude(B, parent=daemon, argv=("claude", "bg-spare"), source="")

    new = spawned() if spare == "older" else 0
    old = m.claude(A)
    moved = m.bash(old, A)
    new = new or spawned()
    m.tick(60)
    m.register(new, B, kind="bg", predecessors=(A,))
    m.tick(60)
    later, server = m.bash(old, A), m.mcp(old, A)
    m.look()
    for one in (old, new) if first == "the old client" else (new, old):
        assert m.verdict(moved)[0] == "keep"
        m.goodbye(one, reason if one == old else "other", 60)
        m.exit(one)
    assert m.verdict(moved) == ("report", "detached")
    assert m.verdict(later) == m.verdict(server) == ("reap", "leftover")


@case(
    "M51",
    "a call beside a fork in a terminal, or beside a background session that is older",
    "reap",
)
@pytest.mark.parametrize("fork", ["in a terminal", "older"])
def test_a_fork_that_cannot_have_taken_anything_over_keeps_nothing(fork: str) -> None:
    """`claude --resume X --fork-session` kept every call of every crashed session of its directory."""
    m = Machine()
    kind = "bg" if fork == "older" else ""

    def forked() -> None:
        m.register(m.claude(B, source=""), B, cwd="/w", forked=True, kind=kind)

    if fork == "older":
        forked()
    claude = m.claude(A, source="")
    m.register(claude, A, cwd="/w")
    shell = m.bash(claude, A)
    if fork != "older":
        forked()
    m.look()
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")


@case(
    "M59",
    "a worker with a cleared environment below a call that was handed over, from before /clear",
    "keep",
)
@pytest.mark.parametrize("marks", [Marks(blank=True), Marks()])
def test_what_runs_below_a_call_goes_where_the_call_goes_also_after_clear(marks: Marks) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    worker = m.spawn(shell, comm="celery", marks=marks)
    m.register(claude, B)
    later = m.spawn(m.bash(claude, B), comm="celery", marks=marks)
    m.look()
    m.exit(claude)
    m.claude(A)
    for pid in (shell, worker):
        assert "handed-over" in m.decide()[pid].vetoes
    assert m.verdict(later) == ("reap", "leftover")


@pytest.mark.parametrize("over", [False, True])
def test_a_call_that_is_younger_than_a_fork_did_not_go_along(*, over: bool) -> None:
    """Two sessions in one directory: what the one started after the other had gone to the background was kept."""
    m = Machine()
    claude = m.claude(A, source="")
    m.register(claude, A, cwd="/w")
    earlier = m.bash(claude, A)
    worker = m.claude(B, source="", argv=("claude", "bg-spare"))
    m.register(worker, B, cwd="/w", kind="bg", forked=True)
    m.tick(3600)
    shell = m.bash(claude, A)
    m.look()
    if over:
        m.exit(worker)
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")
    assert m.verdict(earlier)[0] == ("report" if over else "keep")


@pytest.mark.parametrize("known", ["both", "the younger"])
def test_of_two_on_one_conversation_the_servers_group_tells_whose_its_children_are(
    known: str,
) -> None:
    """Found by the properties: with the record of the first one lost, more was ended than with it."""
    m = Machine()
    first = m.claude(A)
    key = m.rows[first].key
    m.exit(first)
    second = m.claude(A)
    server = m.mcp(second, A)
    m.exit(second)
    apart = m.spawn(server, comm="node", setsid=True)
    if known != "both":
        del m.sessions[key]
    assert m.verdict(apart, Policy(detached="reap")) == ("reap", "detached")
    assert m.decide()[apart].owner == m.decide()[server].owner
    assert m.verdict(server) == ("reap", "leftover")
