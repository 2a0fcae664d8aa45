"""A lock is stale on proof alone: every rule with the twin that it leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.locks import LEAST_AGE_SECONDS, WORDS, Fingerprint, Lock, judge
from process_janitor.core.model import Process

HOST = "here"
MARK = Fingerprint(1, 2, 3)
OLD = LEAST_AGE_SECONDS


def running(pid: int = 70, start: int = 500, *, dead: bool = False) -> dict[int, Process]:
    state = "Z" if dead else "S"
    return {pid: Process(pid, 1, pid, pid, 0, start, state, "x", 1000, dead=dead)}


def lock(kind: str = "ide", **fields: object) -> Lock:
    return Lock(kind, "/c/x.lock", MARK, **{"pid": 70, "age": OLD, **fields})  # type: ignore[arg-type]


OWNERLESS = {"pid": 0, "age": OLD}


@pytest.mark.parametrize(
    ("one", "processes", "evidence"),
    [
        (lock(), {}, ("holder-gone",)),
        (lock(age=0.0), {}, ("holder-gone",)),
        (lock(), running(dead=True), ("holder-gone",)),
        (lock(host=HOST), {}, ("holder-gone",)),
        (lock("daemon", start=499), running(), ("holder-gone", "pid-reused")),
        (lock(before_boot=True), {}, ("holder-gone", "before-boot")),
        (lock("directory", **OWNERLESS), {}, ("long-untouched", "no-session-here")),
        (lock("git", **OWNERLESS), {}, ("long-untouched", "no-git-at-work")),
    ],
)
def test_what_is_proven_stale_may_be_removed(
    one: Lock, processes: dict[int, Process], evidence: tuple[str, ...]
) -> None:
    found = judge(one, HOST, processes)
    assert found is not None
    assert found.removable
    assert found.condition.evidence == evidence
    assert (found.condition.verdict, found.condition.finding) == ("report", "stale-lock")
    assert HOST in found.condition.about


@pytest.mark.parametrize(
    ("one", "processes"),
    [
        (lock(), running()),
        (lock("daemon", start=500), running()),
        (lock(pid=0), {}),
        (lock(elsewhere=True), {}),
        (lock(host="there"), {}),
        (lock("profile", users=(9,)), {}),
        (lock("directory", pid=0, age=OLD - 1), {}),
        (lock("directory", **OWNERLESS, users=(9,)), {}),
        (lock("git", pid=0, age=OLD - 1), {}),
        (lock("git", **OWNERLESS, users=(9,)), {}),
    ],
)
def test_what_has_or_may_have_a_holder_is_nobodys_finding(
    one: Lock, processes: dict[int, Process]
) -> None:
    assert judge(one, HOST, processes) is None


@pytest.mark.parametrize(
    ("fields", "processes", "code"),
    [
        ({"before_boot": True}, running(), "pid-taken"),
        ({"shared": True}, {}, "shared-directory"),
        ({"away": True}, {}, "workspace-elsewhere"),
        ({"remote": True}, {}, "network-filesystem"),
        ({"listening": True}, {}, "port-listening"),
        ({"empty": False}, {}, "not-empty"),
    ],
)
def test_what_only_looks_stale_is_shown_and_not_removed(
    fields: dict[str, object], processes: dict[int, Process], code: str
) -> None:
    found = judge(lock("ide", **fields), HOST, processes)
    assert found is not None
    assert not found.removable
    assert found.condition.vetoes == (code,)
    assert code in WORDS


locks = st.builds(
    Lock,
    kind=st.sampled_from(["ide", "daemon", "schedule", "bridge", "profile", "directory", "git"]),
    path=st.just("/c/x.lock"),
    mark=st.just(MARK),
    age=st.sampled_from([0.0, OLD - 1, OLD, 1e9]),
    before_boot=st.booleans(),
    pid=st.sampled_from([0, 70, 71]),
    start=st.sampled_from([0, 500, 501]),
    host=st.sampled_from(["", HOST, "there"]),
    elsewhere=st.booleans(),
    remote=st.booleans(),
    shared=st.booleans(),
    listening=st.booleans(),
    empty=st.booleans(),
    users=st.sampled_from([(), (9,)]),
)
tables = st.sampled_from([{}, running(), running(dead=True), running(71), running(70, 501)])


@given(locks, tables)
def test_nothing_is_removed_on_less_than_proof(one: Lock, processes: dict[int, Process]) -> None:
    found = judge(one, HOST, processes)
    if found is None or not found.removable:
        return
    assert not any((one.elsewhere, one.users, one.remote, one.shared, one.listening))
    assert one.host in ("", HOST)
    assert one.empty
    if one.kind in ("directory", "git"):
        assert one.age >= OLD
    else:
        assert one.pid
        there = processes.get(one.pid)
        assert there is None or there.dead or (one.start and one.start != there.start)


@given(locks, tables, st.sampled_from(["elsewhere", "remote", "shared", "listening", "users"]))
def test_knowing_more_against_it_never_makes_a_lock_removable(
    one: Lock, processes: dict[int, Process], against: str
) -> None:
    worse = one._replace(**{against: (9,) if against == "users" else True})  # type: ignore[arg-type]
    found = judge(worse, HOST, processes)
    assert found is None or not found.removable
