"""What a process is by the form of its command: a clue for naming and for vetoes, never by itself a reason to kill.

Texts match whole words at known places (argv[0], the script a runtime was given), never anywhere in a command line:
a path such as /tmp/claude-501/ in somebody's arguments says nothing.
"""

from __future__ import annotations

from process_janitor.core.client_shapes import is_claude
from process_janitor.core.programs import RUNTIMES, base, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"})
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
})  # fmt: skip
# What holds containers; the `docker run -i` that talks to one is a server like any other.
_CONTAINER_HOLDERS = frozenset({"containerd-shim", "conmon", "catatonit"})
_DAEMON_PROGRAMS = (
    "org.gradle.launcher.daemon.", "org.jetbrains.kotlin.daemon.", "/nx/src/daemon/", "/nx/dist/src/daemon/",
    "/agent-browser/", "VBCSCompiler.dll", "MSBuild.dll",
)  # fmt: skip


def is_interpreter(word: str) -> bool:
    """What a script's first line names: a language runtime, a shell, or `env` that looks for one."""
    name = base(word)
    return name == "env" or name in _SHELLS or name.rstrip("0123456789.") in RUNTIMES


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


def starts_for_others(comm: str, argv: Sequence[str]) -> bool:
    """Whether it may start something with the environment of another process, which asked it to.

    What holds a container starts one process, when it is made.
    """
    if comm in _CONTAINER_HOLDERS:
        return False
    return is_multiplexer(comm) or is_desktop_program(comm, argv) or is_build_daemon(comm, argv)


def is_build_daemon(comm: str, argv: Sequence[str]) -> bool:
    """A daemon that a build tool keeps on purpose (gradle, nx, watchman, ssh ControlMaster, gpg-agent, …)."""
    if comm in _BUILD_DAEMONS or comm in _CONTAINER_HOLDERS:
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
    "is_adopter",
    "is_build_daemon",
    "is_desktop_program",
    "is_interpreter",
    "is_multiplexer",
    "is_private_browser",
    "is_shell",
    "is_tool_shell",
    "is_tool_subshell",
    "kind_of",
]
