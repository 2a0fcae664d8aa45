"""The command line's grammar as data, read off its own parsers: for shell completion and the manual page."""

from __future__ import annotations

import importlib

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.cli import parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


class Word(NamedTuple):
    """One option (`flags` begins with a dash) or one argument (`flags` is empty, `value` its name)."""

    flags: tuple[str, ...]
    # What it takes, as shown in the help; "" for a switch.
    value: str
    about: str
    choices: tuple[str, ...] = ()
    # Its value is a file's name.
    file: bool = False


class Described(NamedTuple):
    """One command with everything that may be said to it."""

    name: str
    about: str
    description: str
    examples: tuple[str, ...]
    words: tuple[Word, ...]
    everywhere: tuple[Word, ...]


def described() -> Iterator[Described]:
    """Every command, in the order of the help."""
    for command in parser.COMMANDS:
        module = importlib.import_module(f"process_janitor.faces.cli.{command.name}")
        made = parser.build(command.name, module)
        general = _general(made)
        actions = made._actions  # noqa: SLF001  # argparse offers no other way to ask a parser what it takes
        yield Described(
            command.name,
            command.about,
            module.ABOUT,
            tuple(module.EXAMPLES),
            tuple(_word(action) for action in actions if action not in general),
            tuple(_word(action) for action in actions if action in general),
        )


def _general(made: argparse.ArgumentParser) -> list[argparse.Action]:
    """What every command takes."""
    groups = made._action_groups  # noqa: SLF001  # as above
    return [
        action
        for group in groups
        if group.title == parser.EVERYWHERE
        for action in group._group_actions  # noqa: SLF001  # as above
    ]


def _word(action: argparse.Action) -> Word:
    switch = action.nargs == 0
    value = "" if switch else str(action.metavar or action.dest).upper()
    return Word(
        tuple(action.option_strings),
        value,
        (action.help or "").replace("%%", "%"),
        tuple(map(str, action.choices or ())),
        value == "FILE",
    )


__all__ = ["Described", "Word", "described"]
