"""`stop`: ends living sessions that their user named, gracefully, with their agents and servers."""

from __future__ import annotations

import os
from contextlib import suppress

from process_janitor.core import stoppable
from process_janitor.core.session_words import NotOne
from process_janitor.core.visible import visible
from process_janitor.faces import stop_document
from process_janitor.faces.cli.asking import agreed
from process_janitor.faces.cli.context import DONE, REFUSED, USAGE, Failure
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.interrupt import Uninterrupted
from process_janitor.faces.view import view
from process_janitor.stopping import Stop
from process_janitor.sweep import look
from process_janitor.system import client_files, paths
from process_janitor.system.config import Unsafe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from process_janitor.core.stoppable import Living
    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.documents import Document
    from process_janitor.stopping import Ended, Stopped

ABOUT = """\
Ends living Claude sessions as /exit would: their agents first, then they themselves, each with its MCP servers and Bash
calls. The conversation is saved and can be resumed. Whoever is still there after ten seconds (term_grace_seconds, if that
is longer) is killed. Background sessions are ended through `claude stop`. The session you are in is spared unless you name
it. Shows the plan and asks; without a terminal it only shows the plan, unless --yes is given.
What the sessions left is cleaned up as usual; what they had put in the background on purpose stays and is listed."""
EXAMPLES = (
    "process-janitor stop --session 1f0c             the session whose id begins so",
    "process-janitor stop --session 4242 --yes       the one of process 4242, without a question",
    "process-janitor stop --all                      all of them but the one you are in",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--session", metavar="ID", action="append", default=[],
        help="this session: its id, the beginning of its id, or its process number",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="every session but your own")
    parser.add_argument("--yes", "--execute", action="store_true", help="act without a question")


def run(context: Context, words: argparse.Namespace) -> int:
    if bool(words.session) == words.all:
        raise Failure(
            "say which: --session ID (may be repeated), or --all; see process-janitor stop --help",
            USAGE,
        )
    if not hasattr(os, "pidfd_open"):
        raise Failure(
            "no process can be held on to here, so no session is stopped; leave each with /exit"
        )
    judged = examined(look(context.root, context.policy()))
    ties = judged.observation.ties
    among = stoppable.living(ties, context.policy(), client_files.team_leads(paths.config_dir()))
    chosen, spared = _chosen(words, among)
    stages = stoppable.with_members(chosen, among)
    targets = [one for stage in stages for one in stage]
    seen = view(context.root, context.options, judged)
    shown = [stop_document.stop_target(one, seen) for one in targets]
    left_alone = [stop_document.stop_target(one, seen) for one in spared]
    ask = context.can_ask and bool(targets) and not words.yes
    if not (words.yes and targets):
        _show_plan(context, stop_document.stop(shown, left_alone, None), asking=ask)
        count = len(targets)
        if not ask:
            return DONE
        if not agreed(context, "Stop it?" if count == 1 else f"Stop these {count}?"):
            context.say("Nothing was stopped.")
            return DONE
    telling = _Telling(context)
    with Uninterrupted() as ctrl_c:
        stop = Stop(
            context.root,
            context.options,
            ties,
            telling.ended,
            telling.waiting,
            lambda: ctrl_c.asked,
        )
        try:
            stopped = stop.run(stages)
        except Unsafe as error:
            raise Failure(f"{error}; mend the file or remove it") from None
        try:
            if telling.unheard is None:
                _tell(context, stop_document.stop(shown, left_alone, stopped))
                context.out.flush()
        except OSError as error:
            telling.unheard = error
        if stopped.failed:
            with suppress(OSError):  # where that is not heard either, the exit code still says it
                _complain(context, stopped, heard=telling.unheard is None)
            return REFUSED
        if telling.unheard is not None:
            raise telling.unheard
        return DONE


def _chosen(
    words: argparse.Namespace, among: Sequence[Living]
) -> tuple[list[Living], list[Living]]:
    """What is meant, and what `--all` spares. Raises Failure for a word that names no session or several."""
    if words.all:
        return stoppable.all_but_own(among)
    try:
        found = {one.pid: one for word in words.session for one in stoppable.meant(word, among)}
    except NotOne as problem:
        raise Failure(f"{problem}; process-janitor scan --all lists the sessions") from None
    return list(found.values()), []


class _Telling:
    """One line for each end, and while there is none a count of the seconds, on a terminal.

    Whoever reads it may have seen enough (`head`), or the disk behind it be full: the stop goes on, and is told no further.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        # Nobody takes what is written any more; None as long as somebody does.
        self.unheard: OSError | None = None
        self._live = (
            context.wants_text
            and not context.client
            and context.out.isatty()
            and context.environment.get("TERM", "dumb") != "dumb"
        )
        self._shown = ""

    def ended(self, one: Ended) -> None:
        if not self._context.wants_text:
            return
        from process_janitor.faces.render.stop import ended_line

        line = visible(ended_line(stop_document.ended(one)))
        self._write(f"{self._counted('')}{line}\n")

    def waiting(self, seconds: float) -> None:
        if self._live:
            left = int(seconds + 0.999)
            said = f"waiting {left} s more before SIGKILL" if left else "SIGKILL was sent"
            self._write(self._counted(said))

    def _counted(self, text: str) -> str:
        """What puts this text in the place of the count; "" where it stands there already."""
        if not self._live or text == self._shown:
            return ""
        self._shown = text
        return f"\r\x1b[K{text}"

    def _write(self, text: str) -> None:
        if self.unheard is not None or not text:
            return
        try:
            self._context.out.write(text)
            self._context.out.flush()
        except OSError as error:
            self.unheard = error


def _show_plan(context: Context, document: Document, *, asking: bool) -> None:
    if context.words.json:
        context.document(document)
    elif context.wants_text or asking:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.stop import plan_page

        words = context.words
        again = "--all" if words.all else " ".join(f"--session {one}" for one in words.session)
        show(context, plan_page(document, context.type_this, again, asking=asking))


def _tell(context: Context, document: Document) -> None:
    if context.words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.stop import left_page

        show(context, left_page(document, context.type_this))


def _complain(context: Context, stopped: Stopped, *, heard: bool) -> None:
    """What went wrong; `heard` if the rest of what there is to tell has reached somebody."""
    if stopped.problem:
        context.complain(stopped.problem)
    if not (heard and (context.wants_text or context.words.json)):
        ends = [(one.identity.pid, one.outcome) for one in stopped.ended]
        ends += [(one.identity.pid, one.outcome) for one in stopped.actions]
        pids = ", ".join(f"{pid} ({outcome})" for pid, outcome in ends if outcome != "gone")
        context.complain(f"not stopped: {pids}; process-janitor explain PID says what it is")


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
