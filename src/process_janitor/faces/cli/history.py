"""`history`: the journal, newest last."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.faces import documents
from process_janitor.faces.cli.context import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

    from process_janitor.faces.cli.context import Context

ABOUT = "Shows what was ended, when, why, and how much memory that freed; and how sessions ended."
EXAMPLES = (
    "process-janitor history                 the last 50 lines",
    "process-janitor history --limit 0       all there are",
    "process-janitor history --abnormal      only crashes and hangs",
)
_LIMIT = 50


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--abnormal", action="store_true", help="only crashes and hangs")
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_count,
        default=_LIMIT,
        help="the newest N; 0: all (default 50)",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise ValueError(text)
    return int(text)


_count.__name__ = "count"


def run(context: Context, words: argparse.Namespace) -> int:
    lines = causes_first(Journal(context.root).lines())
    entries = [line for line in lines if not words.abnormal or abnormal(line)]
    document = documents.history(entries[-words.limit :])
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.records import history_page

        show(context, history_page(document, context.type_this, abnormal=words.abnormal))
    return DONE


def causes_first(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, with the end of a session before what was done about it: it is written down only afterwards."""
    ordered: list[dict[str, Any]] = []
    for line in lines:
        place = len(ordered)
        if line["event"] == "session":
            for at in range(len(ordered) - 1, -1, -1):
                other = ordered[at]
                if str(other.get("at", "")) < str(line.get("at", "")):
                    break
                if other["event"] == "action" and other.get("session_id") == line.get("session_id"):
                    place = at
        ordered.insert(place, line)
    return ordered


def abnormal(line: dict[str, Any]) -> bool:
    """A session that crashed or hung, and whatever was done to a session that hung."""
    if line["event"] == "session":
        return line.get("state") in ("crashed", "hung")
    return line.get("class") == "hung-session"


__all__ = ["ABOUT", "EXAMPLES", "abnormal", "add", "causes_first", "run"]
