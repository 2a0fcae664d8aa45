"""The journal: whatever happens to it, what is written is whole, what is read is sound, and it stays small."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.actions import journal
from process_janitor.actions.journal import Journal, Recorder
from process_janitor.actions.terminate import Action
from process_janitor.core.model import Decision, Detail, Identity, Process, Session, Snapshot
from process_janitor.system import files, flock

SOURCE = Path(__file__).resolve().parents[2] / "src"
PROCESS = Process(4711, 1, 4711, 4711, 0, 99, "S", "node", 0)
WRITE = (
    "import sys, time\nsys.path.insert(0, sys.argv[1])\n"
    "from process_janitor.actions import journal\n"
    "book = journal.Journal(sys.argv[2])\n"
)


def texts(root: Path) -> list[str]:
    return [line["text"] for line in Journal(str(root)).lines()]


def writer(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", WRITE + code, str(SOURCE), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def test_an_action_says_everything_about_one_process(tmp_path: Path) -> None:
    decision = Decision(
        PROCESS,
        Identity(4711, 99, "boot", 7),
        "reap",
        "leftover",
        "mcp-server",
        "the-id",
        Identity(12, 3, "boot", 7),
        ("owner-gone",),
        (),
    )
    Journal(str(tmp_path)).action(
        Action(decision, ("SIGTERM", "SIGKILL"), "gone", 5000), "node server.js", "watcher"
    )
    (line,) = Journal(str(tmp_path)).lines()
    assert line.pop("at").endswith("Z")
    assert line == {
        "schema": "process-janitor.journal/1", "event": "action", "trigger": "watcher", "pid": 4711, "identity": "4711-99@boot/7",
        "class": "leftover", "verdict": "reap", "kind": "mcp-server", "session_id": "the-id", "evidence": ["owner-gone"], "vetoes": [],
        "command": "node server.js", "signals": ["SIGTERM", "SIGKILL"], "outcome": "gone", "freed_bytes": 5000,
    }  # fmt: skip


def test_a_campaign_writes_down_what_its_targets_were_when_they_were_seen(tmp_path: Path) -> None:
    def target(pid: int) -> Decision:
        process = Process(pid, 1, pid, pid, 0, 5, "S", "node", 0)
        return Decision(process, Identity(pid, 5, "b00t", 7), "reap")

    def seen(**details: Detail) -> Snapshot:
        return Snapshot(
            host="", boot_id="b00t", pid_namespace=7, uid=0, self_pid=1, now=9, ticks_per_second=100,
            processes={}, marks={}, details={int(name[1:]): one for name, one in details.items()},
        )  # fmt: skip

    server, unknown = target(10), target(11)
    log = Recorder(Journal(str(tmp_path)), "stop")
    log.learn([server, unknown], seen(p10=Detail(argv=("node", "serve.js"), ports=(3000,))))
    log.learn([server], seen(p10=Detail()))  # dying, it has closed all it had
    for one in (server, unknown):
        log.write(Action(one, ("SIGTERM",), "gone", 1))
    lines = list(Journal(str(tmp_path)).lines())
    assert [(one["command"], one.get("ports"), one["trigger"]) for one in lines] == [
        ("node serve.js", [3000], "stop"), ("node", None, "stop"),
    ]  # fmt: skip
    assert log.problem == ""
    (tmp_path / "journal.jsonl").unlink()
    (tmp_path / "journal.jsonl").mkdir()
    log.write(Action(server, ("SIGTERM",), "gone", 1))
    assert "the journal could not be written" in log.problem


def test_a_session_that_is_over_says_how(tmp_path: Path) -> None:
    session = Session("the-id", Identity(12, 3, "boot", 7), cwd='/w\n"x"', ended_reason="other")
    Journal(str(tmp_path)).session_over(session, "ended")
    (line,) = Journal(str(tmp_path)).lines()
    assert (line["event"], line["session_id"], line["pid"], line["state"], line["reason"]) == (
        "session",
        "the-id",
        12,
        "ended",
        "other",
    )
    assert line["cwd"] == session.cwd


def test_it_is_private_and_one_line_an_entry(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Journal(str(tmp_path / "state")).note("note", "two\nlines\r\u2028\x00ä\ud800")
    finally:
        os.umask(before)
    path = tmp_path / "state" / "journal.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert path.read_bytes().count(b"\n") == 1
    assert texts(tmp_path / "state") == ["two\nlines\r\u2028\x00ä?"]


def test_nothing_written_yet_is_nothing_to_read(tmp_path: Path) -> None:
    assert list(Journal(str(tmp_path / "none")).lines()) == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "torn",
    [
        '{"event": "note", "te',
        f'{{"event": "x", "later": {"[" * 300}{"]" * 300}}}',
        "\x00\x00\x00",
        "[1]",
        "7",
        '{"event": 7}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_torn_or_foreign_line_costs_only_itself(torn: str, tmp_path: Path) -> None:
    book = Journal(str(tmp_path))
    book.note("note", "before")
    with open(book.path, "ab") as file:
        file.write(torn.encode("utf-8", "surrogateescape"))
    book.note("note", "after")
    assert texts(tmp_path) == ["before", "after"]


FIELDS = {
    "at": 7, "signals": 5, "evidence": ["x", 1], "vetoes": "ab", "ports": ["1"], "pid": "4711", "freed_bytes": True,
    "command": ["x"], "trigger": {}, "outcome": None, "cwd": 1.5, "class": [],
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_a_line_with_a_field_of_another_type_costs_only_itself(field: str, tmp_path: Path) -> None:
    book = Journal(str(tmp_path))
    book.note("note", "before")
    line = {"event": "note", "text": "odd", field: FIELDS[field]}
    files.append_line(book.path, json.dumps(line))
    later = {"event": "note", "text": "after", "holder": None, "of a later version": {"x": [1]}}
    files.append_line(book.path, json.dumps(later))
    assert texts(tmp_path) == ["before", "after"]
    assert list(book.lines())[-1] == later


@pytest.mark.parametrize("half", [chr(0xD800), chr(0xDCFF)], ids=["high", "low"])
def test_bytes_of_a_path_that_are_no_text_are_replaced(half: str, tmp_path: Path) -> None:
    book = Journal(str(tmp_path))
    session = Session("the-id", Identity(4711, 99, "boot", 7), cwd=f"/srv/{half}x")
    book.session_over(session, "crashed")
    files.append_line(
        book.path, json.dumps({"event": "x", f"a{half}": [half], "pair": "\U0001f600"})
    )
    ours, later = book.lines()
    assert ours["cwd"] == "/srv/?x"
    assert later == {"event": "x", "a?": ["?"], "pair": "\U0001f600"}


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_in_it_can_be_read_past(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    book = Journal(str(folder))
    for number, part in enumerate(parts):
        book.note("note", str(number))
        with open(book.path, "ab") as file:
            file.write(part.replace(b"{", b""))
    found = texts(folder)
    assert [text for text in found if text.isdecimal()] == [
        str(number) for number in range(len(parts))
    ]


def test_it_never_grows_beyond_its_bound_and_keeps_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ROTATE_BYTES", 4000)
    book = Journal(str(tmp_path))
    for number in range(1000):
        book.note("note", f"{number:05}" + "x" * 50)
        assert (
            sum(path.stat().st_size for path in tmp_path.iterdir())
            < (journal.ROTATED + 1) * 4000 + 1000
        )
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "journal.jsonl",
        "journal.lock",
        *(f"journal.jsonl.{number}" for number in range(1, journal.ROTATED + 1)),
    }
    found = [int(text[:5]) for text in texts(tmp_path)]
    assert found == list(range(1000 - len(found), 1000)), "oldest first, none missing in between"
    assert len(found) > 60


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    code = "for n in range(100): book.note('note', sys.argv[3] + str(n))\n"
    writers = [writer(code, str(tmp_path), letter) for letter in "abcdefgh"]
    for one in writers:
        with one:
            assert one.wait(90) == 0
    found = texts(tmp_path)
    assert sorted(found) == sorted(f"{letter}{n}" for letter in "abcdefgh" for n in range(100))
    for letter in "abcdefgh":
        assert [text for text in found if text[0] == letter] == [
            f"{letter}{n}" for n in range(100)
        ], "each in its own order"


def test_many_writers_that_rotate_lose_nothing_of_what_is_kept(tmp_path: Path) -> None:
    # 4 files of 200 lines hold all of the 600.
    code = "journal.ROTATE_BYTES = 40000\nfor n in range(100): book.note('note', sys.argv[3] * 100 + str(n))\n"
    writers = [writer(code, str(tmp_path), letter) for letter in "abcdef"]
    for one in writers:
        with one:
            assert one.wait(90) == 0
    assert sorted(texts(tmp_path)) == sorted(
        letter * 100 + str(n) for letter in "abcdef" for n in range(100)
    )


@pytest.mark.parametrize("turn", range(6))
def test_a_writer_that_is_killed_keeps_nobody_from_writing(turn: int, tmp_path: Path) -> None:
    with writer(
        "print(1, flush=True)\nwhile True: book.note('note', 'x' * 2000)\n", str(tmp_path)
    ) as one:
        assert one.stdout is not None
        one.stdout.readline()
        time.sleep(0.01 + 0.007 * turn)  # the very instant of the kill is what is tried out
        one.kill()
    start = time.monotonic()
    Journal(str(tmp_path)).note("note", "after")
    assert time.monotonic() - start < 1.0
    assert texts(tmp_path)[-1] == "after"
    assert set(texts(tmp_path)) <= {"x" * 2000, "after"}


def test_a_holder_that_is_stopped_delays_a_line_and_does_not_lose_it(tmp_path: Path) -> None:
    code = "from process_janitor.system import flock\nwith flock.Lock(sys.argv[3], 0.0): print(1, flush=True); time.sleep(60)\n"
    with writer(code, str(tmp_path), str(tmp_path / "journal.lock")) as one:
        assert one.stdout is not None
        one.stdout.readline()
        one.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        Journal(str(tmp_path)).note("note", "in spite of it")
        assert time.monotonic() - start < 10
        one.kill()
    assert texts(tmp_path) == ["in spite of it"]


def test_rotated_journals_are_removed_after_their_retention_and_the_present_one_is_not(
    tmp_path: Path,
) -> None:
    book = Journal(str(tmp_path))
    book.note("refused", "one line")
    now = time.time()
    ages = {
        "journal.jsonl": 90,
        "journal.jsonl.1": 29,
        "journal.jsonl.3": 31,
        "journal.jsonl.x": 90,
    }
    for name, days in ages.items():
        path = tmp_path / name
        path.touch()
        os.utime(path, (now - days * 86_400,) * 2)
    book.prune(30)
    assert {path.name for path in tmp_path.glob("journal.jsonl*")} == {
        "journal.jsonl", "journal.jsonl.1", "journal.jsonl.x",
    }  # fmt: skip
    assert [line["text"] for line in book.lines()] == ["one line"]
    Journal(str(tmp_path / "nothing here")).prune(30)


def test_a_journal_that_is_rotated_while_an_old_one_is_pruned_is_kept(tmp_path: Path) -> None:
    book = Journal(str(tmp_path))
    book.note("refused", "kept")
    old, oldest = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.1"
    oldest.touch()
    os.utime(oldest, (0, 0))
    pruning = threading.Thread(target=book.prune, args=(30,))
    with flock.Lock(str(tmp_path / "journal.lock"), 1.0) as held:
        assert held
        pruning.start()
        pruning.join(0.2)
        assert pruning.is_alive(), "it waits for the lock"
        old.rename(oldest)
    pruning.join(10)
    assert [line["text"] for line in book.lines()] == ["kept"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.jsonl").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match=r".+"):
        Journal(str(tmp_path / "state")).note("note", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert json.dumps(list(Journal(str(tmp_path / "state")).lines())) == "[]"
