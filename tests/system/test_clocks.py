"""Which clock counts: a step of the wall clock and a night asleep change no age that a verdict rests on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from process_janitor.actions import plans
from process_janitor.core.model import Identity, Seen
from process_janitor.core.record import new_record
from process_janitor.system import clock, files, identity, lease, seen, stamps
from process_janitor.system.registry import Entry, Registry, as_session
from process_janitor.system.retention import prune

DAY = 86_400.0
BOOT = identity.boot_id()
NAMESPACE = identity.pid_namespace()
# A process number of nobody's: no Linux hands it out before a machine has had four million.
NOBODY = 4_194_303
case = pytest.mark.case


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(str(tmp_path / "state"))
    made.prepare()
    return made


def wall_clock_steps(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    honest = time.time
    monkeypatch.setattr(time, "time", lambda: honest() + seconds)


def asleep(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """As after a suspend: the clock of start ticks and the wall clock have gone on, the monotonic one has not."""
    honest = time.clock_gettime
    slept = {time.CLOCK_BOOTTIME: seconds, time.CLOCK_REALTIME: seconds}
    monkeypatch.setattr(time, "clock_gettime", lambda which: honest(which) + slept.get(which, 0.0))
    wall_clock_steps(monkeypatch, seconds)


def written(registry: Registry, owner: Identity, session_id: str = "one", **fields: Any) -> Entry:
    return registry.write(new_record(session_id, owner, host=identity.host_name(), **fields))


@case("B6", "a step of the wall clock, forwards or backwards", "keep")
@pytest.mark.parametrize("step", [DAY, -DAY])
def test_a_step_of_the_wall_clock_changes_no_age(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    ended = {"reason": "other", "monotonic": clock.monotonic(), "boot_id": BOOT}
    entry = written(registry, Identity(NOBODY, 5, BOOT, NAMESPACE), ended=ended)
    stamps.beat(entry.directory, clock.monotonic(), BOOT, None)
    plan = plans.new([], BOOT, selected=False)
    plans.store(registry.root, plan)
    ticks = clock.ticks()
    wall_clock_steps(monkeypatch, step)
    session = as_session(entry, clock.monotonic(), BOOT)
    assert session.ended_ago is not None
    assert session.ended_ago < 60
    beat = stamps.read(registry.root, "one", BOOT).heartbeat_ago
    assert beat is not None
    assert beat < 60
    assert clock.ticks() - ticks < 60 * clock.ticks_per_second()
    assert plans.load(registry.root, plan.id, BOOT).id == plan.id


@case("D1", "a lid closed for eight hours", "keep")
def test_a_night_asleep_makes_no_heartbeat_and_no_goodbye_older(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = {"reason": "other", "monotonic": clock.monotonic(), "boot_id": BOOT}
    entry = written(registry, Identity(NOBODY, 5, BOOT, NAMESPACE), ended=ended)
    stamps.beat(entry.directory, clock.monotonic(), BOOT, None)
    plan = plans.new([], BOOT, selected=False)
    plans.store(registry.root, plan)
    ticks = clock.ticks()
    asleep(monkeypatch, 8 * 3600.0)
    assert clock.ticks() - ticks >= 8 * 3600 * clock.ticks_per_second(), "start ticks count on"
    beat = stamps.read(registry.root, "one", BOOT).heartbeat_ago
    assert beat is not None
    assert beat < 60
    session = as_session(entry, clock.monotonic(), BOOT)
    assert session.ended_ago is not None
    assert session.ended_ago < 60
    with pytest.raises(plans.NoPlan, match="expired"):
        plans.load(registry.root, plan.id, BOOT)


def test_a_stamp_of_another_boot_or_of_other_clocks_has_no_age(registry: Registry) -> None:
    entry = written(registry, Identity(NOBODY, 5, BOOT, NAMESPACE))
    for boot in ("an-earlier-boot", f"{BOOT}+0.0+86400.0"):
        stamps.beat(entry.directory, clock.monotonic(), boot, None)
        assert json.loads((Path(entry.directory) / "heartbeat").read_text())["boot_id"] == boot
        assert stamps.read(registry.root, "one", BOOT).heartbeat_ago is None


@pytest.mark.parametrize("step", [DAY, -DAY, 400 * DAY])
def test_no_step_of_the_wall_clock_removes_what_may_live(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    here = Identity(os.getpid(), 5, BOOT, NAMESPACE)
    shifted = here._replace(boot_id=f"{BOOT}+0.0+86400.0", start=6)
    over = {"closed": {"at": "", "state": "crashed"}}
    lives, other_clocks = written(registry, here), written(registry, shifted, "two")
    closed = written(registry, here._replace(start=7), "three", **over)
    wall_clock_steps(monkeypatch, step)
    prune(registry, 30)
    assert Path(lives.path).exists()
    assert Path(other_clocks.path).exists()
    assert Path(closed.path).exists() is (step < 30 * DAY)


def aged(path: str, seconds: float) -> None:
    files.touch(path)
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_is_over_and_old_is_removed_and_what_is_not_stays(registry: Registry) -> None:
    over = {"closed": {"at": "", "state": "ended"}}
    here = Identity(NOBODY, 5, BOOT, NAMESPACE)
    old, young = written(registry, here, "old", **over), written(registry, here, "young", **over)
    before = written(registry, here._replace(boot_id="an-earlier-boot"), "before")
    aged(old.path, 31 * DAY)
    aged(before.path, 31 * DAY)
    seen.store(registry.root, *here.key, {})
    assert prune(registry, 30) == 2
    assert not Path(old.path).exists()
    assert not Path(before.path).exists()
    assert Path(young.path).exists()
    assert prune(registry, 0) == 0, "at most once an hour"


def test_what_was_seen_of_unregistered_sessions_goes_when_they_are_long_over(
    registry: Registry,
) -> None:
    row = identity.identify(os.getpid())
    assert row is not None
    known = Identity(NOBODY, 7, BOOT, NAMESPACE)
    written(registry, known)
    gone, recent = (NOBODY, 5), (NOBODY, 6)
    for key in (gone, recent, known.key, row.key):
        seen.store(registry.root, *key, {(9, 9): Seen(1, 1)})
        if key != recent:
            aged(seen.path(registry.root, *key), 31 * DAY)
    (Path(registry.root) / "trees" / "something else").write_text("")
    prune(registry, 30)
    left = {seen.name(*key) for key in (recent, known.key, row.key)}
    assert set(os.listdir(Path(registry.root) / "trees")) == {*left, "something else"}


def test_sleep_takes_nothing_of_the_watchers_term_and_silence_does(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = identity.identify(os.getpid())
    assert me is not None
    lease.announce(registry.root, me, "1", 300.0)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    # What a shell compares: by the one clock it can read.
    until = Path(registry.root, lease.HOLDER_NAME).read_text().split()[5]
    assert 0 <= uptime + 300.0 - int(until) < 5.0
    asleep(monkeypatch, DAY)
    assert lease.lost(registry.root, BOOT) is None
    awake = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: awake() + 301.0)
    assert lease.lost(registry.root, BOOT) == me.key
    assert lease.lost(registry.root, "another boot") is None
    # A version that had no term, and a holder that is gone: a newborn has the lease and no name yet.
    holder = Path(registry.root, lease.HOLDER_NAME)
    told = holder.read_text().split()
    holder.write_text(" ".join(told[:4]) + "\n")
    assert lease.lost(registry.root, BOOT) is None
    holder.write_text(" ".join([told[0], "1", *told[2:]]) + "\n")
    assert lease.lost(registry.root, BOOT) is None
