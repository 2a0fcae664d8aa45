"""What a process is by the form of its command: a clue for naming and for vetoes, never by itself a reason to kill.

Texts match whole words at known places (argv[0], the script a runtime was given), never anywhere in a command line:
a path such as /tmp/claude-501/ in somebody's arguments says nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"})
_RUNTIMES = frozenset({"node", "nodejs", "bun", "deno", "python", "python3", "java"})
_BROWSERS = frozenset({
    "chrome", "chromium", "chromium-browser", "google-chrome", "headless_shell", "chrome-headless-shell",
    "msedge", "firefox", "webkit", "MiniBrowser",
})  # fmt: skip
# Opened through a session (`xdg-open`, `code .`), used by a person: whoever started it, it is not a helper.
_DESKTOP = frozenset({
    "code", "code-insiders", "codium", "cursor", "windsurf", "zed", "zed-editor", "subl", "sublime_text", "idea",
    "pycharm", "webstorm", "goland", "clion", "rustrover", "studio", "emacs", "gvim", "neovide", "gnome-terminal-",
    "gnome-terminal-server", "konsole", "alacritty", "kitty", "wezterm-gui", "ghostty", "foot", "xterm", "nautilus",
    "dolphin", "evince", "okular", "thunderbird", "slack", "Discord", "obsidian", "soffice.bin", "libreoffice",
})  # fmt: skip
_LANGUAGE_SERVERS = frozenset({
    "rust-analyzer", "gopls", "clangd", "pyright-langserver", "typescript-language-server", "tsserver", "jdtls",
    "pylsp", "lua-language-server", "solargraph", "omnisharp", "kotlin-language-server", "sourcekit-lsp",
})  # fmt: skip
# Who takes in orphans: pid 1 of a system, of a container, of a user's service manager, WSL's relay.
_ADOPTERS = frozenset(
    {"systemd", "init", "launchd", "tini", "dumb-init", "docker-init", "catatonit", "s6-svscan"}
)
_MULTIPLEXERS = (
    "tmux",
    "screen",
    "SCREEN",
    "zellij",
    "dtach",
    "abduco",
    "shpool",
    "tmate",
    "mosh-server",
)
_BUILD_DAEMONS = frozenset({
    "watchman", "gpg-agent", "ssh-agent", "adb", "dockerd", "containerd", "bazel", "turbo", "esbuild", "sccache",
    "buildkitd", "VBCSCompiler", "keyboxd", "dirmngr", "colima", "lima", "distccd",
    # What holds containers; the `docker run -i` that talks to one is a server like any other.
    "containerd-shim", "conmon", "catatonit",
})  # fmt: skip
_DAEMON_PROGRAMS = (
    "org.gradle.launcher.daemon.", "org.jetbrains.kotlin.daemon.", "/nx/src/daemon/", "/nx/dist/src/daemon/",
    "/agent-browser/", "VBCSCompiler.dll", "MSBuild.dll",
)  # fmt: skip


def base(word: str) -> str:
    """Last part of a path, without the dash of a login shell."""
    return word.rsplit("/", 1)[-1].lstrip("-")


def program(argv: Sequence[str]) -> str:
    """What runs: argv[0], or the first non-option argument of a language runtime (`node SERVER`)."""
    if not argv:
        return ""
    first = base(argv[0])
    if first.rstrip("0123456789.") in _RUNTIMES or first in _RUNTIMES:
        for word in argv[1:]:
            if not word.startswith("-"):
                return word
    return argv[0]


_CLIENT_PACKAGES = ("/@anthropic-ai/claude-code", "/@anthropic-ai/claude-agent-sdk")


def is_claude_name(comm: str) -> bool:
    """Whether a process name alone may be a client's: `claude`, or a native build's version (`2.1.329`)."""
    if comm in ("claude", "claude.exe"):
        return True
    parts = comm.split(".")
    return len(parts) == 3 and all(part.isdigit() for part in parts)


def is_claude(comm: str, argv: Sequence[str] = (), exe: str = "") -> bool:
    """A Claude Code client: `claude`, `claude.exe` (npm), or a version number under …/claude/versions/ (native)."""
    if is_claude_name(comm):
        return True
    if "/claude/versions/" in exe or base(exe) in ("claude", "claude.exe"):
        return True
    return any(part in program(argv) for part in _CLIENT_PACKAGES)


_BACKGROUND = frozenset({"daemon", "bg-pty-host", "bg-spare", "--bg-pty-host", "--bg-spare"})
# Subcommands that hold no conversation: the background daemon with its spares, and one-off commands.
_NO_CONVERSATION = _BACKGROUND | frozenset({
    "mcp", "plugin", "plugins", "doctor", "update", "upgrade", "install", "config",
    "agents", "stop", "logs", "setup-token", "auth", "--version", "-v", "--help", "-h",
    "--claude-in-chrome-mcp", "--computer-use-mcp", "--chrome-native-host",
})  # fmt: skip


def holds_conversation(argv: Sequence[str]) -> bool:
    """Whether a client with this command line may be a session; True where its command line is not known."""
    return len(argv) < 2 or argv[1] not in _NO_CONVERSATION


def is_background_host(argv: Sequence[str]) -> bool:
    """The client's background daemon, or a process it keeps ready: where a conversation moved to the background goes on."""
    return len(argv) > 1 and argv[1] in _BACKGROUND


def is_spare(argv: Sequence[str]) -> bool:
    """A process that the client's background daemon keeps ready, or one that holds a worker's terminal."""
    return len(argv) > 1 and argv[1].lstrip("-") in ("bg-pty-host", "bg-spare")


def is_own_server(argv: Sequence[str]) -> bool:
    """The client's program as somebody's stdio server (`claude mcp serve`, Claude in Chrome): a helper, not a client."""
    words = tuple(argv[1:3])
    return words == ("mcp", "serve") or words[:1] in (
        ("--claude-in-chrome-mcp",),
        ("--computer-use-mcp",),
    )


def is_headless(argv: Sequence[str]) -> bool:
    """`claude -p …`: does its work without anybody looking, so a closed terminal means nothing to it.

    Short options may be written as one word (`-cp`), and a program that uses the client may name the formats alone.
    Such a word in a prompt counts as well: too many are spared then, never too few.
    """
    return any(
        word.startswith(_HEADLESS_OPTIONS) or _holds_short_option(word, "p") for word in argv[1:]
    )


_HEADLESS_OPTIONS = ("--print", "--input-format", "--output-format")


def _holds_short_option(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and letter in word


def is_tool_shell(argv: Sequence[str]) -> bool:
    """The shell that Claude Code starts for a Bash call: `bash -c 'source …/shell-snapshots/snapshot-… && …'`."""
    return (
        len(argv) > 2
        and base(argv[0]) in _SHELLS
        and argv[1].startswith("-")
        and "c" in argv[1]
        and any("/shell-snapshots/snapshot-" in word for word in argv[2:4])
    )


def is_tool_subshell(pid: int, sid: int, argv: Sequence[str]) -> bool:
    """`( … ) &` inside a Bash call: it keeps its shell's whole command line without being that shell."""
    return pid != sid and is_tool_shell(argv)


_TEMPORARY = "/tmp/"  # noqa: S108  # where automation keeps profiles; nothing is written there
_AUTOMATION_PROFILES = (
    "ms-playwright", "playwright_", "playwright-", "puppeteer", ".chrome-devtools-mcp", "chrome-devtools-mcp", "org.chromium.Chromium.",
    "rust_mozprofile", "scoped_dir", "agent-browser", "mcp-chrome", "browser-use",
)  # fmt: skip


def is_private_browser(comm: str, argv: Sequence[str]) -> bool:
    """A browser started for automation: its profile is its own, so no window of the user's can depend on it."""
    if kind_of(comm, argv) != "browser":
        return False
    for word in argv[1:]:
        if word.startswith(("--user-data-dir=", "--profile=")):
            profile = word.split("=", 1)[1]
            return profile.startswith(_TEMPORARY) or any(
                name in profile for name in _AUTOMATION_PROFILES
            )
    return "--headless" in argv or any(word.startswith("--headless=") for word in argv)


def is_desktop_program(comm: str, argv: Sequence[str]) -> bool:
    """A program with windows of its own: an editor, a terminal, a browser with its user's profile."""
    if comm in _DESKTOP or (argv and base(argv[0]) in _DESKTOP):
        return True
    return (
        kind_of(comm, argv) == "browser"
        and not is_private_browser(comm, argv)
        and not any(word.startswith("--type=") for word in argv)
    )


def is_shell(comm: str) -> bool:
    return comm in _SHELLS


def is_adopter(pid: int, comm: str) -> bool:
    return pid == 1 or comm in _ADOPTERS or comm.startswith("Relay(")


def is_multiplexer(comm: str) -> bool:
    """`tmux: server`, `SCREEN`, …: what is under it was opened by its user, whatever marks it inherited."""
    return comm.split(":", 1)[0] in _MULTIPLEXERS


def is_build_daemon(comm: str, argv: Sequence[str]) -> bool:
    """A daemon that a build tool keeps on purpose (gradle, nx, watchman, ssh ControlMaster, gpg-agent, …)."""
    if comm in _BUILD_DAEMONS:
        return True
    if not argv:
        return False
    if base(argv[0].split(" ", 1)[0]) in _BUILD_DAEMONS or argv[0].startswith("bazel("):
        return True
    if base(argv[0]) == "podman" and argv[1:2] in (("pause",), ("system",)):
        return True
    if argv[0].startswith("ssh: ") and "[mux]" in argv[0]:
        return True
    if base(argv[0]) == "ssh" and any(
        word in ("-M", "-MNf", "-fNM") or "ControlMaster=" in word for word in argv[1:]
    ):
        return True
    return any(
        part in word for word in argv[1:] if not word.startswith("-D") for part in _DAEMON_PROGRAMS
    )


def kind_of(comm: str, argv: Sequence[str]) -> str:
    """The contract's `kind` as far as the command tells it; "" when it does not."""
    if is_claude(comm, argv):
        return "claude"
    if is_tool_shell(argv):
        return "bash-task"
    names = {comm, base(program(argv)), base(argv[0]) if argv else ""}
    if names & _BROWSERS:
        return "browser"
    if names & _LANGUAGE_SERVERS:
        return "lsp"
    return ""


__all__ = [
    "base",
    "holds_conversation",
    "is_adopter",
    "is_background_host",
    "is_build_daemon",
    "is_claude",
    "is_claude_name",
    "is_desktop_program",
    "is_headless",
    "is_multiplexer",
    "is_own_server",
    "is_private_browser",
    "is_shell",
    "is_spare",
    "is_tool_shell",
    "is_tool_subshell",
    "kind_of",
    "program",
]
