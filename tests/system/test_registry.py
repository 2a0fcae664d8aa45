"""The registry on disk: no record lost, none believed that is damaged, none read or written through a link."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.model import Identity
from process_janitor.core.record import MalformedRecord, checked, new_record
from process_janitor.faces.doctor import Ward, state
from process_janitor.system.config import load_settings
from process_janitor.system.registry import Entry, Registry, as_session

SOURCE = Path(__file__).resolve().parents[2] / "src"
OWNER = Identity(4711, 99, "boot", 7)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(str(tmp_path / "state"))
    made.prepare()
    return made


def record(session_id: str = "one", owner: Identity = OWNER, **fields: Any) -> dict[str, Any]:
    return new_record(session_id, owner, **fields)


def put(registry: Registry, text: str, session_id: str = "one", name: str = "4711-99.json") -> Path:
    folder = Path(registry.sessions) / session_id
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_a_record_comes_back_as_it_was_written(registry: Registry) -> None:
    odd: dict[str, Any] = {
        "cwd": 'a "quote"\nand a line' + "/x" * 2000,
        "a field of the future": [1, {"x": None}],
    }
    written = registry.write(record(**odd))
    assert registry.read(written.path) == written
    assert registry.find(*OWNER.key) == written
    assert written.owner == OWNER
    assert [entry.record for entry in registry.entries()] == [record(**odd)]


def test_reading_creates_nothing(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "none"))
    assert list(registry.entries()) == []
    assert registry.find(1, 2) is None
    assert registry.version() == 0
    assert registry.quarantine_malformed() == []
    assert os.listdir(tmp_path) == []


def test_records_are_private(registry: Registry) -> None:
    before = os.umask(0)
    try:
        entry = registry.write(record())
    finally:
        os.umask(before)
    assert os.stat(entry.path).st_mode & 0o777 == 0o600
    assert os.stat(entry.directory).st_mode & 0o777 == 0o700


def test_every_write_and_every_move_changes_the_version(registry: Registry) -> None:
    seen = {registry.version()}
    entry = registry.write(record())
    seen.add(registry.version())
    entry = registry.write({**entry.record, "cwd": "/x"})
    seen.add(registry.version())
    registry.move(entry, "two")
    seen.add(registry.version())
    assert len(seen) == 4


# Moving


def test_a_moved_record_is_in_one_place_and_knows_where_it_came_from(registry: Registry) -> None:
    entry = registry.write(record())
    (Path(entry.directory) / "heartbeat").write_text("{}")
    (Path(entry.directory) / "activity").write_text("")
    moved = registry.move(entry, "two")
    assert (moved.record["session_id"], moved.record["aliases"]) == ("two", ["one"])
    assert os.listdir(registry.sessions) == ["two"]
    back = registry.move(moved, "one")
    assert (back.record["session_id"], back.record["aliases"]) == ("one", ["two"])
    assert registry.find(*OWNER.key) == back
    assert registry.move(back, "one") is back


def test_a_move_leaves_the_others_of_the_old_id_where_they_are(registry: Registry) -> None:
    other = registry.write(record(owner=OWNER._replace(pid=4712)))
    registry.move(registry.write(record()), "two")
    assert sorted(os.listdir(registry.sessions)) == ["one", "two"]
    assert registry.read(other.path) == other


def test_what_is_not_ours_in_a_sessions_directory_stays(registry: Registry) -> None:
    entry = registry.write(record())
    (Path(entry.directory) / "notes.txt").write_text("mine")
    registry.drop(entry)
    assert os.listdir(entry.directory) == ["notes.txt"]


def test_aliases_are_bounded_and_the_newest_stay(registry: Registry) -> None:
    entry = registry.write(record("id-0"))
    for number in range(1, 100):
        entry = registry.move(entry, f"id-{number}")
    assert entry.record["aliases"] == [f"id-{number}" for number in range(99 - 64, 99)]


def test_a_mover_that_is_killed_half_way_leaves_a_record(registry: Registry) -> None:
    code = (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "from process_janitor.system.registry import Registry\n"
        "registry = Registry(sys.argv[2])\nentry = registry.find(4711, 99)\nprint(1, flush=True)\n"
        "while True:\n    for name in ('one', 'two'): entry = registry.move(entry, name)\n"
    )
    for turn in range(8):
        for entry in list(registry.entries()):
            registry.drop(entry)
        registry.write(record())
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code, str(SOURCE), registry.root],
            stdout=subprocess.PIPE,
        ) as mover:
            assert mover.stdout is not None
            mover.stdout.readline()
            time.sleep(0.01 + 0.007 * turn)  # the very instant of the kill is what is tried out
            mover.kill()
        found = list(registry.entries())
        assert found
        assert {entry.owner for entry in found} == {OWNER}


# Damage

GOOD = record()


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 0}, {"pid": 1}, {"pid": -1}, {"pid": "4711"}, {"pid": True}, {"pid": 4711.0}, {"pid": 1 << 23}, {"pid": None},
        {"start_ticks": -1}, {"start_ticks": "99"}, {"start_ticks": None}, {"pid_namespace": -1}, {"pid_namespace": True},
        {"boot_id": None}, {"boot_id": 7}, {"aliases": "x"}, {"aliases": ["../x"]}, {"aliases": [7]}, {"session_id": "../one"},
        {"session_id": "two"}, {"cwd": 7}, {"cwd": "x" * 9000}, {"sid": -1}, {"pgid": "1"}, {"ended": "now"}, {"ended": {}},
        {"ended": {"reason": "x", "boot_id": "b", "monotonic": "1"}}, {"pid": 4712}, {"start_ticks": 100}, {"host": None},
    ],
)  # fmt: skip
def test_a_record_that_must_not_be_believed_is_not(
    change: dict[str, Any], registry: Registry
) -> None:
    path = put(registry, json.dumps({**GOOD, **change}))
    with pytest.raises(MalformedRecord):
        registry.read(str(path))
    assert list(registry.entries()) == []
    assert registry.find(*OWNER.key) is None
    ((target, why),) = registry.quarantine_malformed()
    assert why
    assert json.loads(Path(target).read_text()) == {**GOOD, **change}, "put aside, never deleted"
    assert registry.quarantine_malformed() == []


@given(JSON)
def test_any_document_is_a_sound_record_or_a_malformed_one(document: object) -> None:
    try:
        sound = checked(document)
    except MalformedRecord:
        return
    assert sound["pid"] > 1


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "ended", "cwd", "host", "sid", "forked_from", "started_at"]),
        JSON,
        max_size=3,
    )
)
def test_a_record_that_passes_the_check_can_be_used(change: dict[str, Any]) -> None:
    try:
        sound = checked({**GOOD, **change})
    except MalformedRecord:
        return
    session = as_session(Entry("/x/one/4711-99.json", sound), 5.0, "boot")
    assert session.owner.pid > 1
    assert all(isinstance(one, str) for one in session.ids)


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "\x00" * 20, "x" * 300_000, "[" * 100_000, json.dumps(GOOD)[:-9]],
)
def test_a_torn_record_does_not_hide_the_others(text: str, registry: Registry) -> None:
    good = registry.write(record("two", OWNER._replace(pid=5)))
    put(registry, text)
    assert list(registry.entries()) == [good]
    assert len(registry.quarantine_malformed()) == 1
    assert list(registry.entries()) == [good]


def _directory(path: Path) -> None:
    path.mkdir()
    (path / "full").write_text("x")


def _link(path: Path) -> None:
    target = path.parent.parent.parent.parent / "target.json"
    target.write_text(json.dumps(GOOD))
    path.symlink_to(target)


@pytest.mark.parametrize(
    "make", [_directory, _link, os.mkfifo, lambda path: path.symlink_to("/nonexistent")]
)
def test_what_is_no_file_is_no_record_and_can_be_put_aside_twice(
    make: Callable[[Path], None], registry: Registry
) -> None:
    for _ in range(2):
        folder = Path(registry.sessions) / "one"
        folder.mkdir(exist_ok=True)
        make(folder / "4711-99.json")
        assert list(registry.entries()) == []
        registry.quarantine_malformed()
        assert os.listdir(folder) == []
        (folder.parent.parent.parent / "target.json").unlink(missing_ok=True)


@pytest.mark.case(
    "E3",
    "a living session's record that cannot be read: another user's, or a disk's bad moment",
    "keep",
)
@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_cannot_be_read_now_is_not_damaged_and_stays(
    number: int, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = registry.write(record())
    damaged = put(registry, "{", "two")
    read = os.open

    def refused(path: str, *arguments: Any, **more: Any) -> int:
        if path == unread.path:
            raise OSError(number, os.strerror(number), path)
        return read(path, *arguments, **more)

    with monkeypatch.context() as bad_moment:
        bad_moment.setattr(os, "open", refused)
        assert list(registry.entries()) == []
        ((target, _),) = registry.quarantine_malformed()
        ward = Ward(registry.root, registry.root, "", load_settings(), {})
        (said, aside) = state.records(ward)
    assert (said.name, said.state, said.mend) == ("records", "broken", None)
    assert unread.path in said.says
    assert (aside.name, Path(target).read_text()) == ("quarantine", "{")
    assert not damaged.exists()
    assert list(registry.entries()) == [unread]


def test_a_linked_session_directory_is_not_followed(registry: Registry, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "4711-99.json").write_text(json.dumps(GOOD))
    (Path(registry.sessions) / "one").symlink_to(elsewhere)
    assert list(registry.entries()) == []
    with pytest.raises(OSError, match="not a directory"):
        registry.write(record())
    assert json.loads((elsewhere / "4711-99.json").read_text()) == GOOD


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "-x", "_x", "ä"])
def test_a_directory_that_is_no_session_id_is_passed_over(name: str, registry: Registry) -> None:
    if name != "..":
        (Path(registry.sessions) / name).mkdir()
        put(registry, json.dumps(GOOD), name)
    assert list(registry.entries()) == []


def test_an_unreadable_state_directory_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")
    registry = Registry(str(tmp_path))
    assert list(registry.entries()) == []
    with pytest.raises(OSError, match="not a directory"):
        registry.prepare()


# What a record means


@pytest.mark.parametrize(("boot", "ago"), [("boot", 7.0), ("another", None)])
def test_a_goodbye_of_another_boot_has_no_age(
    boot: str, ago: float | None, registry: Registry
) -> None:
    ended = {"reason": "other", "boot_id": boot, "monotonic": 5.0}
    entry = registry.write(record(ended=ended))
    assert as_session(entry, 12.0, "boot").ended_ago == ago


def test_a_goodbye_in_the_future_is_no_age_below_zero(registry: Registry) -> None:
    entry = registry.write(record(ended={"reason": "other", "boot_id": "boot", "monotonic": 1e12}))
    assert as_session(entry, 12.0, "boot").ended_ago == 0.0


# Many at once


def test_writers_of_different_processes_lose_no_record(registry: Registry) -> None:
    code = (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "from process_janitor.core.model import Identity\n"
        "from process_janitor.core.record import new_record\n"
        "from process_janitor.system.registry import Registry\n"
        "registry = Registry(sys.argv[2])\nregistry.prepare()\nmine = int(sys.argv[3])\n"
        "for n in range(30):\n"
        "    with registry.lock():\n"
        "        registry.write(new_record(f'id-{n % 5}', Identity(mine + n, 1, 'boot', 7)))\n"
    )
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                code,
                str(SOURCE),
                registry.root,
                str(1000 * (number + 1)),
            ]
        )
        for number in range(8)
    ]
    while any(writer.poll() is None for writer in writers):
        for entry in registry.entries():
            assert entry.record["boot_id"] == "boot"
    assert [writer.wait() for writer in writers] == [0] * 8
    assert len(list(registry.entries())) == 8 * 30
    assert not list(Path(registry.root).rglob("*.tmp"))
