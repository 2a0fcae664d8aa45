"""What the user is told of a cleanup that nobody watched: on a real message bus, and where there is none."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from process_janitor.actions.notify import LIFE_SECONDS
from process_janitor.faces.start import session_start
from process_janitor.system import notices, procfs
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home
from tests.world import Child, Pretend, wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed (package dbus)"
)
LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(300)"
# Answers as a desktop does, notes each notification, and hangs where told to.
SERVICE = """
import json, sys
from jeepney import message_bus, new_method_return
from jeepney.io.blocking import open_dbus_connection
bus = open_dbus_connection(sys.argv[1])
bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))
open(sys.argv[2], "a").close()
while True:
    asked = bus.receive()
    member = asked.header.fields.get(3)
    if member == "GetCapabilities":
        bus.send(new_method_return(asked, "as", (sys.argv[3].split(),)))
    if member == "Notify":
        with open(sys.argv[2], "a") as file:
            file.write(json.dumps(asked.body) + "\\n")
        if "hangs" not in sys.argv[3]:
            bus.send(new_method_return(asked, "u", (1,)))
"""


class Desktop:
    """A message bus of its own with somebody on it who shows notifications, or nobody."""

    def __init__(self, home: Home, *, service: bool = True, does: str = "body") -> None:
        self._shown = home.home / "shown"
        address = f"unix:path={home.home}/bus"
        self._daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", f"--address={address}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=home.env,
        )  # fmt: skip
        wait_until((home.home / "bus").exists, 10, "the bus listens")
        if service:
            subprocess.Popen(
                [sys.executable, "-c", SERVICE, address, str(self._shown), does],
                stdin=subprocess.DEVNULL, env=home.env,
            )  # fmt: skip
            wait_until(self._shown.exists, 10, "the service is there")
        home.env["DBUS_SESSION_BUS_ADDRESS"] = address

    def shown(self) -> list[dict[str, Any]]:
        rows = map(json.loads, self._shown.read_text().splitlines()) if self._shown.exists() else ()
        return [{"app": row[0], "title": row[3], "body": row[4]} for row in rows]


def ready(folder: Path, **config: Any) -> Home:
    """A home whose command line has an environment: the one that we run in."""
    home = Home(folder, **config)
    (home.root / "environment").write_text(f"# id: any\n{sys.prefix}\n")
    return home


def helpers() -> list[int]:
    return [
        pid
        for pid in procfs.pids()
        if "process_janitor.actions.notify" in " ".join(procfs.argv(pid) or ())
    ]


def waiting(home: Home) -> list[Path]:
    return sorted((home.root / "notices").glob("*.json"))


def first_line(home: Home, session: Pretend) -> str:
    registry = Registry(str(home.root))
    return session_start(
        registry, session.session_id, session.identity, print, watcher_started=False
    )


def dev_server(home: Home, session: Pretend, port: int) -> Child:
    """What a Bash call left in the background on purpose, listening."""
    file = home.home / "listen.py"
    file.write_text(LISTEN)
    pid = home.home / "server.pid"
    session.run_bash(
        f"nohup {sys.executable} {file} {port} --token=s3cret >/dev/null 2>&1 </dev/null & echo $! >{pid}"
    )
    wait_until(lambda: pid.exists() and pid.read_text().strip(), 10, "the server's pid")
    server = Child(int(pid.read_text()))

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, 10, "it listens")
    return server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@namespaced
def test_a_cleanup_after_a_crash_is_shown_on_the_desktop(tmp_path: Path) -> None:
    home = ready(tmp_path)
    desktop = Desktop(home)
    session, neighbour = home.session(), home.session()
    server, spared = session.mcp(), neighbour.mcp()
    home.watch()
    session.kill()
    server.gone()
    wait_until(desktop.shown, 15, "a notification")
    (shown,) = desktop.shown()
    assert shown["app"] == "process-janitor"
    assert shown["title"] == "Cleaned up 1 process of a dead session"
    assert "MB freed. Which: process-janitor history" in shown["body"]
    wait_until(lambda: not helpers() and not waiting(home), 10, "the helper is gone, nothing waits")
    assert first_line(home, neighbour) == "", "told once"
    assert not (home.root / "notices").exists()
    assert spared.alive


@pytest.mark.parametrize("crash", [True, False])
@namespaced
def test_what_a_session_left_running_is_shown_with_its_port_and_the_command_that_ends_it(
    crash: bool, tmp_path: Path
) -> None:
    home = ready(tmp_path)
    desktop = Desktop(home, does="body body-markup")
    session = home.session()
    port = free_port()
    server = dev_server(home, session, port)
    home.watch()
    if not crash:
        home.say_goodbye(session)
    session.kill()
    wait_until(desktop.shown, 15, "a notification")
    (shown,) = desktop.shown()
    assert shown["title"] == "A session left a program running"
    assert f"(port {port}, " in shown["body"]
    assert "listen.py" in shown["body"]
    assert "s3cret" not in json.dumps(shown)
    command = f"process-janitor run --pid {server.pid}"
    assert f"To end it: {command}" in shown["body"]
    assert server.alive
    # The command does what was said.
    done = home.cli(*command.split()[1:], "--execute")
    assert done.code == 0, done
    server.gone()


@pytest.mark.parametrize("how", ["no bus", "no service", "stale address", "no environment"])
@namespaced
def test_without_a_desktop_the_next_session_is_told_once(how: str, tmp_path: Path) -> None:
    home = ready(tmp_path)
    if how == "no service":
        Desktop(home, service=False)
    if how == "stale address":
        home.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={tmp_path}/none"
    if how == "no environment":
        Desktop(home)
        (home.root / "environment").unlink()
    session, neighbour = home.session(), home.session()
    server, spared = session.mcp(), neighbour.mcp()
    watcher = home.watch()
    session.kill()
    server.gone()
    wait_until(lambda: waiting(home), 15, "the notice is written down")
    if how in ("no service", "stale address"):
        log = home.root / "logs" / "notify.log"
        wait_until(lambda: log.exists() and log.read_text(), 15, "the failure is logged")
        assert "no notification" in log.read_text()
    else:
        home.closed(session)
    wait_until(lambda: not helpers(), 10, "no helper is left")
    assert len(waiting(home)) == 1
    assert waiting(home)[0].stat().st_mode & 0o777 == 0o600
    assert home.log() == ""
    said = first_line(home, neighbour)
    assert said.startswith("process-janitor: cleaned up 1 process of a dead session, ")
    assert said.endswith("see /cleanup history")
    assert first_line(home, neighbour) == ""
    assert watcher.poll() is None
    assert spared.alive


@namespaced
def test_switched_off_nothing_is_told_anywhere(tmp_path: Path) -> None:
    home = ready(tmp_path, notification_enabled=False)
    desktop = Desktop(home)
    session, neighbour = home.session(), home.session()
    server = session.mcp()
    home.watch()
    session.kill()
    server.gone()
    home.closed(session)
    wait_until(Path(home.place, "leftovers.json").exists, 10, "the cleaning is done")
    wait_until(lambda: not helpers(), 10)
    assert desktop.shown() == []
    assert waiting(home) == []
    assert first_line(home, neighbour) == ""


@namespaced
def test_an_end_without_anything_left_is_not_worth_a_word(tmp_path: Path) -> None:
    home = ready(tmp_path)
    desktop = Desktop(home)
    session, neighbour = home.session(), home.session()
    spared = neighbour.detached()
    home.watch()
    home.say_goodbye(session)
    session.kill()
    assert home.closed(session) == "ended"
    note = Path(home.place, "leftovers.json")

    def alone() -> bool:
        noted = json.loads(note.read_text())["sessions"] if note.exists() else []
        return [pid for pid, _ in noted] == [neighbour.pid]

    wait_until(alone, 10, "the cleaning is done")
    assert (desktop.shown(), waiting(home), helpers()) == ([], [], [])
    assert spared.alive


@namespaced
def test_a_service_that_hangs_costs_nobody_more_than_its_time(tmp_path: Path) -> None:
    home = ready(tmp_path)
    desktop = Desktop(home, does="body hangs")
    session, neighbour = home.session(), home.session()
    server = session.mcp()
    home.watch()
    session.kill()
    server.gone()
    wait_until(desktop.shown, 15, "it was asked")
    begun = time.monotonic()
    wait_until(lambda: not helpers(), LIFE_SECONDS + 3, "the helper is gone")
    assert time.monotonic() - begun < LIFE_SECONDS + 1
    assert len(waiting(home)) == 1, "who knows whether anybody saw it"
    assert "cleaned up 1 process" in first_line(home, neighbour)


@namespaced
def test_a_bus_that_never_answers_is_left_within_the_limit(tmp_path: Path) -> None:
    home = ready(tmp_path)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(f"{tmp_path}/deaf")
        deaf.listen(1)
        home.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={tmp_path}/deaf"
        session, _ = home.session(), home.session()
        server = session.mcp()
        home.watch()
        session.kill()
        server.gone()
        wait_until(helpers, 15, "a helper")
        wait_until(lambda: not helpers(), LIFE_SECONDS + 3, "it is gone")
    assert len(waiting(home)) == 1


@pytest.mark.parametrize("words", [("auto", "--quiet"), ("auto",), ("run", "--execute", "--quiet")])
@namespaced
def test_a_scheduled_auto_tells_and_what_somebody_sees_does_not(
    words: list[str], tmp_path: Path
) -> None:
    home = ready(tmp_path)
    desktop = Desktop(home)
    session = home.session()
    server = session.mcp()
    session.kill()
    answer = home.cli(*words, DBUS_SESSION_BUS_ADDRESS=home.env["DBUS_SESSION_BUS_ADDRESS"])
    assert answer.code == 0, answer
    server.gone()
    if tuple(words) == ("auto", "--quiet"):
        wait_until(desktop.shown, 15, "a notification")
        assert desktop.shown()[0]["title"] == "Cleaned up 1 process of a dead session"
        assert (answer.out, answer.err) == ("", "")
    else:
        assert (desktop.shown(), waiting(home), helpers()) == ([], [], [])


def test_no_more_are_kept_than_anybody_reads_and_damaged_ones_are_passed_over(
    tmp_path: Path,
) -> None:
    from process_janitor.core.notices import Notice

    root = str(tmp_path / "state")
    for _ in range(50):
        notices.post(root, Notice(ended=1, freed=1, sessions=1))
    folder = tmp_path / "state" / "notices"
    assert len(list(folder.iterdir())) == 20
    odd = {"0.json": "[" * 9999, f"{0:020}-1.json": '{"ended": 1', f"{1:020}-1.json": "\x00"}
    for name, text in odd.items():
        (folder / name).write_text(text)
    (folder / f"{2:020}-1.json").symlink_to("/etc/hostname")
    taken = notices.take(root)
    assert len(taken) == 20
    left = {path.name for path in folder.iterdir()}
    assert left == {*odd, f"{2:020}-1.json"}, "what cannot be read, or is not ours, is left"
    assert notices.take(root) == []
    for _ in range(50):
        notices.post(root, Notice(ended=1, freed=1, sessions=1))
    assert {"0.json"} == {path.name for path in folder.iterdir()} & {*left}, "ours make room"


@pytest.mark.parametrize("link", [True, False])
def test_nothing_is_taken_through_a_link(tmp_path: Path, link: bool) -> None:
    from process_janitor.core.notices import Notice

    root, elsewhere = tmp_path / "state", tmp_path / "precious"
    path = Path(notices.post(str(elsewhere), Notice(ended=1, freed=1, sessions=1)))
    root.mkdir()
    if link:
        (root / "notices").symlink_to(path.parent)
    else:
        path.parent.rename(root / "notices")
    assert len(notices.take(str(root))) == (0 if link else 1)
    assert path.exists() is link
    if link:
        assert not notices.told(str(root / "notices" / path.name))
        assert path.exists()


def test_where_a_bus_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 987654)
    assert notices.bus({}) == ""
    assert notices.bus({"DBUS_SESSION_BUS_ADDRESS": "unix:abstract=x"}) == "unix:abstract=x"
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "bus").touch()
    assert notices.bus(runtime) == ""
    (tmp_path / "bus").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/bus")
        assert notices.bus(runtime) == f"unix:path={tmp_path}/bus"
    assert notices.bus({"XDG_RUNTIME_DIR": "relative"}) == ""
