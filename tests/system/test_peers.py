"""Who holds the other end, asked of real pipes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from process_janitor.system import peers


@pytest.fixture
def sleeping() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait()


def test_one_reading_answers_for_every_process(sleeping: list[subprocess.Popen[bytes]]) -> None:
    """Two that read from pipes: one is written to by its own company, one by a stranger, and one pipe lost its writer."""

    def reader() -> tuple[int, int]:
        reading, writing = os.pipe()
        sleeping.append(subprocess.Popen(["sleep", "60"], stdin=reading))
        os.close(reading)
        return sleeping[-1].pid, writing

    def writer(fd: int) -> int:
        sleeping.append(subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, pass_fds=[fd]))
        os.close(fd)
        return sleeping[-1].pid

    (ours, to_ours), (theirs, to_theirs), (loose, to_loose) = reader(), reader(), reader()
    friend, stranger = writer(to_ours), writer(to_theirs)
    os.close(to_loose)
    company = {ours, theirs, loose, friend}
    everyone = peers.Descriptors(dict.fromkeys([*company, stranger], 0))
    asked = {pid: peers.far_end(pid, 0, {}, everyone, company) for pid in (ours, theirs, loose)}
    assert asked == {ours: "no", theirs: "yes", loose: "no"}
    assert everyone.holders() is everyone.holders()
    # Among those who were looked into nobody holds it, and that is no proof.
    assert (
        peers.far_end(theirs, 0, {}, peers.Descriptors(dict.fromkeys(company, 0)), company)
        == "unknown"
    )


def test_a_pipe_that_is_younger_than_the_reading_says_nothing(
    sleeping: list[subprocess.Popen[bytes]],
) -> None:
    everyone = peers.Descriptors({os.getpid(): 0})
    everyone.holders()
    child = subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE)
    sleeping.append(child)
    assert peers.far_end(child.pid, 0, {}, everyone, {child.pid, os.getpid()}) == "unknown"
    anew = peers.Descriptors({os.getpid(): 0})
    assert peers.far_end(child.pid, 0, {}, anew, {child.pid}) == "yes"
    assert peers.far_end(child.pid, 0, {}, anew, {child.pid, os.getpid()}) == "no"
    assert child.stdin is not None
    child.stdin.close()
