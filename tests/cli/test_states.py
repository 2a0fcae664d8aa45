"""The state of a session follows from proof, not from a late heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from process_janitor.core.model import Identity, Session
from process_janitor.core.states import Patience, state

if TYPE_CHECKING:
    from process_janitor.core.owners import Presence

PATIENCE = Patience(idle_after=1800, least_age=600)
OLD = 100_000.0


def session(**fields: object) -> Session:
    return Session("s", Identity(7, 5, "boot", 3))._replace(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "presence", "age", "expected"),
    [
        ({}, "live", OLD, "live"),
        ({"heartbeat_ago": 1e6}, "live", OLD, "live"),
        ({"activity_ago": 1801.0}, "live", OLD, "idle"),
        ({"activity_ago": 1801.0}, "live", 599.0, "live"),
        ({"activity_ago": 1799.0}, "live", OLD, "live"),
        ({"ended_reason": "other", "ended_ago": 11.0}, "live", OLD, "hung"),
        ({"ended_reason": "other", "ended_ago": 2.0}, "live", OLD, "live"),
        ({"ended_reason": "clear", "ended_ago": 99.0}, "live", OLD, "live"),
        ({"ended_reason": "other", "ended_ago": 99.0, "kind": "bg"}, "live", OLD, "live"),
        ({}, "gone", None, "crashed"),
        ({"ended_reason": "resume"}, "gone", None, "crashed"),
        ({"ended_reason": "prompt_input_exit"}, "gone", None, "ended"),
        ({"source": "marks"}, "gone", None, "unknown"),
        ({}, "elsewhere", None, "elsewhere"),
        ({}, "rebooted", None, "elsewhere"),
        ({"owner": Identity(7, 5, "", 3)}, "elsewhere", None, "unknown"),
        ({"owner": Identity(7, 5, "boot", 0)}, "elsewhere", None, "unknown"),
    ],
)
def test_state(
    fields: dict[str, object], presence: Presence, age: float | None, expected: str
) -> None:
    assert state(session(**fields), presence, age, PATIENCE) == expected
