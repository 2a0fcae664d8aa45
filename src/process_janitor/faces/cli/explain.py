"""`explain PID`: the verdict on any process with its evidence and vetoes, in words."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces import documents
from process_janitor.faces.cli.context import DONE, Failure
from process_janitor.faces.cli.looking import examined, verdict_on
from process_janitor.faces.cli.parser import process_number
from process_janitor.faces.render.times import local
from process_janitor.faces.words import CLASSES, by, reason_of
from process_janitor.sweep import look
from process_janitor.system import claude_process, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from rich.console import RenderableType

    from process_janitor.faces.cli.context import Context

ABOUT = "Says what would happen to one process, which evidence ties it to a session, and what forbids touching it."
EXAMPLES = (
    "process-janitor explain 4242",
    "process-janitor explain 4242 --json",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pid", metavar="PID", type=process_number, help="any process")


class Explained(NamedTuple):
    """The document about one process, its command, and its age in seconds."""

    document: documents.Document
    command: str
    age: float

    def page(self, type_this: str) -> list[RenderableType]:
        from process_janitor.faces.render.text import explain_page

        return explain_page(self.document, self.command, self.age, type_this)


def run(context: Context, words: argparse.Namespace) -> int:
    found = explained(context, words.pid)
    if words.json:
        context.document(found.document)
    elif context.wants_text:
        from process_janitor.faces.render import show

        show(context, found.page(context.type_this))
    return DONE


def explained(context: Context, pid: int) -> Explained:
    """Look at one process. Raises Failure when there is none, with what the journal knows of it."""
    policy = context.policy()
    above = [row.pid for row in claude_process.ancestors(pid)]
    judged = examined(look(context.root, policy, (pid, *above)))
    if tables.current().process(pid) is None:
        known = _remembered(context, pid)
        if known:
            raise Failure(known)
    decision, session_id = verdict_on(judged, policy, pid)
    snapshot = judged.observation.snapshot
    tree = judged.observation.ties.tree
    rows = [documents.relative(snapshot, one) for one in tree.ancestors(decision.process)]
    return Explained(
        documents.explain(decision, session_id, rows),
        documents.command(snapshot, decision.process),
        snapshot.age(decision.process),
    )


def _remembered(context: Context, pid: int) -> str:
    """What the journal says of a process that is gone, newest first; "" when nothing."""
    last: dict[str, Any] = {}
    for line in Journal(context.root).lines():
        if line["event"] == "action" and line.get("pid") == pid and line.get("outcome") == "gone":
            last = line
    if not last:
        return ""
    finding = reason_of(last)
    why = CLASSES.get(finding, finding) or "no class"
    sent = ", ".join(str(name) for name in last.get("signals") or ()) or "no signal"
    codes = " ".join(str(code) for code in last.get("evidence") or ())
    return (
        f"process {pid} is no more; {by(last.get('trigger'))} ended it on {local(str(last.get('at', '')))} with {sent}: "
        f"{why} [{codes}], session {last.get('session_id') or '-'}, command {last.get('command', '')}"
    )


__all__ = ["ABOUT", "EXAMPLES", "Explained", "add", "explained", "run"]
