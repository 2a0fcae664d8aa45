"""What is worth a line and is no process of its own: a lock, a window, a load. Nothing in here is ever signalled."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Process, Verdict


class Condition(NamedTuple):
    """One thing to report. `finding` is the contract's class, `subject` names it: a path, a window, what is overloaded.

    `about` is one sentence for people without its full stop, `age` in seconds, `size` in bytes, both 0 where they mean
    nothing. `process` is there where one living process is what the condition is about. `next` is the command that deals
    with it, as it is typed; "" where only its user can.
    """

    finding: str
    subject: str
    about: str
    verdict: Verdict = "report"
    session_id: str = ""
    evidence: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    age: float = 0.0
    size: int = 0
    process: Process | None = None
    next: str = ""


__all__ = ["Condition"]
