"""What was seen below a session is known again in the same boot and pid namespace, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from process_janitor.core.model import Seen
from process_janitor.system import identity, seen

KEY = (3999, 4242)
BELOW = {(4000, 4300): Seen(3999, 4242, detached=True), (4001, 4301): Seen(4000, 4300, server=True)}


def test_what_was_stored_is_known_again(tmp_path: Path) -> None:
    assert not seen.watched(str(tmp_path), *KEY)
    seen.store(str(tmp_path), *KEY, BELOW)
    assert seen.load(str(tmp_path), *KEY) == BELOW
    assert seen.watched(str(tmp_path), *KEY)
    seen.store(str(tmp_path), *KEY, {})
    assert seen.load(str(tmp_path), *KEY) == {}
    assert seen.watched(str(tmp_path), *KEY), "it was looked at, and had nothing"


@pytest.mark.parametrize(
    ("asked", "answer"), [("boot_id", "of-another-boot"), ("boot_id", ""), ("pid_namespace", 7)]
)
def test_what_was_seen_elsewhere_names_nothing_here(
    asked: str, answer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.setattr(identity, asked, lambda: answer)
        seen.store(str(tmp_path), *KEY, BELOW)
    assert seen.load(str(tmp_path), *KEY) == {}
    assert not seen.watched(str(tmp_path), *KEY)
    seen.store(str(tmp_path), *KEY, BELOW)
    with monkeypatch.context() as there:
        there.setattr(identity, asked, lambda: answer)
        assert seen.load(str(tmp_path), *KEY) == {}
        assert not seen.watched(str(tmp_path), *KEY)


@pytest.mark.parametrize(
    "text", ["", "\n", "boot\n", "4000 4300 3999 4242 0 1 0\n", "\n4000 4300 3999 4242 0 1 0\n"]
)
def test_a_file_that_names_no_boot_is_not_believed(text: str, tmp_path: Path) -> None:
    path = Path(seen.path(str(tmp_path), *KEY))
    path.parent.mkdir()
    path.write_text(text)
    assert seen.load(str(tmp_path), *KEY) == {}
    assert not seen.watched(str(tmp_path), *KEY)
