"""What the live view shows, without a terminal: rows, their order, their history, and lines that fit."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from process_janitor.faces.cli.context import Failure
from process_janitor.faces.cli.selection import Selection
from process_janitor.faces.watching import cells, machine, model
from process_janitor.faces.watching.model import Row, Shown, remember, rows
from tests.watched import A, B, document, finding, leftover, process, session, usual


def shown(made: Any, **choice: Any) -> list[Row]:
    return rows(made, {}, Shown(**choice))


def labels(found: list[Row]) -> list[str]:
    return [row.label.split(" ")[0] for row in found]


def test_sessions_stand_above_their_trees_and_what_has_no_session_at_the_end() -> None:
    found = shown(usual())
    assert labels(found) == [
        "shop", "100", "101", "102", "103", "blog", "200", "201", "other", "stale-lock",
    ]  # fmt: skip
    assert [row.depth for row in found] == [0, 1, 2, 2, 3, 0, 1, 2, 0, 1]
    assert [row.word for row in found][5:8] == ["crashed", "reap", "reap"]
    assert [row.leftovers for row in found if row.kind == "session"] == [0, 2]
    assert [row.below for row in found] == [4, 3, 0, 1, 0, 2, 1, 0, 1, 0]


def test_a_session_of_which_nothing_is_left_is_not_listed() -> None:
    made = document(session(A, [process(1000)]), session(B, [], state="ended", pid=7))
    assert labels(shown(made)) == ["shop", "1000"]


def test_what_is_closed_hides_what_is_below_it_and_says_how_much() -> None:
    whole = shown(usual())
    found = shown(usual(), closed=frozenset((whole[0].key, whole[6].key)))
    assert labels(found) == ["shop", "blog", "200", "other", "stale-lock"]
    assert (found[0].open, found[0].below) == (False, 4)
    assert "+4" in cells.line(found[0], 80).plain
    assert "1 reap" in cells.line(found[2], 80).plain


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("memory", ["blog", "21", "20", "shop", "10", "12", "11"]),
        ("cpu", ["shop", "10", "11", "12", "blog", "20", "21"]),
        ("age", ["shop", "10", "12", "11", "blog", "21", "20"]),
    ],
)
def test_each_order_counts_what_runs_below(sort: str, expected: list[str]) -> None:
    made = document(
        session(
            A,
            [
                process(10),
                process(11, 1, memory_bytes=1_000, cpu_percent=9.0, age_seconds=5.0),
                process(12, 1, memory_bytes=9_000, cpu_percent=2.0, age_seconds=50.0),
            ],
        ),
        session(
            B,
            [
                leftover(20, memory_bytes=20_000_000, age_seconds=6.0),
                leftover(21, memory_bytes=60_000_000, age_seconds=60.0, cpu_percent=0.5),
            ],
            state="crashed", cwd="/blog", age_seconds=None,
        ),
    )  # fmt: skip
    assert labels(shown(made, sort=sort)) == expected


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        ("vite", ["shop", "100", "102", "103"]),
        ("FILES", ["shop", "100", "101"]),
        ("3000", ["shop", "100", "101"]),
        ("reap server.js", ["blog", "200", "201"]),
        ("blog", ["blog", "200", "201"]),
        ("index.lock", ["other", "stale-lock"]),
        ("nothing like it", []),
    ],
)
def test_the_filter_keeps_what_stands_above_and_below_a_match(
    needle: str, expected: list[str]
) -> None:
    everything = frozenset(row.key for row in shown(usual()))
    assert labels(shown(usual(), needle=needle, closed=everything)) == expected


def test_history_is_bounded_and_ends_with_its_process() -> None:
    history: dict[str, model.Track] = {}
    for at in range(model.SAMPLES + 5):
        one = process(100, memory_bytes=at, age_seconds=float(at))
        history = remember(history, document(session(A, [one])))
    assert len(history) == 2
    track = history["process 100"]
    assert (len(track.memory), track.memory[0], track.memory[-1]) == (60, 5, 64)
    assert remember(history, document()) == {}
    again = document(session(A, [process(100, memory_bytes=7, age_seconds=1.0)]))
    assert remember(history, again)["process 100"].memory == (7,), "the number was given again"


TREES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 10**10), st.sampled_from(["keep", "reap"])),
    max_size=12,
)


def _tree(shape: list[tuple[int, int, str]], first: int) -> list[Any]:
    tree, depth = [], -1
    for at, (wanted, memory, verdict) in enumerate(shape):
        depth = min(wanted, depth + 1)
        tree.append(process(first + at, depth, memory_bytes=memory, verdict=verdict))
    return tree


@given(st.lists(TREES, max_size=3), st.sampled_from(model.SORTS), st.randoms())
def test_every_process_is_listed_once_below_its_parent(
    shapes: list[list[tuple[int, int, str]]], sort: str, random: Any
) -> None:
    trees = [_tree(shape, 100 * (at + 1)) for at, shape in enumerate(shapes)]
    made = document(*(session(f"{at}", tree) for at, tree in enumerate(trees)))
    found = shown(made, sort=sort)
    pids = [row.pid for row in found if row.kind == "process"]
    assert sorted(pids) == sorted(one["pid"] for tree in trees for one in tree)  # type: ignore[type-var]
    assert len({row.key for row in found}) == len(found)
    for before, row in itertools.pairwise(found):
        assert row.depth <= before.depth + 1
    for at, row in enumerate(found):
        under = found[at + 1 : at + 1 + row.below]
        assert all(one.depth > row.depth for one in under)
        assert row.leftovers == sum(one.word == "reap" for one in under)
    closed = frozenset(row.key for row in found if random.random() < 0.3)
    hidden = sum(1 for row in found if row.key in closed and row.below)
    fewer = shown(made, sort=sort, closed=closed)
    assert {row.key for row in fewer} <= {row.key for row in found}
    assert hidden == 0 or len(fewer) < len(found)


@given(st.integers(20, 200), st.text(max_size=40), st.sampled_from(["live", "crashed"]))
def test_a_line_is_as_wide_as_the_screen_whatever_its_process_is_called(
    width: int, name: str, state: str
) -> None:
    made = document(
        session(A, [process(100, command=name, mcp_server=name)], cwd=f"/{name}", state=state),
        findings=[finding(command=name)],
    )
    history = remember(remember({}, made), made)
    for row in rows(made, history, Shown()):
        line = cells.line(row, width)
        # Its figures alone take 32 columns.
        assert line.cell_len == max(width, 32)
        assert all(one.isprintable() for one in line.plain)
    assert cells.heading(width, "cpu").cell_len == max(width, 32)


def test_a_plot_shows_growth_and_leaves_what_is_steady_in_the_middle() -> None:
    assert cells.memory_spark([100, 100, 100], 4) == " ▅▅▅"
    assert cells.memory_spark([100, 200, 300], 3) == "▁▅█"
    assert cells.cpu_spark([0.0, 1.0, 0.5], 3) == "▁▁▁", "next to nothing must not look busy"
    assert cells.cpu_spark([0.0, 100.0, 400.0], 3) == "▁▃█"
    assert cells.spark([], 3) == "   "
    assert cells.spark([1.0], 0) == ""


def test_a_row_is_given_to_run_as_its_user_would_name_it() -> None:
    by_label = {row.label.split(" ")[0]: row for row in shown(usual())}
    assert machine.selection(by_label["blog"]) == Selection(sessions=frozenset((B,)))
    assert machine.selection(by_label["200"]) == Selection(pids=frozenset((200,)))
    with pytest.raises(Failure, match="--class stale-lock"):
        machine.selection(by_label["stale-lock"])
    with pytest.raises(Failure, match="choose a session"):
        machine.selection(by_label["other"])


def test_no_name_gives_orders_to_the_terminal() -> None:
    made = document(session(A, [process(100, command="x")], cwd="/tmp/\x1b]0;owned\x07\udc80"))
    for row in shown(made):
        page = cells.Printable([cells.line(row, 80), *cells.detail(row)])
        said = "".join(one.text for one in _segments(page))
        assert "\x1b" not in said
        assert "\x07" not in said
        said.encode()


def _segments(page: Any) -> Any:
    from rich.console import Console

    console = Console(width=80)
    return list(console.render(page)) + list(console.render(Text("end")))
