"""Waiting for the goodbye of a session that is gone: as cheap as asking for one file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.system import clock, identity, registry
from process_janitor.watcher import goodbye

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
