"""The command line's grammar: one table of commands, one parser built for the command that was asked for.

Only the module of that command is imported, so `--help` and `--version` cost next to nothing.
"""

from __future__ import annotations

import importlib

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.cli.context import USAGE, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from process_janitor.faces.cli.context import Context

DEFAULT = "scan"
EVERYWHERE = "options everywhere"


class Command(NamedTuple):
    """One command: the module in this package that does it, and one line about it."""

    name: str
    about: str
    # Goes on with a broken configuration, since it is what mends it.
    lenient: bool = False


# To add a command, write its module (`ABOUT`, `EXAMPLES`, `add`, `run`) and put a line here.
COMMANDS = (
    Command(
        "scan",
        "what dead sessions left running, and why each process counts as left over; changes nothing",
    ),
    Command("run", "shows a plan, asks, then ends what the plan says"),
    Command("auto", "ends proven leftovers without asking; for cron, timers and CI"),
    Command("report", "every session: its processes, what they use and hold, and every verdict"),
    Command("watch", "the same live on the whole screen, with keys to explain, keep and clean"),
    Command("stop", "ends living sessions gracefully, with their agents and servers"),
    Command("status", "the session you are in: its record, its watcher, its processes"),
    Command("explain", "the verdict on one process, in words"),
    Command("history", "what was ended, when and why"),
    Command("keep", "protects a process, or every command that matches a pattern"),
    Command("config", "shows, checks and changes the configuration", lenient=True),
    Command("schedule", "has auto run every few minutes: by systemd, launchd or cron"),
    Command(
        "doctor", "whether everything this needs is there; --fix mends what is safe", lenient=True
    ),
    Command("completion", "completion of these commands for bash, zsh or fish"),
    Command("demo", "a pretend session, killed and cleaned up before your eyes; safe anywhere"),
)
BY_NAME = {command.name: command for command in COMMANDS}
_TAKES_VALUE = ("--config",)

_GLOBALS_HELP = """\
Options everywhere:
  --json          one JSON document on stdout
  --quiet, -q     nothing on stdout
  --verbose, -v   more detail; a traceback when something breaks
  --no-color      no colours (also: NO_COLOR)
  --config FILE   this configuration file instead of the usual one, for this command
                  alone: hooks and the watcher go on reading the usual one
  --help, -h      this text, or with a command that command's
  --version       the version
"""
_CODES_HELP = """\
Exit codes: 0 done, 1 failed, 2 usage, 3 something survived or was refused, 4 nothing could be examined.
"""


class Parsed(NamedTuple):
    command: Command
    words: argparse.Namespace
    run: Callable[[Context, argparse.Namespace], int]


def help_for(arguments: Sequence[str]) -> str:
    """The help text of the command among the arguments, or the overview. Raises Failure for an unknown command."""
    name, _ = split([word for word in arguments if word not in ("-h", "--help")])
    if name in ("", "help"):
        return overview()
    module = importlib.import_module(f"process_janitor.faces.cli.{_known(name).name}")
    return build(name, module).format_help()


def overview() -> str:
    lines = [
        "Usage: process-janitor [COMMAND] [options]      (inside Claude Code: /cleanup [COMMAND] [options])",
        "",
    ]
    lines += [
        "Cleans up the processes that dead Claude Code sessions left behind, and only those.",
        "",
    ]
    lines += [f"  {command.name:<10} {command.about}" for command in COMMANDS]
    lines += ["", f"Without a command: {DEFAULT}.", "", _GLOBALS_HELP, _CODES_HELP.rstrip()]
    lines += ["", "process-janitor COMMAND --help has examples."]
    return "\n".join(lines) + "\n"


def split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name ("" where none is given) and everything else. Options may stand before it as well."""
    rest = list(arguments)
    at = 0
    while at < len(rest):
        word = rest[at]
        if not word.startswith("-"):
            return rest.pop(at), rest
        if word == "--":
            break
        at += 2 if word in _TAKES_VALUE else 1
    return "", rest


def parse(arguments: Sequence[str]) -> Parsed:
    """What is asked for. Raises Failure with the usage exit code."""
    name, rest = split(arguments)
    command = _known(name or DEFAULT)
    module = importlib.import_module(f"process_janitor.faces.cli.{command.name}")
    return Parsed(command, build(command.name, module).parse_args(rest), module.run)


def _known(name: str) -> Command:
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib

    near = difflib.get_close_matches(name, BY_NAME, 1)
    hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(BY_NAME)}"
    raise Failure(f"there is no command {name[:40]!r}; {hint}", USAGE)


def build(name: str, module: Any) -> argparse.ArgumentParser:
    """The parser of one command. It raises Failure where argparse would exit."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise Failure(f"{message}; see process-janitor {name} --help", USAGE)

    examples = "".join(f"  {line}\n" for line in module.EXAMPLES)
    parser = Parser(
        prog=f"process-janitor {name}", description=module.ABOUT, allow_abbrev=False, add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog=f"Examples:\n{examples}",
    )  # fmt: skip
    module.add(parser)
    everywhere = parser.add_argument_group(EVERYWHERE)
    everywhere.add_argument("--json", action="store_true", help="one JSON document on stdout")
    everywhere.add_argument("--quiet", "-q", action="store_true", help="nothing on stdout")
    everywhere.add_argument(
        "--verbose", "-v", action="store_true", help="more detail, and tracebacks"
    )
    everywhere.add_argument("--no-color", action="store_true", help="no colours (also: NO_COLOR)")
    everywhere.add_argument(
        "--config", metavar="FILE", default="",
        help="this configuration file, for this command alone; hooks and the watcher read the usual one",
    )  # fmt: skip
    everywhere.add_argument("--help", "-h", action="store_true", help="this text")
    everywhere.add_argument("--version", action="store_true", help="the version")
    return parser


def process_number(text: str) -> int:
    """An argparse type: a number that can name a process."""
    from process_janitor.core.plausible import PID_MAX

    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 0 < int(text) <= PID_MAX):
        raise ValueError(text)
    return int(text)


process_number.__name__ = "process number"  # argparse says "invalid process number value"


__all__ = [
    "BY_NAME",
    "COMMANDS",
    "EVERYWHERE",
    "Command",
    "Parsed",
    "build",
    "help_for",
    "overview",
    "parse",
    "process_number",
    "split",
]
