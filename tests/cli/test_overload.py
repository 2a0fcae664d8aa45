"""The overload finding on real sessions."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from process_janitor.faces import schemas
from tests.namespaced import namespaced
from tests.world import Answer, World


def overloads(answer: Answer) -> list[dict[str, object]]:
    assert schemas.complaints("scan", answer.json) == []
    found: list[dict[str, object]] = answer.json["findings"]
    return [one for one in found if one["class"] == "overload"]


@namespaced
def test_too_many_sessions_are_a_finding_that_names_whom_to_end_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    current, idle, busy = world.session(), world.session(), world.session()
    for one, ago in ((current, 9000), (idle, 7500), (busy, 10)):
        stamp = world.root / "sessions" / one.session_id / "activity"
        stamp.touch()
        os.utime(stamp, (time.time() - ago,) * 2)
    # A machine that is busy by itself is another matter (see the judge's own tests).
    codes = [one["evidence"] for one in overloads(world.cli("scan", "--json"))]
    assert not any("sessions:" in code for found in codes for code in found)  # type: ignore[attr-defined]
    inside = {"CLAUDE_PID": str(current.pid), "CLAUDE_CODE_SESSION_ID": current.session_id}
    world.configure(max_sessions_warning=2, min_session_age_minutes=0)
    answer = world.cli("scan", "--json", **inside)
    (found,) = overloads(answer)
    assert (found["pid"], found["verdict"], found["command"]) == (None, "report", "this machine")
    assert "sessions:3" in found["evidence"]  # type: ignore[operator]
    about = str(found["about"])
    assert about.startswith(f"end first: process {idle.pid} (idle 2 h, ")
    assert f"process {busy.pid} (" in about
    assert str(current.pid) not in about.replace("process", "")
    text = world.cli("scan", **inside)
    assert f"end first: process {idle.pid}" in " ".join(text.out.split())
    assert all(one.alive for one in (current, idle, busy))
    # Nothing of it is ever acted on.
    acted = world.cli("auto", "--json")
    assert json.loads(acted.out)["actions"] == []
    assert all(one.alive for one in (current, idle, busy))


@namespaced
def test_whom_to_end_first_is_idle_by_the_rule_that_the_state_goes_by(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(max_sessions_warning=2, min_session_age_minutes=0)
    idle, typed, working, headless = (
        world.session(), world.session(), world.session(), world.session(words=("-p", "--print"))
    )  # fmt: skip
    for one in (idle, typed, working, headless):
        world.quiet(one, 9000)
    working.bash()
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("{}\n")
    world.register(typed, transcript_path=str(transcript))
    (found,) = overloads(world.cli("scan", "--json"))
    about = str(found["about"])
    assert about.startswith(f"end first: process {idle.pid} (idle 2 h, ")
    assert about.count("idle") == 1, about
