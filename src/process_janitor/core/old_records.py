"""Records that tell of nothing any more: shown, a line for each directory, and never removed on that account."""

from __future__ import annotations

from process_janitor.core.conditions import Condition
from process_janitor.core.namedtuples import NamedTuple

FINDING = "stale-record"
WORDS = {"not-ours": "it is Claude Code's own register, which only Claude Code may change"}
_NAMED_MAX = 3


class Records(NamedTuple):
    """Such records of one directory. `names` are sorted, `age` is the oldest one's in seconds; `ours` are the janitor's."""

    directory: str
    names: tuple[str, ...]
    age: float
    ours: bool


def condition(records: Records) -> Condition:
    """What is shown of them. A machine that crashed a lot has hundreds: a few names stand for all."""
    count = len(records.names)
    whose = (
        "janitor's own that cannot be believed"
        if records.ours
        else "client's own whose process is gone"
    )
    named = ", ".join(records.names[:_NAMED_MAX]) + (", ..." if count > _NAMED_MAX else "")
    about = f"{count} of the {whose}: {named}"
    if records.ours:
        return Condition(
            FINDING, records.directory, about, evidence=("malformed",), age=records.age, next="process-janitor doctor"
        )  # fmt: skip
    # Every crash leaves one, and Claude Code removes it by itself: nothing for anybody to do.
    return Condition(
        FINDING, records.directory, about, "keep", evidence=("owner-gone",), vetoes=("not-ours",), age=records.age
    )  # fmt: skip


__all__ = ["FINDING", "WORDS", "Records", "condition"]
