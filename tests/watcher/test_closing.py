"""What the watcher writes into a session's record, while hooks may write it too."""

from __future__ import annotations

import threading
from pathlib import Path

from process_janitor.core.model import Identity
from process_janitor.core.record import new_record
from process_janitor.system.registry import Registry
from process_janitor.watcher.closing import mark_hung
from tests.world import wait_until

OWNER = Identity(4711, 99, "boot", 1)


def test_a_session_that_moves_while_it_is_marked_as_hung_has_one_record(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path))
    registry.prepare()
    entry = registry.write(new_record("old-id", OWNER))
    neighbour = registry.write(new_record("another", OWNER._replace(pid=4712)))
    began, asked = threading.Event(), registry.find

    def find(pid: int, start: int, likely_id: str = "") -> object:
        found = asked(pid, start, likely_id)
        began.set()
        return found

    registry.find = find  # type: ignore[method-assign,assignment]  # to know when it has looked
    marking = threading.Thread(target=mark_hung, args=(registry, OWNER.key, "old-id"))
    with registry.lock() as held:
        assert held
        marking.start()
        looked_too_early = began.wait(0.3)
        Registry(str(tmp_path)).move(entry, "new-id")
    marking.join(10)
    assert not looked_too_early
    wait_until(began.is_set)
    (moved,) = [one for one in registry.entries() if one.owner == OWNER]
    assert (moved.record["session_id"], "hung" in moved.record) == ("new-id", True)
    assert "hung" not in registry.read(neighbour.path).record
