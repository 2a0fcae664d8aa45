"""What a process is by the form of its command: a clue for naming and for vetoes, never by itself a reason to kill.

Texts match whole words at known places (argv[0], the script a runtime was given), never anywhere in a command line:
a path such as /tmp/claude-501/ in somebody's arguments says nothing.
"""

from __future__ import annotations

from process_janitor.core.client_shapes import is_claude
from process_janitor.core.programs import RUNTIMES, SHELLS, base, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BROWSERS = frozenset({
    "chrome", "chromium", "chromium-browser", "google-chrome", "headless_shell", "chrome-headless-shell",
    "msedge", "firefox", "firefox-esr", "webkit", "MiniBrowser", "brave", "brave-browser", "vivaldi", "vivaldi-bin",
    "opera", "librewolf", "waterfox", "zen", "zen-bin", "epiphany", "thorium",
    "pw_run.sh",  # what Playwright starts its WebKit by
})  # fmt: skip
_LANGUAGE_SERVERS = frozenset({
    "rust-analyzer", "gopls", "clangd", "ccls", "tsserver", "jdtls", "pylsp", "solargraph", "omnisharp", "intelephense",
    "phpactor", "zls", "nixd", "nil", "metals", "texlab", "marksman", "svelteserver", "ocamllsp", "expert", "lexical",
})  # fmt: skip
_LANGUAGE_SERVER_ENDS = (
    "-language-server",
    "-langserver",
    "-lsp",
    "_ls",
    "LanguageServer",
    "-language-server-wrapper",
)
_SCRIPT_ENDS = (".js", ".mjs", ".cjs", ".py", ".jar", ".sh", ".dll", ".exe")
# Java's, by what it is told to run: its program is a launcher for anything.
_JDT = "-Declipse.application=org.eclipse.jdt.ls."
# Who takes in orphans: pid 1 of a system, of a container, of a user's service manager, WSL's relay.
_ADOPTERS = frozenset(
    {"systemd", "init", "launchd", "tini", "dumb-init", "docker-init", "catatonit", "s6-svscan"}
)


def is_interpreter(word: str) -> bool:
    """What a script's first line names: a language runtime, a shell, or `env` that looks for one."""
    name = base(word)
    return name == "env" or name in SHELLS or name.rstrip("0123456789.") in RUNTIMES


def is_tool_shell(argv: Sequence[str]) -> bool:
    """The shell that Claude Code starts for a Bash call."""
    return tool_line(argv) is not None


def tool_line(argv: Sequence[str]) -> str | None:
    """What the shell of a Bash call is given: `bash -c 'source …/shell-snapshots/snapshot-… && …'`; None for anything else.

    Where no snapshot of the user's shell could be made, what tells is the end: `… && pwd -P >| /tmp/claude-…-cwd`. With
    CLAUDE_CODE_SHELL_PREFIX another program is given the line, and nothing else.
    """
    for word in argv[1:3]:
        if _sources_a_snapshot(word):
            return word
    if len(argv) > 2 and base(argv[0]) in SHELLS and argv[1].startswith("-") and "c" in argv[1]:
        for word in argv[2:4]:
            if _sources_a_snapshot(word) or _notes_its_directory(word):
                return word
    return None


def _sources_a_snapshot(line: str) -> bool:
    return line.startswith("source ") and "/shell-snapshots/snapshot-" in line


def _notes_its_directory(line: str) -> bool:
    _, found, place = line.rpartition(" && pwd -P >| ")
    place = place.strip("'\"")
    return bool(found) and base(place).startswith("claude-") and place.endswith("-cwd")


def is_tool_subshell(pid: int, sid: int, argv: Sequence[str]) -> bool:
    """`( … ) &` inside a Bash call: it keeps its shell's whole command line without being that shell."""
    return pid != sid and is_tool_shell(argv)


def asks_to_be_kept(argv: Sequence[str]) -> bool:
    """Whether the line of a Bash call sets PROCESS_JANITOR_KEEP, for all or a part of it."""
    for piece in (tool_line(argv) or "").split("PROCESS_JANITOR_KEEP=")[1:]:
        value = piece.lstrip("'\"\\")
        if not value.startswith(("0", "false", " ", ";")) and value:
            return True
    return False


def is_shell(comm: str) -> bool:
    return comm in SHELLS


def is_adopter(pid: int, comm: str) -> bool:
    return pid == 1 or comm in _ADOPTERS or comm.startswith("Relay(")


def kind_of(comm: str, argv: Sequence[str]) -> str:
    """The contract's `kind` as far as the command tells it; "" when it does not."""
    if is_claude(comm, argv):
        return "claude"
    if is_tool_shell(argv):
        return "bash-task"
    names = {comm, base(program(argv)), base(argv[0]) if argv else ""}
    if names & _BROWSERS:
        return "browser"
    return "lsp" if _is_language_server(names, argv) else ""


def _is_language_server(names: Iterable[str], argv: Sequence[str]) -> bool:
    for name in names:
        stem = next((name.removesuffix(end) for end in _SCRIPT_ENDS if name.endswith(end)), name)
        if stem in _LANGUAGE_SERVERS or (
            stem.endswith(_LANGUAGE_SERVER_ENDS) and "mcp" not in stem.lower()
        ):
            return True
    return any(word.startswith(_JDT) for word in argv[1:])


__all__ = [
    "asks_to_be_kept",
    "is_adopter",
    "is_interpreter",
    "is_shell",
    "is_tool_shell",
    "is_tool_subshell",
    "kind_of",
    "tool_line",
]
