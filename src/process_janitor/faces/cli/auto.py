"""`auto`: ends what is proven to be left over, without a question. For cron, timers and CI."""

from __future__ import annotations

from process_janitor.faces.cli.acting import act
from process_janitor.sweep import proven

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.faces.cli.context import Context

ABOUT = "Ends every proven leftover (verdict reap) without asking. More than auto_limit of them: ends none, and says so."
EXAMPLES = (
    "process-janitor auto",
    "process-janitor auto --quiet        for cron: silent unless something failed",
)


def add(parser: argparse.ArgumentParser) -> None:
    del parser  # takes only the options everywhere


def run(context: Context, words: argparse.Namespace) -> int:
    # Silent and away from any terminal: cron or a timer, and nobody sees what it did.
    unseen = words.quiet and not context.client and not context.out.isatty()
    limit = context.options.value("auto_limit")
    return act(context, "auto", proven, limit=limit, unseen=unseen)


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
