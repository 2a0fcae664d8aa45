"""The command line's grammar as data, read off its own parsers: for shell completion and the manual page."""

from __future__ import annotations

import importlib

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.cli import parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

_NOTHING: Mapping[str, tuple[str, tuple[str, ...]]] = {}


class Word(NamedTuple):
    """One option (`flags` begins with a dash) or one argument (`flags` is empty, `value` its name)."""

    flags: tuple[str, ...]
    # What it takes, as shown in the help; "" for a switch.
    value: str
    about: str
    # What it may be. An argument that may be anything else as well names in its command's OFFERED what is worth offering.
    choices: tuple[str, ...] = ()
    # Offered only behind this word; "" for everywhere.
    after: str = ""
    # Its value is a file's name.
    file: bool = False
    # It may be given more than once.
    again: bool = False


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
        offered = getattr(module, "OFFERED", {})
        actions = made._actions  # noqa: SLF001  # argparse offers no other way to ask a parser what it takes
        yield Described(
            command.name,
            command.about,
            module.ABOUT,
            tuple(module.EXAMPLES),
            tuple(_word(action, offered) for action in actions if action not in general),
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


def _word(
    action: argparse.Action, offered: Mapping[str, tuple[str, tuple[str, ...]]] = _NOTHING
) -> Word:
    switch = action.nargs == 0
    value = "" if switch else str(action.metavar or action.dest).upper()
    after, words = offered.get(action.dest, ("", ()))
    return Word(
        tuple(action.option_strings),
        value,
        (action.help or "").replace("%%", "%"),
        tuple(map(str, action.choices or words)),
        after,
        value == "FILE",
        isinstance(action.default, list),
    )


__all__ = ["Described", "Word", "described"]
