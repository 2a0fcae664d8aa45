"""What the watcher's child waits for: a goodbye, as cheaply as asking for one file; the end of what is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from process_janitor.core.model import Identity
from process_janitor.core.policy import KeepRule, Policy
from process_janitor.core.record import new_record
from process_janitor.system import clock, identity, registry
from process_janitor.watcher import cleaning, goodbye
from tests.machine import BOOT, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"

GONE = Identity(4711, 99, "boot", 1)
ENDED = {"reason": "other", "boot_id": "boot", "monotonic": 1.0}


def records(folder: Path) -> registry.Registry:
    found = registry.Registry(str(folder))
    found.prepare()
    for number in range(3):
        found.write(new_record(f"old-{number}", GONE._replace(pid=100 + number)))
    return found


def test_a_goodbye_is_waited_for_without_going_through_all_the_old_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = records(tmp_path)
    known.write(new_record("gone", GONE))
    asked = {"listed": 0, "read": 0}
    really_listed, really_read = os.listdir, registry.Registry.read

    def listed(path: str) -> list[str]:
        asked["listed"] += not str(path).startswith("/proc")
        return really_listed(path)

    def read(self: registry.Registry, path: str) -> registry.Entry:
        asked["read"] += 1
        return really_read(self, path)

    monkeypatch.setattr(os, "listdir", listed)
    monkeypatch.setattr(registry.Registry, "read", read)
    # One of them was registered by nobody: it is looked for once.
    gone = {GONE.key: "gone", (4712, 99): ""}
    assert not goodbye.said_goodbye(known, gone)
    assert asked["read"] > 3
    assert asked["listed"] == 1


def test_a_goodbye_that_comes_under_another_id_is_heard(tmp_path: Path) -> None:
    known = records(tmp_path)
    ended = {**ENDED, "boot_id": identity.boot_id(), "monotonic": clock.monotonic()}
    entry = known.write(new_record("gone", GONE, ended=ended))
    known.move(entry, "another-id")
    assert goodbye.said_goodbye(known, {GONE.key: "gone"})
    assert not goodbye.said_goodbye(known, {GONE.key: "gone", (100, 99): "old-0"})


def test_what_is_come_back_to_is_in_use_and_not_kept() -> None:
    """Who is `needed` by what the user keeps is so for ever: a watcher that waits for its end never goes."""
    m = Machine()
    claude, other = m.claude(A), m.claude(B)
    kept = m.spawn(m.bash(claude, A), comm="node")
    m.spawn(m.bash(other, B), comm="node", detail={"serving": "yes"})
    expected = m.rows[other].key
    for one in (claude, other):
        m.exit(one)
    rule = KeepRule(pid=kept, start=m.rows[kept].start, boot_id=BOOT)
    decisions = m.decide(Policy(keep_rules=(rule,))).values()
    assert {one.verdict for one in decisions} == {"keep"}
    assert cleaning._held_for_now(decisions) == {expected}
