"""The journal as a series of days."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.trend import Day, trend

DAYS = ["2026-11-20", "2026-11-21"]


def utc(at: str) -> str:
    return at[:10]


def action(at: str, identity: str, outcome: str = "gone", freed: Any = 100) -> dict[str, Any]:
    return {
        "event": "action",
        "at": at,
        "identity": identity,
        "outcome": outcome,
        "freed_bytes": freed,
    }


def test_a_day_counts_each_process_once_and_only_what_is_gone_has_freed() -> None:
    lines = [
        action("2026-11-20T08:00:00Z", "7-1@b/1"),
        action("2026-11-20T09:00:00Z", "8-1@b/1", "survived"),
        action("2026-11-20T09:05:00Z", "8-1@b/1", "refused", 0),
        {"event": "session", "at": "2026-11-20T07:00:00Z", "state": "crashed"},
        {"event": "session", "at": "2026-11-20T07:00:00Z", "state": "ended"},
        {"event": "session", "at": "2026-11-21T07:00:00Z", "state": "hung"},
        action("2026-11-21T09:05:00Z", "8-1@b/1"),
        action("2026-11-19T23:59:59Z", "9-1@b/1"),
    ]
    assert trend(lines, DAYS, utc) == [
        Day("2026-11-20", 2, 1, 100, 1, 0),
        Day("2026-11-21", 1, 1, 100, 0, 1),
    ]


def test_days_without_anything_are_there() -> None:
    assert trend([], DAYS, utc) == [Day(day) for day in DAYS]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
lines = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "event": st.one_of(st.sampled_from(["action", "session"]), anything),
            "at": st.one_of(st.sampled_from(["2026-11-20", "2026-11-21x"]), anything),
            "outcome": st.one_of(st.just("gone"), anything),
            "state": st.one_of(st.just("crashed"), anything),
            "freed_bytes": anything,
            "identity": anything,
        },
    ),
    max_size=20,
)


@given(lines)
def test_no_line_can_break_or_falsify_it(given_lines: list[dict[str, Any]]) -> None:
    found = trend(given_lines, DAYS, utc)
    assert [one.day for one in found] == DAYS
    for one in found:
        assert all(type(value) is int and value >= 0 for value in one[1:])
        assert one.ended == 0 or one.leftovers > 0
