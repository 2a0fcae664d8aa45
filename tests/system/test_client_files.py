"""The client's own registers: read as evidence, believed only as far as they are sound, never written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.model import Identity
from process_janitor.core.plausible import usable_pid
from process_janitor.system import client_files, identity

BOOT, NAMESPACE = "boot", 4026531836
# Numbers that a reader takes; with any other a document is refused as a whole (tests/system/test_jsontext.py).
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(-1e18, 1e18)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SOUND = {"pid": 4711, "procStart": "99", "sessionId": "the-id", "cwd": "/w", "kind": "interactive"}


def write(folder: Path, document: object, name: str = "4711.json") -> None:
    (folder / "sessions").mkdir(exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "sessions" / name).write_text(text)


def read(folder: Path) -> list[Any]:
    return list(client_files.sessions(str(folder), BOOT, NAMESPACE))


def roster(folder: Path, document: object) -> list[Any]:
    (folder / "daemon").mkdir(exist_ok=True)
    (folder / "daemon" / "roster.json").write_text(
        document if isinstance(document, str) else json.dumps(document)
    )
    return list(client_files.roster(str(folder), BOOT, NAMESPACE))


def test_a_session_of_the_client_is_read(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    (session,) = read(tmp_path)
    assert session.owner == Identity(4711, 99, BOOT, NAMESPACE)
    assert (session.session_id, session.source, session.cwd, session.kind) == (
        "the-id",
        "client",
        "/w",
        "interactive",
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"entrypoint": "cli"}, "interactive"),
        ({"entrypoint": "sdk-cli"}, "print"),
        ({"entrypoint": "sdk-py"}, "print"),
        ({"entrypoint": "sdk-cli", "kind": "bg"}, "bg"),
        ({"entrypoint": 7}, "interactive"),
    ],
)
def test_the_clients_entrypoint_tells_a_headless_run(
    said: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    write(tmp_path, {**SOUND, **said})
    assert [one.kind for one in read(tmp_path)] == [kind]


def test_without_any_register_there_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    assert list(client_files.roster(str(tmp_path), BOOT, NAMESPACE)) == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 4712}, {"pid": "4711"}, {"pid": 1}, {"pid": 0}, {"pid": -1}, {"pid": True}, {"pid": 4711.0}, {"pid": None},
        {"procStart": ""}, {"procStart": "-5"}, {"procStart": "9.5"}, {"procStart": None}, {"procStart": 0}, {"procStart": True},
        {"sessionId": "../x"}, {"sessionId": ""}, {"sessionId": None}, {"sessionId": 7}, {"sessionId": "a\nb"},
    ],
)  # fmt: skip
def test_a_file_that_does_not_name_one_process_and_one_session_is_passed_over(
    change: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, {**SOUND, **change})
    assert read(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"procStart": "²"},
        {"procStart": "٣"},
        {"procStart": "1²"},
        {"procStart": "9" * 5000},
        {"pidDomain": "linux:a:pid:[1²]"},
    ],
)
def test_digits_that_are_no_number_do_not_hide_the_others(
    change: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, {**SOUND, "sessionId": "../not-to-be-believed", **change})
    other = {**SOUND, "pid": 4712, "sessionId": "other"}
    write(tmp_path, other, "4712.json")
    assert [session.session_id for session in read(tmp_path)] == ["other"]


@pytest.mark.parametrize(
    "name", ["0.json", "04711.json", "4711.json.tmp", "x.json", "²²²².json", ".json", "4711"]
)
def test_a_file_of_another_name_is_passed_over(name: str, tmp_path: Path) -> None:
    write(tmp_path, SOUND, name)
    assert read(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", "null", "7", "[" * 100_000, '{"pid": 4711', "\x00" * 50]
)
def test_a_damaged_file_does_not_hide_the_others(text: str, tmp_path: Path) -> None:
    write(tmp_path, text, "12.json")
    write(tmp_path, SOUND)
    assert len(read(tmp_path)) == 1


def test_links_fifos_and_directories_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    folder = tmp_path / "sessions"
    (folder / "12.json").mkdir()
    os.mkfifo(folder / "13.json")
    (tmp_path / "14.json").write_text(json.dumps({**SOUND, "pid": 14}))
    (folder / "14.json").symlink_to(tmp_path / "14.json")
    assert len(read(tmp_path)) == 1


@pytest.mark.case("U68", "a container's file in a shared ~/.claude", "keep")
@pytest.mark.parametrize(
    ("domain", "namespace"),
    [
        ("linux:HERE:pid:[4026531836]", 4026531836), ("linux:HERE:pid:[4026532999]", 4026532999), ("linux:HERE:pid:[x]", 0),
        ("linux::pid:[4026532999]", 4026532999), ("linux:HERE:pid:[", 0),
        ("linux:HERE:", NAMESPACE), ("linux", NAMESPACE), ("darwin", NAMESPACE), (None, NAMESPACE), (7, NAMESPACE), ("", NAMESPACE),
    ],
)  # fmt: skip
def test_a_pid_counts_in_the_namespace_that_the_file_names(
    domain: object, namespace: int, tmp_path: Path
) -> None:
    if isinstance(domain, str):
        domain = domain.replace("HERE", identity.machine_id())
    write(tmp_path, {**SOUND, "pidDomain": domain})
    (session,) = read(tmp_path)
    assert session.owner.pid_namespace == namespace


def test_the_same_number_on_another_machine_is_another_namespace(tmp_path: Path) -> None:
    machine = "f" * 32
    write(tmp_path, {**SOUND, "pidDomain": f"linux:{machine}:pid:[{NAMESPACE}]"})
    (session,) = read(tmp_path)
    assert session.owner == Identity(4711, 99, machine, NAMESPACE)


def test_a_directory_full_of_old_files_is_read_up_to_a_bound(tmp_path: Path) -> None:
    for number in range(5200):
        write(
            tmp_path,
            {**SOUND, "pid": 10_000 + number, "sessionId": f"id-{number}"},
            f"{10_000 + number}.json",
        )
    assert len(read(tmp_path)) == 5000


@given(JSON)
def test_no_document_breaks_the_reading_of_sessions(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    folder = tmp_path_factory.mktemp("home")
    write(folder, document, "12.json")
    sound = {**SOUND, "pid": 13, "sessionId": "sound"}
    write(folder, sound, "13.json")
    found = read(folder)
    # Its neighbour is read all the same, and what nobody can hold to be a process is not handed on.
    assert [one.session_id for one in found if one.owner.pid == 13] == ["sound"]
    assert all(usable_pid(one.owner.pid) and one.owner.start > 0 for one in found)
    assert len(found) <= 2


# The background daemon's roster

WORKER = {
    "sessionId": "fork",
    "pid": 4711,
    "procStart": "99",
    "dispatch": {"launch": {"sessionId": "/x/old-id.jsonl"}},
}


@pytest.mark.parametrize(
    "workers",
    [{"w1": WORKER}, [WORKER], {"bad": 7, "w1": WORKER, "worse": {"pid": 1}}, [None, WORKER, []]],
)
def test_a_worker_is_read_with_the_conversation_it_came_from(
    workers: object, tmp_path: Path
) -> None:
    (session,) = roster(tmp_path, {"workers": workers})
    assert session.owner == Identity(4711, 99, BOOT, NAMESPACE)
    assert (session.session_id, session.source, session.kind, session.predecessors) == (
        "fork",
        "roster",
        "bg",
        ("old-id",),
    )


@pytest.mark.parametrize(
    ("launch", "predecessors"),
    [
        ({"launch": {"sessionId": "old-id"}}, ("old-id",)), ({"launch": {"sessionId": "/a b/old-id.jsonl"}}, ("old-id",)),
        ({"launch": {"sessionId": "../x"}}, ("x",)), ({"launch": {"sessionId": "/"}}, ()), ({"launch": {"sessionId": 7}}, ()),
        ({"launch": None}, ()), (None, ()), ("text", ()), ({"launch": {"sessionId": "a\nb"}}, ()),
    ],
)  # fmt: skip
def test_where_a_worker_came_from_is_said_or_not_known(
    launch: object, predecessors: tuple[str, ...], tmp_path: Path
) -> None:
    (session,) = roster(tmp_path, {"workers": [{**WORKER, "dispatch": launch}]})
    assert session.predecessors == predecessors


@pytest.mark.parametrize("session_id", [None, 7, "", "../x"])
def test_a_worker_without_a_usable_id_still_counts_as_a_process(
    session_id: object, tmp_path: Path
) -> None:
    (session,) = roster(tmp_path, {"workers": [{**WORKER, "sessionId": session_id}]})
    assert (session.session_id, session.owner.pid) == ("", 4711)


@pytest.mark.parametrize(
    "document",
    ["", "no", [], {"workers": None}, {"workers": "x"}, {"workers": 7}, {"workers": [[[]]]}, {}],
)
def test_a_damaged_roster_lists_nobody(document: object, tmp_path: Path) -> None:
    assert roster(tmp_path, document) == []


@given(JSON)
def test_no_document_breaks_the_reading_of_the_roster(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    folder = tmp_path_factory.mktemp("home")
    beside = roster(folder, {"workers": {"w1": WORKER, "w2": document}})
    assert [one.session_id for one in beside if one.owner.pid == 4711][:1] == ["fork"]
    for damaged in (document, {"workers": document}):
        assert all(usable_pid(one.owner.pid) for one in roster(folder, damaged))


@pytest.mark.case("E4", "Claude Code's own registers", "keep")
def test_reading_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    write(tmp_path, "damaged", "13.json")
    roster(tmp_path, {"workers": [WORKER]})
    before = {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in tmp_path.rglob("*")
    }
    read(tmp_path)
    list(client_files.roster(str(tmp_path), BOOT, NAMESPACE))
    assert {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in tmp_path.rglob("*")
    } == before
