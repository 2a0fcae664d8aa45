"""`keep`: the user's protection rules in keep.json. What they cover is never signalled."""

from __future__ import annotations

import os

from process_janitor.core.commands import shown
from process_janitor.core.plausible import usable_pid
from process_janitor.faces import documents, owned_files
from process_janitor.faces.cli.context import DONE, USAGE, Failure
from process_janitor.faces.cli.parser import process_number
from process_janitor.system import clock, identity, paths, tables
from process_janitor.system.config import keep_rule, load_keep_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.render.records import State

    Document = dict[str, Any]

ABOUT = """\
Protects a process, or every process whose command line matches a regular expression, and all that runs below it.
A rule for a process ends with the process; a rule for a command stays until it is removed."""
EXAMPLES = (
    "process-janitor keep 4242",
    "process-janitor keep --command 'vite|next dev'",
    "process-janitor keep --list",
    "process-janitor keep --remove 2         the second of the list, or a pid, or the expression itself",
)

_KTHREADD = 2


def add(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "pid", metavar="PID", nargs="?", type=process_number, help="keep this process"
    )
    what.add_argument("--command", metavar="REGEX", help="keep what this finds in a command line")
    what.add_argument("--list", action="store_true", help="show the rules (also: no argument)")
    what.add_argument("--remove", metavar="N|PID|REGEX", help="take a rule back")


def run(context: Context, words: argparse.Namespace) -> int:
    said = ""
    if words.pid is not None:
        said = protect(context, process_rule(words.pid))
    elif words.command is not None:
        said = f"Every command that matches {words.command!r} is kept from now on."
        _change(context, _adding(_command_rule(words.command)))
    elif words.remove is not None:
        removed: list[Any] = []
        _change(
            context,
            lambda document: removed.append(_remove(document["rules"], words.remove)),
            mending=True,
        )
        said = f"Not kept by this rule any more: {_told(removed[-1])}."
    document = _document(context)
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.records import keep_page

        if said:
            context.say(said)
        else:
            states = [_state(rule) for rule in document["rules"]]
            show(context, keep_page(document, states, context.type_this))
    return DONE


def _document(context: Context) -> Document:
    """The rules as the file has them, also one that cannot be used: it is seen here and removed from here."""
    from process_janitor.core import jsontext
    from process_janitor.system import files

    path = paths.keep_file(context.root)
    try:
        document = jsontext.loads(files.read_text(path, follow=True))
    except FileNotFoundError:
        return {"schema": documents.KEEP, "rules": []}
    except (OSError, ValueError) as error:
        raise Failure(
            f"{path}: {getattr(error, 'strerror', None) or error}; mend the file or remove it"
        ) from None
    _rules(path, document)
    return {**document, "schema": documents.KEEP}


def _rules(path: str, document: object) -> list[Any]:
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        raise Failure(
            f"{path}: must hold an object with a list `rules`; mend the file or remove it"
        )
    return rules


def _change(context: Context, edit: Callable[[Document], None], *, mending: bool = False) -> None:
    """Change the file. One with a rule that cannot be used is only ever mended: nothing is added to it."""
    path = paths.keep_file(context.root)
    problem = "" if mending else load_keep_rules(context.root)[1]
    if problem:
        raise Failure(
            f"{problem}; {context.type_this} keep --list shows it, keep --remove N removes it"
        )

    def checked(document: Document) -> None:
        _rules(path, document)
        edit(document)

    try:
        owned_files.change(context.root, path, {"schema": documents.KEEP, "rules": []}, checked)
    except owned_files.Unusable as error:
        raise Failure(str(error)) from None


def _adding(rule: Document) -> Callable[[Document], None]:
    if keep_rule(rule) is None:
        raise Failure("such a rule could not be read back, so it is not written")
    told = ("pid", "start_ticks", "boot_id", "command")

    def edit(document: Document) -> None:
        if not any(all(old.get(key) == rule.get(key) for key in told) for old in document["rules"]):
            document["rules"].append(rule)

    return edit


def protect(context: Context, rule: Document) -> str:
    """Write down a rule of `process_rule`, and say so. Raises Failure when the rules cannot be changed."""
    _change(context, _adding(rule))
    return f"Process {rule['pid']} is kept from now on, and what runs below it."


def process_rule(pid: int) -> Document:
    """The rule that keeps this process, which is there now and no other later. Raises Failure where none can be made."""
    if not usable_pid(pid):
        raise Failure(
            f"process {pid} is the system's first one, which nothing here ever ends", USAGE
        )
    if pid == os.getpid():
        raise Failure(f"process {pid} is this command itself; name another one", USAGE)
    found = identity.identify(pid)
    if found is None:
        raise Failure(f"there is no process {pid}; process-janitor scan --all lists what there is")
    row = tables.current().process(pid)
    argv = tables.current().argv(pid) or ()
    if row is not None and not argv and _KTHREADD in (pid, row.ppid) and row.rss == 0:
        raise Failure(f"process {pid} is a kernel thread, which nothing here ever ends", USAGE)
    command = shown(argv) or (row.comm if row is not None else "")
    return {
        "pid": pid, "start_ticks": found.start, "boot_id": found.boot_id, "command_shown": command, "added_at": clock.utc(),
    }  # fmt: skip


def _command_rule(pattern: str) -> Document:
    import re

    try:
        matches_nothing = not re.compile(pattern).search("")
    except (re.error, RecursionError, OverflowError) as error:
        raise Failure(
            f"--command {pattern!r} is not a regular expression ({error}); quote special characters with \\",
            USAGE,
        ) from None
    if not matches_nothing:
        raise Failure(f"--command {pattern!r} matches every command; say more", USAGE)
    return {"command": pattern, "added_at": clock.utc()}


def _told(rule: object) -> str:
    """One rule in words."""
    usable = keep_rule(rule)
    if usable is None or not isinstance(rule, dict):
        return f"an unusable one, {documents.value_text(rule)[:200]}"
    if usable.command:
        return f"every command that matches {usable.command!r}"
    shown = str(rule.get("command_shown", ""))
    return f"process {usable.pid}{f' ({shown})' if shown else ''}"


def _remove(rules: list[Document], word: str) -> object:
    """Take out the one rule the word means, and return it: its number in the list, its pid, or its expression."""
    usable = {at: rule for at, rule in enumerate(rules) if keep_rule(rule) is not None}
    found = {at for at, rule in usable.items() if rule.get("command") == word}
    if word.isascii() and word.isdecimal() and len(word) < 9:
        number = int(word)
        found |= {at for at, rule in usable.items() if rule.get("pid") == number}
        if 0 < number <= len(rules):
            found.add(number - 1)
    if not found:
        raise Failure(f"no rule is {word!r}; process-janitor keep --list shows them")
    if len(found) > 1:
        raise Failure(
            f"{word!r} means more than one rule; take the number of another column of keep --list"
        )
    return rules.pop(found.pop())


def _state(rule: object) -> State:
    """Whether the loader can use a rule, and whether what it covers is still there; a rule for commands always is."""
    usable = keep_rule(rule)
    if usable is None:
        return "unusable"
    if usable.command:
        return "there"
    found = identity.identify(usable.pid)
    alike = found is not None and (found.start, found.boot_id) == (usable.start, usable.boot_id)
    return "there" if alike else "ended"


__all__ = ["ABOUT", "EXAMPLES", "add", "process_rule", "protect", "run"]
