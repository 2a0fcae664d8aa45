"""`report` and `status` over real sessions, and what an action says that it freed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces import schemas
from process_janitor.system import identity
from tests.cli.test_text import on_a_terminal
from tests.namespaced import namespaced
from tests.serving import configure, serving
from tests.world import Pretend, World, wait_until


def report(world: World, *words: str) -> Any:
    document = world.cli("report", "--json", *words).json
    assert schemas.complaints("report", document) == []
    return document


def rows(document: Any) -> dict[int, Any]:
    return {row["pid"]: row for one in document["sessions"] for row in one["tree"]}


def move(world: World, session: Pretend, cwd: Path) -> None:
    """Let the session's record say that it works there."""
    (record,) = (world.root / "sessions" / session.session_id).glob("*.json")
    document = json.loads(record.read_text())
    record.write_text(json.dumps({**document, "cwd": str(cwd)}))


@namespaced
def test_every_process_with_its_name_what_it_uses_and_what_it_holds(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, other = world.session(), world.session()
    files = serving(session, "files", "--api-key=sekret123", megabytes=30)
    same = serving(other, "files", "elsewhere")
    shell, inside = session.bash()
    configure(tmp_path / "project", files=files.argv)
    move(world, session, tmp_path / "project")
    document = report(world)
    found = rows(document)
    server = found[files.child.pid]
    assert (server["mcp_server"], server["kind"], server["depth"]) == ("files", "mcp-server", 1)
    assert 30e6 < server["memory_bytes"] < 80e6
    assert (server["ports"], server["connections"]) == ([files.port], 2)
    assert (server["verdict"], server["reason"]) == (
        "keep",
        "the Claude session it belongs to is alive",
    )
    assert found[same.child.pid]["mcp_server"] == "", "another project is configured otherwise"
    assert (found[session.pid]["kind"], found[session.pid]["depth"]) == ("claude", 0)
    assert (found[shell.pid]["kind"], found[inside.pid]["depth"]) == ("bash-task", 2)
    by_id = {one["session_id"]: one for one in document["sessions"]}
    own = by_id[session.session_id]
    assert [row["pid"] for row in own["tree"]] == [
        session.pid,
        files.child.pid,
        shell.pid,
        inside.pid,
    ]
    assert own["totals"]["memory_bytes"] == sum(row["memory_bytes"] for row in own["tree"])
    assert own["totals"]["ports"] == [files.port]
    assert (own["cwd"], own["state"], own["terminal"]) == (str(tmp_path / "project"), "live", "")
    assert document["totals"]["running"] == 2
    assert document["totals"]["processes"] == len(found)
    kinds = {one["kind"]: one["processes"] for one in document["kinds"]}
    assert kinds == {"claude": 2, "mcp-server": 2, "bash-task": 2}
    assert document["would_free"]["processes"] == 0
    assert "sekret123" not in json.dumps(document)
    assert "environment-value" not in json.dumps(document)


@namespaced
def test_what_run_would_free_and_what_it_freed(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, living = world.session(), world.session()
    lost, kept = serving(session, "lost", megabytes=20), serving(living, "kept")
    detached = session.detached()
    configure(tmp_path, lost=lost.argv)
    session.kill()
    document = report(world)
    would = document["would_free"]
    assert (would["processes"], would["ports"], would["connections"]) == (1, [lost.port], 2)
    found = rows(document)
    assert (found[lost.child.pid]["verdict"], found[lost.child.pid]["mcp_server"]) == (
        "reap",
        "lost",
    )
    assert found[lost.child.pid]["reason"] == "left over by a session that is gone"
    assert (found[detached.pid]["verdict"], found[detached.pid]["class"]) == ("report", "detached")
    classes = {one["pid"]: one["class"] for one in document["findings"]}
    assert classes == {lost.child.pid: "leftover", detached.pid: "detached"}

    done = world.cli("auto", "--json").json
    assert schemas.complaints("scan", done) == []
    freed = done["freed"]
    assert (freed["ports"], freed["ports_taken"], freed["connections"]) == ([lost.port], [], 2)
    assert freed["memory_bytes"] > 20e6
    assert freed["descriptors"] == would["descriptors"]
    assert (lost.child.alive, kept.child.alive, detached.alive) == (False, True, True)
    entries = world.cli("history", "--json").json
    assert schemas.complaints("history", entries) == []
    assert [one["ports"] for one in entries["entries"] if "ports" in one] == [[lost.port]]
    assert report(world)["would_free"]["processes"] == 0


@namespaced
def test_the_last_lines_say_which_port_is_free_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = serving(session, "server")
    session.kill()
    said = world.cli("run", "--execute")
    assert said.code == 0
    (line,) = [one for one in said.out.splitlines() if one.startswith("Ended 1 process, freed ")]
    assert f"port {server.port}" in line
    assert " descriptors" in line
    assert "2 connections" in said.out
    nothing = world.cli("auto", "--json").json["freed"]
    assert nothing == {
        "memory_bytes": 0, "descriptors": 0, "connections": 0, "ports": [], "ports_taken": [],
    }  # fmt: skip


@pytest.mark.slow
@namespaced
def test_a_zombie_is_shown_with_the_parent_that_does_not_wait(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    careless, careful = serving(session, "careless", "zombie"), serving(session, "careful")

    def found() -> list[Any]:
        return [one for one in report(world)["findings"] if one["class"] == "zombie"]

    (zombie,) = wait_until(found, 45, "it has been a zombie for long enough to be named")
    assert zombie["about"].startswith(
        f"its parent does not wait for it: process {careless.child.pid}, "
    )
    assert "careless.py" in zombie["about"]
    assert f"process {careful.child.pid}, " not in zombie["about"]
    page = world.cli("report").out
    assert "its parent does not wait for it" in " ".join(page.split())


@namespaced
def test_too_many_descriptors_are_a_finding_of_the_report_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    ready = tmp_path / "leaks"
    program = (
        "import os,resource,sys,time\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "held=[os.open('/', 0) for _ in range(270)]\nopen(sys.argv[1], 'w').close()\ntime.sleep(300)"
    )
    modest = session.mcp()
    leaking = session.start_server(["python3", "-c", program, str(ready)])
    wait_until(ready.exists)
    (one,) = [one for one in report(world)["findings"] if one["class"] == "overload"]
    assert (one["pid"], one["verdict"], one["session_id"]) == (
        leaking,
        "report",
        session.session_id,
    )
    assert "of at most 300 descriptors are open" in one["about"]
    assert world.cli("scan", "--json").json["findings"] == []
    assert modest.alive
    assert world.cli("run", "--class", "overload", "--execute").code == 0
    assert identity.identify(leaking) is not None


@namespaced
def test_the_page_fits_and_says_the_same_at_every_width(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, dead = world.session(), world.session()
    server = serving(session, "files")
    lost = serving(dead, "lost")
    configure(tmp_path, files=server.argv, lost=lost.argv)
    dead.kill()
    for width in (60, 80, 120, 200):
        out = world.cli("report", COLUMNS=str(width)).out
        lines = out.splitlines()
        assert max(map(len, lines)) <= width
        assert not any(line.endswith(" ") for line in lines)
        assert lines[0].startswith("2 sessions, 1 running: 3 processes, ")
        rows = [line.split() for line in lines]
        own = [words for words in rows if words[:1] == [str(server.child.pid)]]
        assert [words[1] for words in own] == ["files"], width
        text = " ".join(out.split())
        for word in (
            session.session_id, dead.session_id, str(server.port), str(lost.port), "By kind", "Findings",
            "reap: left over by a session that is gone", "run would end 1 leftover process", "Next: process-janitor run",
        ):  # fmt: skip
            assert word in text, (word, width)
        assert ("FDS" in text) == (width >= 120)
    assert "\x1b" not in world.cli("report").out
    _, coloured = on_a_terminal(world, "report")
    assert "\x1b[" in coloured
    _, plain = on_a_terminal(world, "report", NO_COLOR="1")
    assert "\x1b" not in plain
    assert world.cli("report", "--quiet").out == ""


@namespaced
def test_ended_sessions_and_those_of_other_hosts_are_counted_and_listed_on_request(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    away, over = world.session("away"), world.session("over")
    (record,) = (world.root / "sessions" / "away").glob("*.json")
    document = json.loads(record.read_text())
    moved = {**document, "host": "other-host", "boot_id": "0" * 8 + document["boot_id"][8:]}
    record.write_text(json.dumps(moved))
    over.kill()
    states = {one["session_id"]: one["state"] for one in report(world)["sessions"]}
    assert (states["over"], states["away"]) == ("crashed", "elsewhere")
    out = world.cli("report").out
    assert "1 crashed" in out
    assert "over" not in out.split()
    assert "over" in world.cli("report", "--verbose").out.split()
    assert away.alive


@namespaced
def test_an_empty_machine_has_an_empty_report(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert report(world)["sessions"] == []
    said = world.cli("report")
    assert (said.code, said.err) == (0, "")
    assert "No session is known." in said.out
    assert world.cli("report", "--html", str(tmp_path / "x.html")).code == 0
    assert "No session runs here" in (tmp_path / "x.html").read_text()


@namespaced
def test_the_html_page_replaces_only_a_file_of_the_user_s_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.session()
    page = tmp_path / "report.html"
    page.write_text("mine")
    page.chmod(0o644)
    assert world.cli("report", "--html", str(page)).code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.glob("*.html*")] == ["report.html"]
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    refused = {
        "": 2, "-": 2, "a\nb": 2, str(tmp_path): 1, f"{tmp_path}/": 1, f"{tmp_path}/no/such/x.html": 1, str(tmp_path / "link"): 1,
        str(tmp_path / "pipe"): 1, "/dev/null": 1, f"{tmp_path}/{'x' * 300}": 1, f"{page}/x": 1,
    }  # fmt: skip
    for name, code in refused.items():
        answer = world.cli("report", "--html", name)
        assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1), answer
    assert not (tmp_path / "target").exists()
    document = world.cli("report", "--json", "--html", str(page)).json
    assert schemas.complaints("report", document) == []


@namespaced
def test_what_a_project_calls_its_server_stays_text_in_the_page(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = serving(session, "server", "<img src=x onerror=alert(1)>")
    configure(tmp_path, **{"<b>&bold": server.argv})
    page = tmp_path / "report.html"
    assert world.cli("report", "--html", str(page)).code == 0
    text = page.read_text()
    assert "<b>&bold" not in text
    assert "&lt;b&gt;&amp;bold" in text
    assert "<img" not in text
    assert "&lt;img src=x" in text


@namespaced
def test_status_is_about_ten_lines_on_the_session_it_is_called_from(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, other = world.session(), world.session()
    files, same = serving(session, "files"), serving(other, "files")
    session.bash()
    session.detached()
    configure(tmp_path, files=files.argv)
    env = {"CLAUDE_PID": str(session.pid)}
    document = world.cli("status", "--json", **env).json
    assert schemas.complaints("status", document) == []
    found = {row["pid"]: row for row in document["tree"]}
    assert (found[files.child.pid]["mcp_server"], found[files.child.pid]["ports"]) == (
        "files",
        [files.port],
    )
    assert same.child.pid not in found
    assert document["totals"]["ports"] == [files.port]
    assert document["totals"]["memory_bytes"] == sum(
        row["memory_bytes"] for row in document["tree"]
    )
    assert document["findings"] == []
    out = world.cli("status", **env).out
    assert 8 <= len(out.splitlines()) <= 12, out
    text = " ".join(out.split())
    for word in (
        session.session_id,
        "1 server (files), 1 Bash call, 1 process in the background",
        f"port {files.port}",
        "terminal",
        str(tmp_path),
    ):
        assert word in text, (word, out)
    assert str(files.child.pid) in world.cli("status", "--verbose", **env).out
    outside = world.cli("status")
    assert (outside.code, outside.out, outside.err.count("\n")) == (4, "", 1)


@namespaced
def test_a_session_on_a_terminal_is_shown_with_it(tmp_path: Path) -> None:
    import pty

    world = World(tmp_path)
    pid, ours = pty.fork()
    if pid == 0:
        from process_janitor.faces import pretend

        argv = pretend.client_command(str(tmp_path / "ready"))
        os.execve(argv[0], argv, world.env)
    wait_until((tmp_path / "ready").exists)
    (one,) = report(world)["sessions"]
    assert (one["pid"], one["registered"]) == (pid, False)
    assert one["terminal"] == os.readlink(f"/proc/{pid}/fd/0")
    assert one["terminal"].startswith("/dev/pts/")
    os.close(ours)


@namespaced
def test_inside_the_client_the_page_is_narrow_and_plain(tmp_path: Path) -> None:
    from process_janitor.faces import slash
    from process_janitor.faces.render import CLIENT_WIDTH

    world = World(tmp_path)
    session = world.session()
    server = serving(session, "files")
    configure(tmp_path, files=server.argv)
    inside = {"CLAUDE_CODE_SESSION_ID": session.session_id}
    for words, environment in (("report", {}), ("status", inside)):
        said = slash.answer(words, environment)
        assert max(map(len, said.splitlines())) <= CLIENT_WIDTH
        assert "\x1b" not in said
        assert {"files", "(files)"} & set(said.split())
        assert "Next: " in said
        assert "process-janitor report" not in said
