"""What stands and falls together: one member in use, or kept, protects its chain; without one the whole chain goes."""

from __future__ import annotations

import pytest

from process_janitor.core.company import company
from process_janitor.core.model import Marks
from process_janitor.core.policy import KeepRule, Policy
from process_janitor.core.ties import Ties
from tests.machine import BOOT, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.mark.case("M1", "the rest of a pipeline in which a living nested client runs", "keep")
def test_the_rest_of_a_bash_call_in_which_a_living_client_runs_is_left() -> None:
    """`claude -p … | tee log | jq`, `tail -f log | claude -p`, `proxy & claude -p`: the call is the living client's."""
    m = Machine()
    outer = m.claude(A)
    shell = m.bash(outer, A)
    before = m.spawn(shell, comm="tail", argv=("tail", "-f", "log"))
    inner = m.spawn(shell, comm="claude", argv=("claude", "-p", "go"))
    m.register(inner, B)
    tee = m.spawn(shell, comm="tee", detail={"stdin": "pipe:[1]", "stdin_peer": "yes"})
    last = m.spawn(shell, comm="jq", detail={"stdin": "pipe:[2]", "stdin_peer": "no"})
    m.exit(outer)
    assert {one: m.verdict(one)[0] for one in (shell, before, inner, tee, last)} == dict.fromkeys(
        (shell, before, inner, tee, last), "keep"
    )


@pytest.mark.case("M2", "what a server runs beside a living nested client", "keep")
def test_what_a_living_client_needs_beside_it_is_left() -> None:
    """A server that runs agents: its nested client talks to the model through its proxy, a sibling."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    proxy = m.spawn(server, comm="node", argv=("node", "proxy.js"))
    inner = m.spawn(server, comm="claude", argv=("claude", "-p", "go"))
    m.register(inner, B)
    m.exit(claude)
    assert m.verdict(server)[0] == m.verdict(inner)[0] == "keep"
    assert m.verdict(proxy)[0] != "reap"


def test_what_a_living_client_writes_to_is_nobodys_company() -> None:
    """The shell asks whether anybody outside `company` holds a standard input: tee, fed by a living client, is somebody."""
    m = Machine()
    outer = m.claude(A)
    shell = m.bash(outer, A)
    inner = m.spawn(shell, comm="claude", argv=("claude", "-p", "go"))
    m.register(inner, B)
    tee = m.spawn(shell, comm="tee")
    m.exit(outer)
    assert tee not in company(Ties(m.snapshot(), m.sessions.values()), Policy())


@pytest.mark.case("M3", "launcher and workers of a server with connected clients", "keep")
def test_a_launcher_is_left_while_what_it_runs_serves_somebody() -> None:
    m = Machine()
    claude = m.claude(A)
    launcher = m.mcp(claude, A, comm="npm exec")
    server = m.spawn(launcher, comm="node", detail={"serving": "yes", "stdin_peer": "no"})
    worker = m.spawn(server, comm="node", argv=("node", "worker.js"))
    m.exit(claude)
    assert m.verdict(server)[0] == "keep"
    assert m.verdict(launcher)[0] != "reap", "npm hands SIGTERM on"
    assert m.verdict(worker)[0] != "reap", "what serves somebody needs its workers"


@pytest.mark.case("M4", "the launcher of what the user keeps", "keep")
@pytest.mark.parametrize("how", ["rule", "pid", "mark"])
def test_a_launcher_is_left_while_what_it_runs_is_kept_by_the_user(how: str) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    launcher = m.spawn(shell, comm="timeout", argv=("timeout", "3600", "npm", "run", "dev"))
    leaf = m.spawn(launcher, comm="node", argv=("node", "next-server"))
    rules = {
        "rule": (KeepRule(command="next-server"),),
        "pid": (KeepRule(pid=leaf, start=m.rows[leaf].start, boot_id="boot-a"),),
    }
    if how == "mark":
        m.rows[leaf].marks = Marks(
            session_id=A, claude_pid=claude, tool_child=True, claudecode=True, keep=True
        )
    policy = Policy(keep_rules=rules.get(how, ()))
    m.exit(claude)
    assert m.verdict(leaf, policy)[0] == "keep"
    assert m.verdict(launcher, policy)[0] != "reap", "timeout, npm and uv hand SIGTERM on"


@pytest.mark.case("M5", "the end of a pipeline in a running call whose beginning let go", "reap")
def test_the_end_of_a_pipeline_goes_though_its_beginning_let_go() -> None:
    """`(tail -f log &) | grep ERROR` in a running call: a clean exit stops grep, and tail with its next line."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    tail = m.spawn(shell, comm="tail", argv=("tail", "-f", "log"))
    grep = m.spawn(shell, comm="grep")
    m.rows[tail].ppid = 1
    m.exit(claude)
    # Who only feeds what is about to go is nobody in whose use it is.
    assert tail in company(Ties(m.snapshot(), m.sessions.values()), Policy())
    assert m.verdict(grep) == ("reap", "leftover")
    assert m.verdict(tail) == ("report", "detached")
    m.exit(shell)
    assert tail not in company(Ties(m.snapshot(), m.sessions.values()), Policy()), (
        "its call has ended"
    )


@pytest.mark.case("M27", "the browser, in a session of its own, of a server in use", "keep")
@pytest.mark.parametrize("used_by", ["another session", "its own living agent"])
def test_the_browser_of_a_server_in_use_is_left(used_by: str) -> None:
    """playwright-mcp --port, which another session uses over HTTP (C3). Playwright gives its browser a session of its own."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    argv = ("chrome", "--headless", "--user-data-dir=/tmp/playwright_chromiumdev_profile-X")
    browser = m.spawn(server, comm="chrome", argv=argv, setsid=True)
    renderer = m.spawn(browser, comm="chrome", argv=("chrome", "--type=renderer"))
    if used_by == "another session":
        m.rows[server].detail["serving"] = "yes"
    else:
        m.register(m.spawn(server, comm="claude", argv=("claude", "-p", "go")), B)
    m.exit(claude)
    assert m.verdict(server)[0] == "keep"
    assert m.verdict(browser)[0] == m.verdict(renderer)[0] == "keep"


@pytest.mark.case("M28", "a running call beside what it let go, which is in use", "reap")
@pytest.mark.parametrize("how", ["serving", "mark", "nested"])
def test_what_let_go_of_a_running_call_does_not_protect_the_call(how: str) -> None:
    """`(vite &); npm test`: vite would outlive a clean exit, the call would not; nothing of it is needed by vite."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    between = m.spawn(shell, comm="bash")
    if how == "nested":
        let_go = m.spawn(between, comm="claude", argv=("claude", "-p", "go"))
        m.register(let_go, B)
    else:
        let_go = m.spawn(between, comm="vite")
    m.exit(between)
    tests = m.spawn(shell, comm="node", argv=("node", "jest"))
    if how == "serving":
        m.rows[let_go].detail["serving"] = "yes"
    if how == "mark":
        m.rows[let_go].marks = m.rows[let_go].marks._replace(keep=True)  # type: ignore[union-attr]
    m.exit(claude)
    assert m.verdict(let_go)[0] == "keep"
    assert m.verdict(shell) == m.verdict(tests) == ("reap", "leftover")


@pytest.mark.parametrize("looked", [False, True])
def test_what_stays_is_nobodys_company(looked: bool) -> None:
    """A database that was left over, and is used by the user's bot or from a tmux pane, is used by somebody."""
    m = Machine()
    claude = m.claude(A)
    bot = m.detached(claude, A, setsid=True, comm="node")
    call = m.bash(claude, A)
    tmux = m.spawn(call, comm="tmux: server", setsid=True)
    m.exit(call)
    psql = m.spawn(m.spawn(tmux, comm="bash", setsid=True), comm="psql", setpgid=True)
    running = m.bash(claude, A)
    below = m.spawn(running, comm="psql")
    if looked:
        m.look()
    m.exit(claude)
    assert company(Ties(m.snapshot(), m.sessions.values()), Policy()) == {running, below}, (
        bot,
        tmux,
        psql,
    )


@pytest.mark.parametrize("how", ["pid", "command", "mark"])
def test_what_its_user_keeps_is_nobodys_company(how: str) -> None:
    """A database and a server of the user's that reads from it: who is kept needs what it is connected to."""
    m = Machine()
    claude = m.claude(A)
    database = m.bash(claude, A)
    call = m.bash(claude, A)
    server = m.spawn(call, comm="node", argv=("node", "vite.js"))
    worker = m.spawn(server, comm="node")
    beside = m.spawn(call, comm="node", argv=("node", "api.js"))
    start = m.rows[server].start
    rules = {"pid": KeepRule(server, start, BOOT), "command": KeepRule(command="vite")}
    if how == "mark":
        m.rows[server].marks = Marks(session_id=A, claude_pid=claude, tool_child=True, keep=True)
    m.look()
    m.exit(claude)
    ties, policy = Ties(m.snapshot(), m.sessions.values()), Policy()
    if how in rules:
        assert company(ties, policy) == {database, call, server, worker, beside}
        policy = Policy(keep_rules=(rules[how],))
    assert company(ties, policy) == {database}


def test_a_browser_that_automation_left_open_is_company() -> None:
    """It holds a connection to the page's server, and nobody looks at it. A script that let go is somebody."""
    m = Machine()
    claude = m.claude(A)
    call = m.bash(claude, A)
    argv = ("chrome", "--headless=new", "--remote-debugging-port=9222", "http://localhost:5173")
    browser = m.spawn(call, comm="chrome", argv=argv, setsid=True)
    network = m.spawn(browser, comm="chrome", argv=("chrome --type=utility",))
    script = m.spawn(call, comm="bash", argv=("bash", "bot.sh"), setsid=True)
    m.exit(call)
    m.exit(claude)
    found = company(Ties(m.snapshot(), m.sessions.values()), Policy())
    assert found == {browser, network}, script
