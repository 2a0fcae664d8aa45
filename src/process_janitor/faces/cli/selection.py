"""What `run` was asked to end: the selection on the command line, applied to decisions.

Several values of one option add up (`--pid 7 --pid 8`); different options narrow each other down (`--session A --class
detached`: of A only what is detached). The other reading would end more than somebody meant.
"""

from __future__ import annotations

from process_janitor.core.locks import FINDING
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.sweep import actionable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision


class Selection(NamedTuple):
    pids: frozenset[int] = frozenset()
    sessions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()

    @property
    def explicit(self) -> bool:
        """Whether the user named anything: only then may a `report` be ended."""
        return bool(self.pids or self.sessions or self.classes)

    @property
    def locks(self) -> bool:
        """Whether locks are meant: only ever by their class, and a pid means a process."""
        return FINDING in self.classes and not self.pids

    def covers_lock(self, stale: Stale) -> bool:
        """Whether a stale lock is among what was asked for."""
        said = stale.condition
        return self.locks and (not self.sessions or said.session_id in self.sessions)

    def covers(self, decision: Decision) -> bool:
        """Whether the decision's process is among what was asked for, whatever its verdict."""
        return (
            (not self.pids or decision.process.pid in self.pids)
            and (not self.sessions or decision.session_id in self.sessions)
            and (not self.classes or decision.finding in self.classes)
        )


class Chosen(NamedTuple):
    """What may be ended, and what was asked for and may not."""

    targets: tuple[Decision, ...]
    refused: tuple[Decision, ...]
    locks: tuple[Stale, ...] = ()
    refused_locks: tuple[Stale, ...] = ()


def choose(selection: Selection, decisions: Iterable[Decision]) -> Chosen:
    """Without a selection: everything that is `reap`. With one: what it covers and may be ended.

    A process named by its pid is refused when it is a `keep`, and when another part of the selection leaves it out.
    What is only kept inside a selected session or class is passed over, unless nothing else is in it.
    Of two clients on one conversation only the one that its user names goes: nobody else may choose between them.
    """
    if not selection.explicit:
        return Chosen(tuple(d for d in decisions if d.verdict == "reap"), ())
    covered, left_out = [], []
    for decision in decisions:
        if selection.covers(decision):
            covered.append(decision)
        elif decision.process.pid in selection.pids:
            left_out.append(decision)
    targets = tuple(d for d in covered if _endable(selection, d))
    kept = tuple(d for d in covered if not _endable(selection, d))
    return Chosen(targets, (*left_out, *(kept if selection.pids or not targets else ())))


def _endable(selection: Selection, decision: Decision) -> bool:
    named = decision.process.pid in selection.pids
    return actionable(decision) and (named or decision.finding != "duplicate-session")


__all__ = ["Chosen", "Selection", "choose"]
