"""A heartbeat does without a look at the machine only when nothing can have changed since the last one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core.settings import settings
from process_janitor.system import activity
from process_janitor.watcher import stillness
from process_janitor.watcher.stillness import LOOK_AGAIN_SECONDS, Reading, Stillness
from tests.namespaced import namespaced

OPTIONS = settings(None, "", ())
CALM = Reading(100, 50, 7, 1, 2, OPTIONS)
HANDS = 101


def looked(before: Reading = CALM, hands: int = HANDS, **after: Any) -> Stillness:
    found = Stillness()
    found.began(before)
    found.over(before._replace(**{"newest": HANDS, **after}), hands, 0.0)
    return found


def test_a_machine_on_which_nothing_happens_is_looked_at_once_an_hour() -> None:
    now = CALM._replace(newest=HANDS)
    assert looked().lasts(now, LOOK_AGAIN_SECONDS - 1)
    assert not looked().lasts(now, LOOK_AGAIN_SECONDS)
    assert not Stillness().lasts(now, 0.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"newest": 102}, {"threads": 49}, {"processes": 8}, {"registry": 2}, {"keep_rules": 3},
        {"options": OPTIONS._replace(values={**OPTIONS.values, "detached": "keep"})},
    ],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_whatever_is_started_ends_or_is_written_calls_for_a_look(changed: dict[str, Any]) -> None:
    now = CALM._replace(newest=HANDS)
    assert not looked().lasts(now._replace(**changed), 1.0)
    # During the look: it may have come too late for it.
    assert not looked(**changed).lasts(now._replace(**changed), 1.0)


def test_a_look_that_failed_or_that_was_for_the_dead_settles_nothing() -> None:
    now = CALM._replace(newest=HANDS)
    assert not looked(hands=0).lasts(now, 1.0)
    again = looked()
    again.over(now, HANDS, 1.0)
    assert not again.lasts(now, 1.0)
    silent = CALM._replace(threads=0)
    assert not looked(silent).lasts(silent._replace(newest=HANDS), 1.0)


@namespaced
def test_an_end_here_is_not_made_up_for_by_a_start_in_another_container(tmp_path: Path) -> None:
    really = activity.counts
    # Somebody else's container starts whatever it takes: the threads are everybody's.
    activity.counts = lambda: (really()[0], 100)
    ends = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(2)]

    def read() -> Reading:
        return stillness.read(1, str(tmp_path / "keep.json"), OPTIONS)

    before = read()
    settled = Stillness()
    settled.began(before)
    settled.over(before, before.newest, 0.0)
    assert settled.lasts(read(), 1.0), "nothing has happened"
    with ends[0] as ended:
        ended.kill()
    assert not settled.lasts(read(), 1.0)
    before = read()
    settled.began(before)
    with ends[1] as ended:
        ended.kill()
    settled.over(read(), before.newest, 1.0)
    assert not settled.lasts(read(), 2.0), "it ended during the look"


def test_the_machine_tells_of_starts_and_ends_and_the_rules_of_their_change(tmp_path: Path) -> None:
    rules = tmp_path / "keep.json"
    before = stillness.read(1, str(rules), OPTIONS)
    assert before.newest > 0
    assert before.threads > 1
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as started:
        during = activity.counts()
        assert during[0] >= started.pid > before.newest
        assert during[1] > 1
    rules.write_text("{}")
    assert stillness.read(1, str(rules), OPTIONS).keep_rules > before.keep_rules
