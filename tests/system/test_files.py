"""Files that others may have damaged, replaced or filled, and writers that are killed half-way."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.system import files, flock

SOURCE = Path(__file__).resolve().parents[2] / "src"


def python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A program of its own that has `files` and `flock` at hand and tells by its output how far it is."""
    start = "import os, sys, time\nsys.path.insert(0, sys.argv[1])\nfrom process_janitor.system import files, flock\n"
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", start + code, str(SOURCE), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


@pytest.fixture
def umask_zero() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# Reading


def _a_fifo(path: Path) -> None:
    os.mkfifo(path)


def _a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _a_link(path: Path) -> None:
    (path.parent / "target").write_text("theirs")
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    "make",
    [_a_fifo, _a_socket, _a_link, Path.mkdir, lambda path: path.symlink_to(path), lambda _: None],
)
def test_only_a_regular_file_is_read_and_nothing_hangs(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "it")
    start = time.monotonic()
    there = os.path.lexists(tmp_path / "it")
    with pytest.raises(files.Unfit if there else FileNotFoundError, match=r".+"):
        files.read_text(str(tmp_path / "it"))
    assert time.monotonic() - start < 1


def test_a_file_larger_than_its_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"x" * 11)
    assert files.read_text(str(path), 11) == "x" * 11
    with pytest.raises(files.Unfit, match="larger than 10"):
        files.read_text(str(path), 10)


@given(st.binary(max_size=5000))
def test_any_bytes_read_as_text(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert files.read_text(file.name) == data.decode("utf-8", "replace")


def test_a_refused_read_leaks_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for _ in range(50):
        with pytest.raises(OSError, match=r".+"):
            files.read_text(str(tmp_path))
    assert len(os.listdir("/dev/fd")) == before


# Writing


def test_a_written_file_is_private_and_leaves_no_temporary_one(
    tmp_path: Path, umask_zero: None
) -> None:
    del umask_zero
    path = tmp_path / "it"
    for text in ("one", "two\n", "\ud800 lone", "ä" * 100_000):
        files.write_text(str(path), text)
        assert path.read_bytes() == text.encode("utf-8", "replace")
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["it"]


def test_a_link_in_a_files_place_is_replaced_and_its_target_is_not_touched(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("theirs")
    (tmp_path / "it").symlink_to(target)
    files.write_text(str(tmp_path / "it"), "ours")
    assert (target.read_text(), (tmp_path / "it").read_text()) == ("theirs", "ours")


def test_a_write_that_fails_leaves_what_was_there_and_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "theirs").write_text("theirs")
    with pytest.raises(OSError, match=r".+"):
        files.write_text(str(tmp_path / "it"), "ours")
    assert os.listdir(tmp_path) == ["it"]
    assert (tmp_path / "it" / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("turn", range(8))
def test_a_reader_sees_the_old_or_the_new_text_whenever_the_writer_is_killed(
    turn: int, tmp_path: Path
) -> None:
    path = tmp_path / "it"
    files.write_text(str(path), "a" * 50_000)
    code = "print(1, flush=True)\nwhile True:\n    for c in 'ab':\n        files.write_text(sys.argv[2], c * 50000)\n"
    with python(code, str(path)) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        end = time.monotonic() + 0.02 + 0.011 * turn
        while time.monotonic() < end:
            assert files.read_text(str(path)) in ("a" * 50_000, "b" * 50_000)
        writer.kill()
    assert files.read_text(str(path)) in ("a" * 50_000, "b" * 50_000)


# Appending


def test_a_line_after_a_torn_one_is_not_glued_to_it(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text('{"whole": 1}\n{"torn')
    files.append_line(str(path), '{"next": 2}')
    files.append_line(str(path), '{"last": 3}')
    assert path.read_text().splitlines() == ['{"whole": 1}', '{"torn', '{"next": 2}', '{"last": 3}']


def test_lines_of_many_writers_are_all_there_and_all_whole(tmp_path: Path) -> None:
    path = tmp_path / "it"
    code = "for n in range(200): files.append_line(sys.argv[2], sys.argv[3] * 300 + str(n))\n"
    writers = [python(code, str(path), letter) for letter in "abcdefgh"]
    for writer in writers:
        with writer:
            assert writer.wait(60) == 0
    lines = [line for line in path.read_text().splitlines() if line]
    assert sorted(lines) == sorted(
        letter * 300 + str(n) for letter in "abcdefgh" for n in range(200)
    )


def test_a_line_is_never_appended_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("theirs")
    (tmp_path / "it").symlink_to(target)
    with pytest.raises(OSError, match=r".+"):
        files.append_line(str(tmp_path / "it"), "ours")
    with pytest.raises(OSError, match=r".+"):
        files.touch(str(tmp_path / "it"))
    assert target.read_text() == "theirs"


def test_a_log_is_started_anew_once_it_is_full_and_keeps_one_predecessor(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(100):
        files.append_bounded(str(path), f"line {number:03}", 100)
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1"]
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) < 300
    kept = ((tmp_path / "log.1").read_text() + path.read_text()).splitlines()
    assert kept[-1] == "line 099"
    assert kept == [f"line {number:03}" for number in range(100 - len(kept), 100)]


# Directories, stamps


def test_a_directory_is_private_with_a_parent_made_for_it(tmp_path: Path, umask_zero: None) -> None:
    del umask_zero
    files.make_directory(str(tmp_path / "a" / "b"))
    files.make_directory(str(tmp_path / "a" / "b"))
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


@pytest.mark.parametrize("make", [_a_fifo, _a_link, Path.touch])
def test_something_else_in_a_directorys_place_is_refused(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "it")
    with pytest.raises(OSError, match="not a directory"):
        files.make_directory(str(tmp_path / "it"))


def test_a_link_to_a_directory_is_not_a_directory_of_ours(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "it").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="not a directory"):
        files.make_directory(str(tmp_path / "it"))


def test_a_stamp_is_now(tmp_path: Path) -> None:
    path = tmp_path / "it"
    files.touch(str(path))
    os.utime(path, (1, 1))
    files.touch(str(path))
    assert abs(path.stat().st_mtime - time.time()) < 5
    assert mode(path) == 0o600


def test_a_fifo_in_a_stamps_place_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it")
    start = time.monotonic()
    with pytest.raises(OSError, match=r".+"):
        files.touch(str(tmp_path / "it"))
    assert time.monotonic() - start < 1


def test_what_is_gone_already_is_removed(tmp_path: Path) -> None:
    files.remove(str(tmp_path / "it"))
    with pytest.raises(OSError, match=r".+"):
        files.remove(str(tmp_path))


# The lock

HOLD = (
    "with flock.Lock(sys.argv[2], 0.0) as held:\n    print(held, flush=True)\n    time.sleep(60)\n"
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_has_one_holder_and_is_free_when_it_is_killed(
    how: signal.Signals, tmp_path: Path
) -> None:
    path = str(tmp_path / "lock")
    with python(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        start = time.monotonic()
        with flock.Lock(path, 0.1) as held:
            assert not held
        assert 0.1 <= time.monotonic() - start < 5
        holder.send_signal(how)
        with flock.Lock(path, 10.0) as held:
            assert held
        with flock.Lock(path, 0.0) as held:
            assert held, "leaving the block gives it back"
    assert os.path.exists(path), "unlinking a held lock lets two in"


def test_of_many_that_want_a_lock_one_at_a_time_has_it(tmp_path: Path) -> None:
    code = (
        "for _ in range(40):\n"
        "    with flock.Lock(sys.argv[2], 60.0) as held:\n"
        "        assert held\n"
        "        with open(sys.argv[3]) as f: n = int(f.read())\n"
        "        with open(sys.argv[3], 'w') as f: f.write(str(n + 1))\n"
    )
    (tmp_path / "count").write_text("0")
    workers = [python(code, str(tmp_path / "lock"), str(tmp_path / "count")) for _ in range(6)]
    for worker in workers:
        with worker:
            assert worker.wait(90) == 0
    assert (tmp_path / "count").read_text() == "240"


def test_a_link_in_a_locks_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match=r".+"), flock.Lock(str(tmp_path / "lock"), 0.0):
        pass
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_by_its_path(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    path = str(tmp_path / "lock")
    before = len(os.listdir("/dev/fd"))
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(fcntl, "flock", refused)
        for _ in range(5):
            with pytest.raises(flock.NoLocks, match=os.strerror(number)) as told:
                flock.Lock(path, 0.1).__enter__()
            assert (told.value.errno, told.value.filename) == (number, path)
            assert path in str(told.value)
    assert len(os.listdir("/dev/fd")) == before, "no descriptor is lost"
    with flock.Lock(path, 0.0) as held:
        assert held
