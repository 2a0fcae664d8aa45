"""What a session record may say; everything else is refused, never half believed."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.model import Identity, compare
from process_janitor.core.plausible import PID_MAX, usable_pid
from process_janitor.core.record import (
    MalformedRecord,
    checked,
    file_name,
    new_record,
    owner_of,
    renamed,
    valid_session_id,
)

case = pytest.mark.case
A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
OWNER = Identity(4711, 99, "boot", 4026531836)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def good(**changes: Any) -> dict[str, Any]:
    return {**new_record(A, OWNER, host="here", cwd="/x", pgid=4711, sid=4000), **changes}


def test_a_good_record_passes_as_it_is_and_names_its_owner() -> None:
    assert checked(good()) == good()
    assert owner_of(good()) == OWNER
    assert file_name(OWNER) == "4711-99.json"


def test_a_path_that_is_no_utf8_is_a_path_all_the_same() -> None:
    odd = os.fsdecode(b"/srv/caf\xe9")
    assert checked(good(cwd=odd))["cwd"] == odd


def test_fields_of_a_later_version_are_kept() -> None:
    assert checked(good(colour="green"))["colour"] == "green"
    assert renamed(good(colour="green"), B)["colour"] == "green"


@case("B7", "pid 0, 1, negative, huge, text or missing in a record", "keep")
@pytest.mark.parametrize(
    "pid", [0, 1, -1, -4711, PID_MAX + 1, 2**63, "4711", 4711.0, None, True, []]
)
def test_a_record_with_a_pid_that_is_none_is_refused(pid: object) -> None:
    assert not usable_pid(pid)
    with pytest.raises(MalformedRecord, match="pid"):
        checked(good(pid=pid))


@pytest.mark.parametrize(
    "change",
    [
        {"session_id": "../../etc"},
        {"session_id": ""},
        {"start_ticks": -1},
        {"start_ticks": "9"},
        {"boot_id": 7},
        {"pid_namespace": None},
        {"aliases": [A, "../x"]},
        {"aliases": "abc"},
        {"cwd": "x" * 10_000},
        {"ended": {"reason": "other"}},
        {"ended": 5},
        {"pgid": -5},
        {"cwd": "/tmp/\0x"},
        {"cwd": "/tmp/\ud800x"},
        {"transcript_path": "/tmp/\0x"},
        {"ended": {"reason": "\ud800", "boot_id": "boot", "monotonic": 5.0}},
    ],
)
def test_a_record_with_a_bad_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        checked(good(**change))


@given(JSON)
def test_any_json_is_either_a_record_or_refused(value: object) -> None:
    try:
        assert checked(value)["pid"] > 1
    except MalformedRecord:
        pass


@given(st.dictionaries(st.sampled_from(sorted(good())), JSON, max_size=3))
def test_a_damaged_record_is_either_sound_or_refused(change: dict[str, Any]) -> None:
    try:
        record = checked({**good(), **change})
    except MalformedRecord:
        return
    assert usable_pid(record["pid"])
    assert valid_session_id(record["session_id"])
    json.dumps(record)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a b",
        "-rf",
        "_x",
        "a\n",
        "ä",
        "a" * 129,
        "$(id)",
        "a'b",
        5,
        None,
    ],
)
def test_a_hostile_session_id_never_becomes_a_path(text: object) -> None:
    assert not valid_session_id(text)


@given(st.lists(st.sampled_from([f"id{n}" for n in range(100)]), max_size=150))
def test_a_record_keeps_its_last_names_and_never_its_own_among_them(ids: list[str]) -> None:
    record = good(session_id="first")
    for one in ids:
        record = renamed(record, one)
        assert record["session_id"] == one
        assert one not in record["aliases"]
    assert len(record["aliases"]) <= 64
    assert checked(record) == record


@pytest.mark.parametrize(
    ("other", "answer"),
    [
        (OWNER, "same"),
        (OWNER._replace(pid=4712), "different"),
        (OWNER._replace(start=100), "different"),
        (OWNER._replace(boot_id="before"), "different"),
        (OWNER._replace(pid_namespace=1), "different"),
        (OWNER._replace(boot_id=""), "unknown"),
        (OWNER._replace(pid_namespace=0), "unknown"),
    ],
)
def test_identities_are_the_same_different_or_unknown(other: Identity, answer: str) -> None:
    assert compare(OWNER, other) == answer
    assert compare(other, OWNER) == answer
