"""What every command gets: where the state is, the settings in force, who asked, and where the answer goes."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any, TextIO

    from process_janitor.core.policy import Policy
    from process_janitor.core.settings import Settings

DONE, FAILED, USAGE, REFUSED, NOTHING_EXAMINED, FINDINGS = 0, 1, 2, 3, 4, 10
INTERRUPTED = 130


class Failure(Exception):
    """A command that cannot go on: what is wrong; what to do. `code` is the exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


class Context(NamedTuple):
    """One invocation. `client` is True inside Claude Code (/cleanup): no terminal, narrow, no questions."""

    root: str
    options: Settings
    config_path: str
    words: argparse.Namespace
    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    client: bool = False

    def document(self, document: Mapping[str, Any]) -> None:
        from process_janitor.faces.documents import dumps

        self.out.write(dumps(document))

    def say(self, text: str) -> None:
        """A line for people, nothing under --quiet."""
        if not self.words.quiet:
            self.out.write(visible(text) + "\n")

    def warn(self, text: str) -> None:
        """A line on stderr: something to know that is no failure."""
        if not self.words.quiet:
            self.err.write(f"process-janitor: {visible(text)}\n")

    def complain(self, text: str) -> None:
        """A line on stderr that --quiet does not silence: something failed."""
        self.err.write(f"process-janitor: {visible(text)}\n")

    @property
    def wants_text(self) -> bool:
        return not (self.words.json or self.words.quiet)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at the other end and may be asked a question."""
        if self.client or self.words.json:
            return False
        import sys

        return sys.stdin is not None and sys.stdin.isatty() and self.out.isatty()

    @property
    def type_this(self) -> str:
        """How the user writes a command, here."""
        return "/cleanup" if self.client else "process-janitor"

    def policy(self) -> Policy:
        """The user's wishes, or a Failure when the keep rules cannot be read: then nothing may be judged."""
        from process_janitor.system import config

        try:
            return config.policy(self.root, self.options, idle=True)
        except config.Unsafe as error:
            raise Failure(f"{error}; mend the file or remove it") from None


def _pick_table() -> None:
    """The one place that picks another process table than /proc: where there is none, and psutil can stand in.

    Not on Windows, where nothing of this has been tried. A /proc of another pid namespace is no reason: psutil reads it, too.
    """
    from process_janitor.system import procfs, tables

    if os.name == "posix" and procfs.unusable() and not procfs.foreign():
        try:
            from process_janitor.system import psutil_table
        except ImportError:
            return  # `doctor` says that it is missing; a look says that there is no /proc
        tables.use(psutil_table)


def open_context(
    words: argparse.Namespace,
    environment: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    *,
    client: bool,
    lenient: bool,
) -> Context:
    """The context of one invocation. A bad configuration stops every command but the `lenient` ones, which mend it."""
    from process_janitor.system import paths
    from process_janitor.system.config import load_settings

    _pick_table()

    path = (
        os.path.abspath(os.path.expanduser(words.config)) if words.config else paths.config_file()
    )
    if words.config and not os.path.exists(path):
        raise Failure(f"there is no file {path}; give --config an existing one")
    options = load_settings(path)
    if options.problems and not lenient:
        raise Failure(f"{options.problems[0]}; `process-janitor config check` lists all problems")
    context = Context(paths.root(), options, path, words, environment, out, err, client)
    if words.verbose or not lenient:
        for warning in options.warnings:
            context.warn(warning)
    return context


__all__ = [
    "DONE", "FAILED", "FINDINGS", "INTERRUPTED", "NOTHING_EXAMINED", "REFUSED", "USAGE", "Context", "Failure",
    "open_context",
]  # fmt: skip
