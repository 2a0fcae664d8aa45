"""Real tmux servers, each on a socket of its own test, ended by their own handle and by the end of the namespace."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import libtmux
import pytest

from process_janitor.core.record import new_record, tmux_pane
from process_janitor.core.settings import settings
from process_janitor.core.ties import Ties
from process_janitor.core.windows import Windows
from process_janitor.faces import pretend
from process_janitor.faces.doctor import Ward
from process_janitor.faces.doctor.machine import silent_terminals
from process_janitor.faces.terminals import terminals
from process_janitor.system import identity, procfs, tmux
from process_janitor.system.observe import observe
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.world import Child, World, wait_until

pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
A = "aaaaaaaa-0000-4000-8000-000000000001"
WARD = Ward("", "", "", settings(None, "", ()), {})


class Desk:
    """A user with a tmux server in a directory of their own."""

    def __init__(self, folder: Path, server: libtmux.Server) -> None:
        self.world = World(folder)
        self.server = server
        self.main = server.new_session(session_name="main", window_command="sh")

    def pane(self, command: str = "sh") -> libtmux.Pane:
        pane = self.main.new_window(window_shell=command, attach=False).active_pane
        assert pane is not None
        return pane

    def claude(self, pane: libtmux.Pane, session_id: str = A) -> Child:
        """A pretend client that somebody starts at the pane's prompt, registered as the hook does it."""
        ready = self.world.home / f"client-{pane.pane_id}"
        pane.send_keys(shlex.join(pretend.client_command(str(ready))))
        child = Child(int(wait_until(lambda: ready.exists() and ready.read_text(), what="client")))
        row = procfs.process(child.pid)
        assert row is not None
        assert row.tty
        registry = Registry(str(self.world.root))
        registry.prepare()
        socket_path, server = self.place()
        registry.write(
            new_record(
                session_id, child.identity, host=identity.host_name(), pgid=row.pgid, sid=row.sid, tty=row.tty,
                pane=tmux_pane(f"{socket_path},{server},0", str(pane.pane_id)), recognised=True, cwd="/",
            )
        )  # fmt: skip
        return child

    def place(self) -> tuple[str, int]:
        said = self.server.cmd("display-message", "-p", "#{socket_path}|#{pid}").stdout[0]
        path, _, pid = said.rpartition("|")
        return path, int(pid)

    def ties(self) -> Ties:
        seen = observe(str(self.world.root))
        return Ties(seen.snapshot, seen.sessions)

    def named(self) -> list[str]:
        return [one.subject for one in terminals(self.ties()).orphans()]


@contextmanager
def desk(folder: Path, **place: Any) -> Iterator[Desk]:
    os.environ["TMUX_TMPDIR"] = str(folder)
    os.environ.pop("TMUX", None)
    server = libtmux.Server(config_file="/dev/null", **place)
    try:
        yield Desk(folder, server)
    finally:
        server.kill()


def kill(child: Child) -> None:
    fd = os.pidfd_open(child.pid)
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    child.gone()
    os.close(fd)


def ask(**more: Any) -> tmux.Answer:
    return tmux.ask(procfs.table(), os.geteuid(), os.environ, **more)


def clients() -> list[int]:
    """Our own tmux clients that still run."""
    rows = [procfs.process(pid) for pid in procfs.children(os.getpid())]
    return [
        row.pid for row in rows if row is not None and row.comm.startswith("tmux") and not row.dead
    ]


@namespaced
def test_the_pane_of_a_killed_client_is_named_and_the_others_are_not(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        crashed, living, ordinary = at.pane(), at.pane(), at.pane()
        dying = at.claude(crashed)
        alive = at.claude(living, "bbbbbbbb-0000-4000-8000-000000000002")
        windows: Windows = terminals(at.ties())
        assert windows.label(dying.pid) == f"tmux:main:{crashed.window_index}.0"
        assert windows.label(alive.pid) == f"tmux:main:{living.window_index}.0"
        assert at.named() == []
        kill(dying)
        label = f"tmux:main:{crashed.window_index}.0"
        wait_until(lambda: at.named() == [label], what="the crashed client's pane is named")

        at.world.env["TMUX_TMPDIR"] = str(tmp_path)
        answer = at.world.cli("scan", "--json")
        found = [one for one in answer.json["findings"] if one["class"] == "orphan-window"]
        assert [(one["command"], one["pid"], one["verdict"]) for one in found] == [
            (label, None, "report")
        ]
        assert label in at.world.cli("scan").out
        at.world.cli("auto")
        at.world.cli("run", "--class", "orphan-window", "--execute")
        assert at.named() == [label], "nobody has closed it"
        assert alive.alive

        ready = tmp_path / "working"
        crashed.send_keys(shlex.join(pretend.child_command(str(ready))))
        wait_until(ready.exists, what="somebody works in the pane again")
        assert at.named() == []
        assert ordinary.pane_pid is not None
        assert procfs.process(int(ordinary.pane_pid)) is not None


@namespaced
def test_a_dead_pane_that_was_opened_for_claude_is_named(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        at.server.set_option("remain-on-exit", "on", global_=True)
        program = tmp_path / "claude"
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
        opened, other = at.pane(f"exec {program} --resume 'a|b'"), at.pane("exec false")
        wait_until(lambda: sum(pane.dead for pane in ask().panes) == 2, what="both panes are dead")
        assert at.named() == [f"tmux:main:{opened.window_index}.0"]
        assert other.window_index != opened.window_index


@namespaced
def test_every_socket_of_the_user_is_found(tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where.sock"
    with desk(tmp_path), desk(tmp_path, socket_name="work"), desk(tmp_path, socket_path=elsewhere):
        labels = sorted(pane.label.rsplit(":", 1)[0] for pane in ask().panes)
        assert labels == ["tmux/else where.sock:main", "tmux/work:main", "tmux:main"]
        os.environ["TMUX_TMPDIR"] = str(tmp_path / "nowhere")
        assert [pane.socket for pane in ask().panes] == [str(elsewhere)], "told by its command line"
        os.environ["TMUX"] = f"{tmp_path}/tmux-{os.geteuid()}/work,1,0"
        assert len(ask().panes) == 2
        assert len(ask(also=[f"{tmp_path}/tmux-{os.geteuid()}/default"]).panes) == 3


@namespaced
def test_a_stopped_server_costs_a_second_and_leaves_no_client(tmp_path: Path) -> None:
    with desk(tmp_path) as at, desk(tmp_path, socket_name="work"):
        path, pid = at.place()
        fd = os.pidfd_open(pid)
        signal.pidfd_send_signal(fd, signal.SIGSTOP)
        try:
            began = time.monotonic()
            answer = ask()
            spent = time.monotonic() - began
            (told,) = list(silent_terminals(WARD))
        finally:
            signal.pidfd_send_signal(fd, signal.SIGCONT)
            os.close(fd)
        assert answer.silent == (path,)
        assert (told.name, told.state) == ("tmux", "warning")
        assert path in told.says
        assert list(silent_terminals(WARD)) == []
        assert [pane.label.split(":")[0] for pane in answer.panes] == ["tmux/work"]
        assert spent < tmux.SECONDS + 0.8
        wait_until(lambda: clients() == [], what="no client of ours is left")
        wait_until(lambda: not ask().silent, what="it answers again")


@namespaced
def test_nothing_is_started_and_no_stranger_is_spoken_to(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        path, pid = at.place()
    wait_until(lambda: procfs.process(pid) is None, what="the server is gone")
    folder = Path(path).parent
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(folder / "stale"))
    stale.close()
    (folder / "file").write_text("")
    (folder / "link").symlink_to(folder / "stale")
    stranger = socket.socket(socket.AF_UNIX)
    stranger.bind(str(folder / "stranger"))
    stranger.listen()
    before = sorted(folder.iterdir())
    assert ask() == tmux.Answer()
    assert sorted(folder.iterdir()) == before
    assert not [row for row in procfs.table().values() if row.comm.startswith("tmux")]
    stranger.settimeout(5)
    connection, _ = stranger.accept()
    assert connection.recv(10) == b"", "looked at and left without a word"


@namespaced
def test_without_libtmux_or_tmux_there_are_no_panes_and_no_error(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        assert ask().panes
        kept, path = sys.modules["libtmux"], os.environ["PATH"]
        try:
            sys.modules["libtmux"] = None  # type: ignore[assignment]  # what makes an import fail
            assert ask().panes == ()
        finally:
            sys.modules["libtmux"] = kept
        try:
            os.environ["PATH"] = str(tmp_path)
            assert ask().panes == ()
        finally:
            os.environ["PATH"] = path
        assert at.named() == []


@namespaced
def test_only_a_server_that_listens_makes_a_scan_import_libtmux(tmp_path: Path) -> None:
    os.environ["TMUX_TMPDIR"] = str(tmp_path)
    kept = sys.modules.pop("libtmux")
    try:
        assert ask() == tmux.Answer()
        assert "libtmux" not in sys.modules
    finally:
        sys.modules["libtmux"] = kept
