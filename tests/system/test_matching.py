"""A user's regular expression: found, not found, or protecting because nobody can tell in time."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from process_janitor.system import matching
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home, stays
from tests.world import Child

WITHOUT_END = r"x(a+)+[?]$"
TEXT = "sh -c : x" + "a" * 60 + "!"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("vite", "node vite", True), ("vite$", "node vite --port 1", False), (WITHOUT_END, "xaa?", True), (WITHOUT_END, "y", False)],
)  # fmt: skip
def test_an_expression_that_ends_is_found_or_not(pattern: str, text: str, found: bool) -> None:
    assert matching.finds(pattern, text) is found


def test_one_without_end_protects_and_is_asked_once() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    began = time.process_time()
    assert matching.finds(WITHOUT_END, TEXT)
    assert time.process_time() - began < 10 * matching.SECONDS
    began = time.process_time()
    assert all(matching.finds(WITHOUT_END, TEXT) for _ in range(100))
    assert time.process_time() - began < matching.SECONDS
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_in_a_thread_it_is_asked_without_a_bound() -> None:
    said: list[bool] = []
    thread = threading.Thread(
        target=lambda: said.extend((matching.finds("a", "a"), matching.finds("a", "b")))
    )
    thread.start()
    thread.join(10)
    assert said == [True, False]


@namespaced
def test_a_rule_without_end_keeps_what_it_is_about_and_nothing_from_being_cleaned(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    assert home.cli("keep", "--command", WITHOUT_END).code == 0
    dead = home.session()
    other = dead.mcp()
    odd = Child(dead.start_server(["sh", "-c", f"sleep 200; : x{'a' * 60}!"]))
    home.watch()
    home.known(dead, other, odd)
    dead.kill()
    other.gone(20)
    assert home.closed(dead) == "crashed"
    stays("nobody can tell whether its user protects it", odd, seconds=1.0)
    assert "kept-by-rule" in home.cli("explain", str(odd.pid)).out
