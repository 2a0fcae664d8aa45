"""The overload finding on real sessions."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from process_janitor.core.units import size
from process_janitor.faces import schemas
from process_janitor.system import clock
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
    assert about.startswith(f"end first: process {idle.pid} (idle 2 h 5 min, ")
    assert f"process {busy.pid} (" in about
    assert str(current.pid) not in about.replace("process", "")
    ends = f"process-janitor stop --session {idle.session_id}"
    assert found["next"] == ends
    for command in ("scan", "report"):
        text = world.cli(command, **inside).out
        assert f"end first: process {idle.pid}" in " ".join(text.split())
        assert text.splitlines()[-1].startswith(f"Next: {ends}"), text
    told = world.cli(*ends.split()[1:], "--json").json
    assert [one["pid"] for one in told["targets"]] == [idle.pid], "the command is one that works"
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
    assert about.startswith(f"end first: process {idle.pid} (idle 2 h 30 min, ")
    assert about.count("idle") == 1, about


@namespaced
def test_what_hangs_is_to_be_ended_first_and_what_is_kept_is_not_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(max_sessions_warning=2, min_session_age_minutes=0)
    hung, idle, kept = world.session(), world.session(), world.session()
    for one in (idle, kept):
        world.quiet(one, 9000)
    world.quiet(hung, 5)
    hung.mcp()
    goodbye = {
        "reason": "other",
        "boot_id": hung.identity.boot_id,
        "monotonic": clock.monotonic() - 30,
    }
    world.register(hung, ended={**goodbye, "at": clock.utc()})
    assert world.cli("keep", str(kept.pid)).code == 0
    document = world.cli("scan", "--json").json
    (found,) = [one for one in document["findings"] if one["class"] == "overload"]
    held = {one["pid"]: size(one["memory_bytes"]) for one in document["sessions"]}
    assert found["about"] == (
        f"end first: process {hung.pid} (said goodbye, {held[hung.pid]}), "
        f"process {idle.pid} (idle 2 h 30 min, {held[idle.pid]})"
    ), "and the memory is the one that every page says"
    assert found["next"] == f"process-janitor stop --session {hung.session_id}"


@namespaced
def test_of_two_processes_on_one_conversation_the_one_to_end_is_named_by_its_number(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.configure(max_sessions_warning=1)
    one = world.session()
    twin = world.session(one.session_id)
    (found,) = overloads(world.cli("scan", "--json"))
    word = str(found["next"]).removeprefix("process-janitor stop --session ")
    told = world.cli("stop", "--session", word, "--json").json
    assert len(told["targets"]) == 1
    assert (one.alive, twin.alive) == (True, True)
