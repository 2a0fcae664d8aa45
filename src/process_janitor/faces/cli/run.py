"""`run`: shows a plan, asks, and ends what the plan says and a fresh look still allows."""

from __future__ import annotations

from process_janitor.actions import plans
from process_janitor.actions.plans import LockMember
from process_janitor.faces import documents
from process_janitor.faces.cli import planning
from process_janitor.faces.cli.acting import act, lock_refusal, refusal
from process_janitor.faces.cli.asking import agreed, agreed_within
from process_janitor.faces.cli.context import DONE, REFUSED, USAGE, Failure
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.cli.parser import process_number
from process_janitor.faces.cli.planning import Meant, Planned
from process_janitor.faces.cli.selection import Chosen, Selection
from process_janitor.faces.words import CLASSES
from process_janitor.sweep import actionable, look
from process_janitor.system import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from process_janitor.core.model import Decision
    from process_janitor.faces.cli.context import Context

ABOUT = """\
Shows what it would end, asks, and ends it. Without a terminal it only writes the plan down (for ten minutes) and says
how to execute it; it acts without a question with --execute, and with cleanup_mode "auto" (away from a terminal only if
dry_run_default is false as well).
Right before acting it looks again: what has changed since the plan was made is left alone.
Only a selection reaches what is not proven (verdict report); nothing reaches what is kept. Idle sessions are asked for
one by one (ten seconds without an answer is a no), whatever cleanup_mode says; only --execute ends them unasked."""
EXAMPLES = (
    "process-janitor run                            plan, question, action",
    "process-janitor run --dry-run                  the plan only; writes nothing",
    "process-janitor run --execute                  no question",
    "process-janitor run --plan k7wm2q --execute    what that plan said, as far as it still holds",
    "process-janitor run --pid 4242 --pid 4243      these two, also when they are only reported",
    "process-janitor run --session ID --class detached    ID: of a session, or the beginning of its id",
    "process-janitor run --class stale-lock         locks whose holder is proven gone",
    "process-janitor run --class idle-session       asks for each session that nobody has used for long",
)


def add(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the plan; touch nothing at all")
    how.add_argument("--execute", "--yes", action="store_true", help="act without a question")
    parser.add_argument("--plan", metavar="ID", default="", help="a plan that was shown before")
    parser.add_argument(
        "--pid", metavar="N", type=process_number, action="append", default=[], help="this process"
    )
    parser.add_argument(
        "--session",
        metavar="ID",
        action="append",
        default=[],
        help="what this session left, and the session itself where it is a finding; its id or the beginning of it",
    )
    parser.add_argument(
        "--class", metavar="C", dest="classes", action="append", default=[], choices=sorted(CLASSES),
        help="this class of findings: " + ", ".join(CLASSES),
    )  # fmt: skip


def run(context: Context, words: argparse.Namespace) -> int:
    selection = Selection(frozenset(words.pid), frozenset(words.session), frozenset(words.classes))
    if words.plan:
        if selection.explicit:
            raise Failure(
                "--plan already says what is meant; leave out --pid, --session and --class", USAGE
            )
        return _again(context, words)
    planned = planning.prepare(context, selection)
    chosen = planned.chosen
    nothing = not (chosen.targets or chosen.refused or chosen.locks or chosen.refused_locks)
    if selection.classes and nothing and context.wants_text:
        context.say(_nothing_of(selection, context.type_this))
        return DONE
    if words.execute or _needs_no_question(context, words, chosen):
        return act(
            context, "run", _fresh(selection, chosen), refused=chosen.refused,
            locks=planned.plan.locks, refused_locks=chosen.refused_locks,
        )  # fmt: skip
    there_is = bool(chosen.targets or chosen.locks)
    ask = context.can_ask and there_is and not words.dry_run
    if not (ask or words.dry_run or not there_is):
        plans.store(context.root, planned.plan)
        _show(context, planned, with_plan=True)
    else:
        _show(context, planned, asking=ask)
    meant = _ask(context, chosen) if ask else Meant()
    if meant.any:
        return planning.execute(context, planned, meant)
    return REFUSED if chosen.refused or chosen.refused_locks else DONE


_NOT_FOR_RUN = frozenset({"orphan-window", "overload", "stale-record", "zombie"})


def _nothing_of(selection: Selection, type_this: str) -> str:
    """Some classes are never a process's (`stale-lock`, `overload`): "nothing left over" would claim more than was asked."""
    named = " or ".join(sorted(selection.classes))
    if selection.classes <= _NOT_FOR_RUN:
        return f"run ends nothing of class {named}. Next: {type_this} scan    (shows it, and what it is about)"
    where = " in what else was selected" if selection.pids or selection.sessions else ""
    return f"Nothing of class {named}{where}. Next: {type_this} scan --all    (lists what there is)"


def _again(context: Context, words: argparse.Namespace) -> int:
    """Execute a plan that was shown before, or show what it would do by now."""
    try:
        plan = plans.load(context.root, words.plan, identity.boot_id())
    except plans.NoPlan as problem:
        raise Failure(str(problem)) from None
    members = {member.identity for member in plan.members}

    def planned(decision: Decision) -> bool:
        return decision.identity in members

    judged = examined(look(context.root, context.policy()))
    locks = [
        one
        for one in planning.stale(judged)
        if LockMember(one.lock.path, one.lock.mark) in plan.locks
    ]
    chosen = Chosen(
        tuple(d for d in judged.decisions if plan.allows(d) and actionable(d)), (),
        tuple(one for one in locks if one.removable),
    )  # fmt: skip
    if words.execute or _needs_no_question(context, words, chosen):
        plans.discard(context.root, plan)
        return act(context, "run", plan.allows, planned=planned, locks=plan.locks)
    ask = context.can_ask and bool(chosen.targets or chosen.locks) and not words.dry_run
    now = Planned(judged, chosen, plan)
    _show(context, now, with_plan=not (ask or words.dry_run), asking=ask)
    meant = _ask(context, chosen) if ask else Meant()
    if meant.any:
        plans.discard(context.root, plan)
        return planning.execute(context, now, meant, planned_before=planned)
    return DONE


def _needs_no_question(context: Context, words: argparse.Namespace, chosen: Chosen) -> bool:
    if words.dry_run or context.options.value("cleanup_mode") != "auto":
        return False
    if any(planning.is_idle(target) for target in chosen.targets):
        return False
    return context.can_ask or not context.options.value("dry_run_default")


def _fresh(selection: Selection, chosen: Chosen) -> Callable[[Decision], bool]:
    """What may be ended without a plan having been shown: the same selection again. Processes named by their pid are
    meant as they were found; without one, what a dying tree still forks is meant as well.
    """
    named = {decision.identity for decision in chosen.targets}
    if selection.pids or selection.classes or selection.sessions:
        return lambda decision: (
            decision.identity in named
            or (not selection.pids and decision.verdict == "reap" and _same_tree(decision, chosen))
        )
    return lambda decision: decision.verdict == "reap"


def _same_tree(decision: Decision, chosen: Chosen) -> bool:
    """Forked since by what is being ended."""
    return any(
        decision.process.ppid == target.process.pid and decision.owner == target.owner
        for target in chosen.targets
    )


def _ask(context: Context, chosen: Chosen) -> Meant:
    """What the user agrees to: leftovers and locks together, then each idle session by itself."""
    agreed_to = []
    for question in planning.questions(chosen):
        if question.about:
            context.say(question.about)
            yes = agreed_within(context, question.text)
        else:
            yes = agreed(context, question.text)
        if yes:
            agreed_to.append(question)
    if not agreed_to:
        context.say("Nothing was ended.")
    return Meant.of(agreed_to)


def _show(
    context: Context, planned: Planned, *, with_plan: bool = False, asking: bool = False
) -> None:
    plan = planned.plan if with_plan else None
    chosen = planned.chosen
    if context.words.json:
        actions = [refusal(decision) for decision in chosen.refused]
        shut = [lock_refusal(one) for one in chosen.refused_locks]
        seen = planning.seen(context, planned)
        context.document(documents.scan(seen, actions=actions or None, unlocked=shut, plan=plan))
    elif context.wants_text or asking:
        from process_janitor.faces.render import show

        show(context, planning.page(context, planned, plan, asking=asking))


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
