"""Idle sessions: shown with how long, ended only one by one and only when somebody says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from process_janitor.faces import schemas
from tests.namespaced import namespaced
from tests.world import Pretend, World

HOURS = 5400.0


class Quiet(World):
    """A user who counts sessions as idle from their first minute on."""

    def __init__(self, home: Path, **settings: object) -> None:
        super().__init__(home)
        self.configure(min_session_age_minutes=0, **settings)

    def idle(self) -> Pretend:
        session = self.session()
        self.quiet(session, HOURS)
        return session

    def states(self) -> dict[str, str]:
        return {
            one["session_id"]: one["state"] for one in self.cli("scan", "--json").json["sessions"]
        }


@namespaced
def test_state_and_finding_agree_and_say_how_long(tmp_path: Path) -> None:
    world = Quiet(tmp_path)
    idle, busy, fresh, young = world.idle(), world.idle(), world.session(), world.session()
    server = idle.mcp()
    busy.bash()
    world.quiet(fresh, 5)
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("{}\n")
    world.register(young, transcript_path=str(transcript))
    world.quiet(young, HOURS)
    document = world.cli("scan", "--json").json
    assert schemas.complaints("scan", document) == []
    states = {one["session_id"]: one["state"] for one in document["sessions"]}
    assert states[idle.session_id] == "idle"
    assert {states[s.session_id] for s in (busy, fresh, young)} == {"live"}
    (finding,) = [one for one in document["findings"] if one["pid"] is not None]
    assert (finding["pid"], finding["class"], finding["verdict"]) == (
        idle.pid,
        "idle-session",
        "report",
    )
    assert finding["about"] == "nothing has happened in it for 1 h 30 min"
    (seconds,) = [one["idle_seconds"] for one in document["sessions"] if one["pid"] == idle.pid]
    assert seconds == pytest.approx(HOURS, abs=30)
    assert world.cli("explain", str(idle.pid), "--json").json["class"] == "idle-session"
    assert world.cli("explain", str(server.pid), "--json").json["verdict"] == "keep"
    text = world.cli("scan").out
    assert "nothing has happened in it for 1 h 30 min" in " ".join(text.split())
    # Inside the session itself it is not idle: it asks.
    inside = world.cli("scan", "--json", CLAUDE_CODE_SESSION_ID=idle.session_id)
    # Four sessions are an overload; what is no process is no session either.
    assert [one for one in inside.json["findings"] if one["pid"] is not None] == []


@pytest.mark.parametrize("option", ["--execute", "--yes"])
@namespaced
def test_only_a_selection_ends_an_idle_session(option: str, tmp_path: Path) -> None:
    world = Quiet(tmp_path)
    idle, other = world.idle(), world.session()
    world.quiet(other, 5)
    assert world.cli("auto").code == 0
    assert world.cli("run", option).code == 0
    assert world.cli("run", "--class", "leftover", option).code == 0
    assert world.cli("run", "--class", "idle-session").code == 0
    assert world.cli("run", "--class", "idle-session", "--dry-run").code == 0
    assert idle.alive
    own = world.cli(
        "run", "--class", "idle-session", option, CLAUDE_CODE_SESSION_ID=idle.session_id
    )
    assert own.code == 0
    assert idle.alive, "never the session that asks"
    done = world.cli("run", "--class", "idle-session", option, "--json").json
    assert [(one["pid"], one["outcome"], one["signals"]) for one in done["actions"]] == [
        (idle.pid, "gone", ["SIGTERM"])
    ]
    assert (idle.alive, other.alive) == (False, True)


@namespaced
def test_cleanup_mode_auto_is_no_leave_to_end_a_living_session(tmp_path: Path) -> None:
    world = Quiet(tmp_path, cleanup_mode="auto", dry_run_default=False)
    idle = world.idle()
    dead = world.session()
    left = dead.mcp()
    dead.kill()
    planned = world.cli("run", "--class", "idle-session", "--json")
    assert planned.code == 0
    assert world.cli("run", "--plan", planned.json["plan"]["id"]).code == 0
    assert (idle.alive, left.alive) == (True, True)
    assert world.cli("run").code == 0
    assert (idle.alive, left.alive) == (True, False)
    plan = world.cli("run", "--class", "idle-session", "--json").json["plan"]["id"]
    assert world.cli("run", "--plan", plan, "--execute").code == 0
    assert not idle.alive


@namespaced
def test_a_session_that_is_used_again_is_left_alone(tmp_path: Path) -> None:
    world = Quiet(tmp_path)
    idle = world.idle()
    plan = world.cli("run", "--class", "idle-session", "--json").json["plan"]["id"]
    world.quiet(idle, 1)
    assert world.cli("run", "--plan", plan, "--execute").code == 0
    assert idle.alive
    assert world.cli("run", "--pid", str(idle.pid), "--execute").code == 3
    assert idle.alive


@namespaced
def test_each_idle_session_has_a_question_of_its_own(tmp_path: Path) -> None:
    world = Quiet(tmp_path)
    sessions = sorted((world.idle() for _ in range(2)), key=lambda one: one.pid)
    terminal = world.typing("run", "--class", "idle-session")
    terminal.wait_for("End it? [y/N]")
    assert sessions[0].session_id in terminal.said
    terminal.type("n\r")
    terminal.wait_for("End it? [y/N]")
    terminal.type("y\r")
    assert terminal.end() == 0, terminal.said
    assert [one.alive for one in sessions] == [True, False]


@pytest.mark.slow
@namespaced
def test_ten_seconds_without_an_answer_are_a_no(tmp_path: Path) -> None:
    world = Quiet(tmp_path)
    idle = world.idle()
    terminal = world.typing("run", "--class", "idle-session")
    terminal.wait_for("[10 s] End it? [y/N]")
    began = time.monotonic()
    # Typed, and never sent off.
    terminal.type("y")
    terminal.wait_for("[ 9 s]")
    terminal.wait_for("No answer: no.")
    assert 8.5 < time.monotonic() - began < 12
    assert terminal.end() == 0
    assert "Nothing was ended." in terminal.said
    assert idle.alive
