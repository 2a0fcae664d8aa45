"""Questions on a terminal. Nothing but a yes is one: the end of the input and an answer that does not come are a no."""

from __future__ import annotations

import math
import sys
import time

from process_janitor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.faces.cli.context import Context

ANSWER_SECONDS = 10.0


def agreed(context: Context, question: str) -> bool:
    """Ask, and wait for the answer as long as it takes."""
    context.out.write(f"{visible(question)} [y/N] ")
    context.out.flush()
    return _is_yes(sys.stdin.readline())


def agreed_within(context: Context, question: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Ask, and count the seconds down before the eyes of whoever may answer."""
    import select

    _forget_typed()
    moves = context.environment.get("TERM", "dumb") != "dumb"
    end = time.monotonic() + seconds
    shown = math.ceil(seconds)
    context.out.write(f"[{shown:>2} s] {visible(question)} [y/N] ")
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


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


def _forget_typed() -> None:
    """Drop what was typed before the question was there to be read."""
    import termios

    try:
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    except (OSError, termios.error):
        return  # no terminal: nothing is typed ahead


__all__ = ["ANSWER_SECONDS", "agreed", "agreed_within"]
