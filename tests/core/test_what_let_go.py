"""What had let go of its session, and what only looks as if it had."""

from __future__ import annotations

import pytest

from process_janitor.core.model import Identity, Marks, Session
from process_janitor.core.policy import Policy
from tests.machine import HOST, NAMESPACE, Machine

HOME, WORK = "/home/u/.claude", "/home/u/.claude-work"
A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.mark.case(
    "M21", "what a server put into the background in its own session (sh -c nohup)", "report"
)
@pytest.mark.parametrize("looked", [False, True])
def test_a_daemon_that_a_server_put_into_the_background_survives_as_it_survives_a_clean_exit(
    looked: bool,
) -> None:
    """desktop-commander, a shell server: `sh -c 'nohup node bot.js >log 2>&1 &'`. A clean exit signals the server alone.

    Seen with 2.1.329 and 2.1.197 after /exit. It is an orphan whose standard input is /dev/null: nobody's stdio server,
    and no leaf of a launcher that died.
    """
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    shell = m.spawn(server, comm="sh", argv=("sh", "-c", "nohup node bot.js >log 2>&1 &"))
    daemon = m.spawn(
        shell,
        comm="node",
        argv=("node", "bot.js"),
        detail={"stdin": "/dev/null", "stdout": "/home/u/log"},
    )
    launcher = m.mcp(claude, A, comm="npm exec")
    leaf = m.spawn(launcher, comm="node", detail={"stdin": "socket:[7]", "stdin_peer": "no"})
    if looked:
        m.look()
    m.exit(shell)
    m.exit(launcher)
    if looked:
        m.look()
    m.exit(claude)
    assert m.verdict(server) == m.verdict(leaf) == ("reap", "leftover")
    assert m.verdict(daemon) == ("report", "detached")


@pytest.mark.case("M22", "the same, with a cleared environment", "report")
def test_a_server_daemon_that_cleared_its_environment_survives_as_well() -> None:
    """redis-server, started by a server, `daemonize yes` without a session of its own: seen, then let go of."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    daemon = m.spawn(
        server,
        comm="redis-server",
        marks=Marks(blank=True),
        detail={"stdin": "/dev/null", "stdout": "/dev/null"},
    )
    m.look()
    m.rows[daemon].ppid = 1
    m.look()
    m.exit(claude)
    assert m.verdict(daemon) == ("report", "detached")


@pytest.mark.case("M23", "a server whose launcher led a group of its own (timeout)", "reap")
def test_having_been_seen_makes_no_server_harder_to_find() -> None:
    """`timeout 3600 npx server`: timeout leads a group of its own, and dies first. Never seen, the leaf is found."""
    m = Machine()
    claude = m.claude(A)
    launcher = m.mcp(claude, A, comm="timeout", setpgid=True)
    leaf = m.spawn(launcher, comm="node", detail={"stdin": "socket:[8]", "stdin_peer": "no"})
    m.look()
    m.exit(launcher)
    m.look()
    m.exit(claude)
    assert m.verdict(leaf) == ("reap", "leftover")


@pytest.mark.case("M24", "in a living client's group, with a dead outer session's marks", "keep")
def test_what_shares_a_living_clients_group_is_not_a_dead_outer_sessions() -> None:
    """A client in a pane of a tmux server that a Bash call of a dead session started: all it opens inherits old marks.

    `wl-copy` holds the clipboard; its intermediate is gone at once. The group's leader lives, and started later.
    """
    m = Machine()
    dead = m.claude(A)
    call = m.bash(dead, A)
    server = m.spawn(call, comm="tmux: server", setsid=True)
    m.rows[server].ppid = 1
    pane = m.spawn(server, comm="bash", setsid=True, tty=34820)
    m.exit(call)
    m.exit(dead)
    client = m.claude(B, parent=pane)
    clipboard = m.spawn(client, comm="wl-copy")
    m.rows[clipboard].ppid = 1
    assert m.verdict(clipboard, Policy(detached="reap"))[0] != "reap"


@pytest.mark.case("M25", "a call of the default profile, judged from another one", "keep")
def test_a_call_moved_to_the_background_of_the_default_directory_is_not_ended_from_another_profile() -> (
    None
):
    """`CLAUDE_CONFIG_DIR=~/.claude-work process-janitor auto`: a call without the variable is of ~/.claude, whose roster
    nobody has read.
    """
    m = Machine()
    daemon = m.spawn(1, comm="claude", argv=("claude", "daemon", "run"), setsid=True)
    host = m.spawn(daemon, comm="claude", argv=("claude", "bg-pty-host"), setsid=True)
    m.spawn(host, comm="claude", argv=("claude", "bg-spare"), setsid=True)
    claude = m.claude(A, source="")
    shell = m.bash(claude, A)
    build = m.spawn(shell, comm="node")
    m.tick(60)
    m.exit(claude)
    work = Policy(config_dir="/home/u/.claude-work", default_config_dir="/home/u/.claude")
    assert m.verdict(shell, work)[0] != "reap"
    assert m.verdict(build, work)[0] != "reap"
    assert m.verdict(shell, Policy(config_dir="/home/u/.claude")) == ("reap", "leftover")


@pytest.mark.case(
    "M26", "a running command whose shell was killed with the client (pkill -f claude)", "report"
)
def test_a_running_calls_command_whose_shell_was_killed_with_the_client_may_have_let_go() -> None:
    """`pkill -9 -f claude`: it finds the client, and the shell by /.claude/shell-snapshots/, but not what runs in it.

    Between the watcher's last look and the kill the call may have ended and left it running on purpose: nobody can tell.
    """
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    npm = m.spawn(shell, comm="npm")
    vite = m.spawn(npm, comm="node")
    m.look()
    m.exit(shell)
    m.exit(claude)
    assert m.verdict(npm) == m.verdict(vite) == ("report", "detached")


@pytest.mark.case(
    "M29", "a worker that overwrote its environment, below a call handed over", "keep"
)
@pytest.mark.parametrize("registered", [True, False])
def test_what_runs_below_a_handed_over_call_is_handed_over(registered: bool) -> None:
    """celery, gunicorn, postgres write their title over their environment: no CLAUDE_CONFIG_DIR can be read in it."""
    m = Machine()
    claude = m.claude(A, source="registry" if registered else "", marks=Marks(config_dir=WORK))
    shell = m.bash(claude, A)
    m.rows[shell].marks = Marks(
        session_id=A, claude_pid=claude, tool_child=True, claudecode=True, config_dir=WORK
    )
    worker = m.spawn(shell, comm="celery", marks=Marks(blank=True))
    m.tick(60)
    m.exit(claude)
    m.claude("", source="", marks=Marks(config_dir=WORK))
    found = m.decide(Policy(config_dir=WORK, default_config_dir=HOME))
    assert "handed-over" in found[shell].vetoes
    assert found[worker].verdict != "reap"
    assert "handed-over" in found[worker].vetoes


@pytest.mark.case("M30", "the same below a call of another profile", "keep")
def test_a_cleared_environment_does_not_move_a_process_into_the_default_directory() -> None:
    """The call is another profile's, and so is all that runs below it: seen from the default profile."""
    m = Machine()
    claude = m.claude(A, source="", marks=Marks(config_dir=WORK))
    shell = m.bash(claude, A)
    m.rows[shell].marks = m.rows[shell].marks._replace(config_dir=WORK)  # type: ignore[union-attr]
    worker = m.spawn(shell, comm="celery", marks=Marks(blank=True))
    m.tick(60)
    m.exit(claude)
    default = Policy(config_dir=HOME, default_config_dir=HOME)
    assert m.verdict(shell, default)[0] == "keep"
    assert m.verdict(worker, default)[0] != "reap"


@pytest.mark.case("M31", "the same below a left-over call of this profile", "reap")
def test_a_cleared_environment_does_not_hide_a_leftover_of_its_own_profile() -> None:
    """The same the other way round: 4 GB of postgres or gunicorn are missed, their shell is ended."""
    m = Machine()
    claude = m.claude(A, source="", marks=Marks(config_dir=WORK))
    shell = m.bash(claude, A)
    m.rows[shell].marks = m.rows[shell].marks._replace(config_dir=WORK)  # type: ignore[union-attr]
    worker = m.spawn(shell, comm="postgres", marks=Marks(blank=True))
    m.tick(60)
    m.exit(claude)
    own = Policy(config_dir=WORK, default_config_dir=HOME)
    assert m.verdict(shell, own) == ("reap", "leftover")
    assert m.verdict(worker, own) == ("reap", "leftover")


@pytest.mark.case(
    "M32", "a server of a dead nested client, in the group of the living outer one", "reap"
)
@pytest.mark.parametrize("looked", [False, True])
def test_a_server_of_a_dead_nested_client_is_found_in_the_living_outer_ones_group(
    looked: bool,
) -> None:
    """An MCP server of A runs `claude -p` and kills it after its timeout: a client and its servers share A's group."""
    m = Machine()
    outer = m.claude(A)
    runs_agents = m.mcp(outer, A)
    inner = m.spawn(runs_agents, comm="claude", argv=("claude", "-p", "go"))
    m.register(inner, B)
    server = m.mcp(inner, B)
    m.rows[server].detail["stdin_peer"] = "no"
    if looked:
        m.look()
    m.exit(inner)
    assert server in m.doomed()
    assert m.verdict(runs_agents) == ("keep", "")
    assert m.verdict(server) == ("reap", "leftover")


@pytest.mark.case(
    "M33", "a call beside the record of a background session of an earlier boot", "reap"
)
@pytest.mark.parametrize("linked", [True, False])
def test_a_background_session_of_an_earlier_boot_took_nothing_of_todays_over(linked: bool) -> None:
    """Yesterday, five days up, a session was moved to the background. Since the reboot ticks are small again."""
    m = Machine()
    claude = m.claude(A)
    key = m.rows[claude].key
    m.sessions[key] = m.sessions[key]._replace(cwd="/home/u/proj")
    shell = m.bash(claude, A)
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")
    m.sessions[7777, 5_000_000] = Session(
        session_id=B,
        owner=Identity(7777, 5_000_000, "boot-before", NAMESPACE),
        host=HOST,
        kind="bg",
        cwd="/home/u/proj",
        # Resumed in a terminal today; or a fork that nobody could trace, in the same directory.
        predecessors=(A,) if linked else (),
        forked=True,
    )
    assert m.verdict(shell) == ("reap", "leftover")


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize(
    "detail",
    [
        # nohup node bot.js 2>&1 | rotatelogs log &
        {"stdin": "/dev/null", "stdout": "pipe:[5]", "stdout_peer": "yes"},
        # nohup node bot.js >log 2>&1 </dev/null &
        {"stdin": "/dev/null", "stdout": "/home/u/log"},
    ],
)
def test_a_servers_daemon_that_writes_into_a_pipe_of_its_own_let_go_as_well(
    detail: dict[str, str], looked: bool
) -> None:
    """As M21, which goes by /dev/null and a file. The pipe leads to the daemon's own `rotatelogs`, never to the client."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    shell = m.spawn(server, comm="sh", argv=("sh", "-c", "nohup node bot.js | rotatelogs log &"))
    bot = m.spawn(shell, comm="node", argv=("node", "bot.js"), detail=detail)
    if looked:
        m.look()
    m.exit(shell)
    if looked:
        m.look()
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(bot)[0] != "reap"


@pytest.mark.case(
    "M36",
    "a daemon that a server silenced, never seen (x >/dev/null 2>&1 &, git's cache)",
    "report",
)
@pytest.mark.parametrize("stdout", ["/dev/null", ""])
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_a_daemon_that_a_server_silenced_survives_as_it_survives_a_clean_exit(
    stdout: str, *, clean: bool, looked: bool
) -> None:
    """`sh -c 'ollama serve >/dev/null 2>&1 &'` is an orphan before any look; git's credential cache closes its output."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    shell = m.spawn(server, comm="sh")
    detail = {"stdin": "/dev/null", "stdout": stdout}
    daemon = m.spawn(shell, comm="ollama", detail=detail)
    # The twin: a worker without any channel, of a server that is still there, goes with that.
    worker = m.spawn(server, comm="node", detail=detail)
    m.exit(shell)
    if looked:
        m.look()
    if clean:
        m.goodbye(claude, "other", 5)
    m.exit(claude)
    assert m.verdict(daemon) == ("report", "detached")
    assert m.verdict(server) == m.verdict(worker) == ("reap", "leftover")


@pytest.mark.case("M37", "who holds the user's clipboard (xclip, wl-copy)", "keep")
@pytest.mark.parametrize("comm", ["xclip", "xsel", "wl-copy"])
def test_what_holds_the_clipboard_is_left(comm: str) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    detail = {"stdin": "pipe:[7]", "stdin_peer": "no", "stdout": "socket:[8]"}
    holder = m.spawn(server, comm=comm, argv=(comm,), detail=detail)
    other = m.spawn(server, comm="node", detail=detail)
    m.exit(server)
    m.exit(claude)
    assert m.verdict(holder)[0] == "keep"
    assert m.verdict(other) == ("reap", "leftover")


@pytest.mark.case(
    "M38", "an editor on its user's terminal, with marks of another session", "report"
)
def test_what_has_a_living_terminal_for_its_input_is_no_helper() -> None:
    """A client in a tmux whose server a Bash call started has that call's marks, and so has the editor for its prompt."""
    m = Machine()
    outer = m.claude(A)
    call = m.bash(outer, A)
    server = m.spawn(call, comm="tmux: server", setsid=True)
    m.exit(call)
    pane = m.spawn(server, comm="bash", setsid=True, tty=34820)
    m.exit(outer)
    claude = m.claude(B, parent=pane)
    detail = {"stdin": "/dev/pts/4", "stdout": "/dev/pts/4"}
    editor = m.spawn(claude, comm="nvim", argv=("nvim", "/tmp/prompt.md"), detail=detail)
    own = Marks(session_id=B, claude_pid=claude, claudecode=True)
    plain = m.spawn(claude, comm="nvim", argv=("nvim", "/tmp/prompt.md"), marks=own, detail=detail)
    closed = m.spawn(claude, comm="node", marks=own, detail={"stdin": "/dev/pts/5 (deleted)"})
    m.look()
    m.exit(claude)
    assert m.verdict(editor) == m.verdict(plain) == ("report", "detached")
    assert m.verdict(closed) == ("reap", "leftover")


@pytest.mark.case("M39", "the way out of the client's own sandbox (socat), unmarked", "reap")
def test_the_bridge_of_the_clients_sandbox_goes_and_another_socat_stays() -> None:
    """Seen with 2.1.329: SIGTERM to the client ends it, after SIGKILL it stays for ever."""
    m = Machine()
    claude = m.claude(A)
    detail = {"stdin": "/dev/null", "stdout": "/dev/null"}

    def socat(*words: str) -> int:
        return m.spawn(claude, comm="socat", argv=("socat", *words), marks=Marks(), detail=detail)

    bridge = socat("UNIX-LISTEN:/tmp/claude-http-1.sock,fork,reuseaddr", "TCP:localhost:3128")
    users = socat("TCP-LISTEN:8080,fork", "UNIX-CONNECT:/tmp/claude-http-1.sock")
    m.look()
    m.exit(claude)
    assert m.verdict(bridge) == ("reap", "leftover")
    assert m.verdict(users) == ("report", "detached")


@pytest.mark.case(
    "M40", "a language server with a session of its own, cut off from its server", "reap"
)
@pytest.mark.parametrize("server_gone", [False, True])
def test_a_language_server_that_nobody_can_talk_to_goes_with_its_server(
    *, server_gone: bool
) -> None:
    """Serena starts them with setsid() and ends them when it ends; without it no word can reach them again."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm="python3")

    def below(peer: str, *argv: str) -> int:
        detail = {"stdin": "pipe:[77]", "stdin_peer": peer, "stdout": "pipe:[78]"}
        return m.spawn(server, comm=argv[0], argv=argv, setsid=True, detail=detail)

    cut_off = [
        below("no", "gopls", "serve"),
        below("no", "node", "/x/bin/typescript-language-server", "--stdio"),
        below("no", "java", "-Declipse.application=org.eclipse.jdt.ls.core.id1", "-jar", "l.jar"),
    ]
    in_use, other = below("yes", "gopls", "serve"), below("no", "node", "bot.js")
    m.look()
    if server_gone:
        m.exit(server)
    m.exit(claude)
    for pid in cut_off:
        assert m.verdict(pid) == ("reap", "leftover")
    assert m.verdict(in_use)[0] == "keep"
    assert m.verdict(other) == ("report", "detached")


@pytest.mark.case(
    "M52", "what a client opened that carries another session's marks itself", "report"
)
@pytest.mark.parametrize("where", ["a pane", "the background"])
@pytest.mark.parametrize("clean", [False, True])
def test_what_a_client_opens_is_no_helper_for_marks_that_are_not_its_own(
    where: str, *, clean: bool
) -> None:
    """Seen with 2.1.329: a client hands on what its own environment says of the session it was started from."""
    m = Machine()
    handed = {
        "a pane": Marks(session_id=A, claude_pid=77, tool_child=True, claudecode=True),
        "the background": Marks(launched_by=(A,)),
    }[where]
    claude = m.claude(B, marks=handed)
    viewer = m.spawn(claude, comm="zathura", detail={"stdin": "/dev/null", "stdout": "/dev/null"})
    apart = m.spawn(claude, comm="mupdf", setsid=True, detail={"stdin": "/dev/null"})
    server, call = m.mcp(claude, B), m.bash(claude, B)
    # Under --continue nobody knows the id that the client began with, and gave its servers.
    detail = {"stdin": "socket:[7]", "stdin_peer": "no"}
    began = m.spawn(
        claude, comm="node", marks=Marks(session_id="x-1", claudecode=True), detail=detail
    )
    m.look()
    if clean:
        m.goodbye(claude, "other", 5)
    m.exit(claude)
    assert m.verdict(viewer)[0] == m.verdict(apart)[0] == "report"
    for pid in (server, call, began):
        assert m.verdict(pid) == ("reap", "leftover")


@pytest.mark.case(
    "M53", "a script's own child with the id alone, after client and script have ended", "report"
)
def test_an_id_that_a_script_exported_makes_no_server_of_its_children() -> None:
    m = Machine()
    script = m.spawn(m.shell, comm="bash", setpgid=True, marks=Marks(session_id=A))
    client = m.spawn(script, comm="claude", argv=("claude", "-p", "x"))
    m.register(client, A)
    shipper = m.spawn(script, comm="node", detail={"stdin": "pipe:[7]", "stdin_peer": "no"})
    server = m.mcp(client, A)
    m.goodbye(client, "other", 5)
    m.exit(client)
    assert m.verdict(shipper)[0] == "report"
    m.exit(script)
    assert m.verdict(shipper)[0] == "report"
    assert m.verdict(server) == ("reap", "leftover")


@pytest.mark.case(
    "M58", "a worker and a browser of a server, all with the id that --continue began with", "reap"
)
@pytest.mark.parametrize("looked", [False, True])
def test_an_id_that_nobody_knows_is_the_one_its_client_began_with(*, looked: bool) -> None:
    """The servers keep it, and so does what they start without a channel: workers of multiprocessing, browsers."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, "x-1", comm="python3")
    quiet = {"stdin": "/dev/null", "stdout": "socket:[88]", "stdout_peer": "no"}
    worker = m.spawn(server, comm="python3", detail=quiet)
    argv = ("/opt/chrome/chrome", "--headless", "--remote-debugging-pipe")
    browser = m.spawn(server, comm="chrome", argv=argv, setsid=True, detail=quiet)
    if looked:
        m.look()
    m.exit(claude)
    m.exit(server)
    assert m.verdict(worker) == ("reap", "leftover")
    # Of what made a session of its own before anybody looked, an id that nobody knows proves nothing.
    assert (m.verdict(browser)[0] == "reap") is looked
