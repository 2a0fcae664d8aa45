"""A record says that its session is a background one, however the client's daemon started that."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from process_janitor.faces import hook
from process_janitor.system import procfs

if TYPE_CHECKING:
    from collections.abc import Iterator

# As the client does: its own command line, written over the one it was started with. Then a child, and both wait.
PROGRAM = """
import ctypes, subprocess, sys
title = "\\0".join(sys.argv[1:]).encode() + b"\\0"
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
start, end = int(fields[45]), int(fields[46])
ctypes.memmove(start, title.ljust(end - start, b"\\0"), end - start)
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
child.stdin.close()
child.wait()
"""


@pytest.fixture(
    params=[
        pytest.param(("claude bg-spare", "--bg-spare", "/s"), id="spare"),
        pytest.param(("claude bg-pty-host", "--bg-pty-host", "/s"), id="host"),
        pytest.param(("claude", "--resume", "--bg-spare"), id="terminal"),
    ]
)
def titled(request: pytest.FixtureRequest) -> Iterator[tuple[str, int, int]]:
    """A process under such a title, and a child of it."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM, *request.param],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert (procfs.argv(process.pid) or ())[:3] == request.param
        yield request.param[0], process.pid, child
        process.stdin.close()


def test_a_spare_and_what_a_terminals_host_started_are_background_sessions(
    titled: tuple[str, int, int],
) -> None:
    title, one, child = titled
    kinds = {}
    for name, pid in (("itself", one), ("its child", child)):
        row = procfs.process(pid)
        assert row is not None
        kinds[name] = hook._kind(row)
    expected = {
        "claude bg-spare": {"itself": "bg", "its child": ""},
        "claude bg-pty-host": {"itself": "", "its child": "bg"},
        "claude": {"itself": "", "its child": ""},
    }
    assert kinds == expected[title]
