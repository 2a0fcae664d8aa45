"""What worlds that are gone have left is taken away, and nothing of one that may be at work."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from process_janitor.system import clock, flock, identity, lease, worlds
from process_janitor.system.registry import Registry
from process_janitor.system.retention import prune
from tests.world import wait_until

HOUR = 3600.0
DAY = 24 * HOUR
BOOT = identity.boot_id()
NAMESPACE = identity.pid_namespace()
DAYS = 30


def world(root: Path, name: str, seconds: float) -> Path:
    """A world's directory as its watcher leaves it when it is killed, that long ago."""
    place = root / "worlds" / name
    for file in ("watcher.lock", "cleaner.lock"):
        fd = worlds.lock(str(place), file)
        assert fd is not None
        os.close(fd)
    me = identity.identify(os.getpid())
    assert me is not None
    lease.announce(str(place), me, "1", 60.0)
    (place / "leftovers.json").touch()
    return aged(place, seconds)


def aged(place: Path, seconds: float) -> Path:
    at = time.time() - seconds
    os.utime(place, (at, at), follow_symlinks=False)
    return place


def test_a_world_is_a_boot_and_a_pid_namespace(tmp_path: Path) -> None:
    assert worlds.directory(str(tmp_path)) == str(tmp_path / "worlds" / f"{BOOT}-{NAMESPACE}")
    assert not (tmp_path / "worlds").exists(), "whoever only asks makes nothing"


@pytest.mark.parametrize(
    ("name", "seconds", "goes"),
    [
        (f"{BOOT}-{NAMESPACE + 1}", 1.1 * HOUR, True),
        (f"{BOOT}-{NAMESPACE + 1}", 0.9 * HOUR, False),
        (f"{BOOT}+0.0+86400.0-{NAMESPACE}", 1.1 * HOUR, True),
        (f"{BOOT}-{NAMESPACE}", 99 * DAY, False),
        (f"another-boot-{NAMESPACE}", (DAYS + 1) * DAY, True),
        (f"another-boot-{NAMESPACE}", (DAYS - 1) * DAY, False),
        # Of the future: its clock is wrong, not its age.
        (f"{BOOT}-{NAMESPACE + 1}", -DAY, False),
    ],
)
def test_what_is_over_goes_and_what_may_come_back_stays(
    tmp_path: Path, name: str, seconds: float, goes: bool
) -> None:
    place = world(tmp_path, name, seconds)
    young = world(tmp_path, f"{BOOT}-{NAMESPACE + 2}", 0.0)
    prune(Registry(str(tmp_path)), DAYS)
    assert (place.exists(), young.exists()) == (not goes, True)


@pytest.mark.parametrize("name", ["watcher.lock", "cleaner.lock"])
def test_of_a_world_that_holds_a_lock_nothing_is_taken_however_old_it_is(
    tmp_path: Path, name: str
) -> None:
    place = world(tmp_path, f"{BOOT}-{NAMESPACE + 1}", 99 * DAY)
    before = sorted(os.listdir(place))
    held = worlds.lock(str(place), name)
    assert held is not None
    worlds.prune(str(tmp_path), DAYS)
    assert sorted(os.listdir(place)) == before
    os.close(held)
    worlds.prune(str(tmp_path), DAYS)
    assert not place.exists()


def test_what_is_no_world_of_ours_stays(tmp_path: Path) -> None:
    outside = world(tmp_path / "outside", f"{BOOT}-1", 99 * DAY)
    (tmp_path / "worlds").mkdir()
    link = tmp_path / "worlds" / f"{BOOT}-1"
    link.symlink_to(outside)
    aged(link, 99 * DAY)
    file = tmp_path / "worlds" / f"{BOOT}-2"
    file.touch()
    aged(file, 99 * DAY)
    full = world(tmp_path, f"{BOOT}-3", 0.0)
    (full / "folder").mkdir()
    aged(full, 99 * DAY)
    worlds.prune(str(tmp_path), DAYS)
    assert link.is_symlink()
    assert file.exists()
    assert (outside / "watcher").exists()
    assert (full / "folder").is_dir()
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "worlds").symlink_to(outside.parent)
    worlds.prune(str(shared), DAYS)
    assert (outside / "watcher").exists()


def test_one_that_waits_for_a_lock_that_is_taken_away_gets_the_next(tmp_path: Path) -> None:
    place = str(tmp_path / "worlds" / "one")
    first = worlds.lock(place, "watcher.lock")
    assert first is not None
    path = os.path.join(place, "watcher.lock")
    got: list[int | None] = []
    waits = threading.Thread(target=lambda: got.append(worlds.lock(place, "watcher.lock", 10.0)))
    waits.start()
    began = os.stat(path).st_ino

    def opened() -> bool:
        found = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        return sum(os.path.exists(one) and os.stat(one).st_ino == began for one in found) > 1

    wait_until(opened, 5, "it has opened the file and waits")
    # As `prune` does: everything goes while the locks are held.
    os.unlink(path)
    os.rmdir(place)
    os.close(first)
    waits.join(10)
    (second,) = got
    assert second is not None
    assert os.path.samestat(os.fstat(second), os.stat(path)), "it is the one that others find"
    assert worlds.lock(place, "watcher.lock") is None
    os.close(second)
    third = flock.hold(path)
    assert third is not None
    os.close(third)


@pytest.mark.parametrize("kind", ["file", "symlink", "dangling symlink"])
def test_what_stands_in_the_place_of_the_worlds_is_not_used(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "file":
        (tmp_path / "worlds").write_text("mine")
    else:
        (tmp_path / "worlds").symlink_to(target)
    if kind == "symlink":
        target.mkdir()
    began = clock.monotonic()
    with pytest.raises(OSError, match="worlds"):
        worlds.lock(worlds.directory(str(tmp_path)), "watcher.lock")
    assert clock.monotonic() - began < 5.0
    assert not list(target.glob("*"))
