"""The texts about what happened unasked."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.notices import Left, Notice, body, document, line, notice_of, title

SERVER = Left("node server.js --port 3000", ((4711, 9), (4712, 10)), "the-id", (3000,), 120_000_000)
CLEANED = Notice(5, 1_200_000_000, 1)


def always(pid: int, start: int) -> bool:
    del pid, start
    return True


def never(pid: int, start: int) -> bool:
    del pid, start
    return False


def test_what_was_cleaned_up() -> None:
    assert title(CLEANED) == "Cleaned up 5 processes of a dead session"
    assert body(CLEANED) == "1.2 GB freed. Which: process-janitor history"
    assert (
        line([CLEANED], always)
        == "cleaned up 5 processes of a dead session, 1.2 GB; see /cleanup history"
    )
    assert title(Notice(1, 5_000_000, 2)) == "Cleaned up 1 process of 2 dead sessions"


def test_what_was_left_running_is_told_with_port_memory_and_the_command_that_ends_it() -> None:
    notice = Notice(left=(SERVER,))
    assert title(notice) == "A session left a program running"
    assert body(notice) == (
        "Still running: node server.js --port 3000 (port 3000, 120 MB). "
        "To end it: process-janitor run --pid 4711 --pid 4712"
    )
    assert line([notice], always) == (
        "a session left node server.js --port 3000 (port 3000, 120 MB) running; "
        "end it with /cleanup run --pid 4711 --pid 4712"
    )
    assert line([notice], never) == "", "gone since: nothing to tell"
    many = SERVER._replace(pids=tuple((pid, 1) for pid in range(10, 15)))
    assert body(Notice(left=(many,))).endswith("run --session the-id --class detached")
    five = body(Notice(left=(SERVER,) * 5)).splitlines()
    assert len(five) == 4
    assert five[-1] == "2 more: process-janitor scan"


def test_several_add_up_to_one_line() -> None:
    refused = Notice(problem="201 leftovers are more than auto_limit (200): nothing was ended")
    said = line([CLEANED, CLEANED, refused, refused, Notice(survived=2)], always)
    assert said == (
        "201 leftovers are more than auto_limit (200): nothing was ended; "
        "cleaned up 10 processes of 2 dead sessions, 2.4 GB; see /cleanup history; "
        "2 could not be ended; see /cleanup scan"
    )
    assert line([], always) == ""
    assert title(refused) == "Nothing was cleaned up"


counts = st.integers(0, 10**13)
lefts = st.builds(
    Left,
    st.text(
        st.characters(categories=["L", "N", "P"], include_characters=" "), min_size=1, max_size=60
    ),
    st.lists(st.tuples(st.integers(2, 4_000_000), counts), min_size=1, max_size=6).map(tuple),
    st.just("the-id"),
    st.lists(st.integers(1, 65535), max_size=3).map(tuple),
    counts,
)
notices = st.builds(
    Notice, counts, counts, counts, counts, st.just(""), st.lists(lefts, max_size=5).map(tuple)
)


@given(notices)
def test_a_notice_survives_being_written_down(notice: Notice) -> None:
    assert notice_of(json.loads(json.dumps(document(notice)))) == notice
    assert "\n" not in line([notice], always)
    assert len(body(notice).splitlines()) <= 6
    assert bool(body(notice)) == notice.worth_telling


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(notices, st.sampled_from([*Notice._fields, *Left._fields]), anything)
def test_a_damaged_one_is_none_or_still_tells_in_one_line(
    notice: Notice, name: str, value: object
) -> None:
    written = json.loads(json.dumps(document(notice)))
    for row in [written, *written["left"]]:
        if name in row:
            row[name] = value
    found = notice_of(written)
    if found is not None:
        assert line([found], always).isprintable()
        assert all(part.isprintable() for part in body(found).split("\n"))
    assert notice_of(value) is None
