"""`history`: the journal, newest last, or as a plot over the days."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.faces import record_documents
from process_janitor.faces.cli.context import DONE, USAGE, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

    from process_janitor.core.trend import Day
    from process_janitor.faces.cli.context import Context

ABOUT = "Shows what was ended, when, why, and how much memory that freed; and how sessions ended."
EXAMPLES = (
    "process-janitor history                 the last 50 lines",
    "process-janitor history --limit 0       all there are",
    "process-janitor history --abnormal      only crashes and hangs",
    "process-janitor history --trend         leftovers and freed memory, day by day",
    "process-janitor history --trend --days 60 --json",
)
_LIMIT = 50
_DAYS = 14
_DAYS_MAX = 3650


def add(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--abnormal", action="store_true", help="only crashes and hangs")
    form.add_argument("--trend", action="store_true", help="a plot of the days instead of lines")
    parser.add_argument(
        "--days", metavar="N", type=_days, help=f"of the trend: the last N (default {_DAYS})"
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_count,
        help=f"of the lines: the newest N; 0: all (default {_LIMIT})",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise ValueError(text)
    return int(text)


def _days(text: str) -> int:
    found = _count(text)
    if not 0 < found <= _DAYS_MAX:
        raise ValueError(text)
    return found


_count.__name__ = "count"
_days.__name__ = f"number of days (1 to {_DAYS_MAX})"


def run(context: Context, words: argparse.Namespace) -> int:
    if words.days is not None and not words.trend:
        raise Failure("--days goes with --trend; --limit N shows the newest N lines", USAGE)
    if words.limit is not None and words.trend:
        raise Failure("--limit does not go with --trend; --days N says how far it goes back", USAGE)
    journal = Journal(context.root)
    if words.trend:
        document = record_documents.trend(_trend(journal, words.days or _DAYS))
    else:
        lines = causes_first(journal.lines())
        entries = [line for line in lines if not words.abnormal or abnormal(line)]
        limit = _LIMIT if words.limit is None else words.limit
        document = record_documents.history(entries[-limit:])
    for problem in journal.problems:
        context.warn(f"{problem}; what is in it is not shown")
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show

        if words.trend:
            from process_janitor.faces.render.plots import trend_page

            show(context, trend_page(document, context.type_this))
        else:
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


def _trend(journal: Journal, days: int) -> list[Day]:
    """The last `days` days up to today, as the user's own clock counts them."""
    from datetime import date, datetime, timedelta

    from process_janitor.core.trend import trend

    # The time zone is asked for each line: an hour of summer time moves what happened near midnight to another day.
    today = datetime.now().astimezone().date()

    def day_of(at: str) -> str:
        try:
            return datetime.fromisoformat(at).astimezone().date().isoformat()
        except (ValueError, OverflowError, OSError):
            return ""

    def before(number: int) -> date:
        return today - timedelta(days=number)

    span = [before(number).isoformat() for number in reversed(range(days))]
    return trend(journal.lines(), span, day_of)


def abnormal(line: dict[str, Any]) -> bool:
    """A session that crashed or hung, and whatever was done to a session that hung."""
    if line["event"] == "session":
        return line.get("state") in ("crashed", "hung")
    return line.get("class") == "hung-session"


__all__ = ["ABOUT", "EXAMPLES", "abnormal", "add", "causes_first", "run"]
