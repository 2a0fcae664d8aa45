"""What a name or a form of command says, and what it does not: each that misleads beside the one it stands for."""

from __future__ import annotations

import pytest

from process_janitor.core.commands import shown
from process_janitor.core.model import Marks
from process_janitor.core.policy import Policy
from process_janitor.system.marks import told_by
from tests.machine import Machine

WORK = "/home/u/.claude-work"
A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
HUNG = {"terminal_hung_up": "yes", "socket_peer": "no"}


@pytest.mark.case("M6", "the user's own browser or editor below a running call", "keep")
@pytest.mark.parametrize(
    "comm",
    ["brave", "vivaldi-bin", "opera", "librewolf", "zen", "epiphany", "phpstorm", "rider", "kate"],
)
def test_the_users_own_browser_or_editor_is_kept_whatever_its_make(comm: str) -> None:
    """`vite --open`, `xdg-open URL` in a call that still runs: the first window of the user's browser hangs below it (O1)."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    opener = m.spawn(shell, comm="xdg-open", setsid=True)
    users = m.spawn(opener, comm=comm, argv=(f"/opt/x/{comm}", "http://localhost:5173"))
    twin = m.spawn(opener, comm="firefox", argv=("firefox", "http://localhost:5173"))
    m.exit(claude)
    assert m.verdict(twin)[0] == "keep"
    assert m.verdict(users)[0] == "keep"


@pytest.mark.case(
    "M7", "automation browsers: Firefox, headless Chrome with a profile anywhere", "reap"
)
@pytest.mark.parametrize(
    ("comm", "argv"),
    [
        (
            "firefox",
            (
                "/c/ms-playwright/firefox-1/firefox/firefox",
                "-no-remote",
                "-headless",
                "-profile",
                "/tmp/playwright_firefoxdev_profile-X",
                "-juggler-pipe",
            ),
        ),
        (
            "firefox",
            ("/usr/lib/firefox/firefox", "--marionette", "-profile", "/tmp/rust_mozprofileX"),
        ),
        (
            "chrome",
            (
                "chrome",
                "--headless=new",
                "--user-data-dir=/home/u/proj/.profile",
                "--remote-debugging-pipe",
            ),
        ),
    ],
)
@pytest.mark.parametrize("setsid", [False, True])
def test_an_automation_browser_goes_however_its_profile_is_written(
    comm: str, argv: tuple[str, ...], setsid: bool
) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    browser = m.spawn(server, comm=comm, argv=argv, setsid=setsid)
    users = m.spawn(
        server, comm=comm, argv=(argv[0], "--new-window", "http://localhost"), setsid=True
    )
    m.exit(claude)
    assert m.verdict(browser) == ("reap", "leftover")
    assert m.verdict(users)[0] == "keep"


@pytest.mark.case(
    "M8", "a tool's foreground command (turbo run, adb logcat, emacs --batch)", "reap"
)
@pytest.mark.parametrize(
    ("comm", "argv"),
    [
        ("turbo", ("turbo", "run", "dev")),
        ("turbo", ("/p/node_modules/turbo-linux-64/bin/turbo", "dev")),
        ("adb", ("adb", "logcat")),
        ("adb", ("adb", "shell", "top")),
        ("bazel", ("bazel", "run", "//srv")),
        ("esbuild", ("esbuild", "src/a.ts", "--bundle", "--watch")),
        ("esbuild", ("esbuild", "--serve=8000", "--servedir=www")),
        ("emacs", ("emacs", "--batch", "-l", "x.el")),
        ("soffice.bin", ("soffice.bin", "--headless", "--convert-to", "pdf", "a.odt")),
        ("code", ("/usr/bin/code", "serve-web")),
    ],
)
def test_a_tools_command_in_the_foreground_is_not_the_daemon_of_that_tool(
    comm: str, argv: tuple[str, ...]
) -> None:
    """What Claude Code stops on /exit: the name alone is that of a daemon or of a program with windows."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    command = m.spawn(shell, comm=comm, argv=argv)
    below = m.spawn(command, comm="node")
    m.exit(claude)
    assert m.verdict(command) == m.verdict(below) == ("reap", "leftover")


@pytest.mark.case("M9", "ssh as an MCP server", "reap")
@pytest.mark.parametrize("option", ["ControlMaster=no", "ControlMaster=auto"])
def test_a_stdio_server_on_another_host_is_a_server(option: str) -> None:
    """`ssh -o ControlMaster=no host mcp-server` as an MCP command: the client's own child, its input held by nobody."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm="ssh", argv=("ssh", "-T", "-o", option, "host", "mcp-server"))
    m.rows[server].detail.update(stdin_peer="no", stdout="socket:[2]")
    m.look()
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")


@pytest.mark.case("M10", "Bash calls beside another session's wrapper script named claude", "reap")
def test_a_script_of_the_clients_name_is_no_client_without_a_conversation() -> None:
    """~/bin/claude, `#!/bin/bash … /opt/claude "$@"`: every session has one above it, and its name is `claude`."""
    m = Machine()

    def session(session_id: str) -> tuple[int, int, int]:
        script = ("/bin/bash", "/home/u/bin/claude")
        wrapper = m.spawn(m.shell, comm="claude", argv=script, setpgid=True)
        client = m.spawn(wrapper, comm="claude", argv=("/opt/claude",))
        m.register(client, session_id)
        return wrapper, client, m.bash(client, session_id)

    wrapper, client, shell = session(A)
    _, _, twin = session(B)
    m.look()
    m.exit(client)
    m.exit(wrapper)
    assert m.verdict(shell) == ("reap", "leftover")
    assert m.verdict(twin) == ("keep", "")


@pytest.mark.case(
    "M11", "a Bash call without a shell snapshot, or with CLAUDE_CODE_SHELL_PREFIX", "reap"
)
@pytest.mark.parametrize(
    ("comm", "argv"),
    [
        # Seen with 2.1.329 where the folder of the snapshots could not be written.
        (
            "bash",
            (
                "/bin/bash",
                "-c",
                "-l",
                "\\builtin shopt -u extglob 2>/dev/null || true && eval 'npm test' < /dev/null && pwd -P >| /tmp/claude-2532-cwd",
            ),
        ),
        # Seen with both clients and CLAUDE_CODE_SHELL_PREFIX=/opt/log-it.
        (
            "log-it",
            (
                "/bin/bash",
                "/opt/log-it",
                "source /home/u/.claude/shell-snapshots/snapshot-bash-1-a.sh 2>/dev/null || true && eval 'npm test'",
            ),
        ),
    ],
)
def test_a_call_in_another_form_is_a_call(comm: str, argv: tuple[str, ...]) -> None:
    """Begun less than a second before the kill, or in a session that nobody watched: only its form tells."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.rows[shell].comm, m.rows[shell].argv = comm, argv
    job = m.spawn(shell, comm="npm")
    m.exit(claude)
    assert m.verdict(shell) == m.verdict(job) == ("reap", "leftover")


@pytest.mark.case("M12", "claude --debug mcp serve, node cli.js mcp serve", "reap")
@pytest.mark.parametrize(
    "argv",
    [
        ("claude", "--debug", "mcp", "serve"),
        ("node", "/x/@anthropic-ai/claude-code/cli.js", "mcp", "serve"),
    ],
)
def test_the_clients_program_as_a_server_is_a_server_however_it_is_written(
    argv: tuple[str, ...],
) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm=argv[0], argv=argv)
    m.look()
    m.exit(claude)
    m.tick(60)
    assert m.verdict(server) == ("reap", "leftover")


@pytest.mark.case("M13", "a client under remote control whose terminal is closed", "report")
@pytest.mark.parametrize(
    "words",
    [("remote-control",), ("remote-control", "--name", "x"), ("rc",), ("--remote-control",)],
)
def test_a_remote_control_client_needs_no_terminal(words: tuple[str, ...]) -> None:
    """`claude remote-control & disown`, the terminal closed: its user is at the other end of a TCP connection."""
    m = Machine()
    hung = {"terminal_hung_up": "yes", "socket_peer": "no"}
    remote = m.claude("", source="", argv=("claude", *words), detail=hung)
    twin = m.claude(A, detail=hung)
    m.rows[remote].ppid = m.rows[twin].ppid = 1
    assert m.verdict(remote)[0] != "reap"
    assert m.verdict(twin) == ("reap", "orphaned-session")


@pytest.mark.case("M14", "an update, or the background daemon, whose terminal is closed", "keep")
@pytest.mark.parametrize(
    "words",
    [("update",), ("install",), ("mcp", "list"), ("agents",), ("daemon", "run"), ("bg-pty-host",)],
)
def test_what_holds_no_conversation_is_no_orphaned_session(words: tuple[str, ...]) -> None:
    """A download in the middle, the background daemon with all its workers."""
    m = Machine()
    other = m.claude("", source="", argv=("claude", *words), detail=HUNG)
    m.rows[other].ppid = 1
    assert m.verdict(other)[0] != "reap"


@pytest.mark.case("M15", "a client of another CLAUDE_CONFIG_DIR whose terminal is closed", "keep")
def test_a_client_of_another_profile_is_not_ours() -> None:
    """A11: its sessions are not ours. Its environment says where it belongs."""
    m = Machine()
    theirs = m.claude("", source="", marks=Marks(config_dir="/home/u/.claude-work"), detail=HUNG)
    m.rows[theirs].ppid = 1
    assert m.verdict(theirs, Policy(config_dir="/home/u/.claude"))[0] != "reap"


@pytest.mark.parametrize(
    "argv",
    [
        (
            "/bin/bash",
            "-c",
            "-l",
            "\\builtin shopt -u extglob 2>/dev/null || true && eval 'npm test' < /dev/null && pwd -P >| /tmp/claude-2532-cwd",
        ),
        (
            "/opt/log-it",
            "source /home/u/.claude/shell-snapshots/snapshot-bash-1-a.sh 2>/dev/null || true && eval 'npm test'",
        ),
    ],
)
def test_a_call_of_the_newly_known_forms_can_be_shown(argv: tuple[str, ...]) -> None:
    """StopIteration: in the middle of a sweep (the journal's line), and in every scan, report and stop."""
    assert "npm test" in shown(argv)


def test_a_wrapper_script_that_is_no_client_goes_with_its_call() -> None:
    """Since `is_wrapper` it owns nothing; `claude-session` still keeps it as a client."""
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    wrapper = m.spawn(shell, comm="claude", argv=("/bin/bash", "/home/u/bin/claude", "-p", "x"))
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")
    assert m.verdict(wrapper) == ("reap", "leftover")


@pytest.mark.case(
    "M34", "code tunnel, emacs --script, soffice --convert-to in a running call", "reap"
)
@pytest.mark.parametrize(
    ("comm", "argv"),
    [
        ("code", ("code", "tunnel")),
        ("emacs", ("emacs", "--script", "x.el")),
        ("soffice.bin", ("soffice.bin", "--convert-to", "pdf", "a.odt")),
        ("gio", ("gio", "monitor", ".")),
        ("fleet", ("fleet", "serve")),
    ],
)
def test_commands_without_a_window_are_no_desktop_programs(
    comm: str, argv: tuple[str, ...]
) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    command = m.spawn(shell, comm=comm, argv=argv)
    m.exit(claude)
    assert m.verdict(command) == ("reap", "leftover")


def test_the_default_directory_is_one_directory_however_it_is_named() -> None:
    """`export CLAUDE_CONFIG_DIR=~/.claude` in one place and nothing in another."""
    marks = b"HOME=/home/u\0CLAUDECODE=1\0"
    written_out = told_by(marks + b"CLAUDE_CONFIG_DIR=/home/u/.claude/\0")
    assert written_out == told_by(marks)
    another = told_by(marks + b"CLAUDE_CONFIG_DIR=/home/u/.claude-work\0")
    assert another is not None
    assert another.config_dir == WORK


def test_a_server_that_the_client_started_is_one_whatever_its_program_is_called() -> None:
    """`obsidian mcp`. What a server opens for its user is the user's."""
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm="obsidian", argv=("obsidian", "mcp"))
    opened = m.spawn(server, comm="obsidian", argv=("obsidian", "/home/u/vault"))
    m.look()
    m.exit(claude)
    assert m.verdict(server) == ("reap", "leftover")
    assert m.verdict(opened)[0] == "keep"


_PLAYWRIGHT = "/root/.cache/ms-playwright/webkit-2191"


@pytest.mark.case("M45", "Playwright's WebKit, started by a script", "reap")
def test_a_browser_that_a_script_starts_goes_like_any_other() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    argv = ("/bin/bash", f"{_PLAYWRIGHT}/pw_run.sh", "--inspector-pipe", "--headless")
    script = m.spawn(server, comm="pw_run.sh", argv=argv, setsid=True)
    program = f"{_PLAYWRIGHT}/minibrowser-wpe/bin/MiniBrowser"
    browser = m.spawn(script, comm="MiniBrowser", argv=(program, "--inspector-pipe"))
    own = m.spawn(server, comm="MiniBrowser", argv=("MiniBrowser", "http://localhost"), setsid=True)
    m.look()
    m.exit(claude)
    assert m.verdict(script) == m.verdict(browser) == ("reap", "leftover")
    assert m.verdict(own)[0] == "keep"


@pytest.mark.case("M46", "a browser's own helpers, under their rewritten command lines", "reap")
@pytest.mark.parametrize(
    "argv",
    [
        ("/opt/chrome/chrome --type=renderer --lang=en",),
        ("/opt/chrome/chrome", "--type=zygote"),
        ("/usr/lib/firefox/firefox", "-contentproc", "-childID", "1"),
    ],
)
def test_a_browsers_helper_is_no_window(argv: tuple[str, ...]) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A)
    browser = m.spawn(server, comm="chrome", argv=("/opt/chrome/chrome", "--headless"), setsid=True)
    helper = m.spawn(browser, comm="chrome", argv=argv, marks=Marks(blank=True))
    window = m.spawn(server, comm="chrome", argv=("/opt/chrome/chrome",), setsid=True)
    tab = m.spawn(window, comm="chrome", argv=argv)
    m.look()
    m.exit(claude)
    assert m.verdict(browser) == m.verdict(helper) == ("reap", "leftover")
    assert m.verdict(window)[0] == m.verdict(tab)[0] == "keep"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("rust-analyzer", "lsp"), ("yaml-language-server", "lsp"), ("mcp-language-server", "mcp-server"), ("mcp-lsp", "mcp-server")],
)  # fmt: skip
def test_a_server_about_language_servers_is_none(name: str, kind: str) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm=name[:15], argv=("node", f"/x/node_modules/.bin/{name}"))
    m.look()
    m.exit(claude)
    assert m.decide()[server].kind == kind


@pytest.mark.parametrize("words", [("attach", "3f2a"), ("agents",)])
def test_a_view_of_background_sessions_is_orphaned_like_any_client(words: tuple[str, ...]) -> None:
    m = Machine()
    view = m.claude(A, source="", argv=("claude", *words), detail=HUNG)
    assert m.verdict(view) == ("report", "orphaned-session")
    update = m.claude(B, source="", argv=("claude", "update"), detail=HUNG)
    assert m.verdict(update)[0] == "keep"
