"""`scan`: what would be cleaned, and why. Reads, never writes."""

from __future__ import annotations

from process_janitor.faces import documents
from process_janitor.faces.cli.context import DONE, FINDINGS
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.view import view
from process_janitor.sweep import look

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.faces.cli.context import Context

ABOUT = "Shows what dead Claude Code sessions left running, and why each process counts as left over. Changes nothing."
EXAMPLES = (
    "process-janitor                     the same as scan",
    "process-janitor scan --all          with everything that is kept, and why",
    "process-janitor scan --exit-code    10 when there are findings, for scripts",
    "process-janitor scan --json | jq '.findings[] | select(.verdict == \"reap\")'",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="list what is kept, too")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 10 when there are findings"
    )


def run(context: Context, words: argparse.Namespace) -> int:
    judged = examined(look(context.root, context.policy()))
    seen = view(
        context.root, context.options, judged, keeps=words.all, expected=words.all or words.verbose
    )
    document = documents.scan(seen)
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.text import scan_page

        show(
            context,
            scan_page(document, context.type_this, everything=words.all, verbose=words.verbose),
        )
    # As the document has them: a stale lock is a finding as well.
    there_is = any(one["verdict"] != "keep" for one in document["findings"])
    return FINDINGS if words.exit_code and there_is else DONE


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
