"""The state of a session follows from proof, not from a late heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from process_janitor.core.model import Identity, Session
from process_janitor.core.states import state

if TYPE_CHECKING:
    from process_janitor.core.owners import Presence


def session(**fields: object) -> Session:
    return Session("s", Identity(7, 5, "boot", 3))._replace(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "presence", "idle", "expected"),
    [
        ({}, "live", False, "live"),
        ({"heartbeat_ago": 1e6}, "live", False, "live"),
        ({}, "live", True, "idle"),
        ({"ended_reason": "other", "ended_ago": 11.0}, "live", True, "hung"),
        ({"ended_reason": "other", "ended_ago": 2.0}, "live", True, "live"),
        ({"ended_reason": "clear", "ended_ago": 99.0}, "live", False, "live"),
        ({"ended_reason": "other", "ended_ago": 99.0, "kind": "bg"}, "live", False, "live"),
        ({}, "gone", False, "crashed"),
        ({"ended_reason": "resume"}, "gone", False, "crashed"),
        ({"ended_reason": "prompt_input_exit"}, "gone", False, "ended"),
        ({"source": "marks"}, "gone", False, "unknown"),
        ({}, "elsewhere", False, "elsewhere"),
        ({}, "rebooted", False, "elsewhere"),
        ({"owner": Identity(7, 5, "", 3)}, "elsewhere", False, "unknown"),
        ({"owner": Identity(7, 5, "boot", 0)}, "elsewhere", False, "unknown"),
    ],
)
def test_state(fields: dict[str, object], presence: Presence, idle: bool, expected: str) -> None:
    assert state(session(**fields), presence, idle=idle) == expected
