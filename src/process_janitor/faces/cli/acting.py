"""Acting and telling what came of it: the common end of `run` and `auto`."""

from __future__ import annotations

import sys

from process_janitor.actions import news
from process_janitor.actions.terminate import Action
from process_janitor.core.stoppable import owned_by
from process_janitor.faces import documents, words
from process_janitor.faces.cli.context import DONE, FAILED, REFUSED, Failure
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.view import view
from process_janitor.sweep import proven, sweep
from process_janitor.system.config import Unsafe
from process_janitor.system.held import Holdings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from process_janitor.actions.plans import LockMember
    from process_janitor.actions.unlock import Unlocked
    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision, Identity
    from process_janitor.faces.cli.context import Context
    from process_janitor.sweep import Judged, Swept

    # What was done, and what was planned and left alone by now.
    Tell = Callable[[documents.Document, Sequence[documents.Document]], None]


def act(
    context: Context,
    trigger: str,
    wanted: Callable[[Decision], bool],
    *,
    limit: int | None = None,
    refused: Sequence[Decision] = (),
    planned: Callable[[Decision], bool] | None = None,
    locks: Sequence[LockMember] = (),
    refused_locks: Sequence[Stale] = (),
    unseen: bool = False,
    tell: Tell | None = None,
) -> int:
    """Sweep what is `wanted`, remove the `locks`, show it, and return the exit code. `refused` is what was asked for and
    may not be ended; what was `planned` and is not wanted by now is shown as left alone. Where nobody sees what is shown
    (`unseen`), the user is told as of any other automatic cleanup. `tell` takes what there is to show in place of the output.
    """
    holdings = Holdings()
    meant = _WithItsOwn(wanted)
    try:
        # Which sessions are idle takes a look at every transcript: not where nobody sees it, or could mean one.
        swept = sweep(
            context.root,
            context.options,
            trigger,
            meant,
            limit,
            holdings.note,
            idle=context.words.json or not unseen,
        )
    except Unsafe as error:
        raise Failure(f"{error}; mend the file or remove it") from None
    if unseen:
        news.tell(
            context.root, context.options, swept.actions, "" if swept.busy else swept.problem, python=sys.executable
        )  # fmt: skip
    first = _with_what_came(examined(swept.first), swept)
    unlocked = _unlock(context, trigger, locks if not swept.problem else (), refused_locks)
    actions = (*swept.actions, *(refusal(decision) for decision in refused))
    if not context.words.quiet or context.words.json:
        freed = {
            a.decision.process.key: a.freed_bytes for a in swept.actions if a.outcome == "gone"
        }
        seen = view(context.root, context.options, first, freed=freed)
        acted = {key[0]: detail for key, detail in swept.details.items()}
        details = {**seen.snapshot.details, **acted}
        seen = seen._replace(snapshot=seen.snapshot._replace(details=details))
        spared = [d for d in first.decisions if planned and planned(d) and not wanted(d)]
        seen = seen._replace(
            findings=(*seen.findings, *(d for d in (*spared, *refused) if d not in seen.findings))
        )
        gone = [a.identity.key for a in swept.actions if a.outcome == "gone"]
        (tell or _teller(context))(
            documents.scan(
                seen,
                actions=actions,
                unlocked=unlocked,
                freed=holdings.freed(gone, sum(freed.values())),
            ),
            [documents.finding(one, seen) for one in spared],
        )
    failed = [action for action in actions if action.outcome != "gone"]
    if swept.problem:
        context.complain(swept.problem + ("" if swept.actions else "; nothing was signalled"))
        return REFUSED if any(wanted(d) for d in first.decisions) else FAILED
    if failed and context.words.quiet:
        pids = ", ".join(f"{action.decision.process.pid} ({action.outcome})" for action in failed)
        context.complain(f"not ended: {pids}; process-janitor explain PID says why")
    shut = [one for one in unlocked if one.outcome != "gone"]
    if shut and context.words.quiet:
        context.complain("not removed: " + ", ".join(f"{one.path} ({one.why})" for one in shut))
    return REFUSED if failed or shut else DONE


class _WithItsOwn:
    """What is wanted, and what a session that is ended for it could not end itself: whoever ends a session that hangs
    means its servers and Bash calls as well, and without this they stayed until the next cleanup.
    """

    def __init__(self, wanted: Callable[[Decision], bool]) -> None:
        self._wanted = wanted
        self._ended: set[Identity] = set()

    def __call__(self, decision: Decision) -> bool:
        if self._wanted(decision):
            if decision.kind == "claude":
                self._ended.add(decision.identity)
            return True
        return proven(decision) and any(owned_by(decision, one) for one in self._ended)


def _with_what_came(first: Judged, swept: Swept) -> Judged:
    """The first look, with what was acted on as it was judged when that happened: not all of it was there, or left over
    yet, and nobody could tell what it was.
    """
    acted = {one.decision.process.key: one.decision for one in swept.actions}
    decisions = [acted.pop(d.process.key, d) for d in first.decisions]
    return first._replace(decisions=(*decisions, *acted.values()))


def _unlock(
    context: Context, trigger: str, locks: Sequence[LockMember], refused: Sequence[Stale]
) -> list[Unlocked]:
    if not (locks or refused):
        return []
    from process_janitor.actions.unlock import unlock

    try:
        done = unlock(context.root, locks, trigger)
    except OSError as error:
        raise Failure(f"the locks could not be looked at again: {error}") from None
    return [*done, *(lock_refusal(one) for one in refused)]


def refusal(decision: Decision) -> Action:
    why = words.refusal(decision.finding, decision.vetoes)
    return Action(decision, (), "refused", 0, why)


def lock_refusal(stale: Stale) -> Unlocked:
    from process_janitor.actions.unlock import Unlocked

    said = stale.condition
    return Unlocked(said.subject, "refused", "; ".join(words.veto(code) for code in said.vetoes))


def _teller(context: Context) -> Tell:
    """Tells it on the context's output: a document, or a page."""

    def tell(document: documents.Document, spared: Sequence[documents.Document]) -> None:
        if context.words.json:
            context.document(document)
            return
        from process_janitor.faces.render import show
        from process_janitor.faces.render.acts import acted_page

        show(context, acted_page(document, context.type_this, spared))

    return tell


__all__ = ["act", "lock_refusal", "refusal"]
