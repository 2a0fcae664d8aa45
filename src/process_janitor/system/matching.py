"""A user's regular expression against a command line, within bounds: some expressions take years over forty letters."""

from __future__ import annotations

# Of processor time. What tells at all tells within a thousandth of it.
SECONDS = 0.1
_REMEMBERED_MAX = 10_000
# A cleanup looks again and again, and each look asks about the same command lines.
_overdue: set[tuple[str, str]] = set()


class _Overdue(BaseException):
    """The time is up. No Exception, so that nothing on the way takes it for its own."""


def finds(pattern: str, text: str) -> bool:
    """Whether the expression is found in the text. True as well where it has not told in time: whoever protects
    something that cannot be told must not lose it.
    """
    import re  # only users with a rule pay for the engine
    import signal

    if (pattern, text) in _overdue:
        return True

    def stop(*_: object) -> None:
        raise _Overdue

    try:
        before = signal.signal(signal.SIGVTALRM, stop)
    except ValueError:
        return re.search(pattern, text) is not None  # in a thread no signal is handled
    try:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            return re.search(pattern, text) is not None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
    except _Overdue:
        if len(_overdue) < _REMEMBERED_MAX:
            _overdue.add((pattern, text))
        return True
    finally:
        signal.signal(signal.SIGVTALRM, before)


__all__ = ["SECONDS", "finds"]
