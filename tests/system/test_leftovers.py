"""The watcher's note of what is left over, as a hook reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from process_janitor.core.plausible import PID_MAX
from process_janitor.system import identity, leftovers, worlds

ME = identity.identify(os.getpid())


def note_in(root: Path) -> Path:
    return Path(worlds.directory(str(root)), "leftovers.json")


def written_at(path: Path, seconds: int) -> None:
    path.touch()
    os.utime(path, (seconds, seconds))


def test_a_noted_process_that_still_runs_is_told_and_another_start_is_not(tmp_path: Path) -> None:
    assert ME is not None
    noted = [ME, ME._replace(start=ME.start - 1)]
    leftovers.store(str(tmp_path), noted, noted)
    told = leftovers.Note((ME.pid,), (ME.pid,))
    assert leftovers.still_there(str(tmp_path), identity.boot_id()) == told
    assert leftovers.still_there(str(tmp_path), "another boot") == leftovers.Note()


def test_a_note_that_is_older_than_the_keep_rules_is_not_believed(tmp_path: Path) -> None:
    assert ME is not None
    leftovers.store(str(tmp_path), [ME], [ME])
    written_at(note_in(tmp_path), 1000)
    for written, expected in ((999, (ME.pid,)), (1001, ())):
        written_at(tmp_path / "keep.json", written)
        told = leftovers.still_there(str(tmp_path), identity.boot_id())
        assert told == leftovers.Note(expected, (ME.pid,))


def test_a_note_of_any_length_is_read_in_no_time(tmp_path: Path) -> None:
    assert ME is not None
    worlds.make(worlds.directory(str(tmp_path)))
    note = {"boot_id": identity.boot_id(), "sessions": [[ME.pid, [1]], [ME.pid, 1e18]]}
    row = [ME.pid, ME.start]
    for many, told in ((2, (ME.pid,)), (3000, (ME.pid,)), (30_000, ())):
        text = json.dumps({**note, "found": [row] * many}, separators=(",", ":"))
        note_in(tmp_path).write_text(text)
        assert (len(text) < 65_536) is bool(told)
        assert leftovers.still_there(str(tmp_path), identity.boot_id()) == leftovers.Note(told)
    whole = [ME._replace(pid=PID_MAX, start=2**63)] * 1000
    leftovers.store(str(tmp_path), whole, whole)
    assert note_in(tmp_path).stat().st_size < 65_536, "no note of ours is too long"


def test_without_a_note_nothing_is_known(tmp_path: Path) -> None:
    assert leftovers.still_there(str(tmp_path), identity.boot_id()) == leftovers.Note()
