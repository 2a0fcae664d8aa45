"""What people read: in colour or not, narrow or wide, always with what to type next."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from process_janitor.core.units import age, size
from process_janitor.faces.render.times import local
from tests.namespaced import ROOT, namespaced
from tests.world import World, wait_until


def on_a_terminal(
    world: World, *words: str, width: int = 80, answer: str = "", **environment: str
) -> tuple[int, str]:
    """The command on a pseudo terminal of its own, and what it shows there."""
    ours, theirs = pty.openpty()
    env = {**world.env, "TERM": "xterm-256color", "COLUMNS": str(width), **environment}
    child = subprocess.Popen(
        [sys.executable, "-I", str(ROOT / "scripts" / "start.py"), *words], env=env, stdin=theirs, stdout=theirs,
        stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    if answer:
        os.write(ours, answer.encode())
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    return child.wait(20), said.decode()


@namespaced
def test_verdicts_are_coloured_and_can_be_read_without_colour(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    session.mcp()
    session.detached()
    session.kill()
    _, coloured = on_a_terminal(world, "scan")
    assert "\x1b[1;31mreap" in coloured
    cases: tuple[tuple[list[str], dict[str, str]], ...] = (
        (["scan", "--no-color"], {}),
        (["scan"], {"NO_COLOR": "1"}),
        (["scan"], {"TERM": "dumb"}),
    )
    for words, environment in cases:
        _, plain = on_a_terminal(world, *words, width=80, answer="", **environment)
        assert "\x1b" not in plain, (words, environment)
        assert "reap" in plain
        assert "report" in plain
    assert "\x1b" not in world.cli("scan").out


@namespaced
def test_every_page_fits_the_terminal(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    world.session().bash()
    session.detached()
    session.kill()
    for width in (60, 80, 200):
        for words in (
            ["scan"],
            ["scan", "--all"],
            ["explain", str(server.pid)],
            ["run"],
            ["history"],
            ["config"],
        ):
            out = world.cli(*words, COLUMNS=str(width)).out
            assert max(map(len, out.splitlines())) <= width, (words, width)
            assert not any(line.endswith(" ") for line in out.splitlines())
    assert world.cli("auto").code == 0
    for words in (["scan"], ["run"], ["history"], ["keep"], ["config"]):
        assert world.cli(*words).out.splitlines()[-1].startswith("Next: "), words


@namespaced
def test_a_width_that_no_terminal_has_cuts_nothing_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    whole = world.cli("config", COLUMNS="").out
    for width in ("0", "000", "9" * 30, "x", "-5"):
        answer = world.cli("config", COLUMNS=width)
        assert (answer.code, answer.out, answer.err) == (0, whole, ""), width
    said = on_a_terminal(world, "config", width=0)[1]
    assert "slash_command_mode" in said


@namespaced
def test_the_question_is_asked_and_only_yes_is_a_yes(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    session.kill()
    for answer in ("n\n", "\n", "\x04", "yep\n"):
        code, said = on_a_terminal(world, "run", answer=answer)
        assert code == 0
        assert "End this process? [y/N]" in said
        assert server.alive
    assert not (world.root / "plans").exists()
    code, _ = on_a_terminal(world, "run", answer="y\n")
    assert code == 0
    assert not server.alive


@namespaced
def test_in_auto_mode_a_terminal_is_not_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    session.kill()
    world.configure(cleanup_mode="auto")
    code, said = on_a_terminal(world, "run")
    assert (code, "[y/N]" in said) == (0, False)
    assert not server.alive


@namespaced
def test_secrets_are_not_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    shell, _ = session.bash(MY_SECRET="environment-value")
    session.kill()
    everything = "".join(
        world.cli(*words).out
        for words in (
            ["scan", "--json"],
            ["scan", "--all"],
            ["explain", str(shell.pid)],
            ["run", "--json"],
        )
    )
    assert "environment-value" not in everything


@namespaced
def test_a_secret_in_a_shells_line_is_neither_shown_nor_stored(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    # As npm starts `npx server --api-key …`: its own title, and a shell with the words in one.
    line = "sleep 1000; : --api-key hunter2"
    ended, kept = (session.start_server(["sh", "-c", line]) for _ in range(2))
    session.run_bash("sleep 1000; sudo mysql -phunter2 db")
    session.kill()
    page = tmp_path / "page.html"
    said = [
        world.cli(*words)
        for words in (
            ["scan", "--json"], ["scan", "--all", "--verbose"], ["explain", str(ended)], ["report", "--json"],
            ["report", "--html", str(page)], ["keep", str(kept)], ["keep"], ["run", "--yes", "--json"], ["history", "--json"],
        )
    ]  # fmt: skip
    stored = [
        file.read_text("utf-8", "replace") for file in world.root.rglob("*") if file.is_file()
    ]
    told = "".join((page.read_text(), *stored, *(one.out + one.err for one in said)))
    assert [one.code for one in said if one.code not in {0, 1}] == []
    assert "hunter2" not in told
    for text in (
        said[0].out,
        said[-1].out,
        page.read_text(),
        *(x for x in stored if "command_shown" in x),
    ):
        assert "--api-key ***" in text
    assert "mysql -p***" in said[-1].out


STEERING = "\x1b]0;pwn\x07\x1b[8m\u202e\x85"


@namespaced
def test_nothing_from_the_machine_steers_the_terminal(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session(registered=False)
    world.client_file(session, cwd=f"/srv/caf\u00e9{STEERING}")
    world.root.mkdir(parents=True, exist_ok=True)
    line = {"event": "action", "at": "2026-11-21T08:00:00Z", "pid": 5, "outcome": "gone", "signals": [STEERING]}  # fmt: skip
    told = {**line, "command": STEERING, "class": STEERING, "session_id": STEERING, "evidence": [STEERING]}  # fmt: skip
    (world.root / "journal.jsonl").write_text(json.dumps(told) + "\n")
    page = tmp_path / "page.html"
    for words in (("scan", "--all"), ("report",), ("report", "--html", str(page)), ("history",)):
        answer = world.cli(*words)
        said = answer.out + answer.err
        assert answer.code == 0, said
        assert not set("\x1b\x07\x85\u202e") & set(said), words
        if words == ("scan", "--all"):
            assert "/srv/caf\u00e9\ufffd]0;pwn" in said, "what can be read is there to be read"
    assert not set("\x1b\x07\x85\u202e") & set(page.read_text())
    _, shown = on_a_terminal(world, "scan", "--all", width=160)
    assert "\x1b]0;" not in shown
    assert "\x1b[8m" not in shown
    assert "\x1b[" in shown, "colours are there"
    assert world.cli("scan", "--json").json["sessions"][0]["cwd"].endswith(STEERING)


def test_a_reader_that_goes_away_is_no_failure() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "scripts" / "start.py"), "--help"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=20,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_one_line() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("platform: no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-I", str(ROOT / "scripts" / "start.py"), "--help"], stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=20, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (45_300_000, "45 MB"), (1_250_000_000, "1.2 GB")],
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.4, "0 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (5000, "1 h 23 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


def test_times_are_those_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert local("2026-11-21T23:00:00Z") == "2026-11-22 08:00:00"
        assert local("no time") == "no time"
    finally:
        monkeypatch.undo()
        time.tzset()


@namespaced
def test_a_pipe_gets_whole_commands_and_a_narrow_page_their_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    shell, child = session.bash()
    session.kill()
    narrow = world.cli("scan", COLUMNS="80").out
    assert max(map(len, narrow.splitlines())) <= 80
    assert "shell-snapshots" not in narrow
    wide = world.cli("scan", COLUMNS="").out
    assert "…" not in wide
    found = {one["pid"]: one["command"] for one in world.cli("scan", "--json").json["findings"]}
    assert "shell-snapshots" not in found[shell.pid]
    assert found[child.pid].rsplit("/", 1)[-1] in narrow
    world.cli("auto")
    assert "shell-snapshots" not in world.cli("history").out
    said = world.cli("explain", str(child.pid))
    assert said.code == 1
    assert "auto ended it on " in said.err
    assert "in the 2 lines shown" in world.cli("history", "--limit", "2").out
    assert " ended, " not in world.cli("history", "--abnormal").out


@namespaced
def test_everything_lists_what_living_sessions_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    shell, _ = session.bash()
    document = world.cli("scan", "--all", "--json").json
    found = {one["pid"]: one for one in document["findings"]}
    for pid, kind in ((server.pid, "mcp-server"), (shell.pid, "bash-task")):
        assert (found[pid]["verdict"], found[pid]["kind"]) == ("keep", kind)
        assert found[pid]["vetoes"][0] == "live-owner"
        assert found[pid]["session_id"] == session.session_id
    assert world.cli("scan", "--json").json["totals"] == document["totals"]
    said = " ".join(world.cli("scan", "--all").out.split())
    assert said.count("it is a session that runs") == 1
    assert document["totals"]["keep"] >= 4
    assert "Nothing to clean." in world.cli("scan").out


@namespaced
def test_a_plan_says_what_it_leaves_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    kept, ended = session.mcp(), session.mcp()
    session.kill()
    plan = world.cli("run", "--json").json["plan"]["id"]
    assert world.cli("keep", str(kept.pid)).code == 0
    done = world.cli("run", "--plan", plan, "--execute")
    assert done.code == 0
    assert f"left alone {kept.pid}: you asked to keep it" in done.out
    assert "[kept-by-rule]" in done.out
    assert (kept.alive, ended.alive) == (True, False)


@namespaced
def test_detached_children_of_one_command_stand_in_one_row_and_others_do_not(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    note = tmp_path / "started"
    note.touch()
    command = "sleep 300 >/dev/null 2>&1 </dev/null & echo $! >>"
    for session, commands in (
        (one, [command] * 3 + [command.replace("300", "301")]),
        (other, [command]),
    ):
        for each in commands:
            session.run_bash(f"{each}{note}")
    left = [one.mcp(), one.mcp()]
    wait_until(lambda: len(note.read_text().split()) == 5, 10, "all of them run")
    started = note.read_text().split()
    one.kill()
    other.kill()
    out = world.cli("scan", COLUMNS="200").out
    assert out.count("3x sleep 300") == 1, out
    assert "1x" not in out
    assert out.count("sleep 300") == 2
    assert out.count("sleep 301") == 1
    for pid in (*started, *(child.pid for child in left)):
        assert str(pid) in out
    assert "2x" not in out, "what will be ended is listed one by one"
    planned = world.cli("run", "--class", "detached", "--dry-run", COLUMNS="200").out
    assert planned.count("sleep 300") == 4
    assert len(world.cli("scan", "--json").json["findings"]) == 7


def test_what_is_no_process_has_a_row_each() -> None:
    from process_janitor.faces.render.findings import _alike

    def row(pid: int | None, subject: str) -> dict[str, object]:
        return {"pid": pid, "class": "stale-lock", "ports": [], "command": subject}

    groups = _alike([row(None, "a.lock"), row(None, "b.lock"), row(7, "node")])
    assert [[one["command"] for one in group] for group in groups] == [
        ["a.lock"],
        ["b.lock"],
        ["node"],
    ]


def test_what_will_be_ended_stands_before_what_is_shown_and_that_before_what_is_kept() -> None:
    from process_janitor.faces.render.findings import strongest_first

    def row(pid: int | None, session: str, verdict: str) -> dict[str, object]:
        return {"pid": pid, "session_id": session, "verdict": verdict}

    rows = [
        row(1, "a", "keep"), row(2, "b", "report"), row(3, "c", "keep"), row(4, "c", "reap"),
        row(None, "", "report"), row(5, "d", "reap"), row(6, "c", "report"), row(7, "c", "reap"),
    ]  # fmt: skip
    found = [[one["pid"] for one in group] for group in strongest_first(rows)]
    assert found == [[4, 7, 6, 3], [5], [2], [None], [1]]


@namespaced
def test_pages_begin_with_the_session_of_which_something_will_be_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    shown, ended = world.session(), world.session()
    shown.detached()
    ended.mcp()
    shown.kill()
    ended.kill()
    for words in (("scan",), ("scan", "--all"), ("report",)):
        said = world.cli(*words).out
        said = said[said.find("Findings") :] if words == ("report",) else said
        assert said.index("reap ") < said.index("report "), words
        assert said.index(ended.session_id) < said.index(shown.session_id), words
