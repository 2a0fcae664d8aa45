"""`run`: shows a plan, asks, and ends what the plan says and a fresh look still allows."""

from __future__ import annotations

from process_janitor.actions import plans
from process_janitor.actions.plans import LockMember
from process_janitor.faces import documents
from process_janitor.faces.cli.acting import act, lock_refusal, refusal
from process_janitor.faces.cli.asking import NOTHING, consent, is_idle
from process_janitor.faces.cli.context import DONE, REFUSED, USAGE, Failure
from process_janitor.faces.cli.looking import examined, verdict_on
from process_janitor.faces.cli.parser import process_number
from process_janitor.faces.cli.selection import Chosen, Selection, choose
from process_janitor.faces.view import view
from process_janitor.faces.words import CLASSES
from process_janitor.sweep import actionable, look
from process_janitor.system import claude_process, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from process_janitor.actions.plans import Plan
    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision
    from process_janitor.faces.cli.context import Context
    from process_janitor.sweep import Judged

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
    "process-janitor run --session ID --class detached",
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
        "--session", metavar="ID", action="append", default=[], help="what this session left"
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
    judged, chosen = _choose(context, selection)
    nothing = not (chosen.targets or chosen.refused or chosen.locks or chosen.refused_locks)
    if selection.classes and nothing and context.wants_text:
        context.say(_nothing_of(selection, context.type_this))
        return DONE
    plan = plans.new(
        chosen.targets,
        judged.observation.snapshot.boot_id,
        selected=selection.explicit,
        locks=chosen.locks,
    )
    if words.execute or _needs_no_question(context, words, chosen):
        return act(
            context, "run", _fresh(selection, chosen), refused=chosen.refused,
            locks=plan.locks, refused_locks=chosen.refused_locks,
        )  # fmt: skip
    there_is = bool(chosen.targets or chosen.locks)
    ask = context.can_ask and there_is and not words.dry_run
    if not (ask or words.dry_run or not there_is):
        plans.store(context.root, plan)
        _show(context, judged, chosen, plan)
    else:
        _show(context, judged, chosen, None, asking=ask)
    meant = consent(context, chosen) if ask else NOTHING
    if meant.any:
        return act(
            context, "run", lambda d: d.identity in meant.processes and plan.allows(d), refused=chosen.refused,
            locks=plan.locks if meant.locks else (), refused_locks=chosen.refused_locks,
        )  # fmt: skip
    return REFUSED if chosen.refused or chosen.refused_locks else DONE


def _nothing_of(selection: Selection, type_this: str) -> str:
    """Some classes are never a process's (`stale-lock`, `overload`): "nothing left over" would claim more than was asked."""
    named = " or ".join(sorted(selection.classes))
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
        one for one in _stale(judged) if LockMember(one.lock.path, one.lock.mark) in plan.locks
    ]
    chosen = Chosen(
        tuple(d for d in judged.decisions if plan.allows(d) and actionable(d)), (),
        tuple(one for one in locks if one.removable),
    )  # fmt: skip
    if words.execute or _needs_no_question(context, words, chosen):
        plans.discard(context.root, plan)
        return act(context, "run", plan.allows, planned=planned, locks=plan.locks)
    ask = context.can_ask and bool(chosen.targets or chosen.locks) and not words.dry_run
    _show(context, judged, chosen, None if ask or words.dry_run else plan, asking=ask)
    meant = consent(context, chosen) if ask else NOTHING
    if meant.any:
        plans.discard(context.root, plan)
        return act(
            context, "run", lambda d: d.identity in meant.processes and plan.allows(d), planned=planned,
            locks=plan.locks if meant.locks else (),
        )  # fmt: skip
    return DONE


def _choose(context: Context, selection: Selection) -> tuple[Judged, Chosen]:
    """Look, and find what was asked for. Raises Failure for a pid or a session that is not there at all."""
    policy = context.policy()
    also = {above.pid for pid in selection.pids for above in claude_process.ancestors(pid)}
    judged = examined(look(context.root, policy, (*selection.pids, *also)))
    decided = {d.process.pid: d for d in judged.decisions}
    for pid in selection.pids - set(decided):
        decided[pid] = verdict_on(judged, policy, pid)[0]
    by_alias = {
        alias: session.session_id
        for session in judged.observation.sessions
        for alias in session.ids
    }
    known = {*by_alias, *(d.session_id for d in decided.values())}
    for one in selection.sessions - known:
        raise Failure(f"no session {one!r} is known; process-janitor scan lists them")
    sessions = frozenset(by_alias.get(one, one) for one in selection.sessions) | selection.sessions
    selection = selection._replace(sessions=sessions)
    covered = (
        [one for one in _stale(judged) if selection.covers_lock(one)] if selection.locks else []
    )
    return judged, choose(selection, decided.values())._replace(
        locks=tuple(one for one in covered if one.removable),
        refused_locks=tuple(one for one in covered if not one.removable),
    )


def _stale(judged: Judged) -> list[Stale]:
    from process_janitor.system.locks import stale

    return stale(judged.observation.ties)


def _needs_no_question(context: Context, words: argparse.Namespace, chosen: Chosen) -> bool:
    if words.dry_run or context.options.value("cleanup_mode") != "auto":
        return False
    if any(is_idle(target) for target in chosen.targets):
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


def _show(
    context: Context, judged: Judged, chosen: Chosen, plan: Plan | None, *, asking: bool = False
) -> None:
    seen = view(context.root, context.options, judged)
    meant = tuple(one.condition for one in chosen.locks)
    seen = seen._replace(findings=chosen.targets, conditions=meant)
    actions = [refusal(decision) for decision in chosen.refused]
    shut = [lock_refusal(one) for one in chosen.refused_locks]
    if context.words.json:
        context.document(documents.scan(seen, actions=actions or None, unlocked=shut, plan=plan))
    elif context.wants_text or asking:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.acts import plan_page

        refused = [
            *(documents.finding(decision, seen) for decision in chosen.refused),
            *(documents.condition(one.condition, seen) for one in chosen.refused_locks),
        ]
        show(
            context,
            plan_page(documents.scan(seen, plan=plan), refused, context.type_this, asking=asking),
        )


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
