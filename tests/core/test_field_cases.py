"""What happened to users, case by case: each leftover that must be found beside the twin that must be left."""

from __future__ import annotations

import pytest

from process_janitor.core.model import Detail, Marks
from process_janitor.core.policy import Policy
from tests.machine import TOOL_SHELL, UID, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"
LOOSE = {"stdin": "socket:[1]", "stdout": "socket:[2]", "stdin_peer": "no", "stdout_peer": "no"}
case = pytest.mark.case
REAP = Policy(detached="reap")


# Servers


@case("U3b", "the launcher ended, the client lives: started by a script, its record lost", "keep")
def test_a_leaf_without_its_launcher_needs_neither_record_nor_group_to_be_in_use() -> None:
    m = Machine()
    script = m.spawn(m.shell, comm="bash", argv=("bash", "work.sh"), setpgid=True)
    claude = m.spawn(script, comm="claude")
    launcher = m.mcp(claude, A, comm="bun")
    leaf = m.spawn(launcher, comm="bun")
    m.exit(launcher)
    m.tick(60)
    m.rows[leaf].detail = {"stdin": "socket:[1]", "stdin_peer": "yes"}
    assert m.rows[claude].pgid != claude
    assert m.verdict(leaf, REAP)[0] != "reap"
    m.rows[leaf].detail = {"stdin": "socket:[1]"}
    assert m.verdict(leaf, REAP)[0] != "reap", "a client of unknown name lives, and may be its own"


@case("U4", "servers still connecting when the session said goodbye and ended", "reap")
def test_servers_that_a_clean_exit_forgot_are_found_at_once() -> None:
    m = Machine()
    claude, neighbour = m.claude(A), m.claude(B)
    late = [m.mcp(claude, A, comm="sleep") for _ in range(4)]
    twin = m.mcp(neighbour, B, comm="sleep")
    m.goodbye(claude, "prompt_input_exit", 0.5)
    m.exit(claude)
    for pid in late:
        assert m.verdict(pid) == ("reap", "leftover")
    assert m.verdict(twin) == ("keep", "")


@case("U5", "a first attempt and its retry, the same command twice, the client alive", "keep")
def test_of_two_instances_none_is_chosen_while_their_client_lives() -> None:
    m = Machine()
    claude = m.claude(A)
    loser, winner = m.mcp(claude, A), m.mcp(claude, A)
    m.rows[loser].ppid = 1
    m.rows[loser].detail["stdin_peer"] = "no"
    m.look()
    assert m.verdict(loser) == m.verdict(winner) == ("keep", "")
    m.exit(claude)
    assert m.verdict(loser) == m.verdict(winner) == ("reap", "leftover")


@case("U6", "what `claude mcp list` left, whatever its command (`make -s`)", "reap")
@case("U7", "what a `claude -p` of cron left", "reap")
@pytest.mark.parametrize("argv", [("claude", "mcp", "list"), ("claude", "-p", "go")])
def test_leftovers_of_a_run_that_nobody_registered(argv: tuple[str, ...]) -> None:
    m = Machine()
    cron = m.spawn(1, comm="cron", setsid=True)
    run, going_on = (m.claude("", parent=cron, source="", argv=argv) for _ in range(2))
    marks = Marks(session_id=A, claudecode=True, project=True)
    left, twin = (
        m.spawn(parent, comm="make", argv=("make", "-s", "serve"), marks=marks)
        for parent in (run, going_on)
    )
    m.tick(60)
    m.exit(run)
    m.rows[left].detail = {"stdin": "socket:[1]", "stdin_peer": "no"}
    nameless = argv[1] == "-p"
    assert m.verdict(going_on) == m.verdict(twin) == ("keep", "")
    assert m.verdict(left) == (("report", "suspect") if nameless else ("reap", "leftover"))
    m.exit(going_on)
    assert m.verdict(left) == ("reap", "leftover")


@case(
    "U10",
    "a born orphan: its launcher was killed before it ran, the client holds its input",
    "keep",
)
def test_a_born_orphan_is_in_use_as_long_as_somebody_holds_its_input() -> None:
    m = Machine()
    claude = m.claude(A)
    launcher = m.mcp(claude, A)
    born = m.spawn(launcher, comm="node")
    m.exit(launcher)
    assert m.verdict(born) == ("keep", "")
    m.exit(claude)
    m.rows[born].detail["stdin_peer"] = "yes"
    assert "stdin-live-peer" in m.decide()[born].vetoes, "another program talks to it"
    m.rows[born].detail["stdin_peer"] = "no"
    assert m.verdict(born) == ("reap", "leftover")


@case("U13", "three generations of one server, only the last one's session alive", "reap")
def test_generations_are_told_by_their_sessions_not_by_their_age() -> None:
    m = Machine()
    left = []
    for session_id in (A, B):
        claude = m.claude(session_id)
        left.append(m.mcp(claude, session_id))
        m.tick(86_400)
        m.exit(claude)
    server = m.mcp(m.claude(C), C)
    m.tick(86_400)
    assert [m.verdict(pid) for pid in left] == [("reap", "leftover")] * 2
    assert m.verdict(server) == ("keep", "")


@case("U14", "a plugin's own worker daemon, started by a hook, and its children", "report")
@case("U29", "stale children of a plugin's daemon that lives", "report")
def test_a_plugins_daemon_and_its_children_are_shown_and_left() -> None:
    m = Machine()
    claude = m.claude(A)
    hook = m.hook(claude, A)
    daemon = m.spawn(hook, comm="bun", argv=("bun", "worker-service.cjs", "--daemon"), setsid=True)
    m.exit(hook)
    chroma = m.spawn(daemon, comm="uv", argv=("uv", "tool", "uvx", "chroma-mcp"))
    agent = m.claude("", parent=daemon, source="", argv=("claude", "--resume", B))
    m.look()
    server = m.mcp(claude, A)
    m.exit(claude)
    m.tick(86_400)
    assert m.verdict(agent) == ("keep", ""), "a client of its own"
    assert m.verdict(daemon)[0] == "keep", "a living client runs below it"
    assert m.verdict(chroma)[0] != "reap"
    assert m.verdict(server)[0] != "keep"
    m.exit(agent)
    assert m.verdict(daemon) == m.verdict(chroma) == ("report", "detached")
    assert m.verdict(server) == ("reap", "leftover")


@case("U17", "a server that holds the lock its siblings wait for", "keep")
@case("U60", "generations of servers under one living client", "keep")
@case("F8", "idle servers of a session that lives", "keep")
def test_nothing_below_a_living_client_is_one_too_many() -> None:
    m = Machine()
    claude = m.claude(A)
    piled = [m.mcp(claude, A) for _ in range(100)]
    m.look()
    m.tick(10 * 86_400)
    assert {m.verdict(pid, REAP) for pid in piled} == {("keep", "")}


@case("U19", "`docker run -i`: the server of a session that is gone", "reap")
@pytest.mark.parametrize("comm", ["docker", "podman"])
def test_a_docker_client_is_a_server_like_any_other_and_its_container_is_not(comm: str) -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    run = (comm, "run", "-i", "--rm", "mcp/postgres")
    client, twin = (m.mcp(one, i, comm=comm, argv=run) for one, i in ((claude, A), (other, B)))
    shim = m.spawn(1, comm="containerd-shim", setsid=True, marks=Marks())
    # Even with the session's marks handed to it: another pid namespace is never touched.
    contained = m.spawn(shim, comm="node", setsid=True, marks=Marks(session_id=A))
    m.rows[contained].detail["pid_namespace"] = 4_026_532_999
    m.exit(claude)
    assert m.verdict(client) == ("reap", "leftover")
    assert m.verdict(twin) == ("keep", "")
    assert m.verdict(shim, REAP)[0] == m.verdict(contained, REAP)[0] == "keep"


@case("U22", "a language server below a server, and what it started", "reap")
def test_a_language_server_goes_with_its_server_and_its_build_daemon_stays() -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    serena, twin = m.mcp(claude, A, comm="python3"), m.mcp(other, B, comm="python3")
    jvm, busy = (m.spawn(one, comm="java", argv=("java", "KotlinLS")) for one in (serena, twin))
    gradle = ("java", "org.gradle.launcher.daemon.bootstrap.GradleDaemon", "8.5")
    daemon = m.spawn(jvm, comm="java", argv=gradle, setsid=True)
    m.exit(claude)
    assert m.verdict(serena) == m.verdict(jvm) == ("reap", "leftover")
    assert m.verdict(twin) == m.verdict(busy) == ("keep", "")
    assert m.verdict(daemon, REAP)[0] == "keep"
    m.exit(serena)
    assert m.verdict(jvm) == ("reap", "leftover")


@case("U27", "parents and terminals say nothing: adopted with a terminal, or without one", "reap")
def test_neither_a_terminal_nor_its_absence_decides() -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    left, used = m.mcp(claude, A, tty=34816), m.mcp(other, B, tty=0)
    m.rows[other].ppid, m.rows[other].tty = 1, 34816
    m.exit(claude)
    assert m.verdict(left) == ("reap", "leftover")
    assert m.verdict(used) == m.verdict(other) == ("keep", "")


@case("U63", "the client's own helper that keeps the machine awake", "reap")
def test_a_stay_awake_helper_stays_with_its_client() -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    marks = Marks(session_id=A, claudecode=True)
    left, used = (m.spawn(one, comm="caffeinate", marks=marks) for one in (claude, other))
    m.look()
    m.exit(claude)
    assert m.verdict(left) == ("reap", "leftover")
    assert m.verdict(used) == ("keep", "")


@case("U64", "the client's program as a server: Claude in Chrome, `claude mcp serve`", "reap")
@pytest.mark.parametrize("words", [("--claude-in-chrome-mcp",), ("mcp", "serve")])
def test_the_clients_program_as_a_server_is_a_server(words: tuple[str, ...]) -> None:
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    argv = ("claude", *words)
    left, used = (m.mcp(one, i, comm="claude", argv=argv) for one, i in ((claude, A), (other, B)))
    shell = m.bash(claude, A)
    m.exit(claude)
    assert m.verdict(left) == ("reap", "leftover")
    assert m.verdict(used) == ("keep", "")
    assert m.verdict(shell) == ("reap", "leftover"), "one in use elsewhere took nothing over"
    blind = m.decide(details={left: Detail()}).get(left)
    assert blind is None or blind.verdict == "keep", "of unknown words it may be a client"


@case("U64c", "what another program's `claude mcp serve` runs, for as long as it lives", "keep")
@pytest.mark.parametrize("named", [True, False])
def test_what_another_programs_claude_server_runs_is_in_use(*, named: bool) -> None:
    m = Machine()
    program = m.spawn(m.shell, comm="my-agent", setsid=True)
    serve = m.spawn(program, comm="claude", argv=("claude", "mcp", "serve"))
    call = m.bash(serve, A)
    server = m.mcp(serve, A)
    if not named:
        m.rows[call].marks = Marks(session_id=A, tool_child=True, claudecode=True)
    for pid in (call, server):
        m.rows[pid].detail = {**LOOSE}
    m.tick(100)
    assert [m.verdict(pid) for pid in (serve, call, server)] == [("keep", "")] * 3
    m.exit(program)
    assert [m.verdict(pid) for pid in (serve, call, server)] == [("keep", "")] * 3
    m.exit(serve)
    assert "keep" not in {m.verdict(pid)[0] for pid in (call, server)}


# Clients


@case(
    "U28", "a subagent whose owner died, flags or not: nobody writes to it, nobody reads it", "reap"
)
@case("A12", "a subagent or team member whose leader lives", "keep")
def test_a_subagent_goes_with_its_leader_when_nobody_can_reach_it() -> None:
    m = Machine()
    flags = ("claude", "--output-format", "stream-json", "--input-format", "stream-json")
    leader, other = m.claude(A), m.claude(B)
    lost = {**LOOSE, "exe": "/home/u/.local/share/claude/versions/2.1.329"}
    agent, twin, silent, script = (
        m.claude("", parent=above, source="", argv=flags, detail=lost)
        for above in (leader, other, leader, leader)
    )
    m.rows[silent].detail = {**lost, "stdout_peer": "yes"}
    m.rows[script].detail = {**LOOSE, "exe": "/usr/bin/python3.11"}
    for pid in (agent, twin, silent):
        assert m.verdict(pid) == ("keep", ""), "its leader lives"
    m.look()
    m.exit(leader)
    assert m.verdict(agent) == ("reap", "orphaned-session")
    assert m.verdict(twin) == m.verdict(silent) == ("keep", "")
    assert m.verdict(script) == ("report", "orphaned-session"), "a name is no proof"


@case("U44b", "the same, never registered and never seen: its program may be outside", "report")
def test_a_client_nobody_knew_is_shown_when_nobody_can_reach_it() -> None:
    m = Machine()
    host = m.spawn(m.shell, comm="python3", setsid=True)
    client = m.claude(A, parent=host, source="client", detail=LOOSE)
    assert m.verdict(client) == ("keep", "")
    m.exit(host)
    assert m.verdict(client) == ("report", "orphaned-session")
    m.rows[client].detail = {**LOOSE, "stdin_peer": "unknown"}
    assert m.verdict(client) == ("keep", "")


def test_a_client_let_go_in_a_bash_call_is_nobodys_subagent() -> None:
    m = Machine()
    leader = m.claude(A)
    wrapper = m.bash(leader, A)
    shell = m.spawn(wrapper, comm="sh")
    client = m.claude("", parent=shell, source="", detail=LOOSE)
    m.look()
    m.exit(shell)
    m.look()
    m.exit(wrapper)
    m.exit(leader)
    assert m.verdict(client) == ("report", "orphaned-session")


@case("U31", "a panel was closed, its editor lives", "keep")
@case("A13", "finished sessions that their desktop program keeps", "keep")
@case("U30", "finished sessions that stay resident", "keep")
def test_a_session_that_its_host_keeps_is_the_hosts_affair() -> None:
    m = Machine()
    host = m.spawn(m.shell, comm="code", setsid=True)
    resident = [m.claude(f"{A[:-1]}{n}", parent=host, detail=LOOSE) for n in range(9)]
    m.tick(25 * 86_400)
    assert {m.verdict(pid) for pid in resident} == {("keep", "")}


@case("U33", "a spare of a background daemon that died, spinning", "report")
def test_a_spinning_spare_without_its_daemon_is_shown() -> None:
    m = Machine()
    daemon = m.spawn(1, comm="claude", argv=("claude", "daemon", "run"), setsid=True)
    spare, quiet = (
        m.spawn(daemon, comm="claude", argv=("claude", "--bg-pty-host"), setsid=True)
        for _ in range(2)
    )
    m.rows[spare].detail = {"cpu_share": 0.99}
    m.rows[quiet].detail = {"cpu_share": 0.0}
    assert m.verdict(spare) == ("keep", "")
    m.exit(daemon)
    assert m.verdict(spare) == ("report", "runaway")
    assert m.verdict(quiet) == ("keep", "")


@case("U37", "a session in a detached terminal multiplexer", "keep")
@case("U36", "a team member in a pane whose leader died", "keep")
def test_a_client_in_a_multiplexer_is_there_on_purpose() -> None:
    m = Machine()
    leader = m.claude(A)
    tmux = m.detached(leader, A, setsid=True, comm="tmux: server")
    pane = m.spawn(tmux, comm="bash", setsid=True, tty=34820)
    member = m.claude(B, parent=pane)
    server = m.mcp(member, B)
    m.exit(leader)
    m.tick(30 * 86_400)
    for pid in (tmux, pane, member, server):
        assert m.verdict(pid, REAP)[0] == "keep"


# Bash calls


@case("U51", "finished shells that idle under a living client", "keep")
def test_idle_shells_of_a_living_client_are_kept() -> None:
    m = Machine()
    claude = m.claude(A)
    shells = [m.bash(claude, A) for _ in range(61)]
    m.tick(86_400)
    assert {m.verdict(pid) for pid in shells} == {("keep", "")}


@case("U52", "login shells with nothing on their command line", "keep")
def test_a_shell_without_any_mark_is_a_users_own() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.spawn(1, comm="zsh", argv=("-zsh",), setsid=True, marks=Marks())
    m.exit(claude)
    m.tick(41 * 86_400)
    assert shell not in m.decide(REAP)


@case("U54", "below a Bash call, a process of another user (sudo)", "keep")
@case("U42", "a process of another user below a leftover", "keep")
def test_another_users_process_is_left_and_the_others_of_its_call_go() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    sudo = m.spawn(shell, comm="sudo", uid=0)
    root = m.spawn(sudo, comm="fs_usage")
    twin = m.spawn(shell, comm="sleep")
    m.exit(claude)
    assert m.rows[root].uid == 0 != UID
    for pid in (sudo, root):
        assert "other-user" in m.decide(REAP)[pid].vetoes
        assert m.verdict(pid, REAP)[0] == "keep"
    assert m.verdict(shell) == m.verdict(twin) == ("reap", "leftover")


@case("U55", "a stopped task's shell is gone, what it ran is not", "report")
def test_what_a_partial_kill_left_is_kept_with_the_session_and_shown_after_it() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    child = m.spawn(shell, comm="concurrently")
    grand = m.spawn(child, comm="node")
    m.look()
    m.exit(shell)
    m.look()
    assert m.verdict(child) == m.verdict(grand) == ("keep", "")
    m.exit(claude)
    assert m.verdict(child) == m.verdict(grand) == ("report", "detached")


@case("U58", "a process group shared with the client, or with a user's own program", "keep")
@case("B8", "a process group that strangers share", "keep")
def test_a_group_proves_nothing_about_its_other_members() -> None:
    m = Machine()
    script = m.spawn(m.shell, comm="sequant", setpgid=True)
    beside = m.spawn(script, comm="tee")
    claude = m.spawn(script, comm="claude")
    m.register(claude, A)
    server = m.mcp(claude, A)
    assert {m.rows[pid].pgid for pid in (script, beside, claude, server)} == {script}
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(script, REAP) == m.verdict(beside, REAP) == ("keep", "")
    m.exit(script)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(beside, REAP) == ("keep", "")


@case("C2", "the user's own browser with a debugging port, and dev servers", "keep")
def test_the_users_browser_with_a_debugging_port_is_the_users() -> None:
    m = Machine()
    claude = m.claude(A)
    wrapper = m.bash(claude, A)
    argv = ("chrome", "--remote-debugging-port=9222", "--user-data-dir=/home/u/.config/chrome")
    chrome = m.spawn(wrapper, comm="chrome", argv=argv, setsid=True)
    tab = m.spawn(chrome, comm="chrome", argv=("chrome", "--type=renderer"))
    vite = m.spawn(wrapper, comm="node", argv=("node", "node_modules/.bin/vite"))
    m.exit(wrapper)
    m.exit(claude)
    assert m.verdict(chrome, REAP)[0] == m.verdict(tab, REAP)[0] == "keep"
    assert m.verdict(vite) == ("report", "detached")


@case("C5", "`--resume=ID`, `--resume ID`, an id inside another argument or another id", "keep")
@case("C6", "gemini, codex, goose, aider as ordinary words", "keep")
@pytest.mark.parametrize(
    "argv",
    [
        ("node", f"--resume={A}"),
        ("node", "--resume", A),
        ("vim", f"notes-{A}-old"),
        ("goose", "--to", "aider"),
        ("python3", "codex.py", "gemini"),
    ],
)
def test_an_id_or_a_name_in_a_command_ties_nothing(argv: tuple[str, ...]) -> None:
    m = Machine()
    claude = m.claude(A)
    stranger = m.spawn(m.shell, comm=argv[0], argv=argv, setsid=True)
    longer = m.spawn(m.shell, comm="node", setsid=True, marks=Marks(session_id=f"{A}0"))
    twin = m.mcp(claude, A)
    m.exit(claude)
    assert stranger not in m.decide(REAP)
    assert m.verdict(longer, REAP)[0] != "reap"
    assert m.verdict(twin) == ("reap", "leftover")


@case("U48b", "the wrapper's whole command on a stranger that spins", "keep")
def test_a_spinning_shell_without_marks_is_somebody_elses() -> None:
    m = Machine()
    claude = m.claude(A)
    spinner = m.spawn(m.shell, comm="bash", argv=TOOL_SHELL, state="R", detail={"cpu_share": 1.0})
    m.exit(claude)
    assert spinner not in m.decide(REAP)


# Time


@case("D1", "a lid closed for eight hours", "keep")
@case("U85", "suspend counted as silence", "keep")
def test_a_night_asleep_makes_nothing_of_the_living_a_leftover() -> None:
    m = Machine()
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    m.goodbye(claude, "prompt_input_exit", 2.0)
    m.tick(8 * 3600)  # start times count on in suspend; the age of the goodbye does not
    for pid in (claude, server, shell):
        assert m.verdict(pid) == ("keep", "")


@case("D3", "a process from the future: the clocks disagree", "keep")
def test_a_negative_age_is_young_and_never_old() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    shell = m.bash(claude, A)
    m.exit(claude)
    m.now -= 86_400 * 100
    assert "too-young" in m.decide()[shell].vetoes
    m.now += 86_400 * 100 + 11 * 100
    assert m.verdict(shell) == ("reap", "leftover")


@case("T1", "a session that a hook registered in a time namespace, or we are in one", "keep")
def test_a_record_read_by_other_clocks_proves_nothing() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    twin_claude = m.claude(B)
    twin = m.mcp(twin_claude, B)
    key = m.rows[claude].key
    own = m.sessions[key]
    shifted = own.owner._replace(
        start=own.owner.start + 86_400, boot_id=f"{own.owner.boot_id}+0.0+864.0"
    )
    m.sessions[key] = own._replace(owner=shifted)
    m.tick(60)
    assert m.verdict(claude) == m.verdict(server) == ("keep", ""), "its client is alive"
    m.exit(claude)
    m.exit(twin_claude)
    assert m.verdict(server)[0] != "reap"
    assert m.verdict(twin) == ("reap", "leftover")
