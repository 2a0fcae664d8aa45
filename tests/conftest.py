"""In CI a test that is skipped proves nothing: only a platform that is not there excuses it.

`pytest.skip("platform: needs macOS")` stays a skip. Any other reason names something that CI could have installed, and
fails the run.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

PLATFORM_REASON = "Skipped: platform:"


# How long one example takes says how busy the machine is. What must be fast is measured by benchmarks/, as a ratio.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """Undo what `nohup` and `&` did to whoever started the tests: their children inherit an ignored signal as well, and
    then a test that sends one proves nothing.
    """
    for number, usual in (
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure unless its reason is a platform. Expected failures are skips to pytest only."""
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.startswith(PLATFORM_REASON):
        report.outcome = "failed"
        report.longrepr = f"CI must not skip this: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge tests that skip themselves or are skipped by a mark."""
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge files that skip as a whole."""
    report = yield
    _judge(report)
    return report
