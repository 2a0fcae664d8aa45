"""Fixtures: one played scenario for each client version. In CI the conftest above turns a skip into a failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from . import client, namespace
from .story import Outcome

REPO = Path(__file__).resolve().parents[2]
PLUGIN = "PROCESS_JANITOR_TEST_PLUGIN"
BOOTSTRAP_SECONDS = 300.0

Play = Callable[[str], Outcome]


# The first test that looks at a scenario plays it, and the very first makes the command line ready.
MARKS = [
    pytest.mark.client,
    pytest.mark.namespace,
    pytest.mark.slow,
    pytest.mark.timeout(namespace.SECONDS_TO_PLAY + BOOTSTRAP_SECONDS),
]


@cache
def unready(repo: Path) -> str:
    """Make the plugin's command line ready, as in the namespaces nothing can be fetched; or why that failed."""
    done = subprocess.run(
        [str(repo / "scripts" / "process-janitor"), "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOOTSTRAP_SECONDS,
        check=False,
    )
    return f"the command line does not start: {done.stderr}" if done.returncode else ""


@cache
def played(scenario: str, version: str) -> Outcome:
    """One scenario with one client, played once however many tests look at it."""
    repo = Path(os.environ.get(PLUGIN, REPO)).resolve()
    failure = unready(repo)
    if failure:
        return Outcome(failure=failure)
    return namespace.play(scenario, client.binary(version), repo)


@pytest.fixture(params=client.wanted())
def play(request: pytest.FixtureRequest) -> Play:
    """Plays a scenario with the client version of this test."""
    version: str = request.param
    reason = namespace.missing()
    if not reason:
        try:
            client.binary(version)
        except client.Unavailable as error:
            reason = str(error)
    if reason:
        pytest.skip(reason)
    return lambda scenario: played(scenario, version)
