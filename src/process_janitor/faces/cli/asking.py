"""Questions on a terminal. Nothing but a yes is one: the end of the input and an answer that does not come are a no."""

from __future__ import annotations

import math
import sys
import time

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.words import evidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Decision, Identity
    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.cli.selection import Chosen

ANSWER_SECONDS = 10.0


def agreed(context: Context, question: str) -> bool:
    """Ask, and wait for the answer as long as it takes."""
    context.out.write(f"{question} [y/N] ")
    context.out.flush()
    return _is_yes(sys.stdin.readline())


def agreed_within(context: Context, question: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Ask, and count the seconds down before the eyes of whoever may answer."""
    import select

    _forget_typed()
    moves = context.environment.get("TERM", "dumb") != "dumb"
    end = time.monotonic() + seconds
    shown = math.ceil(seconds)
    context.out.write(f"[{shown:>2} s] {question} [y/N] ")
    context.out.flush()
    while True:
        left = end - time.monotonic()
        if left <= 0:
            context.out.write("\nNo answer: no.\n")
            # What was typed without Enter must not become the answer to the next question.
            _forget_typed()
            return False
        if moves and math.ceil(left) < shown:
            shown = math.ceil(left)
            # Only the count is written anew; what has been typed behind the question stays in sight.
            context.out.write(f"\x1b7\r[{shown:>2} s]\x1b8")
            context.out.flush()
        # To the next full second, so that every count is seen.
        if select.select([sys.stdin], [], [], min(left, left - math.ceil(left) + 1 + 0.01))[0]:
            return _is_yes(sys.stdin.readline())


def is_idle(decision: Decision) -> bool:
    """A living session, which somebody may come back to."""
    return decision.finding == "idle-session"


class Meant(NamedTuple):
    """What the user agreed to."""

    processes: frozenset[Identity] = frozenset()
    locks: bool = False

    @property
    def any(self) -> bool:
        return bool(self.processes or self.locks)


NOTHING = Meant()


def consent(context: Context, chosen: Chosen) -> Meant:
    """What the user agrees to: leftovers and locks together, then each idle session by itself."""
    together = [one.identity for one in chosen.targets if not is_idle(one)]
    meant: set[Identity] = set()
    unlock = False
    if together or chosen.locks:
        count, locks = len(together), len(chosen.locks)
        ends = "end this process" if count == 1 else f"end these {count} processes"
        removes = "remove this lock" if locks == 1 else f"remove these {locks} locks"
        asked = " and ".join((*((ends,) if count else ()), *((removes,) if locks else ())))
        if agreed(context, f"{asked.capitalize()}?"):
            meant.update(together)
            unlock = bool(chosen.locks)
    for target in chosen.targets:
        if is_idle(target):
            quiet = "; ".join(evidence(code) for code in target.evidence[:1])
            context.say(f"Session {target.session_id}, process {target.process.pid}: {quiet}.")
            if agreed_within(context, "End it?"):
                meant.add(target.identity)
    if not meant and not unlock:
        context.say("Nothing was ended.")
    return Meant(frozenset(meant), unlock)


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


def _forget_typed() -> None:
    """Drop what was typed before the question was there to be read."""
    import termios

    try:
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    except (OSError, termios.error):
        return  # no terminal: nothing is typed ahead


__all__ = ["ANSWER_SECONDS", "NOTHING", "Meant", "agreed", "agreed_within", "consent", "is_idle"]
