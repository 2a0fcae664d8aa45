"""When a machine has too many sessions, and which to end first."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core import overload
from process_janitor.core.overload import (
    Pressure,
    Running,
    connections,
    first_to_end,
    named,
    strains,
)
from process_janitor.faces import words

GB = 10**9
CALM = Pressure(4, (1.0, 1.0, 1.0), 16 * GB, 8 * GB, 4 * GB, 4 * GB, 0.0, 0.0, 0.0, 0.0)
percent = st.one_of(st.none(), st.floats(0, 100))
size = st.one_of(st.none(), st.integers(0, 10**13))
pressures = st.builds(
    Pressure,
    st.integers(0, 512),
    st.one_of(st.none(), st.tuples(*[st.floats(0, 10_000)] * 3)),
    size,
    size,
    size,
    size,
    percent,
    percent,
    percent,
    percent,
)
sessions = st.lists(
    st.builds(
        Running,
        pid=st.integers(2, 4_000_000),
        idle=st.floats(0, 10**7),
        memory=st.integers(0, 10**12),
        connections=st.integers(0, 500),
        spared=st.booleans(),
        finding=st.sampled_from(("", "hung-session", "orphaned-session", "duplicate-session")),
    ),
    max_size=12,
)


def test_a_calm_machine_with_few_sessions_is_none() -> None:
    assert strains(CALM, 3, 3) == ()
    assert strains(Pressure(), 3, 3) == ()


def test_each_strain_is_named_and_its_twin_below_the_threshold_is_not() -> None:
    def found(sessions: int = 2, **fields: Any) -> tuple[str, ...]:
        return strains(CALM._replace(**fields), sessions, 3)

    assert found(sessions=4) == ("sessions:4",)
    assert found(averages=(16.8, 17.0, 1.0), cpu_some=60.0) == ("load-per-core:4.2",)
    assert found(averages=(7.9, 90.0, 90.0), cpu_some=60.0) == ()
    assert found(memory_available=1 * GB) == ("memory-pressure",)
    assert found(memory_available=2 * GB) == ()
    assert found(memory_some=15.0) == found(memory_full=6.0) == ("memory-pressure",)
    assert found(memory_some=9.0) == found(memory_full=4.0) == ()
    assert found(swap_free=GB // 2, memory_available=3 * GB) == ("swap",)
    assert found(io_full=45.0) == ("io-pressure",)
    assert found(io_full=25.0) == ()


def test_a_full_swap_beside_free_memory_is_no_strain() -> None:
    assert strains(CALM._replace(swap_free=0), 3, 3) == ()


def test_a_load_that_nothing_waits_for_a_core_for_is_a_dead_mount_and_no_strain() -> None:
    busy = CALM._replace(averages=(100.0, 100.0, 100.0), cpu_some=1.0)
    assert strains(busy, 3, 3) == ()
    assert strains(busy._replace(cpu_some=None), 3, 3) == ("load-per-core:25.0",)


@given(pressures, st.integers(0, 1), st.integers(1, 1000))
def test_whatever_a_machine_suffers_from_a_lone_session_is_not_told(
    pressure: Pressure, count: int, limit: int
) -> None:
    assert strains(pressure, count, limit) == ()


@given(pressures, st.integers(0, 2000), st.integers(1, 1000))
def test_any_reading_is_judged_and_every_code_has_words(
    pressure: Pressure, count: int, limit: int
) -> None:
    codes = strains(pressure, count, limit)
    assert (f"sessions:{count}" in codes) == (count > limit)
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert words.evidence(code) != code
        assert not code.translate(str.maketrans("", "", "abcdefghijklmnopqrstuvwxyz0123456789:.-"))


@given(sessions)
def test_a_spared_session_is_never_named_and_what_is_no_use_any_more_goes_first(
    running: list[Running],
) -> None:
    order = first_to_end(running)
    assert not any(one.spared for one in order)
    assert sorted(order) == sorted(one for one in running if not one.spared)

    def worth(one: Running) -> tuple[bool, bool, float, int]:
        hung, orphaned = one.finding == "hung-session", one.finding == "orphaned-session"
        return (hung, orphaned, one.idle, one.memory)

    for earlier, later in pairwise(order):
        assert worth(earlier) >= worth(later)
    said = named(order)
    assert bool(said) == bool(order)
    assert said.count("process ") == min(len(order), 3)


def test_the_order_in_words() -> None:
    running = [
        Running(10, memory=3 * GB, spared=True),
        Running(11, memory=50_000_000),
        Running(12, memory=2 * GB),
        Running(13, idle=7500.0, memory=5_000_000),
        Running(14, idle=90_000.0 * 3),
        Running(15, finding="orphaned-session", memory=7_000_000),
        Running(16, finding="hung-session", memory=1_000_000),
        Running(17, finding="duplicate-session"),
    ]
    order = first_to_end(running)
    assert [one.pid for one in order] == [16, 15, 14, 13, 12, 11, 17]
    assert named(order) == (
        "end first: process 16 (said goodbye, 1 MB), process 15 (its terminal is closed, 7 MB), "
        "process 14 (idle 3 d 3 h, 0 B)"
    )
    assert named(order[3:4]) == "end first: process 13 (idle 2 h 5 min, 5 MB)"


def test_connections_count_for_the_session_that_has_most_of_them() -> None:
    few = Running(7, connections=overload.CONNECTIONS_MAX)
    assert connections([few, few]) == ()
    assert connections([few, few._replace(connections=24)]) == ("connections:24",)
    assert connections([]) == ()
