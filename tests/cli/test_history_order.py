"""`history` tells what happened in the order in which one thing led to another."""

from __future__ import annotations

from typing import Any

from process_janitor.faces.cli.history import causes_first


def line(event: str, session: str, at: str, what: str = "") -> dict[str, Any]:
    return {"event": event, "session_id": session, "at": f"2026-11-21T08:00:{at}Z", "what": what}


def test_a_crash_stands_before_what_was_ended_for_it_and_after_what_was_before_it() -> None:
    earlier = line("action", "a", "01", "another cleanup of the same session")
    first, second = line("action", "a", "05"), line("action", "a", "06")
    between = line("action", "b", "05")
    note = {"event": "refused", "at": "2026-11-21T08:00:06Z", "text": "x"}
    crash = line("session", "a", "05")
    told = causes_first([earlier, between, first, second, note, crash])
    assert told == [earlier, between, crash, first, second, note]


def test_what_has_nothing_to_do_with_it_keeps_its_place() -> None:
    lines = [
        line("action", "a", "01"),
        line("session", "b", "02"),
        line("action", "c", "02"),
        line("session", "c", "03"),
        {"event": "session"},
        {"event": "action"},
    ]
    assert causes_first(lines) == lines
