"""What a selection comes to: the plan that `run` and `watch` show, the questions about it, and its execution."""

from __future__ import annotations

from process_janitor.actions import plans
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.session_words import NotOne, by_beginning
from process_janitor.faces import documents
from process_janitor.faces.cli.acting import act
from process_janitor.faces.cli.context import Failure
from process_janitor.faces.cli.looking import examined, verdict_on
from process_janitor.faces.cli.selection import choose
from process_janitor.faces.view import view
from process_janitor.faces.words import evidence
from process_janitor.sweep import look
from process_janitor.system import claude_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import RenderableType

    from process_janitor.actions.plans import Plan
    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision, Identity
    from process_janitor.faces.cli.acting import Tell
    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.cli.selection import Chosen, Selection
    from process_janitor.faces.view import View
    from process_janitor.sweep import Judged


class Planned(NamedTuple):
    """One look, what of it was asked for, and the plan for exactly that."""

    judged: Judged
    chosen: Chosen
    plan: Plan


class Question(NamedTuple):
    """What a yes would end. `about` introduces a living session, for which silence soon is a no; else it is empty."""

    text: str
    processes: frozenset[Identity] = frozenset()
    locks: bool = False
    about: str = ""


class Meant(NamedTuple):
    """What the user agreed to."""

    processes: frozenset[Identity] = frozenset()
    locks: bool = False

    @classmethod
    def of(cls, agreed: Iterable[Question]) -> Meant:
        """Everything that was agreed to together."""
        agreed = tuple(agreed)
        named = (identity for question in agreed for identity in question.processes)
        return cls(frozenset(named), any(question.locks for question in agreed))

    @property
    def any(self) -> bool:
        return bool(self.processes or self.locks)


def prepare(context: Context, selection: Selection) -> Planned:
    """Look, and plan for what was asked for. Raises Failure for a pid or a session that is not there at all, and for the
    beginning of several sessions' ids.
    """
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
    known = {**{d.session_id: d.session_id for d in decided.values()}, **by_alias}
    named = {word: _named(word, known) for word in selection.sessions}
    sessions = frozenset(named.values()) | (selection.sessions & set(known))
    selection = selection._replace(sessions=sessions)
    covered = (
        [one for one in stale(judged) if selection.covers_lock(one)] if selection.locks else []
    )
    chosen = choose(selection, decided.values())._replace(
        locks=tuple(one for one in covered if one.removable),
        refused_locks=tuple(one for one in covered if not one.removable),
    )
    plan = plans.new(
        chosen.targets,
        judged.observation.snapshot.boot_id,
        selected=selection.explicit,
        locks=chosen.locks,
    )
    return Planned(judged, chosen, plan)


def _named(word: str, known: Mapping[str, str]) -> str:
    """The session that a word means: one of its ids, or the beginning of one. Raises Failure."""
    lists = "process-janitor scan --all lists them"
    try:
        name = known.get(word, "") or by_beginning(word, known.items())
    except NotOne as problem:
        raise Failure(f"{problem}; {lists}") from None
    if not name:
        raise Failure(f"no session {word!r} is known; {lists}")
    return name


def stale(judged: Judged) -> list[Stale]:
    from process_janitor.system import locks

    return locks.stale(judged.observation.ties)


def is_idle(decision: Decision) -> bool:
    """A living session, which somebody may come back to."""
    return decision.finding == "idle-session"


def questions(chosen: Chosen) -> list[Question]:
    """One for leftovers and locks together, then one for each idle session."""
    ending = [one for one in chosen.targets if not is_idle(one)]
    together = frozenset(one.identity for one in ending)
    asked = []
    if together or chosen.locks:
        count, locks = len(together), len(chosen.locks)
        one = "session" if all(target.kind == "claude" for target in ending) else "process"
        ends = f"end this {one}" if count == 1 else f"end these {count} processes"
        removes = "remove this lock" if locks == 1 else f"remove these {locks} locks"
        text = " and ".join((*((ends,) if count else ()), *((removes,) if locks else ())))
        asked.append(Question(f"{text.capitalize()}?", together, bool(chosen.locks)))
    for target in chosen.targets:
        if is_idle(target):
            quiet = "; ".join(evidence(code) for code in target.evidence[:1])
            about = f"Session {target.session_id}, process {target.process.pid}: {quiet}."
            asked.append(Question("End it?", frozenset((target.identity,)), about=about))
    return asked


def execute(
    context: Context, planned: Planned, meant: Meant, *,
    planned_before: Callable[[Decision], bool] | None = None, tell: Tell | None = None,
) -> int:  # fmt: skip
    """End what was agreed to, as far as a fresh look still allows it; the exit code. `planned_before` and `tell` are as
    in `act`.
    """
    chosen, plan = planned.chosen, planned.plan
    return act(
        context, "run", lambda d: d.identity in meant.processes and plan.allows(d), refused=chosen.refused,
        planned=planned_before, locks=plan.locks if meant.locks else (), refused_locks=chosen.refused_locks,
        tell=tell,
    )  # fmt: skip


def seen(context: Context, planned: Planned) -> View:
    """What was asked for, as a view with nothing else in it."""
    found = view(context.root, context.options, planned.judged)
    meant = tuple(one.condition for one in planned.chosen.locks)
    return found._replace(findings=planned.chosen.targets, conditions=meant)


def page(
    context: Context, planned: Planned, plan: Plan | None, *, asking: bool
) -> list[RenderableType]:
    """The plan in words; with `plan`, how it is executed later."""
    from process_janitor.faces.render.acts import plan_page

    found, chosen = seen(context, planned), planned.chosen
    refused = [
        *(documents.finding(decision, found) for decision in chosen.refused),
        *(documents.condition(one.condition, found) for one in chosen.refused_locks),
    ]
    return plan_page(documents.scan(found, plan=plan), refused, context.type_this, asking=asking)


__all__ = [
    "Meant", "Planned", "Question", "execute", "is_idle", "page", "prepare", "questions", "seen", "stale",
]  # fmt: skip
