"""`/cleanup`: the same command line, answered inside Claude Code without a model call and without any shell."""

from __future__ import annotations

import io
import os
import shlex
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAMES = frozenset({"process-janitor:cleanup", "cleanup"})
_STDIN_MAX = 8 << 20
# What needs a terminal, or minutes: said where it does run.
_ELSEWHERE = {
    "demo": "process-janitor demo starts processes and takes some seconds: run it in a terminal.",
    "watch": "process-janitor watch fills a whole terminal: run it in one. Here, report shows the same once.",
}


def answer(arguments: str, environment: Mapping[str, str]) -> str:
    """The text for `/cleanup ARGUMENTS`. The words are split here and handed on as a list; no shell ever sees them."""
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        return f"process-janitor: these words cannot be read ({error}); check the quotes"
    from process_janitor.faces.cli import perform
    from process_janitor.faces.cli.parser import split

    name = split(words)[0]
    if name in _ELSEWHERE and not {"--help", "-h"} & set(words):
        return _ELSEWHERE[name]
    out, err = io.StringIO(), io.StringIO()
    perform(words, environment, out, err, client=True)
    parts = (out.getvalue().strip("\n"), err.getvalue().strip("\n"))
    return in_client("\n".join(text for text in parts if text)) or "Done."


def in_client(text: str) -> str:
    """The commands in a text as they are typed inside Claude Code."""
    import re

    from process_janitor.faces.cli.parser import COMMANDS

    names = "|".join(one.name for one in COMMANDS if one.name not in _ELSEWHERE)
    return re.sub(rf"(?<![\w/-])process-janitor (?=(?:{names}|COMMAND)\b)", "/cleanup ", text)


def main() -> int:
    """Answer the UserPromptExpansion event on standard input; silent for every other command. Always returns 0."""
    from process_janitor.core import jsontext

    try:
        event = jsontext.loads(sys.stdin.buffer.read(_STDIN_MAX).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return 0
    if not isinstance(event, dict) or event.get("command_name") not in _NAMES:
        return 0
    arguments = event.get("command_args")
    text = answer(arguments if isinstance(arguments, str) else "", os.environ)
    sys.stdout.write(jsontext.dumps(reply(text, _mode())) + "\n")
    sys.stdout.flush()
    return 0


def reply(text: str, mode: str) -> dict[str, Any]:
    """The event's answer: shown to the user in place of a turn, or with mode `model` handed to Claude."""
    if mode == "model":
        return {
            "hookSpecificOutput": {
                "hookEventName": "UserPromptExpansion",
                "additionalContext": text,
            }
        }
    return {"decision": "block", "reason": text}


def _mode() -> str:
    from process_janitor.system.config import load_settings

    return str(load_settings().value("slash_command_mode"))


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["answer", "in_client", "main", "reply"]
