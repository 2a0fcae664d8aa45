"""What the live view asks of the machine, by the code of the commands: `report`, `explain`, `keep` and `run`.

Every call may take a while and may raise Failure or OSError; the view makes them away from its own thread.
"""

from __future__ import annotations

import io

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.cli import in_words, keep, planning
from process_janitor.faces.cli.context import Failure
from process_janitor.faces.cli.explain import explained
from process_janitor.faces.cli.planning import Meant, Question
from process_janitor.faces.cli.report import measured
from process_janitor.faces.cli.selection import Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    from rich.console import RenderableType

    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.watching.model import Row

    Document = dict[str, Any]
    Page = list[RenderableType]

    class Machine(Protocol):
        """The methods of `Real`, for a view that is tried with made-up documents."""

        def look(self) -> Document: ...
        def explain(self, row: Row) -> Page: ...
        def keeping(self, row: Row) -> Proposal: ...
        def cleaning(self, row: Row) -> Proposal: ...


class Proposal(NamedTuple):
    """What would be done: a page to read, the questions to ask, and what does the part that was agreed to and tells of
    it. `busy` is said meanwhile. Without a question there is nothing to do but to read.
    """

    page: Page
    questions: Sequence[Question]
    act: Callable[[Sequence[Question]], Page]
    busy: str


class Real:
    """This machine."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def look(self) -> Document:
        return measured(self._context)

    def explain(self, row: Row) -> Page:
        """The page of `explain PID`; of a finding that is no process, what `scan` says of it."""
        if row.pid is not None:
            return explained(self._context, row.pid).page(self._context.type_this)
        if row.kind != "finding":
            raise Failure("this is no process; choose one of the rows below it")
        from process_janitor.faces.render.findings import table

        return [table([row.document], self._context.type_this)]

    def keeping(self, row: Row) -> Proposal:
        """What `keep PID` would do. The rule is for the process that has the number now, which the question shows."""
        from rich.text import Text

        if row.pid is None:
            raise Failure("only a process can be kept; choose one of the rows below it")
        rule = keep.process_rule(row.pid)
        page: Page = [Text(f"{rule['pid']}  {rule['command_shown']}", overflow="fold")]

        def act(_: Sequence[Question]) -> Page:
            return [Text(keep.protect(self._context, rule), "bold")]

        asked = Question("Keep this process and what runs below it?")
        return Proposal(page, (asked,), act, "writing the rule")

    def cleaning(self, row: Row) -> Proposal:
        """What `run --session ID` or `run --pid PID` would do, and does after a yes: only what the page names, and of
        that only what a fresh look still allows.
        """
        planned = planning.prepare(self._context, selection(row))

        def act(agreed: Sequence[Question]) -> Page:
            from process_janitor.faces.render.acts import acted_page

            page: Page = []
            aside = self._context._replace(out=io.StringIO(), err=io.StringIO())
            planning.execute(
                aside, planned, Meant.of(agreed),
                tell=lambda document, spared: page.extend(
                    acted_page(document, self._context.type_this, spared)
                ),
            )  # fmt: skip
            return [*page, *_complaints(aside.err)]

        asked = planning.questions(planned.chosen)
        shown = planning.page(self._context, planned, None, asking=bool(asked))
        grace = self._context.options.value("term_grace_seconds")
        return Proposal(shown, asked, act, f"ending; what has not gone after {grace:g} s is killed")


def selection(row: Row) -> Selection:
    """What `run` would be given for this row. Raises Failure for what it cannot be given from here."""
    if row.kind == "session" and row.session_id:
        return Selection(sessions=frozenset((row.session_id,)))
    if row.pid is not None:
        return Selection(pids=frozenset((row.pid,)))
    if row.kind == "finding" and row.document["class"] == "stale-lock":
        raise Failure("a lock is no process; process-janitor run --class stale-lock removes it")
    raise Failure("this is no process; choose a session or one of its processes")


def said(error: Exception) -> str:
    """One line for what went wrong."""
    return str(error) if isinstance(error, Failure) else in_words(error)


def _complaints(err: Any) -> Page:
    from rich.text import Text

    lines = err.getvalue().splitlines()
    return [Text(line.removeprefix("process-janitor: "), "yellow") for line in lines]


__all__ = ["Proposal", "Real", "said", "selection"]
