"""Which configured MCP server a process is: a name for people to see, never a reason to keep or to end anything.

A name is given only where one configured command explains the process and no other one explains it as well.
"""

from __future__ import annotations

import re

from process_janitor.core import programs, shapes
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from process_janitor.core.model import Process

# `${NAME}` and `${NAME:-default}`: filled in from an environment that is not read here.
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_PLUGIN_ROOT = "${CLAUDE_PLUGIN_ROOT}"
# What stands before a script that is run by its first line (`#!`), as the kernel shows it: /usr/bin/env, an interpreter.
_BEFORE_MAX = 3
_LAUNCHERS = frozenset({"npx", "uvx", "bunx", "pnpx", "pipx"})
_RUNNERS = {
    "npm": ("exec", "x"),
    "pnpm": ("dlx", "exec"),
    "yarn": ("dlx", "exec"),
    "bun": ("x",),
    "uv": ("run", "tool"),
    "pipx": ("run",),
}
# Options of launchers whose next word is a value and no package.
_TAKES_VALUE = frozenset({"--from", "--with", "--python", "-p", "--directory", "--project"})
_NO_SERVER = frozenset({"claude", "bash-task", "hook"})


class Server(NamedTuple):
    """One stdio server of some MCP configuration, as it is written there. `plugin_root` is the plugin's directory."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    plugin_root: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return (self.command, *self.args)


def server_name(argv: Sequence[str], servers: Iterable[Server]) -> str:
    """The name of the one configured server that this command line is; "" for none, and for more than one."""
    if not argv:
        return ""
    title = _title(argv)
    best, names = 0, set()
    for server in servers:
        strength = _strength(argv, title, server)
        if strength > best:
            best, names = strength, {server.name}
        elif strength and strength == best:
            names.add(server.name)
    return names.pop() if len(names) == 1 else ""


def server_names(
    members: Iterable[Process],
    kinds: Mapping[int, str],
    argv: Callable[[int], Sequence[str]],
    servers: Sequence[Server],
) -> dict[int, str]:
    """Pid -> server name, for the processes of one session. What runs below a named one bears its name: launchers
    (`npx`, `uvx`) start the server proper, and that its browser.
    """
    if not servers:
        return {}
    found: dict[int, str] = {}
    for process in sorted(members, key=lambda one: (one.start, one.pid)):
        if kinds.get(process.pid, "other") in _NO_SERVER:
            continue
        name = found.get(process.ppid) or server_name(argv(process.pid), servers)
        if name:
            found[process.pid] = name
    return found


def _strength(argv: Sequence[str], title: str, server: Server) -> int:
    """How well a command line is explained by a configured one: 0 not at all, more is better."""
    if not server.command:
        return 0
    words = server.words
    if server.plugin_root:
        words = tuple(word.replace(_PLUGIN_ROOT, server.plugin_root) for word in words)
        if words != server.words and _runs(argv, words):
            return 5
    # A plugin of a local marketplace runs from its source folder, whatever the cache says.
    if _runs(argv, server.words):
        return 4 if not any(_VARIABLE.search(word) for word in server.words) else 3
    package, rest = _package(words)
    if not package:
        return 0
    if title:
        return 4 if title == " ".join((package, *rest)) else 0
    return 2 if _is_package(argv, package, rest) else 0


def _runs(argv: Sequence[str], words: Sequence[str]) -> bool:
    """The same words; the program's directory may differ, and an interpreter may stand before a script."""
    before = len(argv) - len(words)
    if not 0 <= before <= _BEFORE_MAX or not _alike(argv[before + 1 :], words[1:]):
        return False
    if before and not shapes.is_interpreter(argv[0]):
        return False
    ours, theirs = words[0], argv[before]
    if "/" in ours and "/" in theirs:
        return _matches(theirs, ours)
    return _matches(programs.base(theirs), programs.base(ours))


def _alike(ours: Sequence[str], written: Sequence[str]) -> bool:
    return len(ours) == len(written) and all(map(_matches, ours, written))


def _matches(word: str, written: str) -> bool:
    """Equal, where a variable of the configuration may stand for anything."""
    if word == written:
        return True
    parts = _VARIABLE.split(written)
    if len(parts) == 1 or not word.startswith(parts[0]) or not word.endswith(parts[-1]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = word.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= len(word) - len(parts[-1])


def _package(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What a launcher is told to fetch and run, and the words behind it; ("", ()) for every other command."""
    program = programs.base(words[0])
    rest = list(words[1:])
    runs = _RUNNERS.get(program, ())
    if program not in _LAUNCHERS or (rest and rest[0] in runs):
        if not rest or rest[0] not in runs:
            return "", ()
        rest.pop(0)
        if rest and rest[0] in ("run", "uvx"):
            rest.pop(0)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in _TAKES_VALUE and rest:
            rest.pop(0)
    return (rest[0], tuple(rest[1:])) if rest else ("", ())


def _title(argv: Sequence[str]) -> str:
    """The package and its words, where npm wrote `npm exec PACKAGE …` over its own command line, all in the first word."""
    return argv[0][9:].strip() if argv[0].startswith("npm exec ") else ""


def _is_package(argv: Sequence[str], package: str, rest: Sequence[str]) -> bool:
    """The server proper, whose launcher is gone or was not recognised: its script lies in the package."""
    name = _bare(package)
    if not name or tuple(argv[len(argv) - len(rest) :]) != tuple(rest):
        return False
    short = name.rsplit("/", 1)[-1]
    head = argv[: len(argv) - len(rest)]
    script = programs.program(head)
    if f"/node_modules/{name}/" in script or script.endswith(f"/.bin/{short}"):
        return True
    # `uvx PACKAGE` becomes `uv tool uvx PACKAGE`, and below it a script of the package's name in uv's own folders.
    words = tuple(head)
    return package in words[1:] or (len(words) <= 2 and programs.base(script) == short)


def _bare(package: str) -> str:
    """A package's name without its version: `@scope/name@1.2` -> `@scope/name`, `name==1.2` -> `name`."""
    scope, slash, name = package.rpartition("/")
    name = re.split(r"@|==|>=|<=|~=|\[", name, maxsplit=1)[0]
    return f"{scope}{slash}{name}" if name else ""


__all__ = ["Server", "server_name", "server_names"]
