"""The watcher's note of what is left over, as a hook reads it."""

from __future__ import annotations

import os
from pathlib import Path

from process_janitor.system import identity, leftovers

ME = identity.identify(os.getpid())


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
    written_at(tmp_path / "leftovers.json", 1000)
    for written, expected in ((999, (ME.pid,)), (1001, ())):
        written_at(tmp_path / "keep.json", written)
        told = leftovers.still_there(str(tmp_path), identity.boot_id())
        assert told == leftovers.Note(expected, (ME.pid,))


def test_without_a_note_nothing_is_known(tmp_path: Path) -> None:
    assert leftovers.still_there(str(tmp_path), identity.boot_id()) == leftovers.Note()
