"""Holding on to real processes in both ways: by pidfds, and by numbers with a queue that tells of their ends.

The queue is macOS's `select.kqueue` as `tests/elsewhere.py` pretends it; what is held, ends and is reused is real.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from process_janitor.core.model import Identity
from process_janitor.system import clock, exits, identity
from tests.elsewhere import Event, Queue, without_pidfds, without_proc
from tests.namespaced import namespaced
from tests.world import wait_until

pytestmark = pytest.mark.namespace
WAYS = ("pidfds", "numbers")


@contextmanager
def holding(way: str) -> Iterator[exits.Pidfds | exits.Numbers]:
    if way == "pidfds":
        yield exits.holding(numbers=True)
        return
    with without_proc(), without_pidfds(kqueue=Queue):
        held = exits.holding(numbers=True)
        assert isinstance(held, exits.Numbers)
        yield held


def started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)


def known(one: subprocess.Popen[bytes]) -> Identity:
    found = identity.identify(one.pid)
    assert found is not None
    return found


def again(pid: int, before: int = 0) -> subprocess.Popen[bytes]:
    """A new process with a number that was another's, started in another tick than `before` was."""
    wait_until(lambda: clock.ticks() > before + 1)
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    one = started()
    assert one.pid == pid, "the namespace gave another number"
    return one


@pytest.mark.parametrize("way", WAYS)
@namespaced
def test_an_end_is_told_when_it_comes_and_until_it_is_dropped(way: str) -> None:
    first, second = started(), started()
    with holding(way) as held:
        assert held.ended(5.0) == [], "nobody is waited for where nobody is held"
        one, other = known(first), known(second)
        assert held.add(one)
        assert held.add(other)
        begun = time.monotonic()
        assert held.ended(0.3) == []
        assert time.monotonic() - begun >= 0.29
        first.kill()
        assert held.ended(5.0) == [one.key], (
            "not waited for by its parent, it has ended all the same"
        )
        first.wait()
        assert held.ended(0.0) == held.ended(5.0) == [one.key]
        held.drop(one.key)
        assert held.ended(0.0) == []
        held.drop(other.key)
        second.kill()
        second.wait()
        assert held.ended(0.1) == []


@pytest.mark.parametrize("way", WAYS)
@namespaced
def test_only_exactly_the_process_is_held(way: str) -> None:
    alive, gone = started(), started()
    with holding(way) as held:
        who, old = known(alive), known(gone)
        gone.kill()
        gone.wait()
        assert not held.add(old)
        assert not held.add(who._replace(start=who.start - 1))
        assert not held.add(Identity(1, 0))
        assert not held.add(Identity(-1, 0))
        assert held.ended(0.0) == []
        assert held.add(who), "what was refused has left nothing behind"
        alive.kill()
        assert held.ended(5.0) == [who.key]
        held.drop(who.key)
        alive.wait()


@pytest.mark.parametrize("way", WAYS)
@namespaced
def test_a_signal_reaches_exactly_the_process_and_nobody_with_its_number(way: str) -> None:
    first, bystander = started(), started()
    with holding(way) as held:
        who, other = known(first), known(bystander)
        assert held.add(who)
        assert held.add(other)
        held.send(who.key, signal.SIGTERM)
        assert first.wait(10) == -signal.SIGTERM
        reused = again(who.pid)
        with pytest.raises(ProcessLookupError):
            held.send(who.key, signal.SIGKILL)
        assert reused.poll() is None
        assert bystander.poll() is None
        held.send(other.key, signal.SIGKILL)
        assert bystander.wait(10) == -signal.SIGKILL
        reused.kill()


class Deaf(Queue):
    """A queue that was told, and tells nobody."""

    def control(
        self, changes: list[Event] | None, most: int, timeout: float | None = None
    ) -> list[Event]:
        del most
        return super().control(changes, 0, timeout)


@namespaced
def test_a_number_with_another_start_is_not_signalled_whatever_the_queue_says() -> None:
    first = started()
    tick = known(first).start
    with without_proc(), without_pidfds(kqueue=Deaf):
        held = exits.holding(numbers=True)
        who = known(first)
        assert held.add(who)
        first.kill()
        first.wait()
        reused = again(who.pid, tick)
        with pytest.raises(ProcessLookupError):
            held.send(who.key, signal.SIGKILL)
        assert reused.poll() is None
        with pytest.raises(FileExistsError):
            held.add(known(reused))  # its old note may still speak of the one before
        reused.kill()


@namespaced
def test_a_number_is_only_signalled_where_that_was_asked_for_and_an_end_can_be_seen() -> None:
    one = started()
    with without_proc():
        with without_pidfds(kqueue=Queue):
            held = exits.holding(numbers=False)
            with pytest.raises(OSError, match="pidfds"):
                held.add(known(one))
        with without_pidfds():
            assert not hasattr(select, "kqueue")
            with pytest.raises(OSError, match="pidfds"):
                exits.holding(numbers=True).add(known(one))
    assert isinstance(exits.holding(numbers=True), exits.Pidfds), "a pidfd is better"
    assert os.waitpid(one.pid, os.WNOHANG) == (0, 0)
    one.kill()


@pytest.mark.parametrize("way", WAYS)
@namespaced
def test_an_owner_is_gone_when_it_has_ended_or_its_number_is_anothers(way: str) -> None:
    first = started()
    with holding(way):
        who, later = known(first), known(first).start + 1
        assert not identity.proven_gone(who, later)
        assert not identity.proven_gone(who._replace(start=0), later)
        assert identity.proven_gone(who._replace(start=0), who.start - 1), "it came after its child"
        assert identity.proven_gone(who._replace(start=who.start - 1), later)
        first.kill()
        wait_until(lambda: identity.proven_gone(who, later), 5, "dead, not waited for")
        first.wait()
        assert identity.proven_gone(who, later)
        assert identity.proven_gone(who._replace(start=0), later)
        assert not identity.proven_gone(Identity(1, 0), later)
