"""What is over is cleared away in time, and what lives, is young or is somebody else's stays."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.system import identity, seen
from process_janitor.system.registry import Registry
from process_janitor.system.retention import prune

DAY = 86_400.0
DEAD = 4_000_000


def aged(path: Path, days: float) -> Path:
    at = time.time() - days * DAY
    os.utime(path, (at, at), follow_symlinks=False)
    return path


def recorded(root: Path, session_id: str, pid: int, days: float, **fields: Any) -> Path:
    owner = Identity(pid, 5, identity.boot_id(), identity.pid_namespace())
    registry = Registry(str(root))
    registry.prepare()
    entry = registry.write(new_record(session_id, owner, **fields))
    seen.store(str(root), pid, 5, {})
    aged(Path(seen.path(str(root), pid, 5)), days)
    return aged(Path(entry.path), days)


def test_records_of_ended_sessions_go_after_the_retention(tmp_path: Path) -> None:
    closed = {"closed": {"at": "x", "state": "ended"}}
    old = recorded(tmp_path, "old", DEAD, 31, **closed)
    young = recorded(tmp_path, "young", DEAD + 1, 29, **closed)
    still_open = recorded(tmp_path, "open", DEAD + 2, 31)
    assert prune(Registry(str(tmp_path)), 30) == 1
    assert [p.exists() for p in (old, old.parent, young, still_open)] == [False, False, True, True]
    trees = sorted(path.name for path in (tmp_path / "trees").iterdir())
    assert trees == [f"{DEAD + 1}-5", f"{DEAD + 2}-5"]


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    record = recorded(tmp_path, "one", DEAD, 2)
    (tmp_path / "plans").mkdir()
    places = (tmp_path, record.parent, tmp_path / "trees", tmp_path / "plans")
    for place in places:
        for name, days in (("a.json.1-2.tmp", 1.1), ("b.json.3-4.tmp", 0.9)):
            (place / name).touch()
            aged(place / name, days)
    expired, fresh, foreign = (
        tmp_path / "plans" / name for name in ("aaaaaa.json", "bbbbbb.json", "notes")
    )
    for path, days in ((expired, 1.1), (fresh, 0.0), (foreign, 9.0)):
        path.touch()
        aged(path, days)
    (tmp_path / "folder.tmp").mkdir()
    aged(tmp_path / "folder.tmp", 9)
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    kept = aged_file(outside / "x.tmp", 9)
    (tmp_path / "sessions" / "link").symlink_to(outside)
    prune(Registry(str(tmp_path)), 30)
    assert not [
        str(place / "a.json.1-2.tmp") for place in places if (place / "a.json.1-2.tmp").exists()
    ]
    assert all((place / "b.json.3-4.tmp").exists() for place in places)
    assert [p.exists() for p in (expired, fresh, foreign, kept, record)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert (tmp_path / "folder.tmp").is_dir()


def aged_file(path: Path, days: float) -> Path:
    path.touch()
    return aged(path, days)


def test_what_was_seen_goes_with_its_record_unless_its_client_lives(tmp_path: Path) -> None:
    me = identity.identify(os.getpid())
    assert me is not None
    record = recorded(tmp_path, "one", DEAD, 9)
    for (pid, start), days in (
        ((DEAD + 1, 5), 31), (me.key, 31), ((me.pid, me.start + 1), 31), ((DEAD + 1, 6), 29),
    ):  # fmt: skip
        seen.store(str(tmp_path), pid, start, {})
        aged(Path(seen.path(str(tmp_path), pid, start)), days)
    prune(Registry(str(tmp_path)), 30)
    left = sorted(path.name for path in (tmp_path / "trees").iterdir())
    assert left == sorted([f"{DEAD}-5", f"{me.pid}-{me.start}", f"{DEAD + 1}-6"])
    assert record.exists()


def test_it_is_done_once_an_hour(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    registry.prepare()
    prune(registry, 30)
    path = aged_file(tmp_path / "x.tmp", 2)
    prune(registry, 30)
    assert path.exists()
    aged(tmp_path / "pruned", 1)
    prune(registry, 30)
    assert not path.exists()
