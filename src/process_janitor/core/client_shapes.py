"""What a Claude Code client is by the form of its name and command, and what this one is there for."""

from __future__ import annotations

from process_janitor.core.programs import SHELLS, base, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_CLIENT_PACKAGES = ("/@anthropic-ai/claude-code", "/@anthropic-ai/claude-agent-sdk")


def is_claude_name(comm: str) -> bool:
    """Whether a process name alone may be a client's: `claude`, also as Nix wraps it, or a native build's version."""
    if comm in ("claude", "claude.exe", ".claude-wrapped"):
        return True
    parts = comm.split(".")
    return len(parts) == 3 and all(part.isdigit() for part in parts)


def is_claude(comm: str, argv: Sequence[str] = (), exe: str = "") -> bool:
    """A Claude Code client: `claude`, `claude.exe` (npm), or a version number under …/claude/versions/ (native)."""
    if is_claude_name(comm):
        return True
    # One that was updated since it started runs from a file that is gone.
    if "/claude/versions/" in exe or base(exe.removesuffix(" (deleted)")) in (
        "claude",
        "claude.exe",
    ):
        return True
    return any(part in program(argv) for part in _CLIENT_PACKAGES)


_VIEWS = frozenset({"agents", "attach", "logs"})
_BACKGROUND = frozenset({"daemon", "bg-pty-host", "bg-spare", "--bg-pty-host", "--bg-spare"})
# Subcommands that hold no conversation: the background daemon with its spares, views of its sessions, one-off commands.
_NO_CONVERSATION = _BACKGROUND | _VIEWS | frozenset({
    "mcp", "plugin", "plugins", "doctor", "update", "upgrade", "install", "config",
    "stop", "kill", "rm", "respawn", "purge", "project", "import", "auto-mode", "gateway",
    "ultrareview", "setup-token", "auth", "--version", "-v", "--help", "-h",
    "--claude-in-chrome-mcp", "--computer-use-mcp", "--chrome-native-host",
})  # fmt: skip


def holds_conversation(argv: Sequence[str]) -> bool:
    """Whether a client with this command line may be a session; True where its command line is not known."""
    return len(argv) < 2 or not (argv[1] in _NO_CONVERSATION or is_own_server(argv))


def is_view(argv: Sequence[str]) -> bool:
    """A window on the conversations of others: of no use without its terminal."""
    return len(argv) > 1 and argv[1] in _VIEWS


def is_background_host(argv: Sequence[str]) -> bool:
    """The client's background daemon, or a process it keeps ready: where a conversation moved to the background goes on."""
    return len(argv) > 1 and argv[1] in _BACKGROUND


def is_spare(argv: Sequence[str]) -> bool:
    """A process that the client's background daemon keeps ready, or one that holds a worker's terminal."""
    return not {"bg-pty-host", "bg-spare"}.isdisjoint(_daemon_words(argv))


def is_background_session(argv: Sequence[str], parent_argv: Sequence[str]) -> bool:
    """A spare that was given a conversation, or what the host of its terminal started for want of one.

    What a Bash call of a spare started is neither, also where its shell has made way for it.
    """
    return "bg-spare" in _daemon_words(argv) or "bg-pty-host" in _daemon_words(parent_argv)


def _daemon_words(argv: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lstrip("-") for word in argv[1:2])


def is_own_server(argv: Sequence[str]) -> bool:
    """The client's program as somebody's stdio server (`claude mcp serve`, Claude in Chrome): a helper, not a client.

    Also behind options (`claude --debug mcp serve`), and by the name of its script (`node …/cli.js mcp serve`).
    """
    words = list(argv[1:])
    while words and (words[0].startswith("-") and words[0] not in _SERVER_OPTIONS):
        del words[0]
    if words and words[0] == program(argv):
        del words[0]
    return tuple(words[:2]) == ("mcp", "serve") or (bool(words) and words[0] in _SERVER_OPTIONS)


def is_sandbox_bridge(argv: Sequence[str]) -> bool:
    """The way out of the client's sandbox: a `socat` from a socket of its own to its proxy. Nothing marks it."""
    return (
        bool(argv)
        and base(argv[0]) == "socat"
        and any(
            word.startswith("UNIX-LISTEN:") and base(word.split(",", 1)[0]).startswith("claude-")
            for word in argv[1:]
        )
    )


_SERVER_OPTIONS = ("--claude-in-chrome-mcp", "--computer-use-mcp")


def is_wrapper(argv: Sequence[str]) -> bool:
    """A user's shell script of the client's name (`~/bin/claude`): the client it starts is another process."""
    return len(argv) > 1 and base(argv[0]) in SHELLS


def is_headless(argv: Sequence[str]) -> bool:
    """`claude -p …`, `claude remote-control`: it works without anybody at its terminal, so a closed one says nothing.

    Short options may be written as one word (`-cp`), and a program that uses the client may name the formats alone.
    Such a word in a prompt counts as well: too many are spared then, never too few.
    """
    return tuple(argv[1:2]) in _REMOTE_CONTROL or any(
        word.startswith(_HEADLESS_OPTIONS) or _holds_short_option(word, "p") for word in argv[1:]
    )


# Who uses one by remote control sits at the other end of a connection like any other.
_REMOTE_CONTROL = (("remote-control",), ("rc",))
_HEADLESS_OPTIONS = ("--print", "--input-format", "--output-format", "--remote-control")


def _holds_short_option(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and letter in word


__all__ = [
    "holds_conversation",
    "is_background_host",
    "is_background_session",
    "is_claude",
    "is_claude_name",
    "is_headless",
    "is_own_server",
    "is_sandbox_bridge",
    "is_spare",
    "is_view",
    "is_wrapper",
]
