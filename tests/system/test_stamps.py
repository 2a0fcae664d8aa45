"""What the stamps and the transcript say about how long a session has been quiet."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from process_janitor.core.model import Identity, Session
from process_janitor.system import clock, stamps

ID = "aaaaaaaa-0000-4000-8000-000000000001"
LATER = "bbbbbbbb-0000-4000-8000-000000000002"
BOOT = "boot"
OWNER = Identity(7, 5, BOOT, 3)


def aged(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}\n")
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


def quiet(tmp_path: Path, **fields: object) -> Session:
    session = Session(ID, OWNER)._replace(**fields)  # type: ignore[arg-type]
    return stamps.stamped(str(tmp_path), session, BOOT, str(tmp_path / "claude"))


def test_nothing_known_is_nothing_said(tmp_path: Path) -> None:
    one = quiet(tmp_path)
    assert (one.activity_ago, one.transcript_ago, one.busy_ago) == (None, None, None)
    assert quiet(tmp_path, session_id="../..", transcript="x").transcript_ago is None


def test_the_newest_transcript_of_the_process_counts_also_under_its_later_id(
    tmp_path: Path,
) -> None:
    old = aged(tmp_path / "t" / f"{ID}.jsonl", 900)
    assert quiet(tmp_path, transcript=str(old)).transcript_ago == pytest.approx(900, abs=5)
    aged(tmp_path / "t" / f"{LATER}.jsonl", 60)
    moved = quiet(tmp_path, transcript=str(old), session_id=LATER)
    assert moved.transcript_ago == pytest.approx(60, abs=5)
    assert quiet(tmp_path, transcript=str(tmp_path / "none.jsonl")).transcript_ago is None


def test_an_unregistered_sessions_transcript_is_found_by_the_clients_rule(tmp_path: Path) -> None:
    projects = tmp_path / "claude" / "projects"
    aged(projects / "-home-u-my-app" / f"{ID}.jsonl", 300)
    found = quiet(tmp_path, source="client", cwd="/home/u/my.app")
    assert found.transcript_ago == pytest.approx(300, abs=5)
    assert quiet(tmp_path, source="client", cwd="/a/link").transcript_ago == pytest.approx(
        300, abs=5
    )
    assert (
        quiet(tmp_path, source="client", session_id=LATER, cwd="/home/u/my.app").transcript_ago
        is None
    )


def test_the_heartbeat_says_since_when_it_had_no_work(tmp_path: Path) -> None:
    beat = tmp_path / "sessions" / ID / "heartbeat"
    beat.parent.mkdir(parents=True)
    now = clock.monotonic()
    line = {"boot_id": BOOT, "monotonic": now, "watcher": 3}
    beat.write_text(json.dumps(line))
    assert stamps.read(str(tmp_path), ID, BOOT).busy_ago is None
    beat.write_text(json.dumps({**line, "busy_monotonic": now - 90}))
    assert quiet(tmp_path).busy_ago == pytest.approx(90, abs=5)
    assert stamps.read(str(tmp_path), ID, "another boot").busy_ago is None
    beat.write_text(json.dumps({**line, "busy_monotonic": True}))
    assert quiet(tmp_path).busy_ago is None


def test_only_sessions_that_may_live_are_looked_up(tmp_path: Path) -> None:
    transcript = str(aged(tmp_path / f"{ID}.jsonl", 100))
    live = Session(ID, OWNER, transcript=transcript)
    over, elsewhere = live._replace(over="ended"), live._replace(owner=Identity(8, 5, "other", 3))
    twin = live._replace(source="client")
    found = stamps.all_stamped(str(tmp_path), [live, over, elsewhere, twin], BOOT, str(tmp_path))
    assert [one.transcript_ago is not None for one in found] == [True, False, False, False]
