"""`report`: every session with its tree, what each process uses and holds, and every verdict. Reads, never acts."""

from __future__ import annotations

from process_janitor.faces import report_document
from process_janitor.faces.cli.context import DONE
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.survey import survey
from process_janitor.sweep import look
from process_janitor.system import pressure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.documents import Document

ABOUT = """\
Shows every Claude Code session with its processes: MCP servers by name, memory, processor, descriptors, connections,
ports, age, and why each is kept or would be ended. Ends nothing; the page of --html is the only file it writes."""
EXAMPLES = (
    "process-janitor report                          the whole picture",
    "process-janitor report --verbose                also the sessions of which nothing is left",
    "process-janitor report --html report.html       one page to keep or to send; needs no network",
    "process-janitor report --json | jq '.sessions[].totals'",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--html", metavar="FILE", default=None, help="write one page for a browser")


def run(context: Context, words: argparse.Namespace) -> int:
    path = None
    if words.html is not None:
        from process_janitor.faces.cli.html_file import checked

        path = checked(words.html)
    document = measured(context, expected=words.verbose)
    if path is not None:
        from process_janitor.faces.cli.html_file import write
        from process_janitor.faces.render.html import page

        write(path, page(document))
    if words.json:
        context.document(document)
    elif path is not None:
        context.say(f"The report is in {path}")
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.report import report_page

        show(context, report_page(document, context.type_this, verbose=words.verbose))
    return DONE


def measured(context: Context, *, expected: bool = False) -> Document:
    """Look, measure for a moment, and write it all down; `expected` is as in `view`. Raises Failure when nothing can be
    examined.
    """
    judged = examined(look(context.root, context.policy()))
    found = survey(context.root, context.options, judged, expected=expected)
    return report_document.report(found, pressure.read())


__all__ = ["ABOUT", "EXAMPLES", "add", "measured", "run"]
