"""What is meant to outlive whoever started it: build daemons, terminal multiplexers, programs with windows.

A name alone is not enough where the same program has commands that run in the foreground, and end with a clean exit.
"""

from __future__ import annotations

from process_janitor.core.browsers import is_browsers_helper, is_private_browser
from process_janitor.core.programs import base
from process_janitor.core.shapes import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Opened through a session (`xdg-open`, `code .`), used by a person: whoever started it, it is not a helper.
_DESKTOP = frozenset({
    "code", "code-insiders", "codium", "cursor", "windsurf", "zed", "zed-editor", "subl", "sublime_text", "idea",
    "pycharm", "webstorm", "goland", "clion", "rustrover", "studio", "emacs", "gvim", "neovide", "gnome-terminal-",
    "gnome-terminal-server", "konsole", "alacritty", "kitty", "wezterm-gui", "ghostty", "foot", "xterm", "nautilus",
    "dolphin", "evince", "okular", "thunderbird", "slack", "Discord", "obsidian", "soffice.bin", "libreoffice",
    "phpstorm", "rider", "rubymine", "datagrip", "fleet", "kate", "kwrite", "gedit", "gnome-text-ed", "gnome-text-editor",
    "mousepad", "xed", "nova", "eog", "gwenview", "vlc", "mpv", "tilix", "terminator", "xfce4-terminal", "ptyxis",
    # Whatever they open is opened for a person.
    "xdg-open", "gio", "kde-open", "kde-open5", "exo-open", "gnome-open", "wslview", "sensible-browser", "x-www-browser",
})  # fmt: skip
# With one of these words such a program opens none (`emacs --batch`, `soffice --headless`, `code serve-web`).
_WITHOUT_WINDOWS = frozenset({
    "--batch", "-batch", "--script", "-script", "--headless", "--convert-to", "serve-web", "tunnel", "serve", "monitor",
})  # fmt: skip
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
_DAEMONS = frozenset({
    "watchman", "gpg-agent", "ssh-agent", "dockerd", "containerd", "buildkitd", "VBCSCompiler", "keyboxd", "dirmngr",
    "colima", "lima", "distccd", "buck2d", "pantsd", "bloop",
    # Whoever copied something holds it for everybody to paste.
    "xclip", "xsel", "wl-copy",
})  # fmt: skip
# Daemons by one of these words; the program's other commands are ordinary ones.
_DAEMON_WORDS: Mapping[str, tuple[str, ...]] = {
    "adb": ("fork-server", "server", "nodaemon"),
    "turbo": ("daemon",),
    "esbuild": ("--service", "--ping"),
    "sccache": ("--start-server",),
    "limactl": ("hostagent", "usernet"),
}
# What holds containers; the `docker run -i` that talks to one is a server like any other.
_CONTAINER_HOLDERS = frozenset({"containerd-shim", "conmon", "catatonit"})
_DAEMON_PROGRAMS = (
    "org.gradle.launcher.daemon.", "org.jetbrains.kotlin.daemon.", "/nx/src/daemon/", "/nx/dist/src/daemon/",
    "/agent-browser/", "VBCSCompiler.dll", "MSBuild.dll", "org.mvndaemon.mvnd.", "bloop.Bloop", "bloop.BloopServer",
)  # fmt: skip
# ssh's options that take no value: a word of them alone may hold `-M`.
_SSH_FLAGS = frozenset("46AaCfGgKkMNnqsTtVvXxYy")


def is_desktop_program(comm: str, argv: Sequence[str]) -> bool:
    """A program with windows of its own: an editor, a terminal, a browser with its user's profile."""
    if comm in _DESKTOP or (argv and base(argv[0]) in _DESKTOP):
        return _WITHOUT_WINDOWS.isdisjoint(argv[1:])
    return (
        kind_of(comm, argv) == "browser"
        and not is_private_browser(comm, argv)
        and not is_browsers_helper(argv)
    )


def is_multiplexer(comm: str) -> bool:
    """`tmux: server`, `SCREEN`, …: what is under it was opened by its user, whatever marks it inherited.

    Its client (`tmux wait-for`, `tmux attach`) holds nobody's windows.
    """
    name, _, part = comm.partition(": ")
    return name in _MULTIPLEXERS and part != "client"


def starts_for_others(comm: str, argv: Sequence[str]) -> bool:
    """Whether it may start something with the environment of another process, which asked it to.

    What holds a container starts one process, when it is made.
    """
    if comm in _CONTAINER_HOLDERS:
        return False
    return is_multiplexer(comm) or is_desktop_program(comm, argv) or is_build_daemon(comm, argv)


def is_build_daemon(comm: str, argv: Sequence[str]) -> bool:
    """A daemon that a build tool keeps on purpose (gradle, nx, watchman, ssh ControlMaster, gpg-agent, …)."""
    names = {comm, base(argv[0].split(" ", 1)[0])} if argv else {comm}
    if names & _DAEMONS or names & _CONTAINER_HOLDERS:
        return True
    worded = names & _DAEMON_WORDS.keys()
    if worded:
        return not argv or any(_is_said(argv, _DAEMON_WORDS[name]) for name in worded)
    if not argv:
        return False
    if argv[0].startswith("bazel("):
        return True
    if base(argv[0]) == "podman" and argv[1:2] in (("pause",), ("system",)):
        return True
    if (argv[0].startswith("ssh: ") and "[mux]" in argv[0]) or _is_ssh_master(argv):
        return True
    return any(
        part in word for word in argv[1:] if not word.startswith("-D") for part in _DAEMON_PROGRAMS
    )


def _is_said(argv: Sequence[str], words: Sequence[str]) -> bool:
    # sccache's server is told by its environment alone.
    return any(word.split("=", 1)[0] in words for word in argv[1:]) or (
        len(argv) == 1 and base(argv[0]) == "sccache"
    )


def _is_ssh_master(argv: Sequence[str]) -> bool:
    """`ssh -M`, `ssh -o ControlMaster=yes`: a connection that others go through."""
    if base(argv[0]) != "ssh":
        return False
    return bool(_control_master(argv) & {"yes", "ask"}) or any(
        word.startswith("-") and "M" in word and _SSH_FLAGS.issuperset(word[1:])
        for word in argv[1:]
    )


def may_be_ssh_master(argv: Sequence[str]) -> bool:
    """`ssh -o ControlMaster=auto`: the first to a host is the master. As a server or in a Bash call it ends like any."""
    return bool(argv) and base(argv[0]) == "ssh" and bool(_control_master(argv) - {"no"})


def _control_master(argv: Sequence[str]) -> set[str]:
    options = (word.lower().removeprefix("-o").strip() for word in argv[1:])
    return {word.partition("=")[2] for word in options if word.startswith("controlmaster=")}


__all__ = [
    "is_build_daemon",
    "is_desktop_program",
    "is_multiplexer",
    "may_be_ssh_master",
    "starts_for_others",
]
