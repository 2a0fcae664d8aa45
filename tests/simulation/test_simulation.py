"""A short run of the simulation; `scripts/simulate` plays as many rounds as there is time for."""

from __future__ import annotations

import os

import pytest

from tests.namespaced import missing
from tests.simulation import run

ROUNDS = 25
# The rounds wait more than they work.
JOBS = 5


@pytest.mark.namespace
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_random_machines_lose_what_a_clean_exit_would_end_and_nothing_else() -> None:
    reason = missing()
    if reason:
        if os.environ.get("CI") and not reason.startswith("platform:"):
            pytest.fail(reason)
        pytest.skip(reason)

    results = list(run.rounds(list(range(1, ROUNDS + 1)), JOBS))

    failures = [run.told(result) for result in results if run.failed(result)]
    assert not failures, "\n".join([*failures, run.shown(run.added(results))])
    assert sum(row["died"] for row in run.added(results).values()) > 2 * ROUNDS
